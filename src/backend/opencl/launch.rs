//! `launch` on OpenCL: what it costs to enqueue, to wait, to compile. Twin of `kernels/launch.cl`.
//!
//! Some drivers compile a kernel for good when it is first launched (PoCL does): a run that builds
//! ends with one launch, so that all of the build is in it.

use std::time::{SystemTime, UNIX_EPOCH};

use ocl::core::ProfilingInfo;

use super::device::OpenClDevice;
use super::runner::KernelRunner;
use crate::backend::gpu::launch::round_trip;
use crate::backend::{Details, Runner, Task};
use crate::error::{Error, Result};
use crate::tensor::{Operands, Values};
use crate::terms::Scope;

/// Launches of a batch.
const BATCH: u64 = 1000;

/// Every implementation but `round-trip`, which is a kernel like any other.
pub const NAMES: [&str; 4] = ["latency", "batch", "build-cold", "build-cached"];

/// What a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// A launch on the profiling queue.
    Latency,
    /// Many launches, one wait.
    Batch,
    /// A build that no cache knows, and a launch.
    BuildCold,
    /// A build that the driver's own cache may know, and a launch.
    BuildCached,
}

impl Way {
    fn of(implementation: &str) -> Way {
        match implementation {
            "latency" => Way::Latency,
            "batch" => Way::Batch,
            "build-cold" => Way::BuildCold,
            _ => Way::BuildCached,
        }
    }
}

struct LaunchRunner<'a> {
    device: &'a OpenClDevice,
    kernel: KernelRunner<'a>,
    way: Way,
}

/// One of `NAMES`.
pub fn launch<'a>(device: &'a OpenClDevice, task: &Task<'_>) -> Result<Box<dyn Runner + 'a>> {
    let way = Way::of(task.implementation);
    if way == Way::Latency && device.profiling_queue.is_none() {
        return Err(Error::Unsupported("the driver has no profiling queue".into()));
    }
    let kernel = KernelRunner::new(device, task, round_trip(&device.target, task)?)?;
    Ok(Box::new(LaunchRunner { device, kernel, way }))
}

/// An option that no build before has had.
fn nonce() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    // The low bits come round every 71 minutes: the odds to meet an old one are one in 2^32.
    format!("-D NONCE={}u", (since.as_micros() as u32).max(1))
}

impl LaunchRunner<'_> {
    /// Launches of a run.
    fn repeats(&self) -> u64 {
        if self.way == Way::Batch { BATCH } else { 1 }
    }
}

impl Runner for LaunchRunner<'_> {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        self.kernel.load(operands)
    }

    fn poison(&mut self, scope: Scope) -> Result<()> {
        self.kernel.poison(scope)
    }

    fn run(&mut self, _: Scope) -> Result<()> {
        match self.way {
            Way::BuildCold => self.kernel.recompile(&nonce())?,
            Way::BuildCached => self.kernel.recompile("")?,
            Way::Latency | Way::Batch => {}
        }
        let profiling = self.device.profiling_queue.as_ref().filter(|_| self.way == Way::Latency);
        let queue = profiling.unwrap_or(&self.device.queue);
        (0..self.repeats()).try_for_each(|_| self.kernel.launch(queue))?;
        self.kernel.finish(queue)
    }

    fn flush(&mut self) -> Result<()> {
        self.kernel.flush()
    }

    fn run_on_device_clock(&mut self) -> Result<Option<f64>> {
        match self.way {
            Way::Latency => self.kernel.between(ProfilingInfo::Queued, ProfilingInfo::Start),
            // The kernel's own time says nothing of these.
            _ => Ok(None),
        }
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        self.kernel.overwritten()
    }

    fn output(&mut self, scope: Scope) -> Result<Values<'_>> {
        self.kernel.output(scope)
    }

    fn details(&self) -> Details {
        Details { repeats: self.repeats(), ..self.kernel.details() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_way() {
        let ways = [Way::Latency, Way::Batch, Way::BuildCold, Way::BuildCached];
        assert_eq!(NAMES.map(Way::of), ways);
    }

    #[test]
    fn no_two_builds_have_one_nonce() {
        let first = nonce();
        std::thread::sleep(std::time::Duration::from_micros(2));
        assert_ne!(first, nonce());
        assert!(first.starts_with("-D NONCE=") && first.ends_with('u'));
    }
}
