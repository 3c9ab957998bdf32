//! A tiny kernel that shows whether a device can really build, run and give right results.

use std::ffi::CString;

use ocl::core::{self, ArgVal, ContextProperties, DeviceId, Event, MemFlags, PlatformId};

use crate::error::{Error, Result};

const SOURCE: &str = "
__kernel void check(__global float* x, const float scale) {
  const int i = get_global_id(0);
  x[i] = scale * x[i] + (float)i;
}";

/// Elements of the check.
const COUNT: usize = 256;

/// Builds, runs and checks the kernel. One line on what went wrong.
pub fn check(platform: PlatformId, device: DeviceId) -> Result<()> {
    let values = run(platform, device)
        .map_err(|(what, error)| Error::device(format!("{what} failed: {error}")))?;
    let wrong = (0..COUNT).find(|i| values[*i] != 2.0 * 3.0 + *i as f32);
    match wrong {
        None => Ok(()),
        Some(i) => Err(Error::device(format!(
            "a kernel gave a wrong result: element {i} is {}, not {}",
            values[i],
            6.0 + i as f32
        ))),
    }
}

type Step<T> = std::result::Result<T, (&'static str, core::Error)>;

fn run(platform: PlatformId, device: DeviceId) -> Step<Vec<f32>> {
    let step = |what: &'static str| move |error: core::Error| (what, error);
    let properties = ContextProperties::new().platform(platform);
    let context = core::create_context(Some(&properties), &[device], None, None)
        .map_err(step("making a context"))?;
    let queue =
        core::create_command_queue(&context, device, None).map_err(step("making a queue"))?;
    let source = CString::new(SOURCE).expect("the source has no NUL");
    let program = core::create_program_with_source(&context, &[source])
        .map_err(step("handing over a program"))?;
    core::build_program(&program, Some(&[device]), &CString::default(), None, None)
        .map_err(step("building a kernel"))?;
    let kernel = core::create_kernel(&program, "check").map_err(step("making a kernel"))?;
    let mut values = vec![3.0f32; COUNT];
    // SAFETY: no host pointer is kept: COPY_HOST_PTR copies before the call returns.
    let buffer = unsafe {
        let flags = MemFlags::READ_WRITE | MemFlags::COPY_HOST_PTR;
        core::create_buffer(&context, flags, COUNT, Some(&values)).map_err(step("allocating"))?
    };
    core::set_kernel_arg(&kernel, 0, ArgVal::mem(&buffer)).map_err(step("passing an argument"))?;
    core::set_kernel_arg(&kernel, 1, ArgVal::scalar(&2.0f32))
        .map_err(step("passing an argument"))?;
    // SAFETY: the arguments are the kernel's own, it writes COUNT elements of a buffer of that
    // length, and the blocking read ends before `values` is looked at.
    unsafe {
        let (none, global, no_event) = (None::<&Event>, [COUNT, 1, 1], None::<&mut Event>);
        core::enqueue_kernel(&queue, &kernel, 1, None, &global, None, none, no_event)
            .map_err(step("launching a kernel"))?;
        core::enqueue_read_buffer(&queue, &buffer, true, 0, &mut values, none, None::<&mut Event>)
            .map_err(step("reading a result"))?;
    }
    Ok(values)
}
