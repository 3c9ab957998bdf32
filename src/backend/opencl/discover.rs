//! Finds the OpenCL devices that work, and says in a sentence why the others don't.

use ocl::core::{self, PlatformId};
use ocl::ffi;

use super::device::OpenClDevice;
use super::probe::{self, Place};
use super::{PREFIX, info};
use crate::backend::Devices;
use crate::error::{Error, Result, one_line};
use crate::terms::{DeviceId, DeviceKind};

/// Tells drivers that read environment variables how many threads to start, and to keep each on a
/// core of its own: left to the system, PoCL's threads were seen to share one core for many runs
/// after another program's threads had run, at half the speed. PoCL pins to the first cores whatever
/// the process may use, so it is asked only where those are the chosen ones. What the user has set
/// stays. No effect on drivers that are loaded already.
///
/// # Safety
///
/// No other thread may run yet: the environment is not synchronised.
pub unsafe fn limit_driver_threads(cores: &[usize]) {
    let threads = cores.len().to_string();
    let are_first = cores.iter().enumerate().all(|(i, core)| i == *core);
    let wanted = [
        ("POCL_MAX_PTHREAD_COUNT", Some(threads.as_str())),
        ("POCL_AFFINITY", are_first.then_some("1")),
    ];
    for (name, value) in wanted {
        if let Some(value) = value.filter(|_| std::env::var_os(name).is_none()) {
            // SAFETY: the caller promises that no other thread runs.
            unsafe { std::env::set_var(name, value) };
        }
    }
}

/// Finds every device. CPU devices are held to `threads` threads.
pub fn discover(threads: usize) -> Devices {
    let mut found = Devices::default();
    if let Err(problem) = add_platforms(&mut found, threads) {
        found.problems.push(problem);
    }
    found
}

/// Adds the devices of all platforms; a sentence where there is no platform to ask.
fn add_platforms(found: &mut Devices, threads: usize) -> std::result::Result<(), String> {
    opencl_shim::loader()
        .map_err(|why| format!("no OpenCL: {why}; './setup' adds a loader and a CPU device"))?;
    let probed = probe::probe(threads);
    if let Some(problem) = probed.get(&Place::Loader) {
        return Err(format!("OpenCL can't be used: {problem}"));
    }
    let platforms = core::get_platform_ids().map_err(|error| {
        format!("OpenCL's platforms can't be listed: {}", one_line(&error.to_string()))
    })?;
    if platforms.is_empty() {
        let problem = "OpenCL's loader is here but no driver; './setup' adds a CPU device, a GPU's \
                       driver comes from its maker";
        return Err(problem.to_string());
    }
    let mut number = 0;
    for place in platforms.into_iter().enumerate() {
        if let Err(problem) = add_platform(found, probed, place, threads, &mut number) {
            found.problems.push(problem);
        }
    }
    Ok(())
}

/// Adds the devices of a platform; a sentence where it has none.
fn add_platform(
    found: &mut Devices,
    probed: &probe::Probed,
    (index, platform): (usize, PlatformId),
    threads: usize,
    number: &mut usize,
) -> std::result::Result<(), String> {
    if let Some(problem) = probed.get(&Place::Platform(index)) {
        return Err(format!("OpenCL platform {index} can't be used: {problem}"));
    }
    let platform_name = info::platform_name(platform);
    let ids = info::device_ids(platform)
        .map_err(|error| format!("{platform_name} doesn't list its devices: {error}"))?;
    if ids.is_empty() {
        return Err(format!("{platform_name} is installed but has no device"));
    }
    for (position, id) in ids.into_iter().enumerate() {
        let name = DeviceId::numbered(PREFIX, *number);
        *number += 1;
        if let Some(problem) = probed.get(&Place::Device(index, position)) {
            found.problems.push(format!("{name} on {platform_name} can't be used: {problem}"));
            continue;
        }
        match open(platform, id, name.clone(), threads) {
            Ok(device) => {
                found.problems.extend(device.target.advice());
                found.all.push(Box::new(device));
            }
            Err(error) => found.problems.push(format!("{name} can't be used: {error}")),
        }
    }
    Ok(())
}

/// Opens a device, a CPU device held to `threads` threads.
pub fn open(
    platform: PlatformId,
    id: core::DeviceId,
    name: DeviceId,
    threads: usize,
) -> Result<OpenClDevice> {
    let is_cpu = info::kind(id) == DeviceKind::Cpu;
    let id = if is_cpu { limited(id, threads)? } else { id };
    OpenClDevice::open(platform, id, info::entry(platform, id, name))
}

/// A CPU device held to `threads` compute units: the device itself where it has no more, else a
/// part of it.
fn limited(device: core::DeviceId, threads: usize) -> Result<core::DeviceId> {
    let units = info::compute_units(device).unwrap_or(1) as usize;
    if units <= threads {
        return Ok(device);
    }
    let by_counts = ffi::CL_DEVICE_PARTITION_BY_COUNTS as isize;
    let properties = [by_counts, threads as isize, 0, 0];
    let mut part = std::ptr::null_mut();
    let mut parts = 0;
    // SAFETY: the properties end in zero as OpenCL asks, `part` has room for the one device that
    // is asked for, and both outlive the call.
    let status = unsafe {
        ffi::clCreateSubDevices(device.as_raw(), properties.as_ptr(), 1, &mut part, &mut parts)
    };
    if status != 0 || part.is_null() {
        return Err(Error::device(format!(
            "its driver runs on {units} threads and can't be held to {threads} (status {status}); \
             try --threads {units}"
        )));
    }
    // SAFETY: the driver just returned this device and it is not null.
    Ok(unsafe { core::DeviceId::from_raw(part) })
}
