//! HOW a workload is computed. A backend never times and never prints.

mod claim;
pub mod contender;
pub mod cpu;
pub mod gpu;
pub mod opencl;
mod parts;
mod remote;
mod runner;
mod trainer;
mod training;
pub mod tunable;

use std::path::Path;

use crate::config::ContenderConfig;
use crate::error::{Error, Result, did_you_mean};
use crate::machine::{self, DeviceEntry};
use crate::terms::DeviceKind;
use crate::terms::{Dtype, Format, Shape};
use crate::workload::Workload;

pub use claim::Claim;
pub use parts::{Part, Parts};
pub use remote::Remote;
pub use runner::{Details, Runner};
pub use trainer::{Stepwise, retrained, trainer};
pub use training::Training;
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

    /// The implementations that are timed where the user names none.
    fn defaults(&self, workload: &dyn Workload, dtype: Dtype) -> Vec<String>;

    /// Memory that a prepared task takes on the device and on the host together, in bytes.
    fn footprint_bytes(&self, task: &Task<'_>) -> u64;

    /// Compiles and allocates. `Error::Unsupported` where the implementation does not serve the
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

    /// Whether mapping a buffer of this device moves nothing, so that it is no transfer; none where
    /// there is nothing to map.
    fn is_zero_copy(&self) -> Option<bool> {
        None
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

/// Chooses the cores, holds this process, the drivers it will load and the contenders to them, and
/// finds the devices.
///
/// # Safety
///
/// No other thread may run yet: drivers are told through the environment.
pub unsafe fn start(request: &Request<'_>) -> Result<(Vec<usize>, Devices)> {
    let cores = machine::choose_cores(request.threads)?;
    // Drivers and contenders start their threads from this one and inherit its mask.
    machine::restrict_thread(&cores);
    // SAFETY: the caller promises that no other thread runs.
    unsafe { opencl::limit_driver_threads(&cores) };
    let mut devices = discover(&cores);
    let needs_contender = |name: &String| name != "cpu" && !name.starts_with("opencl");
    if request.names.is_empty() || request.names.iter().any(needs_contender) {
        devices.add_contenders(request, cores.len() as u32)?;
    }
    devices.select(request.names)?;
    Ok((cores, devices))
}

/// Finds every device. `cores` are the processors to compute on.
pub fn discover(cores: &[usize]) -> Devices {
    let opencl = opencl::discover(cores.len());
    let mut all: Vec<Box<dyn Device>> = vec![Box::new(cpu::Cpu::new(cores))];
    all.extend(opencl.devices.into_iter().map(|d| Box::new(d) as Box<dyn Device>));
    Devices { all, problems: opencl.problems }
}

impl Devices {
    /// The facts of every device, and the problems, for the manifest.
    pub fn facts(&self) -> (Vec<DeviceEntry>, Vec<String>) {
        (self.all.iter().map(|d| d.entry().clone()).collect(), self.problems.clone())
    }

    fn add_contenders(&mut self, request: &Request<'_>, threads: u32) -> Result<()> {
        let (devices, problems) = contender::discover(request.contenders, threads)?;
        if let Some(problem) = problems.first().filter(|_| request.strict) {
            return Err(Error::usage(problem.as_str()));
        }
        self.all.extend(devices.into_iter().map(|d| Box::new(d) as Box<dyn Device>));
        self.problems.extend(problems);
        Ok(())
    }

    /// Keeps what other programs say on the side in files of a folder.
    pub fn log_to(&self, folder: &Path) {
        self.all.iter().for_each(|device| device.log_to(folder));
    }

    /// Keeps the devices the user named; no names keep all.
    fn select(&mut self, names: &[String]) -> Result<()> {
        if names.is_empty() {
            return Ok(());
        }
        let mut keep = vec![false; self.all.len()];
        for name in names {
            for index in matching(&self.all, name)? {
                keep[index] = true;
            }
        }
        let mut keep = keep.into_iter();
        self.all.retain(|_| keep.next().unwrap_or(false));
        Ok(())
    }
}

/// Positions of the devices that `name` means: an id, `cpu`, `gpu`, `opencl`, `contender`, a
/// contender's name, or part of the name of exactly one.
fn matching(devices: &[Box<dyn Device>], name: &str) -> Result<Vec<usize>> {
    let all = |test: &dyn Fn(&DeviceEntry) -> bool| -> Vec<usize> {
        (0..devices.len()).filter(|i| test(devices[*i].entry())).collect()
    };
    let found = match name {
        "gpu" => all(&|d| d.kind == DeviceKind::Gpu),
        "opencl" => all(&|d| d.id.starts_with("opencl:")),
        "contender" => all(&|d| d.id.starts_with("contender:")),
        id => all(&|d| d.id == id || d.id.starts_with(&format!("contender:{id}:"))),
    };
    if !found.is_empty() {
        return Ok(found);
    }
    let lower = name.to_lowercase();
    let by_name = all(&|d| d.name.to_lowercase().contains(&lower));
    let listed: Vec<&str> = devices.iter().map(|d| d.entry().id.as_str()).collect();
    let words = listed.iter().copied().chain(["gpu", "opencl", "contender"]);
    match by_name.len() {
        1 => Ok(by_name),
        0 => Err(Error::usage(format!(
            "no device '{name}'; there is {} ('crossover devices' lists them, 'crossover doctor' \
             says what is missing){}",
            listed.join(", "),
            did_you_mean(name, words)
        ))),
        _ => {
            let ids: Vec<&str> = by_name.iter().map(|i| listed[*i]).collect();
            Err(Error::usage(format!("device '{name}' fits {}; name one", ids.join(" and "))))
        }
    }
}
