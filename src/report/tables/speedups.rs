//! Comparisons with the CPU.

use crate::record::SummaryRow;
use crate::terms::{Baseline, Keyed, Role};
use crate::{units, workload};

use super::super::names;
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
    pub verdict: &'static str,
    /// The crossover, in words.
    pub crossover: String,
}

impl Tables<'_> {
    /// Comparisons with the best CPU row, and with our own where that is another. None where runs
    /// don't do the same work on every device: of all that is about the machine only streams do.
    pub(super) fn speedups(&self, workload: &str) -> Vec<SpeedLine> {
        if !matches!(workload::role(workload), Role::Model | Role::Memory) {
            return Vec::new();
        }
        let rows: Vec<&SummaryRow> =
            self.input.summary.iter().filter(|s| s.workload == workload).collect();
        let repeats = |s: &SummaryRow| {
            rows.iter().any(|b| {
                b.baseline != s.baseline
                    && b.axis == s.axis
                    && b.key() == s.key()
                    && (&b.cpu_device, &b.cpu_implementation)
                        == (&s.cpu_device, &s.cpu_implementation)
            })
        };
        let shown = rows.iter().filter(|s| s.baseline != Baseline::Own || !repeats(s));
        shown.map(|s| self.speedup(s)).collect()
    }

    fn speedup(&self, s: &SummaryRow) -> SpeedLine {
        let (device, colour) = self.device(&s.device);
        let group = self.groups.iter().find(|g| g.workload == s.workload && g.axis == s.axis);
        let last = group.and_then(|g| g.members.last()).map_or(0, |m| m.value);
        let cpu = match s.cpu_device.is_cpu() {
            true => s.cpu_implementation.clone(),
            false => format!("{} ({})", s.cpu_implementation, self.device(&s.cpu_device).0),
        };
        let crossover = s.crossover.map(|c| names::crossover(c, &s.axis, last));
        SpeedLine {
            size: names::shape(&s.workload, &s.shape),
            layer: self.layer(&s.workload, &s.shape),
            scope: scope(s.scope, s.cache, s.dtype),
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
            verdict: s.verdict.name(),
            crossover: crossover.unwrap_or_default(),
        }
    }
}
