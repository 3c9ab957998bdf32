//! HOW a workload is computed. A backend never times and never prints.

pub mod cpu;
pub mod opencl;

use crate::error::{Error, Result};
use crate::machine::{self, DeviceEntry};
use crate::record::DeviceKind;
use crate::workload::{Scope, Shape, Workload};

/// One thing to be computed, in one way.
#[derive(Clone, Copy)]
pub struct Task<'a> {
    /// The workload.
    pub workload: &'a dyn Workload,
    /// Its shape.
    pub shape: &'a Shape,
    /// Name of the implementation.
    pub implementation: &'a str,
}

/// A device that can compute.
pub trait Device {
    /// Its facts.
    fn entry(&self) -> &DeviceEntry;

    /// Every implementation of the workload that this device has, whether or not it serves a shape.
    fn implementations(&self, workload: &dyn Workload) -> Vec<&'static str>;

    /// The implementations that are timed where the user names none.
    fn defaults(&self, workload: &dyn Workload) -> Vec<String>;

    /// Memory that a prepared task takes on the device and on the host together, in bytes.
    fn footprint_bytes(&self, task: &Task<'_>) -> u64;

    /// Compiles and allocates. `Error::Unsupported` where the implementation does not serve the
    /// shape on this device, `Error::Device` where the device refuses.
    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>>;
}

/// A prepared task: everything that may happen inside the timed region, and what checks need.
pub trait Runner {
    /// Takes new operands and makes them resident. Blocking.
    fn load(&mut self, inputs: &[Vec<f32>]) -> Result<()>;

    /// Fills the outputs of both scopes with poison between fences. Before an end-to-end run the
    /// device's copies of the operands are spoilt too, where there are such: what the run does not
    /// upload must show. Blocking.
    fn poison(&mut self, scope: Scope) -> Result<()>;

    /// Computes once. Must not return before the result is there.
    fn run(&mut self, scope: Scope) -> Result<()>;

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

/// Facts about a prepared runner.
#[derive(Clone, Debug, PartialEq)]
pub struct Details {
    /// Where its parameters come from: `user`, `shipped`, `default`; empty where it has none.
    pub tuned: &'static str,
    /// Extra memory on the device, in bytes.
    pub scratch_bytes: u64,
    /// Whether preparing compiled from source, so that its time means something.
    pub compiled: bool,
    /// Rows and columns of the output that one work-group or task computes.
    pub tile: (usize, usize),
}

/// Devices that were found, and sentences about those that can't be used.
pub struct Devices {
    /// In the order in which they are listed.
    pub all: Vec<Box<dyn Device>>,
    /// One sentence each.
    pub problems: Vec<String>,
}

/// Chooses the cores, holds this process and the drivers it will load to them, and finds the
/// devices. `threads` asks for a number of cores.
///
/// # Safety
///
/// No other thread may run yet: drivers are told through the environment.
pub unsafe fn start(threads: Option<u32>) -> Result<(Vec<usize>, Devices)> {
    let cores = machine::choose_cores(threads)?;
    // Drivers start their threads from this one and inherit its mask.
    machine::restrict_thread(&cores);
    // SAFETY: the caller promises that no other thread runs.
    unsafe { opencl::limit_driver_threads(&cores) };
    let devices = discover(&cores);
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

    /// Keeps the devices the user named; no names keep all.
    pub fn select(&mut self, names: &[String]) -> Result<()> {
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

/// Positions of the devices that `name` means: an id, `cpu`, `gpu`, `opencl`, or part of the name
/// of exactly one.
fn matching(devices: &[Box<dyn Device>], name: &str) -> Result<Vec<usize>> {
    let all = |test: &dyn Fn(&DeviceEntry) -> bool| -> Vec<usize> {
        (0..devices.len()).filter(|i| test(devices[*i].entry())).collect()
    };
    let found = match name {
        "gpu" => all(&|d| d.kind == DeviceKind::Gpu),
        "opencl" => all(&|d| d.id.starts_with("opencl:")),
        id => all(&|d| d.id == id),
    };
    if !found.is_empty() {
        return Ok(found);
    }
    let lower = name.to_lowercase();
    let by_name = all(&|d| d.name.to_lowercase().contains(&lower));
    let listed: Vec<&str> = devices.iter().map(|d| d.entry().id.as_str()).collect();
    match by_name.len() {
        1 => Ok(by_name),
        0 => Err(Error::usage(format!(
            "no device '{name}'; there is {} ('crossover devices' lists them, 'crossover doctor' \
             says what is missing)",
            listed.join(", ")
        ))),
        _ => {
            let ids: Vec<&str> = by_name.iter().map(|i| listed[*i]).collect();
            Err(Error::usage(format!("device '{name}' fits {}; name one", ids.join(" and "))))
        }
    }
}
