//! HOW a workload is computed. A backend never times and never prints.

mod claim;
pub mod contender;
pub mod cpu;
mod facets;
mod flush;
pub mod gpu;
mod guarded;
pub mod opencl;
pub mod registry;
mod runner;
mod trainer;
pub mod tunable;

use std::path::Path;

use crate::config::ContenderConfig;
use crate::error::Result;
use crate::machine::DeviceEntry;
use crate::terms::{Dtype, Format, Shape};
use crate::workload::Workload;

pub use claim::Claim;
pub use facets::{Mappable, Part, Parts, Remote, Training};
pub use guarded::prepare;
pub use runner::{Details, Runner};
pub use trainer::{Stepwise, retrained, trainer};
use tunable::{Finding, Pinned, Tunable};

/// One thing to be computed, in one way.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// The workload.
    pub workload: &'a dyn Workload,
    /// Its shape.
    pub shape: &'a Shape,
    /// What it is computed in.
    pub dtype: Dtype,
    /// Name of the implementation.
    pub implementation: &'a str,
    /// Parameters that one of its kernels has to go by.
    pub parameters: Option<Pinned<'a>>,
}

impl Task<'_> {
    /// The format of operands and results in memory.
    pub fn format(&self) -> Format {
        self.workload.formats(self.dtype).storage
    }
}

/// A device that can compute.
pub trait Device {
    /// Its facts.
    fn entry(&self) -> &DeviceEntry;

    /// Every implementation of the workload in a dtype that this device has, whether or not it serves a
    /// shape.
    fn implementations(&self, workload: &dyn Workload, dtype: Dtype) -> Vec<&str>;

    /// The implementations that are timed where the user names none; all, unless the device knows better.
    fn defaults(&self, workload: &dyn Workload, dtype: Dtype) -> Vec<String> {
        self.implementations(workload, dtype).into_iter().map(str::to_string).collect()
    }

    /// Memory that a prepared task takes on the device and on the host together, in bytes.
    fn footprint_bytes(&self, task: &Task<'_>) -> u64;

    /// Compiles and allocates; to be called by [`prepare`]. `Error::Unsupported` where the implementation does not serve the
    /// shape on this device, `Error::Device` where the device refuses.
    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>>;

    /// What can be tuned on this device.
    fn tunables(&self) -> Vec<Tunable> {
        Vec::new()
    }

    /// Keeps what a search found, for this and later runs.
    fn keep(&self, _tunable: &Tunable, _finding: &Finding) -> Result<()> {
        Ok(())
    }

    /// A buffer of this device that the host can map; none where there is nothing to map.
    fn mappable(&self) -> Result<Option<Box<dyn Mappable + '_>>> {
        Ok(None)
    }

    /// Keeps what another program says on the side in a file of this folder.
    fn log_to(&self, _folder: &Path) {}
}

/// Every implementation of a workload that a device has, in whatever dtype.
pub fn names<'d>(device: &'d dyn Device, workload: &dyn Workload) -> Vec<&'d str> {
    let mut names = Vec::new();
    for name in workload.dtypes().iter().flat_map(|d| device.implementations(workload, *d)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// Devices that were found, and sentences about those that can't be used.
#[derive(Default)]
pub struct Devices {
    /// In the order in which they are listed.
    pub all: Vec<Box<dyn Device>>,
    /// One sentence each.
    pub problems: Vec<String>,
}

/// What the devices are chosen and started by.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// How many cores; none takes one thread a physical core.
    pub threads: Option<u32>,
    /// Devices by id, kind or part of a name; empty means all.
    pub names: &'a [String],
    /// Programs to be started as further devices.
    pub contenders: &'a [ContenderConfig],
    /// Whether one that can't be used is an error: who names one wants its numbers.
    pub strict: bool,
}

/// One way to compute: the CPU path, an API for GPUs, other programs.
pub trait Backend: Sync {
    /// The first part of the ids of its devices, which also stands for all of them: `opencl`.
    fn prefix(&self) -> &'static str;

    /// Finds its devices. `cores` are the processors to compute on.
    fn discover(&self, request: &Request<'_>, cores: &[usize]) -> Result<Devices>;

    /// What `doctor` says of a device that was found.
    fn proof(&self, device: &DeviceEntry) -> String;

    /// Whether looking for its devices starts programs: it is left out where the user named devices of
    /// other backends alone.
    fn starts_programs(&self) -> bool {
        false
    }

    /// To be called first in `main`: in a child process that was started to try drivers, does that and
    /// ends the process.
    fn answer_if_asked(&self) {}

    /// Tells the libraries that it will load, through the environment, which cores to compute on.
    ///
    /// # Safety
    ///
    /// No other thread may run yet: the environment is not synchronised.
    unsafe fn prepare_process(&self, _cores: &[usize]) {}

    /// What all of it stands on, for `doctor`: there, or missing and how to mend that. None where that
    /// is nothing.
    fn ground(&self) -> Option<std::result::Result<String, String>> {
        None
    }

    /// What `doctor` finds wrong beside the devices, a sentence each: which file or folder, and what to do.
    fn faults(&self) -> Vec<String> {
        Vec::new()
    }

    /// What `doctor` advises in view of everything that was found, a sentence each.
    fn advice(&self, _found: &Devices) -> Vec<String> {
        Vec::new()
    }

    /// Ends what it started, for an end of this process without clean-up.
    fn abandon(&self) {}
}

impl Devices {
    /// The facts of every device, and the problems, for the manifest.
    pub fn facts(&self) -> (Vec<DeviceEntry>, Vec<String>) {
        (self.all.iter().map(|d| d.entry().clone()).collect(), self.problems.clone())
    }

    /// Keeps what other programs say on the side in files of a folder.
    pub fn log_to(&self, folder: &Path) {
        self.all.iter().for_each(|device| device.log_to(folder));
    }
}
