//! Which implementations a device has, and what makes their runners.

use super::device::OpenClDevice;
use super::runner::KernelRunner;
use super::{launch, train, transfer};
use crate::backend::gpu;
use crate::backend::tunable::{Finding, Tunable, family};
use crate::backend::{Device, Mappable, Runner, Task};
use crate::error::{Error, Result};
use crate::machine::DeviceEntry;
use crate::terms::Dtype;
use crate::workload::Workload;

/// What makes a runner of something that is no recipe: a transfer, a build, a training.
type Own = for<'a> fn(&'a OpenClDevice, &Task<'_>) -> Result<Box<dyn Runner + 'a>>;

/// Workload, names of implementations in the order of reports, and what makes their runners.
const OWN: &[(&str, &[&str], Own)] = &[
    ("transfer-h2d", &transfer::WRITES, transfer::transfer),
    ("transfer-d2h", &transfer::READS, transfer::transfer),
    ("launch", &launch::NAMES, launch::launch),
    ("train-mlp", &gpu::train::NAMES, train::train),
    ("train-cnn", &gpu::train::NAMES, train::train),
    ("train-lstm", &gpu::train::NAMES, train::train),
    ("train-transformer", &gpu::train::NAMES, train::train),
];

/// What makes a runner.
enum How {
    /// Kernels, one after the other.
    Recipe(gpu::Make),
    /// Something that is no recipe.
    Own(Own),
}

/// A workload's implementations in a dtype, by their names.
fn implementations(
    workload: &dyn Workload,
    dtype: Dtype,
) -> impl Iterator<Item = (&'static str, How)> {
    let workload = workload.name();
    let recipes = gpu::recipes(workload, dtype).map(|(name, make)| (name, How::Recipe(make)));
    let rows = OWN.iter().filter(move |(name, ..)| dtype == Dtype::F32 && *name == workload);
    let own = rows.flat_map(|(_, names, make)| names.iter().map(|name| (*name, How::Own(*make))));
    recipes.chain(own)
}

impl Device for OpenClDevice {
    fn entry(&self) -> &DeviceEntry {
        &self.target.entry
    }

    fn implementations(&self, workload: &dyn Workload, dtype: Dtype) -> Vec<&str> {
        implementations(workload, dtype).map(|(name, _)| name).collect()
    }

    fn defaults(&self, workload: &dyn Workload, dtype: Dtype) -> Vec<String> {
        let mut names = implementations(workload, dtype).map(|(name, _)| name);
        match self.target.tuned.implementation(family(workload.name()), dtype) {
            Some(name) => names.any(|known| known == name).then_some(name).into_iter().collect(),
            // Where nothing is chosen, each says something of its own.
            None => names.map(str::to_string).collect(),
        }
    }

    fn mappable(&self) -> Result<Option<Box<dyn Mappable + '_>>> {
        Ok(Some(Box::new(transfer::Mapped::new(self)?)))
    }

    fn footprint_bytes(&self, task: &Task<'_>) -> u64 {
        if let Some(bytes) = gpu::train::footprint_bytes(&self.target, task) {
            return bytes;
        }
        let inputs: usize = task.workload.inputs(task.shape).iter().sum();
        // All of them on the device, and results on the host; transfers have their operand there too.
        let elements = (inputs + 2 * task.workload.output(task.shape)) as u64;
        task.format().bytes() * elements
    }

    fn tunables(&self) -> Vec<Tunable> {
        self.target.tunables()
    }

    fn keep(&self, tunable: &Tunable, finding: &Finding) -> Result<()> {
        self.target.keep(tunable, finding)
    }

    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>> {
        let name = task.implementation;
        let found = implementations(task.workload, task.dtype).find(|(known, _)| *known == name);
        let (_, how) = found.ok_or_else(|| {
            let device = &self.target.entry.name;
            Error::Unsupported(format!("{device} has no implementation '{name}'"))
        })?;
        self.check_dtype(task.dtype)?;
        match how {
            How::Recipe(make) => {
                let recipe = make(&self.target, task)?.in_dtype(task.dtype);
                self.target.check(task, &recipe)?;
                Ok(Box::new(KernelRunner::new(self, task, recipe)?))
            }
            How::Own(make) => make(self, task),
        }
    }
}
