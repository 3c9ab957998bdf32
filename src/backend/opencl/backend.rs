//! OpenCL among the backends.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};

use super::{PREFIX, discover, probe, program};
use crate::backend::{Backend, Devices, Request};
use crate::error::Result;
use crate::machine::DeviceEntry;
use crate::terms::DeviceKind;

/// OpenCL: every device of every driver that its loader knows.
pub struct OpenCl;

impl Backend for OpenCl {
    fn prefix(&self) -> &'static str {
        PREFIX
    }

    fn discover(&self, _: &Request<'_>, cores: &[usize]) -> Result<Devices> {
        Ok(discover::discover(cores.len()))
    }

    /// The kernel was built, run and checked in a child process when the device was found.
    fn proof(&self, device: &DeviceEntry) -> String {
        format!("{} {}: built, ran and checked a kernel", device.id, device.name)
    }

    fn answer_if_asked(&self) {
        probe::answer_if_asked();
    }

    unsafe fn prepare_process(&self, cores: &[usize]) {
        // SAFETY: the caller promises that no other thread runs.
        unsafe { discover::limit_driver_threads(cores) };
    }

    fn ground(&self) -> Option<std::result::Result<String, String>> {
        Some(match opencl_shim::loader() {
            Ok(loader) => Ok(format!("OpenCL loader {}", loader.path().display())),
            Err(why) => Err(format!("OpenCL loader: {why}; ./setup installs it")),
        })
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        // Where the loader itself does harm, nothing more is opened.
        if opencl_shim::loader().is_ok() && probe::loader_is_sound() {
            let fault = |(file, why): (PathBuf, String)| {
                format!(
                    "{} names a driver that can't be loaded: {why}; install it again, or remove the \
                     file",
                    file.display()
                )
            };
            faults.extend(opencl_shim::broken_vendor_files().into_iter().map(fault));
        }
        faults.extend(program::cache_fault());
        faults
    }

    fn advice(&self, found: &Devices) -> Vec<String> {
        let has_gpu = found.all.iter().any(|d| d.entry().kind == DeviceKind::Gpu);
        let mut advice = if has_gpu { Vec::new() } else { gpu_advice() };
        let has_own = found.all.iter().any(|d| d.entry().backend == PREFIX);
        if !has_own && found.problems.is_empty() {
            advice.push(
                "no OpenCL device; ./setup adds a CPU device, a GPU's driver comes from its maker"
                    .to_string(),
            );
        }
        advice
    }
}

/// Why a GPU that is there may not show, by what Linux tells.
fn gpu_advice() -> Vec<String> {
    let mut advice = Vec::new();
    let exists = |path: &str| Path::new(path).exists();
    if exists("/proc/driver/nvidia/version") && !exists("/dev/nvidia0") {
        advice.push(
            "an NVIDIA driver is loaded but /dev/nvidia0 is missing: in a container, start it with \
             the GPU (--gpus all)"
                .to_string(),
        );
    } else if exists("/dev/nvidia0") {
        advice.push(
            "an NVIDIA GPU is here but no OpenCL platform for it: install the driver's OpenCL part \
             (libnvidia-opencl1, or nvidia.icd with 'NVIDIA_DRIVER_CAPABILITIES=compute' in a \
             container)"
                .to_string(),
        );
    }
    let nodes = std::fs::read_dir("/dev/dri").into_iter().flatten().flatten();
    for node in nodes.filter(|n| n.file_name().to_string_lossy().starts_with("renderD")) {
        let path = node.path();
        match OpenOptions::new().read(true).write(true).open(&path) {
            Ok(_) => advice.push(format!(
                "a graphics device is here ({}) but no OpenCL platform for it: if it is a GPU, \
                 install its maker's OpenCL driver (intel-opencl-icd, rocm-opencl-runtime or \
                 mesa-opencl-icd)",
                path.display()
            )),
            Err(_) => advice.push(format!(
                "{} may not be opened: add yourself to the groups render and video, then log in \
                 again",
                path.display()
            )),
        }
    }
    advice
}
