//! HOW a workload is computed. A backend never times and never prints.

mod claim;
pub mod contender;
pub mod cpu;
mod gpu;
pub mod opencl;
mod trainer;
pub mod tunable;

use std::path::Path;

use crate::config::ContenderConfig;
use crate::error::{Error, Result, did_you_mean};
use crate::machine::{self, DeviceEntry};
use crate::terms::DeviceKind;
use crate::terms::{Dtype, Scope, Shape};
use crate::workload::{Algorithm, Work, Workload};

pub use claim::Claim;
pub use trainer::{Stepwise, retrained, trainer};
use tunable::{Finding, Point, Tunable};

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
}

/// A device that can compute.
pub trait Device {
    /// Its facts.
    fn entry(&self) -> &DeviceEntry;

    /// Every implementation of the workload that this device has, whether or not it serves a shape.
    fn implementations(&self, workload: &dyn Workload) -> Vec<&str>;

    /// The implementations that are timed where the user names none.
    fn defaults(&self, workload: &dyn Workload) -> Vec<String>;

    /// Memory that a prepared task takes on the device and on the host together, in bytes.
    fn footprint_bytes(&self, task: &Task<'_>) -> u64;

    /// Compiles and allocates. `Error::Unsupported` where the implementation does not serve the
    /// shape on this device, `Error::Device` where the device refuses.
    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>>;

    /// What can be tuned on this device.
    fn tunables(&self) -> Vec<Tunable> {
        Vec::new()
    }

    /// The same as [`Device::prepare`] with the parameters of a point.
    fn prepare_at(
        &self,
        _tunable: &Tunable,
        _point: &Point,
        task: &Task<'_>,
    ) -> Result<Box<dyn Runner + '_>> {
        self.prepare(task)
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

/// A prepared task: everything that may happen inside the timed region, and what checks need.
pub trait Runner {
    /// Takes new operands and makes them resident. Blocking.
    fn load(&mut self, inputs: &[Vec<f32>]) -> Result<()>;

    /// Fills the outputs of both scopes with poison between fences. Before an end-to-end run the
    /// device's copies of the operands are spoilt too, where there are such: what the run does not
    /// upload must show. Blocking.
    fn poison(&mut self, scope: Scope) -> Result<()>;

    /// Brings back the state before the first run, where a run changes what the next one starts from:
    /// parameters and optimiser of a training. Blocking.
    fn restore(&mut self) -> Result<()> {
        Ok(())
    }

    /// Takes the next mini-batch and its labels for a training that goes on from where it is, and makes
    /// them resident. Blocking.
    fn feed(&mut self, _batch: &[f32], _labels: &[f32]) -> Result<()> {
        Err(Error::Unsupported("it does not train step by step".to_string()))
    }

    /// Computes once. Must not return before the result is there.
    fn run(&mut self, scope: Scope) -> Result<()>;

    /// Computes once, part by part; `after` hears of each part when it has ended. False, and nothing
    /// done, where there are no parts to tell apart.
    fn run_in_parts(&mut self, _after: &mut dyn FnMut(&Part)) -> Result<bool> {
        Ok(false)
    }

    /// From now on a run computes only the kernels that go by these parameters ([`Tunable::part`]), on
    /// what the last whole run left; or all of it again. Its results are of no use then, its time is.
    fn narrow(&mut self, part: Option<&str>) -> Result<()> {
        match part {
            Some(_) => Err(Error::Unsupported("it has no parts to be timed alone".to_string())),
            None => Ok(()),
        }
    }

    /// Computes `iterations` times and tells how long each took, where only the runner can tell: it
    /// computes in another process. None, and nothing done, where the caller's clock can tell.
    fn claim(&mut self, _scope: Scope, _iterations: u64) -> Result<Option<Claim>> {
        Ok(None)
    }

    /// Waits until nothing that the last run left behind takes time from other runners: threads
    /// that spin for more work.
    fn settle(&mut self) {}

    /// Empties the caches, so that the next run finds nothing in them. Blocking.
    fn flush(&mut self) -> Result<()> {
        Err(Error::Unsupported("its caches can't be flushed".to_string()))
    }

    /// Computes once on a clock of the device's own: seconds from the first start to the last end.
    /// None where the device has no such clock.
    fn run_on_device_clock(&mut self) -> Result<Option<f64>> {
        Ok(None)
    }

    /// The operands as the device holds them now.
    fn inputs(&mut self) -> Result<Vec<Vec<f32>>>;

    /// The output of the last run in that scope, with its fences.
    fn output(&mut self, scope: Scope) -> Result<Vec<f32>>;

    /// What is to be known of this runner besides its times.
    fn details(&self) -> Details;
}

/// A part of a run: one operation of a training step.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it does, such as `linear-forward`.
    pub operation: String,
    /// Seconds by the device's own clock, where it has one.
    pub device_s: Option<f64>,
    /// Nominal FLOP of its products.
    pub flop_count: u64,
}

/// Facts about a prepared runner.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// Where its parameters come from: `user`, `shipped`, `default`; empty where it has none.
    pub tuned: &'static str,
    /// The note that parameters were found once, but can't be used: driver or kernel have changed.
    pub tuned_for_other: Option<&'static str>,
    /// Extra memory on the device, in bytes.
    pub scratch_bytes: u64,
    /// Whether preparing compiled from source, so that its time means something.
    pub compiled: bool,
    /// Rows and columns of the output that one work-group or task computes.
    pub tile: (usize, usize),
    /// Threads that it uses, where it tells; else the device's count holds.
    pub threads: Option<u32>,
    /// What one run does, where the workload leaves it to the runner.
    pub work: Option<Work>,
    /// How it comes to its results.
    pub algorithm: Algorithm,
    /// Whether it works slower because there is too little memory beside the tensors.
    pub reduced_scratch: bool,
    /// How often one call of `run` does it: at least once.
    pub repeats: u64,
    /// Whether a run changes what the next one starts from, so that each is timed after `restore`.
    pub restores: bool,
    /// Kernels that a run launches, where it tells.
    pub launches: Option<u64>,
}

impl Default for Details {
    fn default() -> Self {
        Details {
            tuned: "",
            tuned_for_other: None,
            scratch_bytes: 0,
            compiled: false,
            tile: (1, 1),
            threads: None,
            work: None,
            algorithm: Algorithm::Direct,
            reduced_scratch: false,
            repeats: 1,
            restores: false,
            launches: None,
        }
    }
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
