//! Every function that `ocl` calls, whatever its features, and `clCreateSubDevices`, for which `ocl` has
//! only the declaration.
#![allow(non_snake_case, reason = "the names are those of the C functions")]

use std::sync::{Mutex, PoisonError};

use cl_sys::*;

use crate::loader::Entry;
use crate::status::{known, released};

functions! {
    // Platforms
    by_hand clGetPlatformIDs(
        num_entries: cl_uint, platforms: *mut cl_platform_id, num_platforms: *mut cl_uint,
    );
    info clGetPlatformInfo(platform: cl_platform_id, param_name: cl_platform_info);
    pointer clGetExtensionFunctionAddressForPlatform(
        platform: cl_platform_id, func_name: *const c_char,
    ) -> *mut c_void;

    // Devices
    status clGetDeviceIDs(
        platform: cl_platform_id, device_type: cl_device_type, num_entries: cl_uint,
        devices: *mut cl_device_id, num_devices: *mut cl_uint,
    );
    info clGetDeviceInfo(device: cl_device_id, param_name: cl_device_info);
    status clCreateSubDevices(
        in_device: cl_device_id, properties: *const cl_device_partition_property,
        num_devices: cl_uint, out_devices: *mut cl_device_id, num_devices_ret: *mut cl_uint,
    );
    status clRetainDevice(device: cl_device_id);
    release clReleaseDevice(device: cl_device_id);

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
    info clGetContextInfo(context: cl_context, param_name: cl_context_info);

    // Command queues
    handle clCreateCommandQueue(
        context: cl_context, device: cl_device_id, properties: cl_command_queue_properties,
    ) -> cl_command_queue;
    status clRetainCommandQueue(command_queue: cl_command_queue);
    release clReleaseCommandQueue(command_queue: cl_command_queue);
    info clGetCommandQueueInfo(command_queue: cl_command_queue, param_name: cl_command_queue_info);
    status clFlush(command_queue: cl_command_queue);
    status clFinish(command_queue: cl_command_queue);

    // Buffers and images
    handle clCreateBuffer(
        context: cl_context, flags: cl_mem_flags, size: size_t, host_ptr: *mut c_void,
    ) -> cl_mem;
    handle clCreateSubBuffer(
        buffer: cl_mem, flags: cl_mem_flags, buffer_create_type: cl_buffer_create_type,
        buffer_create_info: *const c_void,
    ) -> cl_mem;
    handle clCreateImage(
        context: cl_context, flags: cl_mem_flags, image_format: *const cl_image_format,
        image_desc: *const cl_image_desc, host_ptr: *mut c_void,
    ) -> cl_mem;
    status clRetainMemObject(memobj: cl_mem);
    release clReleaseMemObject(memobj: cl_mem);
    status clGetSupportedImageFormats(
        context: cl_context, flags: cl_mem_flags, image_type: cl_mem_object_type,
        num_entries: cl_uint, image_formats: *mut cl_image_format, num_image_formats: *mut cl_uint,
    );
    info clGetMemObjectInfo(memobj: cl_mem, param_name: cl_mem_info);
    info clGetImageInfo(image: cl_mem, param_name: cl_image_info);

    // Samplers
    handle clCreateSampler(
        context: cl_context, normalize_coords: cl_bool, addressing_mode: cl_addressing_mode,
        filter_mode: cl_filter_mode,
    ) -> cl_sampler;
    status clRetainSampler(sampler: cl_sampler);
    release clReleaseSampler(sampler: cl_sampler);
    info clGetSamplerInfo(sampler: cl_sampler, param_name: cl_sampler_info);

    // Programs
    handle clCreateProgramWithSource(
        context: cl_context, count: cl_uint, strings: *const *const c_char, lengths: *const size_t,
    ) -> cl_program;
    handle clCreateProgramWithBinary(
        context: cl_context, num_devices: cl_uint, device_list: *const cl_device_id,
        lengths: *const size_t, binaries: *const *const c_uchar, binary_status: *mut cl_int,
    ) -> cl_program;
    handle clCreateProgramWithIL(
        context: cl_context, il: *const c_void, length: size_t,
    ) -> cl_program;
    status clRetainProgram(program: cl_program);
    release clReleaseProgram(program: cl_program);
    status clBuildProgram(
        program: cl_program, num_devices: cl_uint, device_list: *const cl_device_id,
        options: *const c_char, pfn_notify: Option<extern "C" fn(cl_program, *mut c_void)>,
        user_data: *mut c_void,
    );
    status clCompileProgram(
        program: cl_program, num_devices: cl_uint, device_list: *const cl_device_id,
        options: *const c_char, num_input_headers: cl_uint, input_headers: *const cl_program,
        header_include_names: *const *const c_char,
        pfn_notify: Option<extern "C" fn(program: cl_program, user_data: *mut c_void)>,
        user_data: *mut c_void,
    );
    handle clLinkProgram(
        context: cl_context, num_devices: cl_uint, device_list: *const cl_device_id,
        options: *const c_char, num_input_programs: cl_uint, input_programs: *const cl_program,
        pfn_notify: Option<extern "C" fn(program: cl_program, user_data: *mut c_void)>,
        user_data: *mut c_void,
    ) -> cl_program;
    info clGetProgramInfo(program: cl_program, param_name: cl_program_info);
    info clGetProgramBuildInfo(
        program: cl_program, device: cl_device_id, param_name: cl_program_build_info,
    );

    // Kernels
    handle clCreateKernel(program: cl_program, kernel_name: *const c_char) -> cl_kernel;
    status clRetainKernel(kernel: cl_kernel);
    release clReleaseKernel(kernel: cl_kernel);
    status clSetKernelArg(
        kernel: cl_kernel, arg_index: cl_uint, arg_size: size_t, arg_value: *const c_void,
    );
    info clGetKernelInfo(kernel: cl_kernel, param_name: cl_kernel_info);
    info clGetKernelArgInfo(
        kernel: cl_kernel, arg_indx: cl_uint, param_name: cl_kernel_arg_info,
    );
    info clGetKernelWorkGroupInfo(
        kernel: cl_kernel, device: cl_device_id, param_name: cl_kernel_work_group_info,
    );

    // Events
    status clWaitForEvents(num_events: cl_uint, event_list: *const cl_event);
    info clGetEventInfo(event: cl_event, param_name: cl_event_info);
    handle clCreateUserEvent(context: cl_context) -> cl_event;
    status clRetainEvent(event: cl_event);
    release clReleaseEvent(event: cl_event);
    status clSetUserEventStatus(event: cl_event, execution_status: cl_int);
    status clSetEventCallback(
        event: cl_event, command_exec_callback_type: cl_int,
        pfn_notify: Option<extern "C" fn(cl_event, cl_int, *mut c_void)>, user_data: *mut c_void,
    );
    info clGetEventProfilingInfo(event: cl_event, param_name: cl_profiling_info);

    // Commands on buffers
    enqueue clEnqueueReadBuffer(
        buffer: cl_mem, blocking_read: cl_bool, offset: size_t, cb: size_t, ptr: *mut c_void,
    );
    enqueue clEnqueueReadBufferRect(
        buffer: cl_mem, blocking_read: cl_bool, buffer_origin: *const size_t,
        host_origin: *const size_t, region: *const size_t, buffer_row_pitch: size_t,
        buffer_slc_pitch: size_t, host_row_pitch: size_t, host_slc_pitch: size_t, ptr: *mut c_void,
    );
    enqueue clEnqueueWriteBuffer(
        buffer: cl_mem, blocking_write: cl_bool, offset: size_t, cb: size_t, ptr: *const c_void,
    );
    enqueue clEnqueueWriteBufferRect(
        buffer: cl_mem, blocking_write: cl_bool, buffer_origin: *const size_t,
        host_origin: *const size_t, region: *const size_t, buffer_row_pitch: size_t,
        buffer_slc_pitch: size_t, host_row_pitch: size_t, host_slc_pitch: size_t,
        ptr: *const c_void,
    );
    enqueue clEnqueueFillBuffer(
        buffer: cl_mem, pattern: *const c_void, pattern_size: size_t, offset: size_t, size: size_t,
    );
    enqueue clEnqueueCopyBuffer(
        src_buffer: cl_mem, dst_buffer: cl_mem, src_offset: size_t, dst_offset: size_t, cb: size_t,
    );
    enqueue clEnqueueCopyBufferRect(
        src_buffer: cl_mem, dst_buffer: cl_mem, src_origin: *const size_t,
        dst_origin: *const size_t, region: *const size_t, src_row_pitch: size_t,
        src_slc_pitch: size_t, dst_row_pitch: size_t, dst_slc_pitch: size_t,
    );

    // Commands on images
    enqueue clEnqueueReadImage(
        image: cl_mem, blocking_read: cl_bool, origin: *const size_t, region: *const size_t,
        row_pitch: size_t, slc_pitch: size_t, ptr: *mut c_void,
    );
    enqueue clEnqueueWriteImage(
        image: cl_mem, blocking_write: cl_bool, origin: *const size_t, region: *const size_t,
        input_row_pitch: size_t, input_slc_pitch: size_t, ptr: *const c_void,
    );
    enqueue clEnqueueFillImage(
        image: cl_mem, fill_color: *const c_void, origin: *const size_t, region: *const size_t,
    );
    enqueue clEnqueueCopyImage(
        src_image: cl_mem, dst_image: cl_mem, src_origin: *const size_t, dst_origin: *const size_t,
        region: *const size_t,
    );
    enqueue clEnqueueCopyImageToBuffer(
        src_image: cl_mem, dst_buffer: cl_mem, src_origin: *const size_t, region: *const size_t,
        dst_offset: size_t,
    );
    enqueue clEnqueueCopyBufferToImage(
        src_buffer: cl_mem, dst_image: cl_mem, src_offset: size_t, dst_origin: *const size_t,
        region: *const size_t,
    );

    // Mapping and moving
    handle clEnqueueMapBuffer(
        command_queue: cl_command_queue, buffer: cl_mem, blocking_map: cl_bool,
        map_flags: cl_map_flags, offset: size_t, size: size_t, num_events_in_wait_list: cl_uint,
        event_wait_list: *const cl_event, event: *mut cl_event,
    ) -> *mut c_void;
    handle clEnqueueMapImage(
        command_queue: cl_command_queue, image: cl_mem, blocking_map: cl_bool,
        map_flags: cl_map_flags, origin: *const size_t, region: *const size_t,
        image_row_pitch: *mut size_t, image_slc_pitch: *mut size_t,
        num_events_in_wait_list: cl_uint, event_wait_list: *const cl_event, event: *mut cl_event,
    ) -> *mut c_void;
    enqueue clEnqueueUnmapMemObject(memobj: cl_mem, mapped_ptr: *mut c_void);
    enqueue clEnqueueMigrateMemObjects(
        num_mem_objects: cl_uint, mem_objects: *const cl_mem, flags: cl_mem_migration_flags,
    );

    // Kernels, markers and barriers
    enqueue clEnqueueNDRangeKernel(
        kernel: cl_kernel, work_dim: cl_uint, global_work_offset: *const size_t,
        global_work_dims: *const size_t, local_work_dims: *const size_t,
    );
    enqueue clEnqueueTask(kernel: cl_kernel);
    enqueue clEnqueueMarkerWithWaitList();
    enqueue clEnqueueBarrierWithWaitList();

    // Sharing with OpenGL
    handle clCreateFromGLBuffer(
        context: cl_context, flags: cl_mem_flags, bufobj: cl_GLuint,
    ) -> cl_mem;
    handle clCreateFromGLRenderbuffer(
        context: cl_context, flags: cl_mem_flags, renderbuffer: cl_GLuint,
    ) -> cl_mem;
    handle clCreateFromGLTexture(
        context: cl_context, flags: cl_mem_flags, texture_target: cl_GLenum, miplevel: cl_GLint,
        texture: cl_GLuint,
    ) -> cl_mem;
    handle clCreateFromGLTexture2D(
        context: cl_context, flags: cl_mem_flags, texture_target: cl_GLenum, miplevel: cl_GLint,
        texture: cl_GLuint,
    ) -> cl_mem;
    handle clCreateFromGLTexture3D(
        context: cl_context, flags: cl_mem_flags, texture_target: cl_GLenum, miplevel: cl_GLint,
        texture: cl_GLuint,
    ) -> cl_mem;
    enqueue clEnqueueAcquireGLObjects(num_objects: cl_uint, mem_objects: *const cl_mem);
    enqueue clEnqueueReleaseGLObjects(num_objects: cl_uint, mem_objects: *const cl_mem);
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
