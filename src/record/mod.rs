//! The rows of the CSV files: written here, read here, and explained in docs/format.md.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | the line of results.csv, and the words in it |
//! | `rows.rs` | the lines of the other files |
//! | `columns.rs` | which columns a line has |
//! | `group.rs` | lines put together |
//! | `read.rs` `write.rs` | from files to lines, and back |

mod columns;
mod group;
mod read;
mod rows;
mod write;

use serde::{Deserialize, Serialize};

use crate::stats::Summary;
use crate::terms::{Cache, DeviceId, DeviceKind, Dtype, Scope, keyed};

pub use columns::{Row, columns};
pub use group::{distinct, grouped};
pub use read::{check_header, read, read_if_there, read_results, read_samples};
pub use rows::{
    BreakdownRow, ComparisonRow, NoiseRow, PlanRow, SampleRow, Seconds, SummaryRow, TrialOutcome,
    TuningRow, by_row,
};
pub use write::{Writer, check_line_ends, drop_partial_line, replace, replace_bytes};

/// Version of the files' columns.
pub const SCHEMA: u32 = 1;

/// By how much a device may be faster or slower after a case than before without a `drift` note.
pub const DRIFT: f64 = 0.03;

/// File names inside a run's folder.
pub mod file {
    /// Every outcome, one line per runner, case and scope.
    pub const RESULTS: &str = "results.csv";
    /// Every single sample.
    pub const SAMPLES: &str = "samples.csv";
    /// Which shape belongs to which sweep or list.
    pub const PLAN: &str = "plan.csv";
    /// Speed-ups, verdicts and crossovers.
    pub const SUMMARY: &str = "summary.csv";
    /// What the operations of a run take, where it was profiled.
    pub const BREAKDOWN: &str = "breakdown.csv";
    /// Every point that a search tried.
    pub const TUNING: &str = "tuning.csv";
    /// Every case measured twice.
    pub const NOISE: &str = "noise.csv";
    /// Runs set against each other.
    pub const COMPARISON: &str = "comparison.csv";
    /// The machine and the run.
    pub const MACHINE: &str = "machine.json";
}

/// How a case ended for one runner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Verified and timed.
    #[default]
    Measured,
    /// The implementation or device does not serve it.
    Unsupported,
    /// Left out, with the reason.
    Skipped,
    /// Timed, but faster than the measured roof allows.
    Suspect,
    /// Wrong result, or the device refused.
    Failed,
}

/// Whether an implementation may stand for its device, in baselines and as the fastest. Those of old
/// files that kept their tensors in blocks from run to run may not: their times leave the change of
/// layout out.
pub fn competes(implementation: &str) -> bool {
    !implementation.ends_with("-blocked")
}

/// The device of ours that a row's runner used: contenders run on them too.
#[derive(Debug, PartialEq)]
pub enum Home<'a> {
    /// By its id.
    Id(DeviceId),
    /// A contender's GPU is one of ours if it has the same name.
    Name(&'a str),
}

impl Home<'_> {
    /// Whether it is the device of our own with this id and name.
    pub fn is(&self, device: &DeviceId, device_name: &str) -> bool {
        match self {
            Home::Id(id) => id == device,
            Home::Name(name) => *name == device_name && !device.is_cpu() && !device.is_contender(),
        }
    }
}

/// Noise that is noted, and the word for it.
const NOISY: f64 = 0.10;
const NOISY_NOTE: &str = "noisy";

/// One line of results.csv. Times in seconds, rates in FLOP/s and bytes/s. The default is of no version
/// and no device: rows begin as [`Record::unmeasured`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct Record {
    pub schema: u32,
    pub run: String,
    pub workload: String,
    pub shape: String,
    pub dtype: Dtype,
    pub cache: Cache,
    pub scope: Scope,
    pub device: DeviceId,
    pub device_kind: DeviceKind,
    pub device_name: String,
    pub backend: String,
    pub implementation: String,
    pub threads: Option<u32>,
    pub tuned: String,
    pub outcome: Outcome,
    pub reason: String,
    pub notes: String,
    pub timer: String,
    pub max_error_ratio: Option<f64>,
    pub samples: Option<u64>,
    pub wall_median_s: Option<f64>,
    pub wall_low_s: Option<f64>,
    pub wall_high_s: Option<f64>,
    pub wall_min_s: Option<f64>,
    pub wall_mad_s: Option<f64>,
    pub device_median_s: Option<f64>,
    pub build_s: Option<f64>,
    pub parameters: Option<u64>,
    pub flop_count: u64,
    pub flop_exact: u64,
    pub bytes_moved: u64,
    pub scratch_bytes: Option<u64>,
    pub flop_per_s: Option<f64>,
    pub bytes_per_s: Option<f64>,
    pub compute_roof_fraction: Option<f64>,
    pub memory_roof_fraction: Option<f64>,
    pub noise: Option<f64>,
    pub energy_j: Option<f64>,
}

