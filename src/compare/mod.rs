//! Runs set against each other: the files of runs in, rows out. Draws nothing.
//!
//! | file | holds |
//! | --- | --- |
//! | `side.rs` | a run, or several processes of it, as its files tell it |
//! | `pair.rs` | which rows belong together, and what is unlike about them |
//! | `machine.rs` | what the machine itself did between two runs |
//! | `verdict.rs` | what is said of what remains |

mod machine;
mod pair;
mod side;
#[cfg(test)]
mod tests;
mod verdict;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::record::{ComparisonRow, PlanRow};
use crate::terms::{DeviceId, DeviceKind, FloorKind, Verdict};

pub use machine::Change;
pub use side::{Run, Side};

/// What settles a comparison of single processes.
pub const SETTLES: &str = "crossover run .. --repeat 5";

/// Slower by more than this share is a regression, unless told otherwise.
pub const THRESHOLD: f64 = 0.05;

/// What stands for a run at one point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// The fastest verified row of each kind of device, by what drives it.
    Kind,
    /// The fastest verified row of each device, by its id.
    Device,
    /// The fastest verified row of each implementation on a kind of device.
    Implementation,
}

impl By {
    /// All of them, the default first.
    pub const ALL: [By; 3] = [By::Kind, By::Device, By::Implementation];

    /// The word on the command line.
    pub fn name(self) -> &'static str {
        match self {
            By::Kind => "kind",
            By::Device => "device",
            By::Implementation => "implementation",
        }
    }
}

/// What rows of two runs stand for, so that they are set against each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Contestant {
    /// Where it computes.
    pub place: Place,
    /// The implementation, where each stands for itself alone.
    pub implementation: Option<String>,
}

/// The program behind a device.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Driver {
    /// The CPU path.
    Own,
    /// A backend of ours, by its name.
    Backend(String),
    /// A contender, by its name.
    Contender(String),
}

impl Driver {
    /// What drives a device.
    pub fn of(device: &DeviceId) -> Driver {
        match device.program() {
            Some(program) => Driver::Contender(program.to_string()),
            None if device.is_cpu() => Driver::Own,
            None => Driver::Backend(device.backend().to_string()),
        }
    }

    /// Its name, where it is not the CPU path.
    pub fn name(&self) -> Option<&str> {
        match self {
            Driver::Own => None,
            Driver::Backend(name) | Driver::Contender(name) => Some(name),
        }
    }
}

/// Where a contestant computes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// On any device of a kind that this program drives, a backend of ours or a contender.
    Kind(DeviceKind, Driver),
    /// On this device.
    Device(DeviceId),
}

impl Contestant {
    /// In a word or two: `cpu`, `gpu opencl`, `opencl:0`, `cpu packed`.
    pub fn name(&self) -> String {
        match &self.place {
            Place::Kind(kind, Driver::Own) => self.named(kind.name()),
            Place::Kind(kind, Driver::Backend(by) | Driver::Contender(by)) => {
                self.named(&format!("{} {by}", kind.name()))
            }
            Place::Device(id) => self.named(id.as_str()),
        }
    }

    /// The same with another name for where it computes.
    pub fn named(&self, place: &str) -> String {
        match &self.implementation {
            Some(implementation) => format!("{place} {implementation}"),
            None => place.to_string(),
        }
    }
}

/// Two runs at one point.
#[derive(Clone, Debug)]
pub struct Pair {
    /// The line of comparison.csv.
    pub row: ComparisonRow,
    /// Number of the side that B is; A is the first.
    pub side: usize,
    /// What the machine itself did between the two; none where that is unknown, or is what was asked about.
    pub machine: Option<Change>,
    /// What kind of device both are.
    pub kind: DeviceKind,
    /// What both stand for.
    pub contestant: Contestant,
    /// FLOP of one run.
    pub flop_count: u64,
    /// Compulsory bytes of one run.
    pub bytes_moved: u64,
    /// Whether B is slower by more than the threshold.
    pub regression: bool,
}

/// Runs set against the first of them.
pub struct Comparison {
    /// The runs.
    pub sides: Vec<Side>,
    /// What stands for each.
    pub by: By,
    /// Slower by more than this share is a regression.
    pub threshold: f64,
    /// Every comparison, side by side in the order of the first run's rows.
    pub pairs: Vec<Pair>,
}

impl Comparison {
    /// Reads run folders and compares all others with the first. Processes of
    /// one run are pooled, unless there is nothing else to compare.
    pub fn read(folders: &[PathBuf], by: By, threshold: f64) -> Result<Comparison> {
        check(folders)?;
        let runs = folders.par_iter().map(|f| Run::read(f)).collect::<Result<Vec<Run>>>()?;
        let sides = side::pooled(runs);
        let pairs = pair::pairs(&sides, by, threshold);
        if pairs.is_empty() {
            return Err(Error::usage(format!(
                "nothing to compare: no other run has a verified row of the same workload, shape, \
                 dtype, cache, scope and {} as {}",
                by.name(),
                folders[0].display()
            )));
        }
        Ok(Comparison { sides, by, threshold, pairs })
    }

    /// Comparisons with a regression.
    pub fn regressions(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|p| p.regression)
    }

    /// Comparisons that more processes would settle: nothing is clear, and what processes differ by is not
    /// known.
    pub fn unsettled(&self) -> impl Iterator<Item = &Pair> {
        let is_guess = |p: &&Pair| p.row.floor_kind == Some(FloorKind::Usual);
        self.pairs.iter().filter(is_guess).filter(|p| p.row.verdict == Verdict::Ambiguous)
    }

    /// Comparisons whose times scatter too much for a verdict.
    pub fn noisy(&self) -> impl Iterator<Item = &Pair> {
        self.pairs.iter().filter(|p| p.row.verdict == Verdict::None)
    }

    /// The lines of all plans, each once.
    pub fn plan(&self) -> Vec<PlanRow> {
        let mut seen = HashSet::new();
        let mut rows: Vec<&PlanRow> =
            self.sides.iter().flat_map(|s| &s.runs).flat_map(|r| &r.plan).collect();
        rows.retain(|r| {
            seen.insert(([&r.workload, &r.shape, &r.axis, &r.list, &r.layer], r.dtype))
        });
        rows.into_iter().cloned().collect()
    }
}

/// Two folders at least, none twice.
fn check(folders: &[PathBuf]) -> Result<()> {
    if folders.len() < 2 {
        return Err(Error::usage("compare takes two folders of runs or more"));
    }
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    for (i, folder) in folders.iter().enumerate() {
        if folders[..i].iter().any(|other| real(other) == real(folder)) {
            return Err(Error::usage(format!("{}: given twice", folder.display())));
        }
    }
    Ok(())
}
