//! The tables of the page: rows as texts, ready to be shown.

use crate::record::{Outcome, Record, SummaryRow};
use crate::units;
use crate::workload::{Cache, Scope};

use super::crossing::Crossing;
use super::input::Input;
use super::names::{self, Device};
use super::views::Group;

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

/// A comparison.
pub struct SpeedLine {
    /// The shape.
    pub size: String,
    /// What a list calls it.
    pub layer: String,
    /// The scope.
    pub scope: String,
    /// The device.
    pub device: String,
    /// Number of its colour.
    pub colour: usize,
    /// Its implementation.
    pub implementation: String,
    /// What it is set against.
    pub cpu: String,
    /// The CPU's median time.
    pub cpu_median: String,
    /// The device's median time.
    pub device_median: String,
    /// How many times as fast.
    pub speedup: String,
    /// Its interval.
    pub interval: String,
    /// The verdict.
    pub verdict: String,
    /// The crossover, in words.
    pub crossover: String,
}

/// The tables of one workload.
pub struct Workload {
    /// Its name.
    pub name: String,
    /// Timed rows.
    pub results: Vec<ResultLine>,
    /// Comparisons.
    pub speedups: Vec<SpeedLine>,
}

/// Texts and colours of devices.
pub struct Tables<'a> {
    /// The files.
    pub input: &'a Input,
    /// Sweeps and lists.
    pub groups: &'a [Group<'a>],
    /// The devices.
    pub devices: &'a [Device],
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
        };
        let all = names.iter().map(tables);
        all.filter(|w| !w.results.is_empty()).collect()
    }

    /// Every row without a time.
    pub fn missing(&self) -> Vec<MissingLine> {
        self.input.records.iter().filter(|r| !is_timed(r)).map(|r| self.missing_line(r)).collect()
    }

    fn device(&self, id: &str) -> (String, usize) {
        let found = self.devices.iter().find(|d| d.id == id);
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
        let mut notes = r.notes.split(';').filter(|n| !n.is_empty()).collect::<Vec<_>>().join(", ");
        if r.outcome == Outcome::Suspect {
            notes = format!("suspect: {} {notes}", r.reason).trim().to_string();
        }
        ResultLine {
            size: names::shape(&r.workload, &r.shape),
            layer: self.layer(&r.workload, &r.shape),
            scope: scope(r.scope, r.cache, &r.dtype),
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
            notes,
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
            scope: scope(r.scope, r.cache, &r.dtype),
            device,
            colour,
            implementation: r.implementation.clone(),
            outcome,
            reason: r.reason.clone(),
        }
    }

    /// Comparisons with the best CPU row, and with our own where that is another.
    fn speedups(&self, workload: &str) -> Vec<SpeedLine> {
        let rows: Vec<&SummaryRow> =
            self.input.summary.iter().filter(|s| s.workload == workload).collect();
        let repeats = |s: &SummaryRow| {
            rows.iter().any(|b| {
                b.baseline != s.baseline
                    && (&b.shape, &b.axis, &b.dtype, b.cache, b.scope)
                        == (&s.shape, &s.axis, &s.dtype, s.cache, s.scope)
                    && (&b.device, &b.implementation) == (&s.device, &s.implementation)
                    && (&b.cpu_device, &b.cpu_implementation)
                        == (&s.cpu_device, &s.cpu_implementation)
            })
        };
        let shown = rows.iter().filter(|s| s.baseline != "own" || !repeats(s));
        shown.map(|s| self.speedup(s)).collect()
    }

    fn speedup(&self, s: &SummaryRow) -> SpeedLine {
        let (device, colour) = self.device(&s.device);
        let group = self.groups.iter().find(|g| g.workload == s.workload && g.axis == s.axis);
        let last = group.and_then(|g| g.members.last()).map_or(0, |m| m.value);
        let crossing = Crossing::parse(&s.crossover);
        let cpu = match s.cpu_device.as_str() {
            "cpu" => s.cpu_implementation.clone(),
            other => format!("{} ({})", s.cpu_implementation, self.device(other).0),
        };
        SpeedLine {
            size: names::shape(&s.workload, &s.shape),
            layer: self.layer(&s.workload, &s.shape),
            scope: scope(s.scope, s.cache, &s.dtype),
            device,
            colour,
            implementation: s.implementation.clone(),
            cpu,
            cpu_median: units::seconds(s.cpu_median_s),
            device_median: units::seconds(s.device_median_s),
            speedup: names::ratio(s.speedup),
            interval: format!(
                "{}–{}",
                names::significant(s.speedup_low),
                names::ratio(s.speedup_high)
            ),
            verdict: s.verdict.clone(),
            crossover: crossing.map(|c| c.words(&s.axis, last)).unwrap_or_default(),
        }
    }
}

/// Whether a row has a time to show.
pub fn is_timed(r: &Record) -> bool {
    r.counts() || (r.outcome == Outcome::Suspect && r.wall_median_s.is_some())
}

fn scope(scope: Scope, cache: Cache, dtype: &str) -> String {
    let mut text = names::scope(scope).to_string();
    if cache == Cache::Cold {
        text.push_str(", cold");
    }
    if dtype != "f32" {
        text = format!("{text}, {dtype}");
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
