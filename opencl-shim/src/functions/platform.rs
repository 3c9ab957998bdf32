//! Platforms, devices, contexts and command queues.

use std::sync::{Mutex, PoisonError};

use cl_sys::{
    CL_INVALID_OPERATION, CL_PLATFORM_NOT_FOUND_KHR, CL_SUCCESS, c_char, c_void, cl_command_queue,
    cl_command_queue_info, cl_command_queue_properties, cl_context, cl_context_info,
    cl_context_properties, cl_device_id, cl_device_info, cl_device_partition_property,
    cl_device_type, cl_int, cl_platform_id, cl_platform_info, cl_queue_properties, cl_uint,
    cl_ulong, size_t,
};

use crate::loader::Entry;
use crate::status::{known, released};

functions! {
    // Platforms
    by_hand clGetPlatformIDs(
        num_entries: cl_uint, platforms: *mut cl_platform_id, num_platforms: *mut cl_uint,
    );
    status clGetPlatformInfo(
        platform: cl_platform_id, param_name: cl_platform_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );

    // Devices
    status clGetDeviceIDs(
        platform: cl_platform_id, device_type: cl_device_type, num_entries: cl_uint,
        devices: *mut cl_device_id, num_devices: *mut cl_uint,
    );
    status clGetDeviceInfo(
        device: cl_device_id, param_name: cl_device_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
    status clCreateSubDevices(
        in_device: cl_device_id, properties: *const cl_device_partition_property,
        num_devices: cl_uint, out_devices: *mut cl_device_id, num_devices_ret: *mut cl_uint,
    );
    status clRetainDevice(device: cl_device_id);
    release clReleaseDevice(device: cl_device_id);
    status clSetDefaultDeviceCommandQueue(
        context: cl_context, device: cl_device_id, command_queue: cl_command_queue,
    );
    status clGetDeviceAndHostTimer(
        device: cl_device_id, device_timestamp: *mut cl_ulong, host_timestamp: *mut cl_ulong,
    );
    status clGetHostTimer(device: cl_device_id, host_timestamp: *mut cl_ulong);

    // Contexts
    handle clCreateContext(
        properties: *const cl_context_properties, num_devices: cl_uint,
        devices: *const cl_device_id,
        pfn_notify: Option<extern "C" fn(*const c_char, *const c_void, size_t, *mut c_void)>,
        user_data: *mut c_void,
    ) -> cl_context;
    handle clCreateContextFromType(
        properties: *const cl_context_properties, device_type: cl_device_type,
        pfn_notify: Option<extern "C" fn(*const c_char, *const c_void, size_t, *mut c_void)>,
        user_data: *mut c_void,
    ) -> cl_context;
    status clRetainContext(context: cl_context);
    release clReleaseContext(context: cl_context);
    status clGetContextInfo(
        context: cl_context, param_name: cl_context_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );

    // Command queues
    handle clCreateCommandQueue(
        context: cl_context, device: cl_device_id, properties: cl_command_queue_properties,
    ) -> cl_command_queue;
    handle clCreateCommandQueueWithProperties(
        context: cl_context, device: cl_device_id, properties: *const cl_queue_properties,
    ) -> cl_command_queue;
    status clRetainCommandQueue(command_queue: cl_command_queue);
    release clReleaseCommandQueue(command_queue: cl_command_queue);
    status clGetCommandQueueInfo(
        command_queue: cl_command_queue, param_name: cl_command_queue_info,
        param_value_size: size_t, param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );

    // Extensions
    void clGetExtensionFunctionAddress(func_name: *mut c_char);
    pointer clGetExtensionFunctionAddressForPlatform(
        platform: cl_platform_id, func_name: *const c_char,
    ) -> *mut c_void;
}

/// Without a library, or when the loader knows no driver, there are simply no platforms.
///
/// The loader's own answer to the second is `CL_PLATFORM_NOT_FOUND_KHR`. `ocl-core` takes that for
/// a driver that is still waking up, because some loaders gave it when two threads asked at once,
/// and asks again for ten seconds; `ocl::Platform::list` then panics. The lock takes the place of
/// that waiting.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn clGetPlatformIDs(
    num_entries: cl_uint,
    platforms: *mut cl_platform_id,
    num_platforms: *mut cl_uint,
) -> cl_int {
    type Real = unsafe extern "system" fn(cl_uint, *mut cl_platform_id, *mut cl_uint) -> cl_int;
    static REAL: Entry<Real> = Entry::new("clGetPlatformIDs");
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

    let guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: `Real` is this function's own signature, which is the one `cl-sys` declares for the C
    // function of this name.
    let code = match unsafe { REAL.get() } {
        // SAFETY: the arguments go on unchanged, so what the caller promised for this function
        // holds for the real one.
        Some(real) => unsafe { real(num_entries, platforms, num_platforms) },
        None => CL_PLATFORM_NOT_FOUND_KHR,
    };
    drop(guard);

    if code != CL_PLATFORM_NOT_FOUND_KHR {
        return known("clGetPlatformIDs", code);
    }
    if !num_platforms.is_null() {
        // SAFETY: OpenCL asks of the caller that this be null or room for a number.
        unsafe { num_platforms.write(0) };
    }
    CL_SUCCESS
}