keyed!(Record);

impl Record {
    /// Measured, verified and not suspect: may enter lines, verdicts and baselines.
    pub fn counts(&self) -> bool {
        self.outcome == Outcome::Measured && self.wall_median_s.is_some()
    }

    /// Whether it is timed, but not to be believed.
    pub fn is_suspect(&self) -> bool {
        self.outcome == Outcome::Suspect
    }

    /// The median of a row whose time may be shown: of one that counts or is suspect.
    pub fn timed_s(&self) -> Option<f64> {
        self.wall_median_s.filter(|_| self.counts() || self.is_suspect())
    }

    /// See [`Home`].
    pub fn home(&self) -> Home<'_> {
        match self.device.home(self.device_kind) {
            Some(id) => Home::Id(id),
            None => Home::Name(&self.device_name),
        }
    }

    /// [`counts`](Record::counts), and may stand for its device: see [`competes`].
    pub fn competes(&self) -> bool {
        self.counts() && competes(&self.implementation)
    }

    /// See [`DeviceId::is_cpu_side`].
    pub fn is_cpu_side(&self) -> bool {
        self.device.is_cpu_side(self.device_kind)
    }

    /// A row that says nothing yet, for others to start from: no text, no figure, measured with a hot
    /// cache on a CPU.
    pub fn unmeasured() -> Record {
        Record { schema: SCHEMA, device: DeviceId::cpu(), ..Record::default() }
    }

    /// A measured row to start from in tests.
    #[cfg(test)]
    pub(crate) fn example() -> Record {
        Record {
            run: "r".into(),
            workload: "gemm".into(),
            device_name: "cpu".into(),
            backend: "test".into(),
            implementation: "test".into(),
            timer: "wall".into(),
            max_error_ratio: Some(0.1),
            samples: Some(20),
            wall_median_s: Some(1.0),
            wall_low_s: Some(1.0),
            wall_high_s: Some(1.0),
            wall_min_s: Some(1.0),
            wall_mad_s: Some(0.0),
            flop_count: 1,
            flop_exact: 1,
            bytes_moved: 1,
            noise: Some(0.01),
            ..Record::unmeasured()
        }
    }

    /// Takes the times of samples, with the rates of the work that the row tells of. False where there are none.
    pub fn take_times(&mut self, wall_s: &[f64]) -> bool {
        let Some(summary) = Summary::of(wall_s) else { return false };
        self.samples = Some(summary.count as u64);
        self.wall_median_s = Some(summary.median);
        self.wall_low_s = Some(summary.low);
        self.wall_high_s = Some(summary.high);
        self.wall_min_s = Some(summary.min);
        self.wall_mad_s = Some(summary.mad);
        self.noise = Some(summary.noise());
        let rate = |amount: u64| (amount > 0).then(|| amount as f64 / summary.median);
        (self.flop_per_s, self.bytes_per_s) = (rate(self.flop_count), rate(self.bytes_moved));
        self.drop_note(NOISY_NOTE);
        if summary.noise() > NOISY {
            self.note(NOISY_NOTE);
        }
        true
    }

    /// Adds a word to `notes`, once.
    pub fn note(&mut self, word: &str) {
        if !self.has_note(word) {
            if !self.notes.is_empty() {
                self.notes.push(';');
            }
            self.notes.push_str(word);
        }
    }

    /// Takes a word out of `notes`.
    pub fn drop_note(&mut self, word: &str) {
        let kept: Vec<&str> = self.notes.split(';').filter(|n| *n != word).collect();
        self.notes = kept.join(";");
    }

    /// Whether `notes` holds the word.
    pub fn has_note(&self, word: &str) -> bool {
        self.notes.split(';').any(|n| n == word)
    }
}

#[cfg(test)]
mod tests;
