//! From which size of a family on the device is chosen.

use serde::Serialize;

use crate::terms::{Crossover, Scope, Verdict};

use super::decide::Side;
use super::points::Point;

/// The threshold of a family in a scope.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Threshold {
    /// What a run includes; how often data are used follows from it.
    pub scope: Scope,
    /// As summary.csv has it.
    pub crossover: Crossover,
    /// The smallest size measured.
    pub measured_from_size: u64,
    /// The largest size measured.
    pub measured_to_size: u64,
    /// The device is chosen from this size on; at none where there is none, at all where it is 0.
    pub device_from_size: Option<f64>,
    /// The interval of the threshold: between these, ends included, a program stays with what it used last. None
    /// where there is no crossover.
    pub stay_sizes: Option<[u64; 2]>,
}

/// A size of a family with its comparison.
struct Size {
    size: u64,
    verdict: Verdict,
    /// Above 0 where the device is faster.
    log_speedup: f64,
}

impl Threshold {
    /// The threshold of points of one family in one scope; their crossover, where it is not to be found anew.
    pub fn of(scope: Scope, points: &[&Point<'_>], known: Option<Crossover>) -> Option<Threshold> {
        let size = |p: &&Point<'_>| {
            let log_speedup = (p.row.cpu_median_s / p.row.device_median_s).ln();
            Some(Size { size: p.size?, verdict: p.row.verdict, log_speedup })
        };
        let mut sizes: Vec<Size> = points.iter().filter_map(size).collect();
        sizes.sort_by_key(|s| s.size);
        sizes.dedup_by_key(|s| s.size);
        let verdicts: Vec<_> = sizes.iter().map(|s| (s.size, Some(s.verdict))).collect();
        let crossover = known.or_else(|| Crossover::of(&verdicts))?;
        Some(Threshold {
            scope,
            crossover,
            measured_from_size: sizes.first()?.size,
            measured_to_size: sizes.last()?.size,
            device_from_size: device_from(&sizes, crossover),
            stay_sizes: stay(&sizes, crossover),
        })
    }

    /// The side to choose at a size; none beyond what was measured, where that tells nothing.
    pub fn choice(&self, size: u64, last: Option<Side>) -> Option<Side> {
        let is_stay = self.stay_sizes.is_some_and(|[low, high]| (low..=high).contains(&size));
        if let Some(last) = last.filter(|_| is_stay) {
            return Some(last);
        }
        let side = match self.device_from_size.is_some_and(|from| size as f64 >= from) {
            true => Side::Device,
            false => Side::Cpu,
        };
        // A device gains with size: what the largest size does not show, and the smallest does, may end beyond it.
        match side {
            Side::Cpu if size > self.measured_to_size => None,
            Side::Device if size < self.measured_from_size => None,
            side => Some(side),
        }
    }
}

/// Where the choice changes: within the crossover's interval, where it costs least at the sizes measured, and
/// between two of them where their speed-ups pass 1 on a line in logarithms.
fn device_from(sizes: &[Size], crossover: Crossover) -> Option<f64> {
    let at = |size: u64| sizes.iter().take_while(|s| s.size < size).count();
    let (first, last) = match crossover {
        Crossover::Always => (0, 0),
        Crossover::Never => (sizes.len(), sizes.len()),
        Crossover::From(size) => (at(size), at(size)),
        Crossover::Unclear(low, high) => (at(low), (at(high) + 1).min(sizes.len())),
    };
    // What is lost where the device is chosen from this point on.
    let loss = |from: usize| -> f64 {
        let (cpu, device) = sizes.split_at(from);
        let missed = cpu.iter().map(|s| s.log_speedup.max(0.0));
        missed.chain(device.iter().map(|s| (-s.log_speedup).max(0.0))).sum()
    };
    let from = (first..=last).min_by(|a, b| loss(*a).total_cmp(&loss(*b)))?;
    let above = sizes.get(from)?;
    let Some(below) = from.checked_sub(1).and_then(|i| sizes.get(i)) else { return Some(0.0) };
    let share = match (below.log_speedup, above.log_speedup) {
        (low, high) if low < 0.0 && high > 0.0 => low / (low - high),
        _ => 0.5,
    };
    let (low, high) = (below.size as f64, above.size as f64);
    Some(low * (high / low).powf(share))
}

/// The sizes that the crossover's interval leaves open, ends included; never none.
fn stay(sizes: &[Size], crossover: Crossover) -> Option<[u64; 2]> {
    let values: Vec<u64> = sizes.iter().map(|s| s.size).collect();
    match crossover {
        Crossover::Always | Crossover::Never => None,
        Crossover::Unclear(low, high) => Some([low, high]),
        Crossover::From(size) => {
            let (low, high) = crossover.bracket(&values).unwrap_or((size, size));
            // Both ends are decided, so that only what lies between them is open.
            Some(if low + 1 < high { [low + 1, high - 1] } else { [low, high] })
        }
    }
}
