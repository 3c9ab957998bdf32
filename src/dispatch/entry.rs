//! All that is known of a workload in a dtype on a device.

use serde::Serialize;

use crate::record;
use crate::terms::{DeviceId, Dtype, Scope, Shape};
use crate::workload::Workload;

use super::decide::uses;
use super::fit::{Error, Fit, Times};
use super::fixed::{self, RuleCost};
use super::points::{self, Point};
use super::regret::{self, Regret};
use super::threshold::Threshold;

/// A workload in a dtype on a device.
#[derive(Clone, Serialize)]
pub struct Entry {
    /// Name of the workload.
    pub workload: &'static str,
    /// What it computes in.
    pub dtype: Dtype,
    /// The device.
    pub device: DeviceId,
    /// Which implementation stands for the device.
    pub implementation: String,
    /// Those that stand for the CPU, the fastest at each shape.
    pub cpu_implementations: Vec<String>,
    /// What choosing costs on shapes that were left out, by the uses of data; none where there are too few shapes.
    pub regret: Vec<Regret>,
    /// What thresholds of other projects would cost, for products whose data are used once.
    pub fixed_thresholds: Vec<RuleCost>,
    /// For shapes in no family.
    pub fit: Fit,
    /// Sweeps with their thresholds.
    pub families: Vec<Family>,
    #[serde(skip)]
    pub(super) described: &'static dyn Workload,
}

/// A line through the shapes of a workload, with its thresholds.
#[derive(Clone, Serialize)]
pub struct Family {
    /// As column `axis` of summary.csv has it.
    pub family: String,
    /// One of its shapes: axes that don't grow are as here.
    pub example_shape: String,
    /// From the fewest uses of data on.
    pub thresholds: Vec<Threshold>,
    #[serde(skip)]
    example: Shape,
}

impl Entry {
    /// That of the points of a group, with what is known of its errors.
    pub(super) fn measured(points: &[Point<'_>]) -> Entry {
        let mut entry = Entry::of(points, true);
        let held_out = regret::held_out(points);
        entry.fit.cpu_error = Error::of(&held_out.cpu);
        entry.fit.device_error = Error::of(&held_out.device);
        let errors = [entry.fit.cpu_error, entry.fit.device_error].into_iter().flatten();
        entry.fit.stay_margin = errors.map(|e| e.median).fold(MARGIN, f64::max);
        entry.regret = held_out.regret;
        entry.fixed_thresholds = fixed::costs(points);
        entry
    }

    /// What points tell. Where they are `all` of their sweeps, crossovers are those of summary.csv.
    pub(super) fn of(points: &[Point<'_>], all: bool) -> Entry {
        let first = &points[0];
        let runs = points::distinct(points);
        let side = |seconds: fn(&Point<'_>) -> f64| {
            let runs: Vec<_> = runs.iter().map(|p| (p.work, seconds(p))).collect();
            Times::fit(&runs)
        };
        let cpu = points.iter().map(|p| p.row.cpu_implementation.clone());
        Entry {
            workload: first.workload.name(),
            dtype: first.row.dtype,
            device: first.row.device.clone(),
            implementation: first.row.implementation.clone(),
            cpu_implementations: record::distinct(cpu),
            regret: Vec::new(),
            fixed_thresholds: Vec::new(),
            fit: Fit {
                cpu: side(|p| p.row.cpu_median_s),
                device: side(|p| p.row.device_median_s),
                cpu_error: None,
                device_error: None,
                stay_margin: MARGIN,
            },
            families: families(points, all),
            described: first.workload,
        }
    }
}

/// What a verdict asks of a difference: a smaller margin would be none.
const MARGIN: f64 = 0.01;

fn families(points: &[Point<'_>], all: bool) -> Vec<Family> {
    let along = points.iter().filter(|p| p.size.is_some()).map(|p| (p.row.axis.as_str(), p));
    let family = |(axis, points): (&str, Vec<&Point<'_>>)| {
        let example = points[0];
        let threshold = |(scope, points): (Scope, Vec<&Point<'_>>)| {
            let known = points[0].row.crossover.filter(|_| all);
            Threshold::of(scope, &points, known)
        };
        let scopes = record::grouped(points.into_iter().map(|p| (p.row.scope, p)));
        let mut thresholds: Vec<_> = scopes.into_iter().filter_map(threshold).collect();
        thresholds.sort_by_key(|t| uses(t.scope));
        Family {
            family: axis.to_string(),
            example_shape: example.row.shape.clone(),
            thresholds,
            example: example.shape.clone(),
        }
    };
    record::grouped(along).into_iter().map(family).collect()
}

impl Family {
    /// The size at which a shape lies in the family; none where it lies elsewhere.
    pub(super) fn size(&self, workload: &dyn Workload, shape: &Shape) -> Option<u64> {
        let size = shape.get(workload.axis(&self.family)?.name);
        (workload.moved(&self.example, &self.family, size).as_ref() == Some(shape)).then_some(size)
    }
}
