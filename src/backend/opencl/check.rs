//! A tiny kernel that shows whether a device can really build, run and give right results.

use std::ffi::CString;

use ocl::core::{self, ArgVal, Event, KernelWorkGroupInfo, MapFlags, MemFlags, PlatformId};
use ocl::core::{ProfilingInfo, ProgramInfo};

use super::buffer::FencedBuffer;
use super::device::OpenClDevice;
use super::{PREFIX, discover, kernel, transfer};
use crate::error::{Error, Result};
use crate::tensor::Tensor;
use crate::terms::DeviceId;

const SOURCE: &str = "
__kernel void check(__global float* x, const float scale) {
  const int i = get_global_id(0);
  x[i] = scale * x[i] + (float)i;
}";

/// Elements of the check.
const COUNT: usize = 256;

/// Opens the device as discovery does, and does with it once what is done with devices later; builds, runs and checks
/// the kernel. One line on what went wrong. What a driver lacks shows here, in the child, and nowhere first.
pub fn check(platform: PlatformId, id: core::DeviceId, threads: usize) -> Result<()> {
    let device = discover::open(platform, id, DeviceId::numbered(PREFIX, 0), threads)?;
    let values =
        run(&device).map_err(|(what, error)| Error::device(format!("{what} failed: {error}")))?;
    move_memory(&device)?;
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

fn run(device: &OpenClDevice) -> Step<Vec<f32>> {
    let step = |what: &'static str| move |error: core::Error| (what, error);
    let (context, queue) = (&device.context, &device.queue);
    let source = CString::new(SOURCE).expect("the source has no NUL");
    let program = core::create_program_with_source(context, &[source])
        .map_err(step("handing over a program"))?;
    core::build_program(&program, Some(&[device.id]), &CString::default(), None, None)
        .map_err(step("building a kernel"))?;
    let kernel = core::create_kernel(&program, "check").map_err(step("making a kernel"))?;
    // Answers that nobody needs to get: only not to crash.
    let _ = core::get_program_info(&program, ProgramInfo::Binaries);
    let question = KernelWorkGroupInfo::WorkGroupSize;
    let _ = core::get_kernel_work_group_info(&kernel, device.id, question);
    let mut values = vec![3.0f32; COUNT];
    // SAFETY: no host pointer is kept: COPY_HOST_PTR copies before the call returns.
    let buffer = unsafe {
        let flags = MemFlags::READ_WRITE | MemFlags::COPY_HOST_PTR;
        core::create_buffer(context, flags, COUNT, Some(&values)).map_err(step("allocating"))?
    };
    core::set_kernel_arg(&kernel, 0, ArgVal::mem(&buffer)).map_err(step("passing an argument"))?;
    core::set_kernel_arg(&kernel, 1, ArgVal::scalar(&2.0f32))
        .map_err(step("passing an argument"))?;
    // SAFETY: the arguments are the kernel's own, it writes COUNT elements of a buffer of that
    // length, and the blocking read ends before `values` is looked at.
    unsafe {
        let (none, global, no_event) = (None::<&Event>, [COUNT, 1, 1], None::<&mut Event>);
        core::enqueue_kernel(queue, &kernel, 1, None, &global, None, none, no_event)
            .map_err(step("launching a kernel"))?;
        core::enqueue_read_buffer(queue, &buffer, true, 0, &mut values, none, None::<&mut Event>)
            .map_err(step("reading a result"))?;
        if let Some(queue) = &device.profiling_queue {
            let mut event = Event::null();
            core::enqueue_kernel(queue, &kernel, 1, None, &global, None, none, Some(&mut event))
                .map_err(step("launching a kernel with its times"))?;
            core::finish(queue).map_err(step("running a kernel with its times"))?;
            let _ = kernel::seconds(&[event], ProfilingInfo::Queued, ProfilingInfo::End);
        }
    }
    Ok(values)
}

/// Divides, writes, reads and maps a buffer.
fn move_memory(device: &OpenClDevice) -> Result<()> {
    let buffer = FencedBuffer::new(device, COUNT)?;
    let mut output = Tensor::fenced(buffer.part.format, buffer.part.len);
    buffer.write_fenced(device, &output)?;
    buffer.read_fenced(device, &mut output)?;
    transfer::with_mapped(device, &buffer.part, MapFlags::READ, |_| ())
}
