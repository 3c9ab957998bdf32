//! Buffers, images, pipes, shared virtual memory and samplers.

use cl_sys::{
    CL_INVALID_OPERATION, CL_SUCCESS, c_void, cl_addressing_mode, cl_bool, cl_buffer_create_type,
    cl_context, cl_filter_mode, cl_image_desc, cl_image_format, cl_image_info, cl_int, cl_mem,
    cl_mem_flags, cl_mem_info, cl_mem_object_type, cl_pipe_info, cl_pipe_properties, cl_sampler,
    cl_sampler_info, cl_sampler_properties, cl_svm_mem_flags, cl_uint, size_t,
};

use crate::loader::Entry;
use crate::status::{known, released};

functions! {
    // Buffers, images and pipes
    handle clCreateBuffer(
        context: cl_context, flags: cl_mem_flags, size: size_t, host_ptr: *mut c_void,
    ) -> cl_mem;
    handle clCreateSubBuffer(
        buffer: cl_mem, flags: cl_mem_flags, buffer_create_type: cl_buffer_create_type,
        buffer_create_info: *const c_void,
    ) -> cl_mem;
    handle clCreateImage2D(
        context: cl_context, flags: cl_mem_flags, image_format: *mut cl_image_format,
        image_width: size_t, image_depth: size_t, image_slc_pitch: size_t, host_ptr: *mut c_void,
    ) -> cl_mem;
    handle clCreateImage3D(
        context: cl_context, flags: cl_mem_flags, image_format: *mut cl_image_format,
        image_width: size_t, image_height: size_t, image_depth: size_t, image_row_pitch: size_t,
        image_slc_pitch: size_t, host_ptr: *mut c_void,
    ) -> cl_mem;
    handle clCreateImage(
        context: cl_context, flags: cl_mem_flags, image_format: *const cl_image_format,
        image_desc: *const cl_image_desc, host_ptr: *mut c_void,
    ) -> cl_mem;
    handle clCreatePipe(
        context: cl_context, flags: cl_mem_flags, pipe_packet_size: cl_uint,
        pipe_max_packets: cl_uint, properties: *const cl_pipe_properties,
    ) -> cl_mem;
    status clRetainMemObject(memobj: cl_mem);
    release clReleaseMemObject(memobj: cl_mem);
    status clGetSupportedImageFormats(
        context: cl_context, flags: cl_mem_flags, image_type: cl_mem_object_type,
        num_entries: cl_uint, image_formats: *mut cl_image_format, num_image_formats: *mut cl_uint,
    );
    status clGetMemObjectInfo(
        memobj: cl_mem, param_name: cl_mem_info, param_value_size: size_t, param_value: *mut c_void,
        param_value_size_ret: *mut size_t,
    );
    status clGetImageInfo(
        image: cl_mem, param_name: cl_image_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
    status clGetPipeInfo(
        pipe: cl_mem, param_name: cl_pipe_info, param_value_size: size_t, param_value: *mut c_void,
        param_value_size_ret: *mut size_t,
    );
    status clSetMemObjectDestructorCallback(
        memobj: cl_mem, pfn_notify: Option<extern "C" fn(cl_mem, *mut c_void)>,
        user_data: *mut c_void,
    );

    // Shared virtual memory
    pointer clSVMAlloc(
        context: cl_context, flags: cl_svm_mem_flags, size: size_t, alignment: cl_uint,
    ) -> *mut c_void;
    void clSVMFree(context: cl_context, svm_pointer: *mut c_void);

    // Samplers
    handle clCreateSampler(
        context: cl_context, normalize_coords: cl_bool, addressing_mode: cl_addressing_mode,
        filter_mode: cl_filter_mode,
    ) -> cl_sampler;
    handle clCreateSamplerWithProperties(
        context: cl_context, normalized_coords: *const cl_sampler_properties,
    ) -> cl_sampler;
    status clRetainSampler(sampler: cl_sampler);
    release clReleaseSampler(sampler: cl_sampler);
    status clGetSamplerInfo(
        sampler: cl_sampler, param_name: cl_sampler_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
}
