//! What the operations of a training step take: a bar for each runner.

use crate::record::{self, BreakdownRow};
use crate::terms::Cased;
use crate::units;

use super::super::chart::{self, Bar, Drawing, MUTED, Stacks};
use super::super::input::Input;
use super::super::names::{self, Device};
use super::Figures;

/// An operation with less than this share of every bar is one of the others.
const LEAST_SHARE: f64 = 0.02;

/// Colours that there are for operations.
const MOST_KEYS: usize = 8;

/// A chart for each workload that was profiled.
pub fn add(figures: &mut Figures, input: &Input, devices: &[Device]) {
    let rows = input.breakdown.iter().map(|row| (row.workload.as_str(), row));
    for (workload, rows) in record::grouped(rows) {
        let name = format!("breakdown-{}", names::fit(workload));
        figures.add(workload, &name, draw(workload, &bars(&rows), devices));
    }
}

/// The operations of one runner at one shape.
struct Parts<'a> {
    rows: Vec<&'a BreakdownRow>,
    total_s: f64,
}

impl Parts<'_> {
    fn share(&self, operation: &str) -> f64 {
        let own = self.rows.iter().filter(|r| r.operation == operation).map(|r| r.wall_s);
        own.sum::<f64>() / self.total_s
    }
}

fn bars<'a>(rows: &[&'a BreakdownRow]) -> Vec<Parts<'a>> {
    let timed = rows.iter().copied().filter(|r| r.wall_s.is_finite() && r.wall_s >= 0.0);
    let keyed = timed.map(|r| ((r.case(), &r.device, &r.implementation), r));
    let bar = |(_, rows): (_, Vec<&'a BreakdownRow>)| {
        let total_s = rows.iter().map(|r| r.wall_s).sum();
        Parts { rows, total_s }
    };
    let bars = record::grouped(keyed).into_iter().map(bar);
    bars.filter(|bar| bar.total_s > 0.0).collect()
}

/// The operations that get a colour, in the order of a step.
fn shown<'a>(bars: &[Parts<'a>]) -> Vec<&'a str> {
    let operations = bars.iter().flat_map(|bar| &bar.rows).map(|row| row.operation.as_str());
    let most = |name: &str| bars.iter().map(|bar| bar.share(name)).fold(0.0, f64::max);
    let all: Vec<(&str, f64)> =
        record::distinct(operations).into_iter().map(|name| (name, most(name))).collect();
    let mut shares: Vec<f64> = all.iter().map(|(_, share)| *share).collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    let least = shares.get(MOST_KEYS - 1).copied().unwrap_or(0.0).max(LEAST_SHARE);
    let large = all.into_iter().filter(|(_, share)| *share >= least).map(|(name, _)| name);
    large.take(MOST_KEYS).collect()
}

fn draw(workload: &str, parts: &[Parts<'_>], devices: &[Device]) -> Option<Drawing> {
    let shown = shown(parts);
    let mut keys: Vec<_> =
        shown.iter().enumerate().map(|(i, name)| (name.to_string(), chart::kind(i))).collect();
    let others = |bar: &Parts<'_>| {
        let named: f64 = shown.iter().map(|name| bar.share(name)).sum();
        (1.0 - named).max(0.0)
    };
    if parts.iter().any(|bar| others(bar) > 1e-9) {
        keys.push(("other".to_string(), MUTED));
    }
    let bar = |parts: &Parts<'_>| {
        let shares = shown.iter().map(|name| parts.share(name));
        Bar {
            label: label(parts.rows[0], devices),
            total: units::seconds(parts.total_s),
            shares: shares.chain([others(parts)]).take(keys.len()).collect(),
        }
    };
    let bars: Vec<Bar> = parts.iter().map(bar).collect();
    let words = |bar: &Bar| {
        let largest = keys.iter().zip(&bar.shares).max_by(|a, b| a.1.total_cmp(b.1));
        let most = largest.map(|((name, _), share)| format!("{name} {}", names::percent(*share)));
        format!("{}: {}, most of it {}", bar.label, bar.total, most.unwrap_or_default())
    };
    let described = names::twelve(bars.iter().map(words));
    Stacks {
        title: format!("{workload}: what a step is made up of"),
        subtitle: "Share of wall time by operation, in runs taken apart; behind a bar their sum"
            .to_string(),
        description: format!("{described}. All values are in breakdown.csv."),
        keys,
        bars,
    }
    .draw()
}

/// `width 512 × 128 · CPU .., native`.
fn label(row: &BreakdownRow, devices: &[Device]) -> String {
    let device = devices.iter().find(|d| d.id == row.device);
    let device = device.map_or(row.device.as_str(), |d| &d.label);
    let size = names::shape(&row.workload, &row.shape);
    format!("{size} · {}, {device}", row.implementation)
}
