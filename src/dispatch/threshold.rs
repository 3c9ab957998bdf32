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
    /// Sizes at which the choice changes: the CPU below the first, the device from there on, and so in turn.
    pub switch_sizes: Vec<f64>,
    /// Whether the choice at the smallest size is that of all below it too; else the fit decides there.
    pub holds_below: bool,
    /// Whether the choice at the largest size is that of all above it too.
    pub holds_above: bool,
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
            switch_sizes: switches(&sizes, crossover),
            holds_below: holds_below(&sizes, crossover),
            holds_above: holds_above(&sizes, crossover),
            stay_sizes: stay(&sizes, crossover),
        })
    }

    /// The side to choose at a size; none beyond what was measured, where that tells nothing.
    pub fn choice(&self, size: u64, last: Option<Side>) -> Option<Side> {
        let is_stay = self.stay_sizes.is_some_and(|[low, high]| (low..=high).contains(&size));
        if let Some(last) = last.filter(|_| is_stay) {
            return Some(last);
        }
        let is_known = (size >= self.measured_from_size || self.holds_below)
            && (size <= self.measured_to_size || self.holds_above);
        let switches = self.switch_sizes.iter().filter(|switch| size as f64 >= **switch).count();
        is_known.then_some(if switches % 2 == 1 { Side::Device } else { Side::Cpu })
    }
}

/// A device gains with size: the CPU's win at the smallest size holds below it, where a clear crossover or two sizes
/// tell of it. The device's may end there.
fn holds_below(sizes: &[Size], crossover: Crossover) -> bool {
    match crossover {
        Crossover::From(_) | Crossover::Never => true,
        Crossover::Always => false,
        Crossover::Unclear(..) => {
            sizes.len() > 1 && sizes[..2].iter().all(|s| s.log_speedup <= 0.0)
        }
    }
}

/// The device's win at the largest size holds above it in the same way. The CPU's may end there.
fn holds_above(sizes: &[Size], crossover: Crossover) -> bool {
    match crossover {
        Crossover::From(_) | Crossover::Always => true,
        Crossover::Never => false,
        Crossover::Unclear(..) => {
            sizes.len() > 1 && sizes[sizes.len() - 2..].iter().all(|s| s.log_speedup > 0.0)
        }
    }
}

/// Where the choice changes: once where the crossover is clear. Where it is not, wherever the speed-ups of two sizes
/// next to each other lie on both sides of 1.
fn switches(sizes: &[Size], crossover: Crossover) -> Vec<f64> {
    let pairs = sizes.windows(2).map(|pair| (&pair[0], &pair[1]));
    match crossover {
        Crossover::Always => vec![0.0],
        Crossover::Never => Vec::new(),
        Crossover::From(first) => {
            let across = pairs.filter(|(_, above)| above.size == first);
            across.map(|(below, above)| between(below, above)).collect()
        }
        Crossover::Unclear(..) => {
            let starts_faster = sizes[0].log_speedup > 0.0;
            let differ = |(a, b): &(&Size, &Size)| (a.log_speedup > 0.0) != (b.log_speedup > 0.0);
            let changes = pairs.filter(differ).map(|(below, above)| between(below, above));
            starts_faster.then_some(0.0).into_iter().chain(changes).collect()
        }
    }
}

/// Where the speed-ups of two sizes pass 1 on a line in logarithms; in the middle where both lie on one side.
fn between(below: &Size, above: &Size) -> f64 {
    let share = below.log_speedup / (below.log_speedup - above.log_speedup);
    let share = if (0.0..=1.0).contains(&share) { share } else { 0.5 };
    let (low, high) = (below.size as f64, above.size as f64);
    low * (high / low).powf(share)
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
