//! A driver that lacks functions. (Not on macOS, where nothing is forwarded.)
#![cfg(not(target_os = "macos"))]

use std::ptr;

use ocl::core::{self, DeviceId, MemFlags, Status};
use ocl::ffi;

/// Entries of a table that drivers have at least, and places of four of them.
const ENTRIES: usize = 109;
const CREATE_BUFFER: usize = 14;
const FINISH: usize = 47;
const CREATE_SUB_DEVICES: usize = 93;
const RELEASE_DEVICE: usize = 95;

/// Gives an object a table without some of its functions, for good.
///
/// # Safety
///
/// The object is of a driver behind a loader, and nobody else uses it.
unsafe fn take_away(object: *mut std::ffi::c_void, places: &[usize]) {
    let first = object.cast::<*const usize>();
    // SAFETY: behind a loader an object begins with the address of a table, and lies in the driver's own memory,
    // where it may be written.
    unsafe {
        let mut table = std::slice::from_raw_parts(*first, ENTRIES).to_vec();
        places.iter().for_each(|place| table[*place] = 0);
        *first = table.leak().as_ptr();
    }
}

/// Whether a loader goes by tables of its own (cl_khr_icd 2): then a driver's lacks nothing that is called.
fn has_loaders_table(device: &DeviceId) -> bool {
    // "OPENCL31", or its end.
    let tag = 0x4F50_454E_434C_3331_u64 as usize;
    let first = device.as_raw().cast::<*const usize>();
    // SAFETY: behind a loader an object begins with the address of a table of many entries.
    unsafe { **first == tag }
}

/// The first device of the first platform that has one, where the library is a loader that goes by the driver's
/// table.
fn device() -> Option<DeviceId> {
    let loader = opencl_shim::loader().ok()?;
    if !loader.path().to_string_lossy().contains("libOpenCL") {
        return None;
    }
    let platforms = core::get_platform_ids().ok()?;
    let devices = |platform| core::get_device_ids(platform, None, None).unwrap_or_default();
    platforms.iter().flat_map(devices).next().filter(|device| !has_loaders_table(device))
}

/// One test: it spoils the device for any other.
#[test]
fn a_function_that_the_driver_lacks_fails_with_a_code() {
    let Some(device) = device() else {
        println!("nothing to test: no device behind a loader");
        return;
    };
    let context = core::create_context(None::<&core::ContextProperties>, &[device], None, None)
        .expect("a context");
    let queue = core::create_command_queue(&context, device, None).expect("a queue");
    core::finish(&queue).expect("nothing to wait for");
    // SAFETY: the only test of this program, with objects of its own.
    unsafe {
        take_away(queue.as_ptr(), &[FINISH]);
        take_away(context.as_ptr(), &[CREATE_BUFFER]);
        take_away(device.as_raw(), &[CREATE_SUB_DEVICES, RELEASE_DEVICE]);
    }
    let error = core::finish(&queue).expect_err("there is no such function");
    assert_eq!(error.api_status(), Some(Status::CL_INVALID_OPERATION));
    // The others are there.
    core::flush(&queue).expect("a flush");
    // SAFETY: no host memory is passed.
    let buffer = unsafe { core::create_buffer(&context, MemFlags::READ_WRITE, 64, None::<&[u8]>) };
    let error = buffer.expect_err("there is no such function");
    assert_eq!(error.api_status(), Some(Status::CL_INVALID_OPERATION));
    let properties = [ffi::CL_DEVICE_PARTITION_EQUALLY as isize, 1, 0];
    let (mut part, mut parts) = (ptr::null_mut(), 0);
    // SAFETY: the list ends in zero and there is room for one device.
    let codes = unsafe {
        let (raw, list) = (device.as_raw(), properties.as_ptr());
        [ffi::clCreateSubDevices(raw, list, 1, &mut part, &mut parts), ffi::clReleaseDevice(raw)]
    };
    // What can't be released is kept for who asks, since `ocl` would panic.
    assert_eq!(codes, [Status::CL_INVALID_OPERATION as i32, 0]);
    assert!(part.is_null());
    let log = opencl_shim::take_unknown_status();
    assert_eq!(log.len(), 1, "{log:?}");
    assert_eq!(log[0].function, "clReleaseDevice");
}
