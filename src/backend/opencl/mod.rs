//! OpenCL devices: kernels from `kernels/`, parameters from `kernels/tuned/`.

mod buffer;
mod check;
mod class;
mod discover;
mod flush;
mod info;
mod launch;
pub mod probe;
pub(super) mod program;
mod runner;
pub(super) mod train;
mod transfer;

use std::cell::OnceCell;

use ocl::core::{ContextProperties, DeviceId, PlatformId};

use super::gpu::recipe::{Build, Recipe};
use super::gpu::{conv, gemm, peak, stream, tuned};
use super::tunable::{Finding, Point, Tunable};
use super::{Device, Runner, Task};
use crate::error::{Error, Result};
use crate::machine::DeviceEntry;
use crate::tensor::FENCE;
use crate::terms::{Dtype, Role};
use crate::workload::Workload;

pub use discover::{Discovery, discover, limit_driver_threads};

/// Every GPU kernel as a class of `kernels/tuned/` builds it.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let builds = [
        gemm::gpu_builds(class),
        conv::gpu_builds(class),
        stream::gpu_builds(class),
        peak::gpu_builds(class),
        train::gpu_builds(class),
    ];
    builds.into_iter().flatten().collect()
}

/// One way to compute a workload.
struct Implementation {
    workload: &'static str,
    name: &'static str,
    how: How,
}

/// What makes a runner.
enum How {
    /// Kernels, one after the other.
    Kernels(fn(&OpenClDevice, &Task<'_>) -> Result<Recipe>),
    /// Something that is no kernel: a transfer, a build.
    Own(for<'a> fn(&'a OpenClDevice, &Task<'_>) -> Result<Box<dyn Runner + 'a>>),
}

/// Every implementation, in the order of reports.
const IMPLEMENTATIONS: &[Implementation] = &[
    kernels("gemm", "local", gemm::local),
    kernels("gemm", "register", gemm::register),
    kernels("gemm", "packed", gemm::packed),
    kernels("gemm", "naive", gemm::naive),
    kernels("conv-fprop", "local", conv::local),
    kernels("conv-fprop", "register", conv::register),
    kernels("conv-fprop", "packed", conv::packed_fprop),
    kernels("conv-fprop", "naive", conv::naive),
    kernels("conv-dgrad", "local", conv::local),
    kernels("conv-dgrad", "register", conv::register),
    kernels("conv-dgrad", "packed", conv::packed_dgrad),
    kernels("conv-dgrad", "naive", conv::naive),
    kernels("conv-wgrad", "local", conv::local),
    kernels("conv-wgrad", "register", conv::register),
    kernels("conv-wgrad", "packed", conv::packed_wgrad),
    kernels("conv-wgrad", "naive", conv::naive),
    kernels("stream-copy", "vector", stream::vector),
    kernels("stream-scale", "vector", stream::vector),
    kernels("stream-add", "vector", stream::vector),
    kernels("stream-triad", "vector", stream::vector),
    kernels("stream-dot", "vector", stream::vector),
    kernels("launch", "round-trip", launch::round_trip),
];

const fn kernels(
    workload: &'static str,
    name: &'static str,
    recipe: fn(&OpenClDevice, &Task<'_>) -> Result<Recipe>,
) -> Implementation {
    Implementation { workload, name, how: How::Kernels(recipe) }
}

/// Workloads with many implementations of one maker, which goes by their names.
const FAMILIES: &[(&str, &[&str], How)] = &[
    ("peak-fma", &peak::NAMES, How::Kernels(peak::peak)),
    ("transfer-h2d", &transfer::WRITES, How::Own(transfer::write)),
    ("transfer-d2h", &transfer::READS, How::Own(transfer::read)),
    ("launch", &launch::NAMES, How::Own(launch::launch)),
    ("train-mlp", &train::NAMES, How::Own(train::train)),
    ("train-cnn", &train::NAMES, How::Own(train::train)),
    ("train-lstm", &train::NAMES, How::Own(train::train)),
    ("train-transformer", &train::NAMES, How::Own(train::train)),
];

/// A device with its own context and queues.
pub struct OpenClDevice {
    pub(super) entry: DeviceEntry,
    id: DeviceId,
    context: ocl::core::Context,
    queue: ocl::core::CommandQueue,
    profiling_queue: Option<ocl::core::CommandQueue>,
    pub(super) tuned: tuned::Tuned,
    /// Programs that this process has built, so that runners share them.
    programs: program::Store,
    max_group_size: usize,
    /// Alignment of sub-buffers, in elements of f32.
    base_alignment: usize,
    /// Made when it is first needed.
    flush: OnceCell<flush::Flush>,
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
            tuned: tuned::Tuned::of_device(&entry),
            programs: program::Store::default(),
            max_group_size: info::max_group_size(id),
            base_alignment: info::base_alignment_bytes(id).div_ceil(4),
            flush: OnceCell::new(),
            context,
            id,
            entry,
        })
    }

    /// That the user should tune again, where what has changed since makes that of use.
    fn advice(&self) -> Option<String> {
        let change = self.tuned.change()?;
        let DeviceEntry { id, name, .. } = &self.entry;
        Some(format!(
            "{id} {name} was tuned for {}; run 'crossover tune --device {id}' again",
            change.words()
        ))
    }

    /// Empties the device's caches.
    fn flush(&self) -> Result<()> {
        if self.flush.get().is_none() {
            let flush = flush::Flush::new(self)?;
            let _ = self.flush.set(flush);
        }
        self.flush.get().map_or(Ok(()), |flush| flush.run(self))
    }

