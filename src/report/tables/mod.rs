//! The tables of the page: rows as texts, ready to be shown.
//!
//! | file | holds |
//! | --- | --- |
//! | `speedups.rs` | comparisons with the CPU |
//! | `layers.rs` | networks, layer by layer |
//! | `training.rs` | training steps: samples, memory, epochs |

mod layers;
mod speedups;
mod training;

use crate::record::{Outcome, Record};
use crate::terms::{Cache, DeviceId, Dtype, Role, Scope};
use crate::{units, workload};

use super::epoch::DataSet;
use super::input::Input;
use super::names::{self, Device};
use super::views::Group;

pub use layers::LayerTable;
pub use speedups::SpeedLine;
pub use training::TrainingTable;

/// A timed row.
pub struct ResultLine {
    /// The shape.
    pub size: String,
    /// What a list calls it.
    pub layer: String,
    /// Scope, and what is unusual about cache and type.
    pub scope: String,
    /// The device.
    pub device: String,
    /// Number of its colour.
    pub colour: usize,
    /// The implementation.
    pub implementation: String,
    /// Threads, for CPUs.
    pub threads: String,
    /// Median time.
    pub median: String,
    /// Its interval.
    pub interval: String,
    /// FLOP/s.
    pub flops: String,
    /// Bytes/s.
    pub bytes: String,
    /// The larger of the fractions of the two roofs, and which.
    pub roof: String,
    /// Spread of the samples.
    pub noise: String,
    /// Error over bound.
    pub error: String,
    /// Outcome where it isn't `measured`, and notes.
    pub notes: String,
    /// Whether the time is beyond what the machine can do.
    pub suspect: bool,
}

/// A row without a time.
pub struct MissingLine {
    /// The workload.
    pub workload: String,
    /// The shape.
    pub size: String,
    /// The scope.
    pub scope: String,
    /// The device.
    pub device: String,
    /// Number of its colour.
    pub colour: usize,
    /// The implementation.
    pub implementation: String,
    /// The outcome.
    pub outcome: &'static str,
    /// Why.
    pub reason: String,
}

/// The tables of one workload.
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Timed rows.
    pub results: Vec<ResultLine>,
    /// Comparisons.
    pub speedups: Vec<SpeedLine>,
    /// Networks.
    pub layers: Vec<LayerTable>,
    /// Training steps.
    pub training: TrainingTable,
}

/// Texts and colours of devices.
pub struct Tables<'a> {
    /// The files.
    pub input: &'a Input,
    /// Sweeps and lists.
    pub groups: &'a [Group<'a>],
    /// The devices.
    pub devices: &'a [Device],
    /// Whose epochs to extrapolate.
    pub data_sets: &'a [DataSet],
}

