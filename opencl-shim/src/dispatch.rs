//! Drivers leave out functions: the loader finds each in a table of the driver's, where an entry may be null, and
//! jumps there without a look. Here is the look.

use std::ffi::c_void;

use crate::loader::{Loader, loader};

/// A table begins with this where the loader has tables of its own (cl_khr_icd 2), which lack nothing.
#[cfg(target_pointer_width = "64")]
const LOADERS_OWN: usize = 0x4F50_454E_434C_3331;
#[cfg(not(target_pointer_width = "64"))]
const LOADERS_OWN: usize = 0x434C_3331;

/// Place of a function in the tables of drivers. A name that is not there does not compile.
pub(crate) const fn slot(name: &str) -> usize {
    let mut slot = 0;
    while !is_same(SLOTS[slot].as_bytes(), name.as_bytes()) {
        slot += 1;
    }
    slot
}

const fn is_same(a: &[u8], b: &[u8]) -> bool {
    let mut at = 0;
    while at < a.len() && at < b.len() && a[at] == b[at] {
        at += 1;
    }
    at == a.len() && at == b.len()
}

/// Whether the driver of an object has the function of this place. Of objects that can't be asked, null among
/// them, it is taken to have all.
///
/// # Safety
///
/// The handle is null or of a live object, as OpenCL asks of every caller.
pub(crate) unsafe fn has(handle: *const c_void, slot: usize) -> bool {
    let handle = handle.cast::<*const usize>();
    // Only behind a loader does every object begin with the address of its driver's table.
    if handle.is_null() || !handle.is_aligned() || !loader().is_ok_and(Loader::dispatches) {
        return true;
    }
    // SAFETY: the loader is about to read the same two words: the object's first is the address of the table, and
    // the table has an entry for every function that the loader calls through it.
    unsafe {
        let table = *handle;
        table.is_null() || *table == LOADERS_OWN || *table.add(slot) != 0
    }
}

/// The platform that a list of properties names; null where it names none.
///
/// # Safety
///
/// The list is null or ends in zero, as OpenCL asks.
pub(crate) unsafe fn platform_of(properties: *const isize) -> *const c_void {
    const PLATFORM: isize = cl_sys::CL_CONTEXT_PLATFORM as isize;
    let mut pair = properties;
    // SAFETY: pairs of a name and a value stand before the zero.
    unsafe {
        while !pair.is_null() && *pair != 0 {
            if *pair == PLATFORM {
                return *pair.add(1) as *const c_void;
            }
            pair = pair.add(2);
        }
    }
    std::ptr::null()
}

/// The first object of a list; null where there is none.
///
/// # Safety
///
/// The list is null or has so many objects, as OpenCL asks.
pub(crate) unsafe fn first_of(count: u32, list: *const *mut c_void) -> *const c_void {
    if count == 0 || list.is_null() {
        return std::ptr::null();
    }
    // SAFETY: there is at least one.
    unsafe { (*list).cast_const() }
}

