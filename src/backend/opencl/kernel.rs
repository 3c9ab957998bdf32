//! Kernels: made for a step of a recipe or a plan, given arguments, launched.

use ocl::core::{self, ArgVal, CommandQueue, Event, KernelWorkGroupInfo};
use ocl::core::{KernelWorkGroupInfoResult, ProfilingInfo, Program};

use super::device::OpenClDevice;
use crate::backend::gpu::recipe::{Launch, Step};
use crate::error::{Error, Result};

/// A kernel and how it is launched. The memory behind its arguments is the owner's to keep.
pub struct Kernel {
    kernel: core::Kernel,
    launch: Launch,
}

impl Kernel {
    /// The kernel of a step, from the step's program, without arguments.
    pub fn new<A>(device: &OpenClDevice, program: &Program, step: &Step<A>) -> Result<Kernel> {
        let kernel =
            core::create_kernel(program, step.kernel).map_err(device.refused("making a kernel"))?;
        check_group_size(device, &kernel, step.launch.group_size())?;
        Ok(Kernel { kernel, launch: step.launch.clone() })
    }

    /// Sets an argument for the launches from now on.
    pub fn set(&self, device: &OpenClDevice, index: usize, value: ArgVal<'_>) -> Result<()> {
        core::set_kernel_arg(&self.kernel, index as u32, value)
            .map_err(device.refused("passing an argument"))
    }

    /// Enqueues a launch.
    pub fn enqueue(
        &self,
        device: &OpenClDevice,
        queue: &CommandQueue,
        event: Option<&mut Event>,
    ) -> Result<()> {
        let Launch { global, local } = &self.launch;
        // SAFETY: the arguments are set to buffers of the sizes that the kernel's other arguments
        // state, and its owner keeps them as long as the kernel. That the kernel stays inside them
        // is what the tests, the fences and Oclgrind watch over.
        let status = unsafe {
            let (none, local) = (None::<&Event>, Some(*local));
            core::enqueue_kernel(queue, &self.kernel, 3, None, global, local, none, event)
        };
        status.map_err(device.refused("launching a kernel"))
    }
}

/// A kernel that takes many registers may allow smaller work-groups than the device does.
fn check_group_size(device: &OpenClDevice, kernel: &core::Kernel, items: usize) -> Result<()> {
    let answer =
        core::get_kernel_work_group_info(kernel, device.id, KernelWorkGroupInfo::WorkGroupSize);
    match answer {
        Ok(KernelWorkGroupInfoResult::WorkGroupSize(most)) if items > most => {
            Err(Error::Unsupported(format!(
                "needs work-groups of {items} items, this kernel on this device allows {most}"
            )))
        }
        // A driver that doesn't say leaves it to the launch.
        _ => Ok(()),
    }
}

/// Seconds from a moment of the first of these launches to one of the last, once they have ended. None
/// where the driver doesn't tell, zero where what it tells is no time.
pub fn seconds(events: &[Event], first: ProfilingInfo, last: ProfilingInfo) -> Option<f64> {
    let nanoseconds = |event: Option<&Event>, moment| -> Option<u64> {
        core::get_event_profiling_info(event?, moment).ok()?.time().ok()
    };
    Some(between(nanoseconds(events.first(), first)?, nanoseconds(events.last(), last)?))
}

/// Nanoseconds that every clock has behind it when a first command has been compiled and sent: a driver that
/// tells of fewer has no clock (0, 1, 2, 3 were seen).
const LEAST_STAMP: u64 = 1000;

/// Seconds between two stamps; zero, which is no time, where they are not of a clock that runs forward.
fn between(start: u64, end: u64) -> f64 {
    if start < LEAST_STAMP { 0.0 } else { end.saturating_sub(start) as f64 * 1e-9 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_of_no_clock_are_no_times() {
        assert_eq!(between(5_000_000_000, 5_000_002_000), 2000.0 * 1e-9);
        for (start, end) in [(2, 3), (0, 3), (0, u64::MAX), (7_000, 7_000), (9_000, 8_000)] {
            assert_eq!(between(start, end), 0.0, "{start} {end}");
        }
    }
}