    /// A driver's refusal, with the device's name and the true status code where it was an odd one.
    fn refused(&self, what: &str, error: &ocl::core::Error) -> Error {
        let odd = opencl_shim::take_unknown_status();
        let odd: Vec<String> = odd.iter().map(|status| format!("; {status}")).collect();
        Error::device(format!("{}: {what}: {error}{}", self.entry.name, odd.concat()))
    }
}

/// Names of a workload's implementations, with what makes their runners.
fn implementations(
    workload: &dyn Workload,
    dtype: Dtype,
) -> impl Iterator<Item = (&'static str, &'static How)> {
    let serves = dtype == Dtype::F32 || workload.role() == Role::Peak;
    let name = if serves { workload.name() } else { "" };
    let single = IMPLEMENTATIONS.iter().filter(move |i| i.workload == name);
    let families = FAMILIES.iter().filter(move |(workload, ..)| *workload == name);
    let families = families.flat_map(|(_, names, how)| names.iter().map(move |n| (*n, how)));
    single.map(|i| (i.name, &i.how)).chain(families)
}

/// Workloads that share their parameters: `stream-copy` and its like are one family.
pub(super) fn family(workload: &'static str) -> &'static str {
    workload.split('-').next().unwrap_or_default()
}

impl Device for OpenClDevice {
    fn entry(&self) -> &DeviceEntry {
        &self.entry
    }

    fn implementations(&self, workload: &dyn Workload, dtype: Dtype) -> Vec<&str> {
        implementations(workload, dtype).map(|(name, _)| name).collect()
    }

    fn defaults(&self, workload: &dyn Workload, dtype: Dtype) -> Vec<String> {
        match self.tuned.implementation(family(workload.name())) {
            Some(name) if implementations(workload, dtype).any(|(known, _)| known == name) => {
                vec![name]
            }
            Some(_) => Vec::new(),
            // Where nothing is chosen, each says something of its own.
            None => implementations(workload, dtype).map(|(name, _)| name.to_string()).collect(),
        }
    }

    fn is_zero_copy(&self) -> Option<bool> {
        transfer::is_zero_copy(self).ok()
    }

    fn footprint_bytes(&self, task: &Task<'_>) -> u64 {
        if let Some(bytes) = train::footprint_bytes(self, task) {
            return bytes;
        }
        let inputs: usize = task.workload.inputs(task.shape).iter().sum();
        let elements = (inputs + task.workload.output(task.shape)) as u64;
        let tensors = task.format().bytes() * elements;
        // On the device and, for transfers, on the host.
        2 * tensors
    }

    fn tunables(&self) -> Vec<Tunable> {
        self.tuned.tunables(&self.entry, self.max_group_size)
    }

    fn prepare_at(
        &self,
        tunable: &Tunable,
        point: &Point,
        task: &Task<'_>,
    ) -> Result<Box<dyn Runner + '_>> {
        self.tuned.attempt(Some((tunable, point)));
        let prepared = self.prepare(task);
        self.tuned.attempt(None);
        prepared
    }

    fn keep(&self, tunable: &Tunable, finding: &Finding) -> Result<()> {
        tuned::Tuned::keep(&self.entry, tunable, finding)
    }

    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>> {
        let found = implementations(task.workload, task.dtype)
            .find(|(name, _)| *name == task.implementation);
        let (_, how) = found.ok_or_else(|| {
            Error::Unsupported(format!(
                "{} has no implementation '{}'",
                self.entry.name, task.implementation
            ))
        })?;
        match how {
            How::Kernels(recipe) => {
                let recipe = recipe(self, task)?;
                self.check_limits(task, &recipe)?;
                Ok(Box::new(runner::KernelRunner::new(self, task, recipe)?))
            }
            How::Own(make) => make(self, task),
        }
    }
}

impl OpenClDevice {
    fn check_limits(&self, task: &Task<'_>, recipe: &Recipe) -> Result<()> {
        let unsupported = |what: String| Err(Error::Unsupported(what));
        let group_size = recipe.steps.iter().map(|s| s.group_size).max().unwrap_or(0);
        if group_size > self.max_group_size {
            return unsupported(format!(
                "needs work-groups of {group_size} items, the device allows {}",
                self.max_group_size
            ));
        }
        let local_bytes = recipe.steps.iter().map(|s| s.local_bytes).max().unwrap_or(0);
        let local = self.entry.local_memory_bytes.unwrap_or(0);
        if local_bytes > local {
            return unsupported(format!(
                "needs {local_bytes} bytes of local memory, the device has {local}"
            ));
        }
        let mut tensors = task.workload.inputs(task.shape);
        tensors.push(task.workload.output(task.shape));
        tensors.extend(&recipe.scratch);
        tensors.extend(recipe.tables.iter().map(Vec::len));
        self.check_memory(&tensors)?;
        if tensors.iter().any(|len| *len >= 1 << 31) {
            return unsupported("the kernels index operands of less than 2^31 elements".into());
        }
        Ok(())
    }

    /// Whether buffers of these many floats fit, one of them between fences.
    fn check_memory(&self, lengths: &[usize]) -> Result<()> {
        let unsupported = |what: String| Err(Error::Unsupported(what));
        let longest = lengths.iter().copied().max().unwrap_or(0);
        // An output stands between fences, the first of them as long as the alignment asks.
        let fences = 2 * (FENCE + self.base_alignment);
        let largest = 4 * (longest + fences) as u64;
        let all = 4 * (lengths.iter().sum::<usize>() + fences) as u64;
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
        Ok(())
    }
}
