//! What choosing costs over always choosing right, on shapes that neither thresholds nor fits saw.

use serde::Serialize;

use crate::record;
use crate::terms::{Scope, Shape};

use super::decide::{Side, uses};
use super::entry::Entry;
use super::points::{self, Point};

/// Total time of the choices over total time of the best, less 1, each shape left out in its turn.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Regret {
    /// What a run includes.
    pub scope: Scope,
    /// Shapes that were left out, one after the other.
    pub shapes: usize,
    /// By thresholds, and by the fit where they say nothing.
    pub table: f64,
    /// By the fit alone, as for shapes in no family.
    pub fit: f64,
    /// Always on the CPU.
    pub cpu: f64,
    /// Always on the device.
    pub device: f64,
}

/// What is told of shapes that were left out.
#[derive(Default)]
pub struct HeldOut {
    /// Seconds told and measured of the CPU.
    pub cpu: Vec<(f64, f64)>,
    /// Of the device.
    pub device: Vec<(f64, f64)>,
    /// By scope.
    pub regret: Vec<Regret>,
}

/// A shape that was left out, and what was chosen for it.
struct Chosen<'p, 'a> {
    point: &'p Point<'a>,
    by_table: bool,
    by_fit: bool,
}

/// Leaves each shape out in its turn. Nothing is told where there is only one.
pub fn held_out(points: &[Point<'_>]) -> HeldOut {
    let mut found = HeldOut::default();
    let mut chosen = Vec::new();
    let shapes = points::distinct(points).into_iter().map(|p| (&p.shape, p));
    for (shape, own) in grouped(shapes) {
        let others: Vec<Point<'_>> = points.iter().filter(|p| p.shape != *shape).cloned().collect();
        if others.is_empty() {
            continue;
        }
        let entry = Entry::of(&others, false);
        for point in own {
            found.cpu.push((entry.fit.cpu.seconds(&point.work), point.row.cpu_median_s));
            found.device.push((entry.fit.device.seconds(&point.work), point.row.device_median_s));
            let uses = uses(point.row.scope);
            let by_table = entry.prefer_device(shape, uses, None);
            let by_fit = entry.fitted_choice(shape, uses, None) == Side::Device;
            chosen.push(Chosen { point, by_table, by_fit });
        }
    }
    let scopes = record::grouped(chosen.into_iter().map(|c| (c.point.row.scope, c)));
    found.regret = scopes.into_iter().map(|(scope, chosen)| regret(scope, &chosen)).collect();
    found.regret.sort_by_key(|r| uses(r.scope));
    found
}

fn regret(scope: Scope, chosen: &[Chosen<'_, '_>]) -> Regret {
    let cost =
        |choice: fn(&Chosen<'_, '_>) -> bool| cost(chosen.iter().map(|c| (c.point, choice(c))));
    Regret {
        scope,
        shapes: chosen.len(),
        table: cost(|c| c.by_table),
        fit: cost(|c| c.by_fit),
        cpu: cost(|_| false),
        device: cost(|_| true),
    }
}

/// What choices cost, each whether the device was preferred.
pub fn cost<'p, 'a: 'p>(choices: impl Iterator<Item = (&'p Point<'a>, bool)>) -> f64 {
    let seconds = choices.map(|(point, device)| {
        let row = point.row;
        (if device { row.device_median_s } else { row.cpu_median_s }, point.best_s())
    });
    let (chosen, best) = seconds.fold((0.0, 0.0), |sum, s| (sum.0 + s.0, sum.1 + s.1));
    chosen / best - 1.0
}

/// Points by shape.
fn grouped<'p, 'a>(
    points: impl Iterator<Item = (&'p Shape, &'p Point<'a>)>,
) -> Vec<(&'p Shape, Vec<&'p Point<'a>>)> {
    // A shape as it is written is one shape.
    let keyed = points.map(|(shape, p)| (p.row.shape.as_str(), (shape, p)));
    let shapes = record::grouped(keyed).into_iter();
    shapes.map(|(_, same)| (same[0].0, same.into_iter().map(|(_, p)| p).collect())).collect()
}
