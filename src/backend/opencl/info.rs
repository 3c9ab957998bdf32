//! Facts about platforms and devices, by calls that return errors: a driver that doesn't know a
//! question leaves a fact empty.

use ocl::core::{DeviceId, DeviceType, PlatformId, PlatformInfo, Status};
use ocl::ffi;

use super::{PREFIX, class};
use crate::error::{Error, Result, visible};
use crate::machine::DeviceEntry;
use crate::terms::{self, DeviceKind};

fn raw(device: DeviceId, question: u32) -> Option<Vec<u8>> {
    ocl::core::get_device_info_raw(device, question).ok()
}

/// A text, without its final NUL.
fn text(device: DeviceId, question: u32) -> String {
    let bytes = raw(device, question).unwrap_or_default();
    visible(String::from_utf8_lossy(&bytes).trim_matches(['\0', ' ', '\n']))
}

/// A number of 4 or 8 bytes.
fn number(device: DeviceId, question: u32) -> Option<u64> {
    let bytes = raw(device, question)?;
    match bytes.len() {
        4 => Some(u64::from(u32::from_ne_bytes(bytes.try_into().ok()?))),
        8 => Some(u64::from_ne_bytes(bytes.try_into().ok()?)),
        _ => None,
    }
}

/// The facts of a device, which goes by `id` here.
pub fn entry(platform_id: PlatformId, device: DeviceId, id: terms::DeviceId) -> DeviceEntry {
    let (kind, platform) = (kind(device), platform(platform_id));
    let (name, vendor) = (text(device, ffi::CL_DEVICE_NAME), text(device, ffi::CL_DEVICE_VENDOR));
    let extensions = text(device, ffi::CL_DEVICE_EXTENSIONS);
    let extensions: Vec<String> = extensions.split_whitespace().map(str::to_string).collect();
    let ask = |question| number(device, question);
    DeviceEntry {
        id,
        kind,
        backend: PREFIX.to_string(),
        driver: format!("{platform}, driver {}", text(device, ffi::CL_DRIVER_VERSION)),
        class: class::of(kind, &vendor, &name, &platform, &extensions).to_string(),
        name,
        threads: compute_units(device).filter(|_| kind == DeviceKind::Cpu),
        compute_units: compute_units(device),
        clock_mhz: ask(ffi::CL_DEVICE_MAX_CLOCK_FREQUENCY).map(|n| n as u32).filter(|n| *n > 0),
        memory_bytes: ask(ffi::CL_DEVICE_GLOBAL_MEM_SIZE).unwrap_or(0),
        max_allocation_bytes: ask(ffi::CL_DEVICE_MAX_MEM_ALLOC_SIZE).unwrap_or(0),
        local_memory_bytes: ask(ffi::CL_DEVICE_LOCAL_MEM_SIZE),
        // On a CPU it is not.
        own_local_memory: ask(ffi::CL_DEVICE_LOCAL_MEM_TYPE)
            .map(|memory| memory == u64::from(ffi::CL_LOCAL)),
        cache_bytes: Some(cache_bytes(device)).filter(|bytes| *bytes > 0),
        timer_resolution_s: ask(ffi::CL_DEVICE_PROFILING_TIMER_RESOLUTION)
            .map(|ns| ns as f64 * 1e-9),
        extensions,
    }
}

/// What kind of device it says it is.
pub fn kind(device: DeviceId) -> DeviceKind {
    let bits = number(device, ffi::CL_DEVICE_TYPE).unwrap_or(0);
    if bits & ffi::CL_DEVICE_TYPE_CPU != 0 {
        DeviceKind::Cpu
    } else if bits & ffi::CL_DEVICE_TYPE_GPU != 0 {
        DeviceKind::Gpu
    } else {
        DeviceKind::Accelerator
    }
}

/// Compute units.
pub fn compute_units(device: DeviceId) -> Option<u32> {
    number(device, ffi::CL_DEVICE_MAX_COMPUTE_UNITS).map(|n| n as u32)
}

/// Bytes of the cache that the device tells of; zero where it tells of none.
pub fn cache_bytes(device: DeviceId) -> u64 {
    number(device, ffi::CL_DEVICE_GLOBAL_MEM_CACHE_SIZE).unwrap_or(0)
}

/// Most work-items in a work-group.
pub fn max_group_size(device: DeviceId) -> usize {
    number(device, ffi::CL_DEVICE_MAX_WORK_GROUP_SIZE).unwrap_or(1) as usize
}

/// Alignment that a sub-buffer's start needs, in bytes. The driver answers in bits.
pub fn base_alignment_bytes(device: DeviceId) -> usize {
    number(device, ffi::CL_DEVICE_MEM_BASE_ADDR_ALIGN)
        .map_or(4096, |bits| (bits as usize / 8).max(4))
}

/// A platform's name.
pub fn platform_name(platform: PlatformId) -> String {
    ask(platform, PlatformInfo::Name)
}

/// A platform's name and version.
pub fn platform(platform: PlatformId) -> String {
    format!("{} ({})", platform_name(platform), ask(platform, PlatformInfo::Version))
}

fn ask(platform: PlatformId, question: PlatformInfo) -> String {
    let answer = ocl::core::get_platform_info(platform, question);
    answer.map(|text| text.to_string().trim().to_string()).unwrap_or_default()
}

/// The devices of a platform; none is an answer, not an error.
pub fn device_ids(platform: PlatformId) -> Result<Vec<DeviceId>> {
    match ocl::core::get_device_ids(platform, Some(DeviceType::ALL), None) {
        Ok(ids) => Ok(ids),
        Err(e) if e.api_status() == Some(Status::CL_DEVICE_NOT_FOUND) => Ok(Vec::new()),
        Err(e) => Err(Error::device(e.to_string())),
    }
}
