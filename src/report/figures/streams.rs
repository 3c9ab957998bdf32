//! Bandwidth over the working set: the five streams of each device, and triad on all of them.

use std::collections::BTreeMap;

use crate::record::{self, Outcome, Record};
use crate::terms::{Cache, Role, Scope};
use crate::units;
use crate::workload::{TRIAD, WORKLOADS, Workload};

use super::super::chart::{self, AXIS, Drawing, Lines, Mark, Series, Tone, Unit, XScale};
use super::super::input::Input;
use super::super::limits;
use super::super::names::{self, Device};
use super::super::views::CACHES;
use super::{Figures, in_words, rate, sweep};

/// Rates that differ by more than this are shown on a log axis.
pub const LOG_FROM: f64 = 20.0;

/// A chart a device; and one of triad where there are several.
pub fn add(figures: &mut Figures, input: &Input, devices: &[Device]) {
    for cache in CACHES {
        let (state, suffix) = match cache {
            Cache::Hot => ("", ""),
            Cache::Cold => (" (cold cache)", "-cold"),
        };
        let mut add = |name: &str, drawing: Option<Drawing>| {
            figures.add("streams", &format!("streams-{name}{suffix}"), drawing);
        };
        add("triad", triad(input, devices, cache, state));
        for device in devices {
            add(&names::fit(device.id.as_str()), of_device(input, device, cache, state));
        }
    }
}

fn of_device(input: &Input, device: &Device, cache: Cache, state: &str) -> Option<Drawing> {
    let line = |(i, operation): (usize, &str)| {
        let rows = rows(input, device, operation, cache);
        series(&rows, operation.trim_start_matches("stream-"), chart::kind(i), i)
    };
    let operations = WORKLOADS.iter().filter(|w| w.role() == Role::Memory).map(|w| w.name());
    let lines: Vec<Series> = operations.enumerate().filter_map(line).collect();
    let title = format!("Bandwidth over the working set: {}{state}", device.label);
    let marks = marks(input, device, AXIS);
    draw(title, "the best implementation of each operation", lines, marks)
}

/// Triad on every device, where there are several.
fn triad(input: &Input, devices: &[Device], cache: Cache, state: &str) -> Option<Drawing> {
    let mut marks = Vec::new();
    let mut lines = Vec::new();
    for device in devices {
        let rows = rows(input, device, TRIAD.name(), cache);
        let tone = chart::device(device.colour);
        if let Some(found) = series(&rows, &device.label, tone, 0) {
            lines.push(found);
            marks.extend(self::marks(input, device, tone));
        }
    }
    if lines.len() < 2 {
        return None;
    }
    let title = format!("Bandwidth of triad over the working set{state}");
    draw(title, "the best implementation of each device", lines, marks)
}

fn draw(title: String, what: &str, series: Vec<Series>, marks: Vec<Mark>) -> Option<Drawing> {
    let sizes = series.iter().flat_map(|s| &s.points).map(|(x, _)| *x);
    let (least, most) = sizes.fold((f64::INFINITY, 0.0), |(l, m), x| (x.min(l), x.max(m)));
    let inside = |m: &Mark| (least..=most).contains(&m.low);
    let marks = sweep::merged(marks.into_iter().filter(inside).collect());
    let lines = if marks.is_empty() { "" } else { "; vertical lines: what the caches hold" };
    let chart = Lines {
        title,
        subtitle: format!("Bytes/s by the wall clock, {what}; bands: 95 % interval{lines}"),
        x_title: "working set: all arrays together".to_string(),
        marks,
        ..over_bytes(Unit::Bytes, series)
    };
    chart.draw()
}

/// A chart of lines over amounts of bytes, still without its texts.
pub fn over_bytes(unit: Unit, series: Vec<Series>) -> Lines {
    Lines {
        title: String::new(),
        subtitle: String::new(),
        description: in_words(&series, unit, |_, x| units::bytes(x)),
        x_title: String::new(),
        x_scale: XScale::Counts(units::bytes),
        unit,
        log_from: LOG_FROM,
        joined: true,
        series,
        marks: Vec::new(),
    }
}

/// The rows of one operation on a device. One that was left out is no point; one that failed is a gap.
fn rows<'a>(input: &'a Input, device: &Device, operation: &str, cache: Cache) -> Vec<&'a Record> {
    let here = |r: &&Record| {
        r.workload == operation
            && r.device == device.id
            && r.cache == cache
            && r.scope == Scope::Compute
            && !matches!(r.outcome, Outcome::Skipped | Outcome::Unsupported)
    };
    input.records.iter().filter(here).collect()
}

/// The best implementation at each working set, and every suspect one.
fn series(rows: &[&Record], name: &str, tone: Tone, marker: usize) -> Option<Series> {
    let mut best = BTreeMap::new();
    let mut suspects = Vec::new();
    for row in rows {
        let value = rate(row, Unit::Bytes);
        let faster = |old: &Option<chart::Value>| {
            value.is_some_and(|v| old.is_none_or(|old| v.value > old.value))
        };
        if row.is_suspect() {
            suspects.push((row.bytes_moved as f64, value));
        } else if best.get(&row.bytes_moved).is_none_or(faster) {
            best.insert(row.bytes_moved, value);
        }
    }
    // The line goes on past suspect points, and its label belongs to its own end.
    let line = best.into_iter().map(|(bytes, value)| (bytes as f64, value));
    let points: Vec<_> = suspects.into_iter().chain(line).collect();
    let (bytes, last) = points.iter().rev().find_map(|(x, v)| Some((*x, (*v)?)))?;
    let note = format!("{} at {}", units::bytes_per_s(last.value), units::bytes(bytes));
    let detail = implementations(rows);
    Some(Series { detail, note, marker, ..Series::new(name, tone, points) })
}

/// `streaming`, or `best of plain and streaming`.
fn implementations(rows: &[&Record]) -> String {
    let timed = rows.iter().filter(|r| r.wall_median_s.is_some());
    match record::distinct(timed.map(|r| r.implementation.as_str())).as_slice() {
        [] => String::new(),
        [one] => one.to_string(),
        [first, second] => format!("best of {first} and {second}"),
        [first, rest @ ..] => format!("best of {first} and {} more", rest.len()),
    }
}

/// What the caches of a device hold.
fn marks(input: &Input, device: &Device, tone: Tone) -> Vec<Mark> {
    let mark = |cache: limits::Cache| {
        let bytes = cache.bytes as f64;
        let label = format!("{} {}", cache.name, units::bytes(bytes));
        Mark { low: bytes, high: bytes, tone: Some(tone), dashed: true, label }
    };
    limits::caches(input.manifest.as_ref(), &device.id).into_iter().map(mark).collect()
}
