//! Comparisons with the CPU.

use crate::record::SummaryRow;
use crate::units;

use super::super::crossing::Crossing;
use super::super::names;
use super::super::views::is_about_machine;
use super::{Tables, scope};

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

impl Tables<'_> {
    /// Comparisons with the best CPU row, and with our own where that is another. None where runs
    /// don't do the same work on every device: of all that is about the machine only streams do.
    pub(super) fn speedups(&self, workload: &str) -> Vec<SpeedLine> {
        if is_about_machine(workload) && !workload.starts_with("stream-") {
            return Vec::new();
        }
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
