//! A runner by its names, and what users name.

use crate::backend::{self, Device, Task};
use crate::error::{Error, Result, did_you_mean};
use crate::plan::Case;
use crate::workload::WORKLOADS;

/// One runner of a case, by device and implementation.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Position of the device.
    pub device: usize,
    /// Name of the implementation.
    pub implementation: String,
}

impl Choice {
    /// What a runner of this choice computes in a case.
    pub fn task<'c>(&'c self, case: &'c Case) -> Task<'c> {
        Task {
            workload: case.workload,
            shape: &case.shape,
            dtype: case.dtype,
            implementation: &self.implementation,
            parameters: None,
        }
    }
}

/// Whether a list of implementations that a user gave means this one.
pub fn is_named(names: &[String], implementation: &str) -> bool {
    names.iter().any(|name| name == "all" || name == implementation)
}

/// Fails as bad usage where a user names an implementation that no device has.
pub fn check_implementations(devices: &[Box<dyn Device>], names: &[String]) -> Result<()> {
    let of = |workload| devices.iter().flat_map(move |d| backend::names(d.as_ref(), workload));
    let mut known: Vec<&str> = WORKLOADS.iter().flat_map(|w| of(*w)).collect();
    known.sort_unstable();
    known.dedup();
    match names.iter().find(|name| *name != "all" && !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::usage(format!(
            "no chosen device has an implementation '{name}'; there is {} and all{}",
            known.join(", "),
            did_you_mean(name, known.iter().copied())
        ))),
    }
}
