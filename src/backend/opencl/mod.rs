//! OpenCL devices: kernels from `kernels/`, parameters from `kernels/tuned/`.

mod check;
mod class;
mod discover;
mod gemm;
mod info;
pub mod probe;
mod program;
mod runner;
mod tuned;

use ocl::core::{ContextProperties, DeviceId, PlatformId};

use super::{Device, Runner, Task};
use crate::error::{Error, Result};
use crate::machine::DeviceEntry;
use crate::tensor::FENCE;
use crate::workload::{Shape, Workload};

pub use discover::{Discovery, discover, limit_driver_threads};

/// A kernel as a class of GPUs builds it, for compilers that need no device.
pub struct Build {
    /// Which kernel, and for which operands.
    pub name: String,
    /// Its source.
    pub source: &'static str,
    /// `-D` options.
    pub options: String,
}

/// Every GPU kernel as a class of `kernels/tuned/` builds it.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    gemm::gpu_builds(class)
}

/// One launch of a kernel.
#[derive(Clone, Debug, PartialEq)]
struct Launch {
    global: [usize; 3],
    local: [usize; 3],
}

/// How a task is computed on a device: one kernel and its launch.
struct Recipe {
    /// File of the kernel, for messages and the program cache.
    file: &'static str,
    /// Its source.
    source: &'static str,
    /// Name of the function in it.
    kernel: &'static str,
    /// `-D` options.
    options: String,
    /// Scalar arguments that surround the buffers, in the kernel's order.
    arguments: Vec<Argument>,
    /// How it is launched.
    launch: Launch,
    /// Work-items of a work-group.
    group_size: usize,
    /// Local memory it takes, in bytes.
    local_bytes: u64,
    /// Rows and columns of the output that one work-group computes.
    tile: (usize, usize),
    /// Where the parameters come from.
    tuned: &'static str,
}

/// One kernel argument.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Argument {
    /// A size.
    Int(i32),
    /// Input tensor number.
    Input(usize),
    /// The output.
    Output,
}

/// One way to compute a workload.
struct Implementation {
    workload: &'static str,
    name: &'static str,
    recipe: fn(&OpenClDevice, &Shape) -> Result<Recipe>,
}

/// Every implementation, in the order of reports.
const IMPLEMENTATIONS: &[Implementation] = &[
    Implementation { workload: "gemm", name: "local", recipe: gemm::local },
    Implementation { workload: "gemm", name: "register", recipe: gemm::register },
    Implementation { workload: "gemm", name: "packed", recipe: gemm::packed },
    Implementation { workload: "gemm", name: "naive", recipe: gemm::naive },
];

/// A device with its own context and queues.
pub struct OpenClDevice {
    entry: DeviceEntry,
    id: DeviceId,
    context: ocl::core::Context,
    queue: ocl::core::CommandQueue,
    profiling_queue: Option<ocl::core::CommandQueue>,
    tuned: tuned::Tuned,
    max_group_size: usize,
    /// Alignment of sub-buffers, in elements of f32.
    base_alignment: usize,
}

impl OpenClDevice {
    /// Opens a device. A device whose driver has no profiling queue is served without one.
    fn open(platform: PlatformId, id: DeviceId, entry: DeviceEntry) -> Result<OpenClDevice> {
        let refused = |e: ocl::core::Error| Error::device(format!("{}: {e}", entry.name));
        let properties = ContextProperties::new().platform(platform);
        let context =
            ocl::core::create_context(Some(&properties), &[id], None, None).map_err(refused)?;
        let queue = |profiling: bool| {
            let flag = ocl::core::CommandQueueProperties::PROFILING_ENABLE;
            ocl::core::create_command_queue(&context, id, profiling.then_some(flag))
        };
        Ok(OpenClDevice {
            queue: queue(false).map_err(refused)?,
            profiling_queue: queue(true).ok(),
            tuned: tuned::Tuned::of_class(&entry.class),
            max_group_size: info::max_group_size(id),
            base_alignment: info::base_alignment_bytes(id).div_ceil(4),
            context,
            id,
            entry,
        })
    }

    /// A driver's refusal, with the device's name and the true status code where it was an odd one.
    fn refused(&self, what: &str, error: &ocl::core::Error) -> Error {
        let odd = opencl_shim::take_unknown_status();
        let odd: Vec<String> = odd.iter().map(|status| format!("; {status}")).collect();
        Error::device(format!("{}: {what}: {error}{}", self.entry.name, odd.concat()))
    }
}

fn implementations(workload: &dyn Workload) -> impl Iterator<Item = &'static Implementation> {
    let name = workload.name();
    IMPLEMENTATIONS.iter().filter(move |i| i.workload == name)
}

impl Device for OpenClDevice {
    fn entry(&self) -> &DeviceEntry {
        &self.entry
    }

    fn implementations(&self, workload: &dyn Workload) -> Vec<&str> {
        implementations(workload).map(|i| i.name).collect()
    }

    fn defaults(&self, workload: &dyn Workload) -> Vec<String> {
        self.tuned.implementation(workload.name()).into_iter().collect()
    }

    fn footprint_bytes(&self, task: &Task<'_>) -> u64 {
        let inputs: usize = task.workload.inputs(task.shape).iter().sum();
        let tensors = 4 * (inputs + task.workload.output(task.shape)) as u64;
        // On the device and, for transfers, on the host.
        2 * tensors
    }

    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>> {
        let found = implementations(task.workload).find(|i| i.name == task.implementation);
        let implementation = found.ok_or_else(|| {
            Error::Unsupported(format!(
                "{} has no implementation '{}'",
                self.entry.name, task.implementation
            ))
        })?;
        let recipe = (implementation.recipe)(self, task.shape)?;
        self.check_limits(task, &recipe)?;
        Ok(Box::new(runner::KernelRunner::new(self, task, recipe)?))
    }
}

impl OpenClDevice {
    fn check_limits(&self, task: &Task<'_>, recipe: &Recipe) -> Result<()> {
        let unsupported = |what: String| Err(Error::Unsupported(what));
        if recipe.group_size > self.max_group_size {
            return unsupported(format!(
                "needs work-groups of {} items, the device allows {}",
                recipe.group_size, self.max_group_size
            ));
        }
        let local = self.entry.local_memory_bytes.unwrap_or(0);
        if recipe.local_bytes > local {
            return unsupported(format!(
                "needs {} bytes of local memory, the device has {local}",
                recipe.local_bytes
            ));
        }
        let mut tensors = task.workload.inputs(task.shape);
        tensors.push(task.workload.output(task.shape));
        let longest = tensors.iter().copied().max().unwrap_or(0);
        // An output stands between fences, the first of them as long as the alignment asks.
        let fences = 2 * (FENCE + self.base_alignment);
        let largest = 4 * (longest + fences) as u64;
        let all = 4 * (tensors.iter().sum::<usize>() + fences) as u64;
        if all > self.entry.memory_bytes {
            return unsupported(format!(
                "needs {all} bytes of the device's memory, it has {}",
                self.entry.memory_bytes
            ));
        }
        if largest > self.entry.max_allocation_bytes {
            return unsupported(format!(
                "needs a buffer of {largest} bytes, the device allows {}",
                self.entry.max_allocation_bytes
            ));
        }
        if tensors.iter().any(|len| *len >= 1 << 31) {
            return unsupported("the kernels index operands of less than 2^31 elements".into());
        }
        Ok(())
    }
}