impl Tables<'_> {
    /// Every workload with timed rows, in the order of results.csv.
    pub fn workloads(&self) -> Vec<Workload> {
        let mut names: Vec<&str> = Vec::new();
        for r in &self.input.records {
            if !names.contains(&r.workload.as_str()) {
                names.push(&r.workload);
            }
        }
        let tables = |name: &&str| Workload {
            name: name.to_string(),
            results: self
                .input
                .records
                .iter()
                .filter(|r| r.workload == **name && is_timed(r))
                .map(|r| self.result(r))
                .collect(),
            speedups: self.speedups(name),
            layers: self.layers(name),
            training: self.training(name),
        };
        let all = names.iter().map(tables);
        all.filter(|w| !w.results.is_empty()).collect()
    }

    /// Every row without a time.
    pub fn missing(&self) -> Vec<MissingLine> {
        self.input.records.iter().filter(|r| !is_timed(r)).map(|r| self.missing_line(r)).collect()
    }

    fn device(&self, id: &DeviceId) -> (String, usize) {
        let found = self.devices.iter().find(|d| d.id == *id);
        found.map_or((id.to_string(), 0), |d| (d.label.clone(), d.colour))
    }

    /// What a list calls a shape.
    fn layer(&self, workload: &str, shape: &str) -> String {
        let members =
            self.groups.iter().filter(|g| g.workload == workload).flat_map(|g| &g.members);
        let named = members.filter(|m| m.shape == shape).find(|m| !m.layer.is_empty());
        named.map_or(String::new(), |m| m.layer.to_string())
    }

    fn result(&self, r: &Record) -> ResultLine {
        let (device, colour) = self.device(&r.device);
        let text =
            |value: Option<f64>, show: fn(f64) -> String| value.map(show).unwrap_or_default();
        let interval = r.wall_low_s.zip(r.wall_high_s);
        ResultLine {
            size: names::shape(&r.workload, &r.shape),
            layer: self.layer(&r.workload, &r.shape),
            scope: scope(r.scope, r.cache, r.dtype),
            device,
            colour,
            implementation: r.implementation.clone(),
            threads: r.threads.map(|t| t.to_string()).unwrap_or_default(),
            median: text(r.wall_median_s, units::seconds),
            interval: interval.map(|(low, high)| range(low, high)).unwrap_or_default(),
            flops: text(r.flop_per_s.filter(|v| *v > 0.0), units::flop_per_s),
            bytes: text(r.bytes_per_s.filter(|v| *v > 0.0), units::bytes_per_s),
            roof: roof(r),
            noise: text(r.noise, names::percent),
            error: text(r.max_error_ratio, error),
            notes: notes(r),
            suspect: r.outcome == Outcome::Suspect,
        }
    }

    fn missing_line(&self, r: &Record) -> MissingLine {
        let (device, colour) = self.device(&r.device);
        let outcome = match r.outcome {
            Outcome::Measured => "no time",
            Outcome::Unsupported => "unsupported",
            Outcome::Skipped => "skipped",
            Outcome::Suspect => "suspect",
            Outcome::Failed => "failed",
        };
        MissingLine {
            workload: r.workload.clone(),
            size: names::shape(&r.workload, &r.shape),
            scope: scope(r.scope, r.cache, r.dtype),
            device,
            colour,
            implementation: r.implementation.clone(),
            outcome,
            reason: r.reason.clone(),
        }
    }
}

/// Whether a row has a time to show.
pub fn is_timed(r: &Record) -> bool {
    r.counts() || (r.outcome == Outcome::Suspect && r.wall_median_s.is_some())
}

/// Why it is suspect, what only the device clock knows, and the words of the row.
fn notes(r: &Record) -> String {
    let suspect = (r.outcome == Outcome::Suspect).then(|| format!("suspect: {}", r.reason));
    let latency = r.device_median_s.filter(|_| workload::role(&r.workload) == Role::Launch);
    let latency = latency.map(|s| format!("{} by the device clock", units::seconds(s)));
    let words = r.notes.split(';').filter(|n| !n.is_empty()).map(str::to_string);
    suspect.into_iter().chain(latency).chain(words).collect::<Vec<_>>().join(", ")
}

/// Scope, and what is unusual about cache and type.
pub fn scope(scope: Scope, cache: Cache, dtype: Dtype) -> String {
    let mut text = names::scope(scope).to_string();
    if cache == Cache::Cold {
        text.push_str(", cold");
    }
    if dtype != Dtype::F32 {
        text = format!("{text}, {}", dtype.name());
    }
    text
}

/// `1.21–1.25 ms`: the unit once where both ends have the same.
fn range(low: f64, high: f64) -> String {
    let (low, high) = (units::seconds(low), units::seconds(high));
    match (low.split_once(' '), high.split_once(' ')) {
        (Some((number, a)), Some((_, b))) if a == b => format!("{number}–{high}"),
        _ => format!("{low} – {high}"),
    }
}

fn roof(r: &Record) -> String {
    let compute = r.compute_roof_fraction.map(|f| (f, "compute"));
    let memory = r.memory_roof_fraction.map(|f| (f, "memory"));
    let larger = [compute, memory].into_iter().flatten().max_by(|a, b| a.0.total_cmp(&b.0));
    larger.map(|(f, which)| format!("{} {which}", names::percent(f))).unwrap_or_default()
}

/// Error over bound: always far from 1, so three decimals are plenty.
fn error(value: f64) -> String {
    if value.is_finite() && value != 0.0 && value.abs() < 0.001 {
        return "<0.001".to_string();
    }
    if value.is_finite() { units::significant(value) } else { "-".to_string() }
}
