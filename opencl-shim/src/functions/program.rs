//! Programs, kernels and events.

use cl_sys::{
    CL_INVALID_OPERATION, CL_SUCCESS, c_char, c_uchar, c_void, cl_context, cl_device_id, cl_event,
    cl_event_info, cl_int, cl_kernel, cl_kernel_arg_info, cl_kernel_exec_info, cl_kernel_info,
    cl_kernel_sub_group_info, cl_kernel_work_group_info, cl_profiling_info, cl_program,
    cl_program_build_info, cl_program_info, cl_uint, size_t,
};

use crate::loader::Entry;
use crate::status::{known, released};

functions! {
    // Programs
    handle clCreateProgramWithSource(
        context: cl_context, count: cl_uint, strings: *const *const c_char, lengths: *const size_t,
    ) -> cl_program;
    handle clCreateProgramWithBinary(
        context: cl_context, num_devices: cl_uint, device_list: *const cl_device_id,
        lengths: *const size_t, binaries: *const *const c_uchar, binary_status: *mut cl_int,
    ) -> cl_program;
    handle clCreateProgramWithBuiltInKernels(
        context: cl_context, num_devices: cl_uint, device_list: *const cl_device_id,
        kernel_names: *const char,
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
    status clUnloadCompiler();
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
    status clGetProgramInfo(
        program: cl_program, param_name: cl_program_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
    status clGetProgramBuildInfo(
        program: cl_program, device: cl_device_id, param_name: cl_program_build_info,
        param_value_size: size_t, param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );

    // Kernels
    handle clCreateKernel(program: cl_program, kernel_name: *const c_char) -> cl_kernel;
    status clCreateKernelsInProgram(
        program: cl_program, num_kernels: cl_uint, kernels: *mut cl_kernel,
        num_kernels_ret: *mut cl_uint,
    );
    handle clCloneKernel(source_kernel: cl_kernel) -> cl_kernel;
    status clRetainKernel(kernel: cl_kernel);
    release clReleaseKernel(kernel: cl_kernel);
    status clSetKernelArg(
        kernel: cl_kernel, arg_index: cl_uint, arg_size: size_t, arg_value: *const c_void,
    );
    status clSetKernelArgSVMPointer(
        kernel: cl_kernel, arg_index: cl_uint, arg_value: *const c_void,
    );
    status clSetKernelExecInfo(
        kernel: cl_kernel, param_name: cl_kernel_exec_info, param_value_size: size_t,
        param_value: *const c_void,
    );
    status clGetKernelInfo(
        kernel: cl_kernel, param_name: cl_kernel_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
    status clGetKernelArgInfo(
        kernel: cl_kernel, arg_indx: cl_uint, param_name: cl_kernel_arg_info,
        param_value_size: size_t, param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
    status clGetKernelWorkGroupInfo(
        kernel: cl_kernel, device: cl_device_id, param_name: cl_kernel_work_group_info,
        param_value_size: size_t, param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
    status clGetKernelSubGroupInfo(
        kernel: cl_kernel, device: cl_device_id, param_name: cl_kernel_sub_group_info,
        input_value_size: size_t, input_value: *const c_void, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );

    // Events
    status clWaitForEvents(num_events: cl_uint, event_list: *const cl_event);
    status clGetEventInfo(
        event: cl_event, param_name: cl_event_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
    handle clCreateUserEvent(context: cl_context) -> cl_event;
    status clRetainEvent(event: cl_event);
    release clReleaseEvent(event: cl_event);
    status clSetUserEventStatus(event: cl_event, execution_status: cl_int);
    status clSetEventCallback(
        event: cl_event, command_exec_callback_type: cl_int,
        pfn_notify: Option<extern "C" fn(cl_event, cl_int, *mut c_void)>, user_data: *mut c_void,
    );
    status clGetEventProfilingInfo(
        event: cl_event, param_name: cl_profiling_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
}
