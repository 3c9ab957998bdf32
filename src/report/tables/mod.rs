//! The tables of the page: rows as texts, ready to be shown.
//!
//! | file | holds |
//! | --- | --- |
//! | `speedups.rs` | comparisons with the CPU |
//! | `dispatch.rs` | what choosing a side costs |
//! | `layers.rs` | networks, layer by layer |
//! | `training.rs` | training steps: samples, memory, epochs |

mod dispatch;
mod layers;
mod speedups;
mod training;

use crate::record::{self, Outcome, Record};
use crate::terms::{Cache, CaseKey, DeviceId, Dtype, Keyed, Role, RowKey, Scope};
use crate::{units, workload};

use super::epoch::DataSet;
use super::input::Input;
use super::names::{self, Device};
use super::views::Group;

pub use dispatch::RegretTable;
pub use layers::LayerTable;
pub use speedups::SpeedLine;
pub use training::TrainingTable;

/// What a row is about.
pub struct Subject {
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
}

/// A timed row.
pub struct ResultLine {
    pub subject: Subject,
    pub threads: String,
    pub median: String,
    /// That of the median.
    pub interval: String,
    pub flops: String,
    pub bytes: String,
    /// The larger of the fractions of the two roofs, and which.
    pub roof: String,
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
    pub workload: String,
    pub subject: Subject,
    pub outcome: &'static str,
    /// Why.
    pub reason: String,
}

/// The tables of one workload.
pub struct Workload<'a> {
    pub name: String,
    /// Timed rows.
    pub results: Vec<ResultLine>,
    /// Comparisons.
    pub speedups: Vec<SpeedLine>,
    /// Networks.
    pub layers: Vec<LayerTable<'a>>,
    /// Training steps.
    pub training: TrainingTable,
    /// What choosing a side costs.
    pub regret: RegretTable,
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

impl<'a> Tables<'a> {
    /// Every workload with timed rows, in the order of results.csv.
    pub fn workloads(&self) -> Vec<Workload<'a>> {
        let rows = self.input.records.iter().map(|r| (r.workload.as_str(), r));
        let entries = self.regrets();
        let tables = |(name, rows): (&str, Vec<&Record>)| Workload {
            name: name.to_string(),
            results: rows.into_iter().filter_map(|r| self.result(r)).collect(),
            speedups: self.speedups(name),
            layers: self.layers(name),
            training: self.training(name),
            regret: self.regret(&entries, name),
        };
        let all = record::grouped(rows).into_iter().map(tables);
        all.filter(|w| !w.results.is_empty()).collect()
    }

    /// Every row without a time.
    pub fn missing(&self) -> Vec<MissingLine> {
        let rows = self.input.records.iter().filter(|r| r.timed_s().is_none());
        rows.map(|r| self.missing_line(r)).collect()
    }

    fn subject(&self, row: &impl Keyed) -> Subject {
        let RowKey { case, scope, device: id, implementation } = row.key();
        let (device, colour) = self.device(id);
        let CaseKey { workload, shape, dtype, cache } = case;
        let of_workload = self.groups.iter().filter(|g| g.workload == workload);
        let mut named = of_workload.flat_map(|g| &g.members).filter(|m| !m.layer.is_empty());
        let layer = named.find(|m| m.shape == shape);
        Subject {
            size: names::shape(workload, shape),
            layer: layer.map_or(String::new(), |m| m.layer.to_string()),
            scope: setting(scope, cache, dtype),
            device,
            colour,
            implementation: implementation.to_string(),
        }
    }

    fn device(&self, id: &DeviceId) -> (String, usize) {
        let found = self.devices.iter().find(|d| d.id == *id);
        found.map_or((id.to_string(), 0), |d| (d.label.clone(), d.colour))
    }

    /// The line of a row; none where it has no time to show.
    fn result(&self, r: &Record) -> Option<ResultLine> {
        let median = r.timed_s()?;
        let text =
            |value: Option<f64>, show: fn(f64) -> String| value.map(show).unwrap_or_default();
        let interval = r.wall_low_s.zip(r.wall_high_s);
        Some(ResultLine {
            subject: self.subject(r),
            threads: r.threads.map(|t| t.to_string()).unwrap_or_default(),
            median: units::seconds(median),
            interval: interval.map(|(low, high)| range(low, high)).unwrap_or_default(),
            flops: text(r.flop_per_s.filter(|v| *v > 0.0), units::flop_per_s),
            bytes: text(r.bytes_per_s.filter(|v| *v > 0.0), units::bytes_per_s),
            roof: roof(r),
            noise: text(r.noise, names::percent),
            error: text(r.max_error_ratio, error),
            notes: notes(r),
            suspect: r.is_suspect(),
        })
    }

    fn missing_line(&self, r: &Record) -> MissingLine {
        let outcome = match r.outcome {
            Outcome::Measured => "no time",
            Outcome::Unsupported => "unsupported",
            Outcome::Skipped => "skipped",
            Outcome::Suspect => "suspect",
            Outcome::Failed => "failed",
        };
        MissingLine {
            workload: r.workload.clone(),
            subject: self.subject(r),
            outcome,
            reason: r.reason.clone(),
        }
    }
}

/// Why it is suspect, what only the device clock knows, and the words of the row.
fn notes(r: &Record) -> String {
    let suspect = r.is_suspect().then(|| format!("suspect: {}", r.reason));
    let latency = r.device_median_s.filter(|_| workload::role(&r.workload) == Role::Launch);
    let latency = latency.map(|s| format!("{} by the device clock", units::seconds(s)));
    let words = r.notes.split(';').filter(|n| !n.is_empty()).map(str::to_string);
    suspect.into_iter().chain(latency).chain(words).collect::<Vec<_>>().join(", ")
}

/// Scope, and what is unusual about cache and type.
pub fn setting(scope: Scope, cache: Cache, dtype: Dtype) -> String {
    let cold = (cache == Cache::Cold).then_some("cold");
    let scope = names::scope(scope);
    let words = [Some(&*scope), cold, names::unusual(dtype)];
    words.into_iter().flatten().collect::<Vec<_>>().join(", ")
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
    let is_tiny = value != 0.0 && value.abs() < 0.001;
    if is_tiny { "<0.001".to_string() } else { names::significant(value) }
}
