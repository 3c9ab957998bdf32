//! Sharing with OpenGL.

use cl_sys::{
    CL_INVALID_OPERATION, CL_SUCCESS, c_void, cl_GLenum, cl_GLint, cl_GLuint, cl_command_queue,
    cl_context, cl_context_properties, cl_event, cl_gl_context_info, cl_gl_object_type,
    cl_gl_texture_info, cl_int, cl_mem, cl_mem_flags, cl_uint, size_t,
};

use crate::loader::Entry;
use crate::status::known;

functions! {
    handle clCreateFromGLBuffer(
        context: cl_context, flags: cl_mem_flags, bufobj: cl_GLuint,
    ) -> cl_mem;
    handle clCreateFromGLTexture(
        context: cl_context, flags: cl_mem_flags, texture_target: cl_GLenum, miplevel: cl_GLint,
        texture: cl_GLuint,
    ) -> cl_mem;
    status clGetGLObjectInfo(
        memobj: cl_mem, gl_object_type: *mut cl_gl_object_type, gl_object_name: *mut cl_GLuint,
    );
    status clGetGLTextureInfo(
        memobj: cl_mem, param_name: cl_gl_texture_info, param_value_size: size_t,
        param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
    handle clCreateFromGLRenderbuffer(
        context: cl_context, flags: cl_mem_flags, renderbuffer: cl_GLuint,
    ) -> cl_mem;
    status clEnqueueAcquireGLObjects(
        command_queue: cl_command_queue, num_objects: cl_uint, mem_objects: *const cl_mem,
        num_events_in_wait_list: cl_uint, event_wait_list: *const cl_event, event: *mut cl_event,
    );
    status clEnqueueReleaseGLObjects(
        command_queue: cl_command_queue, num_objects: cl_uint, mem_objects: *const cl_mem,
        num_events_in_wait_list: cl_uint, event_wait_list: *const cl_event, event: *mut cl_event,
    );
    status clGetGLContextInfoKHR(
        properties: *const cl_context_properties, param_name: cl_gl_context_info,
        param_value_size: size_t, param_value: *mut c_void, param_value_size_ret: *mut size_t,
    );
    handle clCreateFromGLTexture2D(
        context: cl_context, flags: cl_mem_flags, texture_target: cl_GLenum, miplevel: cl_GLint,
        texture: cl_GLuint,
    ) -> cl_mem;
    handle clCreateFromGLTexture3D(
        context: cl_context, flags: cl_mem_flags, texture_target: cl_GLenum, miplevel: cl_GLint,
        texture: cl_GLuint,
    ) -> cl_mem;
}