/// The functions in the order of the tables, as cl_icd.h has them.
#[rustfmt::skip]
const SLOTS: [&str; 139] = [
    "clGetPlatformIDs",
    "clGetPlatformInfo",
    "clGetDeviceIDs",
    "clGetDeviceInfo",
    "clCreateContext",
    "clCreateContextFromType",
    "clRetainContext",
    "clReleaseContext",
    "clGetContextInfo",
    "clCreateCommandQueue",
    "clRetainCommandQueue",
    "clReleaseCommandQueue",
    "clGetCommandQueueInfo",
    "clSetCommandQueueProperty",
    "clCreateBuffer",
    "clCreateImage2D",
    "clCreateImage3D",
    "clRetainMemObject",
    "clReleaseMemObject",
    "clGetSupportedImageFormats",
    "clGetMemObjectInfo",
    "clGetImageInfo",
    "clCreateSampler",
    "clRetainSampler",
    "clReleaseSampler",
    "clGetSamplerInfo",
    "clCreateProgramWithSource",
    "clCreateProgramWithBinary",
    "clRetainProgram",
    "clReleaseProgram",
    "clBuildProgram",
    "clUnloadCompiler",
    "clGetProgramInfo",
    "clGetProgramBuildInfo",
    "clCreateKernel",
    "clCreateKernelsInProgram",
    "clRetainKernel",
    "clReleaseKernel",
    "clSetKernelArg",
    "clGetKernelInfo",
    "clGetKernelWorkGroupInfo",
    "clWaitForEvents",
    "clGetEventInfo",
    "clRetainEvent",
    "clReleaseEvent",
    "clGetEventProfilingInfo",
    "clFlush",
    "clFinish",
    "clEnqueueReadBuffer",
    "clEnqueueWriteBuffer",
    "clEnqueueCopyBuffer",
    "clEnqueueReadImage",
    "clEnqueueWriteImage",
    "clEnqueueCopyImage",
    "clEnqueueCopyImageToBuffer",
    "clEnqueueCopyBufferToImage",
    "clEnqueueMapBuffer",
    "clEnqueueMapImage",
    "clEnqueueUnmapMemObject",
    "clEnqueueNDRangeKernel",
    "clEnqueueTask",
    "clEnqueueNativeKernel",
    "clEnqueueMarker",
    "clEnqueueWaitForEvents",
    "clEnqueueBarrier",
    "clGetExtensionFunctionAddress",
    "clCreateFromGLBuffer",
    "clCreateFromGLTexture2D",
    "clCreateFromGLTexture3D",
    "clCreateFromGLRenderbuffer",
    "clGetGLObjectInfo",
    "clGetGLTextureInfo",
    "clEnqueueAcquireGLObjects",
    "clEnqueueReleaseGLObjects",
    "clGetGLContextInfoKHR",
    "clGetDeviceIDsFromD3D10KHR",
    "clCreateFromD3D10BufferKHR",
    "clCreateFromD3D10Texture2DKHR",
    "clCreateFromD3D10Texture3DKHR",
    "clEnqueueAcquireD3D10ObjectsKHR",
    "clEnqueueReleaseD3D10ObjectsKHR",
    "clSetEventCallback",
    "clCreateSubBuffer",
    "clSetMemObjectDestructorCallback",
    "clCreateUserEvent",
    "clSetUserEventStatus",
    "clEnqueueReadBufferRect",
    "clEnqueueWriteBufferRect",
    "clEnqueueCopyBufferRect",
    "clCreateSubDevicesEXT",
    "clRetainDeviceEXT",
    "clReleaseDeviceEXT",
    "clCreateEventFromGLsyncKHR",
    "clCreateSubDevices",
    "clRetainDevice",
    "clReleaseDevice",
    "clCreateImage",
    "clCreateProgramWithBuiltInKernels",
    "clCompileProgram",
    "clLinkProgram",
    "clUnloadPlatformCompiler",
    "clGetKernelArgInfo",
    "clEnqueueFillBuffer",
    "clEnqueueFillImage",
    "clEnqueueMigrateMemObjects",
    "clEnqueueMarkerWithWaitList",
    "clEnqueueBarrierWithWaitList",
    "clGetExtensionFunctionAddressForPlatform",
    "clCreateFromGLTexture",
    "clGetDeviceIDsFromD3D11KHR",
    "clCreateFromD3D11BufferKHR",
    "clCreateFromD3D11Texture2DKHR",
    "clCreateFromD3D11Texture3DKHR",
    "clCreateFromDX9MediaSurfaceKHR",
    "clEnqueueAcquireD3D11ObjectsKHR",
    "clEnqueueReleaseD3D11ObjectsKHR",
    "clGetDeviceIDsFromDX9MediaAdapterKHR",
    "clEnqueueAcquireDX9MediaSurfacesKHR",
    "clEnqueueReleaseDX9MediaSurfacesKHR",
    "clCreateFromEGLImageKHR",
    "clEnqueueAcquireEGLObjectsKHR",
    "clEnqueueReleaseEGLObjectsKHR",
    "clCreateEventFromEGLSyncKHR",
    "clCreateCommandQueueWithProperties",
    "clCreatePipe",
    "clGetPipeInfo",
    "clSVMAlloc",
    "clSVMFree",
    "clEnqueueSVMFree",
    "clEnqueueSVMMemcpy",
    "clEnqueueSVMMemFill",
    "clEnqueueSVMMap",
    "clEnqueueSVMUnmap",
    "clCreateSamplerWithProperties",
    "clSetKernelArgSVMPointer",
    "clSetKernelExecInfo",
    "clGetKernelSubGroupInfoKHR",
    "clCloneKernel",
    "clCreateProgramWithIL",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_those_of_the_header() {
        for (name, place) in [
            ("clGetPlatformIDs", 0),
            ("clCreateBuffer", 14),
            ("clFinish", 47),
            ("clSetEventCallback", 81),
            ("clCreateSubDevices", 93),
            ("clEnqueueFillBuffer", 102),
            ("clCreateProgramWithIL", 138),
        ] {
            assert_eq!(slot(name), place, "{name}");
        }
    }

    #[test]
    fn the_platform_is_found_among_properties() {
        let platform = 0x1234_isize;
        let list = [0x2008, 7, cl_sys::CL_CONTEXT_PLATFORM as isize, platform, 0];
        // SAFETY: both lists end in zero.
        let found = unsafe { [platform_of(list.as_ptr()), platform_of([0x2008, 7, 0].as_ptr())] };
        assert_eq!(found, [platform as *const c_void, std::ptr::null()]);
        // SAFETY: null is allowed, as is a list of none.
        assert!(unsafe {
            platform_of(std::ptr::null()).is_null() && first_of(0, std::ptr::null()).is_null()
        });
    }
}
