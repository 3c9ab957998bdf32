//! `crossover doctor`: what works, what is missing, and how to mend it.

use std::fs::OpenOptions;
use std::path::Path;

use super::{End, start};
use crate::backend::Request;
use crate::config;
use crate::error::Result;
use crate::terms::DeviceKind;

/// Checks loader, drivers and devices. The kernel on each device was built, run and checked in a
/// child process when the devices were found.
pub fn doctor() -> Result<End> {
    let contenders = config::contenders(&[])?;
    let (cores, found) = start(&Request { contenders: &contenders, ..Request::default() })?;
    match opencl_shim::loader() {
        Ok(loader) => out!("ok       OpenCL loader {}", loader.path().display()),
        Err(why) => out!("missing  OpenCL loader: {why}; ./setup installs it"),
    }
    out!("ok       cpu: {} threads, one a physical core", cores.len());
    for device in found.all.iter().skip(1) {
        let entry = device.entry();
        let what = match entry.backend.as_str() {
            "contender" => format!("{} answers; 'crossover verify' checks it", entry.driver),
            _ => "built, ran and checked a kernel".to_string(),
        };
        out!("ok       {} {}: {what}", entry.id, entry.name);
    }
    for problem in &found.problems {
        out!("problem  {problem}");
    }
    let has_gpu = found.all.iter().any(|d| d.entry().kind == DeviceKind::Gpu);
    let advice = if has_gpu { Vec::new() } else { gpu_advice() };
    for line in &advice {
        out!("note     {line}");
    }
    let has_opencl = found.all.iter().any(|d| d.entry().backend == "opencl");
    if !has_opencl && found.problems.is_empty() {
        out!(
            "note     no OpenCL device; ./setup adds a CPU device, a GPU's driver comes from its maker"
        );
    }
    let broken =
        found.problems.iter().any(|p| p.contains("can't be") || p.contains("doesn't list"));
    Ok(if broken { End::Badly } else { End::Well })
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
