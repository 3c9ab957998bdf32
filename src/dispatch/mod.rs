//! Thresholds as data that another program can use: from which size on a device is worth it, and a decision for
//! shapes that were never measured. Rows of summary.csv in, a table out.
//!
//! | file | holds |
//! | --- | --- |
//! | `points.rs` | the rows of summary.csv, as shapes with what they cost |
//! | `threshold.rs` | from which size of a family on the device is chosen, and where a program stays with what it had |
//! | `fit.rs` | times from work: non-negative least squares on relative errors |
//! | `entry.rs` | all that is known of a workload in a dtype on a device |
//! | `decide.rs` | whether to prefer the device |
//! | `regret.rs` | what choosing costs over always choosing right, on shapes that were left out |
//! | `fixed.rs` | thresholds that other projects have in their sources |
//! | `export.rs` | a table as JSON, TOML, Rust and C |

mod decide;
mod entry;
mod export;
mod fit;
mod fixed;
mod points;
mod regret;
#[cfg(test)]
mod tests;
mod threshold;

use serde::Serialize;

use crate::machine::DeviceEntry;
use crate::manifest::Manifest;
use crate::record::SummaryRow;
use crate::terms::DeviceId;

pub use decide::{RESIDENT, Side, uses};
pub use entry::{Entry, Family};
pub use export::Format;
pub use fit::{Error, Fit, Times, Work};
pub use fixed::RuleCost;
pub use regret::Regret;
pub use threshold::Threshold;

/// What was measured, when, on what and by which version.
#[derive(Clone, Debug, Serialize)]
pub struct Origin {
    /// Name of the run.
    pub run: String,
    /// When it began, UTC.
    pub measured: String,
    /// Version of this program, with its revision where known.
    pub program: String,
    /// The CPU that devices are set against.
    pub cpu: String,
    /// Its threads, where known.
    pub cpu_threads: Option<u32>,
    /// The operating system.
    pub system: String,
    /// The devices that entries are about.
    pub devices: Vec<Fingerprint>,
}

/// By what a program knows again the device that was measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fingerprint {
    /// Its id in this run.
    pub id: DeviceId,
    /// Its name.
    pub name: String,
    /// Platform and driver with versions.
    pub driver: String,
    /// Compute units, where known.
    pub compute_units: Option<u32>,
}

/// All that a run tells about which side to choose.
#[derive(Serialize)]
pub struct Table {
    /// Where it is from.
    pub origin: Origin,
    /// A workload in a dtype on a device each.
    pub entries: Vec<Entry>,
}

impl Table {
    /// That of a run; without entries where nothing was set against the CPU.
    pub fn of(summary: &[SummaryRow], manifest: &Manifest) -> Table {
        let entries = entries(summary);
        let is_used = |d: &&DeviceEntry| entries.iter().any(|e| e.device == d.id);
        let fingerprint = |d: &DeviceEntry| Fingerprint {
            id: d.id.clone(),
            name: d.name.clone(),
            driver: d.driver.clone(),
            compute_units: d.compute_units,
        };
        let revision = manifest.program.git_revision.iter().map(|r| format!(" ({r})"));
        let origin = Origin {
            run: manifest.run.clone(),
            measured: manifest.started.clone(),
            program: format!(
                "crossover {}{}",
                manifest.program.version,
                revision.collect::<String>()
            ),
            cpu: manifest.machine.cpu.clone(),
            cpu_threads: manifest.device(&DeviceId::cpu()).and_then(|d| d.threads),
            system: manifest.machine.os.clone(),
            devices: manifest.devices.iter().filter(is_used).map(fingerprint).collect(),
        };
        Table { origin, entries }
    }
}

/// The entries of a run, in the order of summary.csv.
pub fn entries(summary: &[SummaryRow]) -> Vec<Entry> {
    points::groups(summary).iter().map(|group| Entry::measured(group)).collect()
}
