//! Comparisons with the CPU.

use crate::record::SummaryRow;
use crate::terms::{Baseline, Keyed, Role};
use crate::{units, workload};

use super::super::names;
use super::{Subject, Tables};

/// A comparison.
pub struct SpeedLine {
    pub subject: Subject,
    /// What it is set against.
    pub cpu: String,
    pub cpu_median: String,
    pub device_median: String,
    pub speedup: String,
    /// That of the speed-up.
    pub interval: String,
    pub verdict: &'static str,
    pub crossover: String,
    /// From how many runs on the same data on it is worth its transfers.
    pub break_even: String,
}

impl Tables<'_> {
    /// Comparisons with the best CPU row, and with our own where that is another. None where runs
    /// don't do the same work on every device: of all that is about the machine only streams do.
    pub(super) fn speedups(&self, workload: &str) -> Vec<SpeedLine> {
        if !matches!(workload::role(workload), Role::Model | Role::Memory) {
            return Vec::new();
        }
        let rows: Vec<&SummaryRow> =
            self.input.summary.iter().filter(|s| s.workload == workload && !s.derived).collect();
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
        let group = self.groups.iter().find(|g| g.workload == s.workload && g.axis == s.axis);
        let last = group.map_or(0, |g| g.last());
        let cpu = match s.cpu_device.is_cpu() {
            true => s.cpu_implementation.clone(),
            false => format!("{} ({})", s.cpu_implementation, self.device(&s.cpu_device).0),
        };
        let crossover = s.crossover.map(|c| names::crossover(c, &s.axis, last));
        SpeedLine {
            subject: self.subject(s),
            cpu,
            cpu_median: units::seconds(s.cpu_median_s),
            device_median: units::seconds(s.device_median_s),
            speedup: names::ratio(s.speedup),
            interval: names::span(s.speedup_low, s.speedup_high),
            verdict: s.verdict.name(),
            crossover: crossover.unwrap_or_default(),
            break_even: s.break_even.map(names::break_even).unwrap_or_default(),
        }
    }
}
