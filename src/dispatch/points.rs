//! The rows of summary.csv that a decision can be made from.

use std::collections::HashSet;

use crate::record::{self, SummaryRow};
use crate::stats;
use crate::terms::{Baseline, Cache, Role, Shape};
use crate::workload::{self, Workload};

use super::decide::{share, uses};
use super::fit::Work;

/// A comparison, with the work of its shape.
#[derive(Clone)]
pub struct Point<'a> {
    pub row: &'a SummaryRow,
    pub workload: &'static dyn Workload,
    pub shape: Shape,
    /// Of what grows along the row's sweep; none in a list.
    pub size: Option<u64>,
    pub work: Work,
}

impl<'a> Point<'a> {
    /// None where this version knows no such workload or shape.
    fn of(row: &'a SummaryRow) -> Option<Point<'a>> {
        let workload = workload::find(&row.workload).ok()?;
        let shape = workload.shape(&row.shape).ok()?;
        let axis = (!row.axis.is_empty()).then(|| workload.axis(&row.axis)).flatten();
        let size = axis.map(|axis| shape.get(axis.name));
        let work = Work::of(workload, &shape, row.dtype, share(uses(row.scope)));
        Some(Point { row, workload, shape, size, work })
    }

    /// Seconds of the faster side.
    pub fn best_s(&self) -> f64 {
        self.row.cpu_median_s.min(self.row.device_median_s)
    }
}

/// Comparisons with the best of the CPU on hot caches, by workload, dtype and device. A device is stood for by one
/// implementation, as a library has one: the one that serves most, and of these the fastest.
pub fn groups(summary: &[SummaryRow]) -> Vec<Vec<Point<'_>>> {
    let counts = |r: &&SummaryRow| {
        r.baseline == Baseline::Best
            && r.cache == Cache::Hot
            && workload::role(&r.workload) == Role::Model
            && [r.cpu_median_s, r.device_median_s].iter().all(|s| s.is_finite() && *s > 0.0)
    };
    let points = summary.iter().filter(counts).filter_map(Point::of);
    let keyed = points.map(|p| ((&p.row.workload, p.row.dtype, &p.row.device), p));
    let groups = record::grouped(keyed).into_iter();
    groups.filter_map(|(_, points)| fastest(points)).collect()
}

/// The points of one implementation.
fn fastest(points: Vec<Point<'_>>) -> Option<Vec<Point<'_>>> {
    let by_implementation = record::grouped(points.into_iter().map(|p| (&p.row.implementation, p)));
    let speed = |points: &[Point<'_>]| {
        let speedups: Vec<f64> = points.iter().map(|p| p.row.speedup).collect();
        stats::geometric_mean(&speedups).unwrap_or(0.0)
    };
    let rank = |points: &Vec<Point<'_>>| (points.len(), speed(points));
    let best = by_implementation.into_iter().map(|(_, points)| points).max_by(|a, b| {
        let ((many, fast), (others, rival)) = (rank(a), rank(b));
        many.cmp(&others).then(fast.total_cmp(&rival))
    });
    best.filter(|points| !points.is_empty())
}

/// Each shape in each scope once: a shape may belong to several sweeps.
pub fn distinct<'p, 'a>(points: &'p [Point<'a>]) -> Vec<&'p Point<'a>> {
    let mut seen = HashSet::new();
    points.iter().filter(|p| seen.insert((p.row.shape.as_str(), p.row.scope))).collect()
}
