//! A roofline of each device: its measured roofs and every row that computes and moves data, those of
//! contenders on it too. Theoretical roofs are not drawn: neither the clock under load nor the number
//! of multiply-add units is told by any system or driver, and what is not known is not invented.

use crate::record::{self, Record};
use crate::terms::{Cache, Cased, DeviceId, Dtype, Scope};
use crate::{units, workload};

use super::super::chart::{self, Drawing, MUTED, Point, Roof, Roofline, Series, Tone, Unit};
use super::super::input::Input;
use super::super::limits::{self, Level};
use super::super::names::{self, Device};
use super::{Figures, in_words, per_second};

/// With more points than this only the fastest implementation of each case is shown.
const MOST_POINTS: usize = 60;

/// With more series than this a workload has one colour, and its series differ in their markers.
const MOST_COLOURS: usize = 8;

/// A chart for every device of our own with roofs and with rows of a model's workloads.
pub fn add(figures: &mut Figures, input: &Input, devices: &[Device]) {
    for device in devices {
        let name = format!("roofline-{}", names::fit(device.id.as_str()));
        figures.add("roofline", &name, draw(input, device, devices));
    }
}

fn draw(input: &Input, device: &Device, devices: &[Device]) -> Option<Drawing> {
    let ceilings = limits::peaks(input, &device.id).into_iter().map(|roof| Roof {
        label: format!("{} peak, {}", roof.dtype.name(), units::flop_per_s(roof.flop_per_s)),
        detail: roof.implementation.clone(),
        rate: roof.flop_per_s,
    });
    let levels = limits::levels(input, &device.id);
    let slopes = levels.iter().map(|level| Roof {
        label: format!("{} {}", level.name, units::bytes_per_s(level.roof.bytes_per_s)),
        detail: String::new(),
        rate: level.roof.bytes_per_s,
    });
    let (ceilings, slopes): (Vec<Roof>, Vec<Roof>) = (ceilings.collect(), slopes.collect());
    let is_here = |r: &&Record| limits::home(r, input) == device.id && point(r).is_some();
    let (streams, rows): (Vec<&Record>, _) = input
        .records
        .iter()
        .filter(is_here)
        .partition(|r| workload::role(&r.workload).is_about_machine());
    if (ceilings.is_empty() && slopes.is_empty()) || rows.is_empty() {
        return None;
    }
    let reduced = rows.len() > MOST_POINTS;
    let rows = if reduced { fastest(&rows) } else { rows };
    let suspects = rows.iter().any(|r| r.is_suspect());
    let mut series = series(&rows, devices, reduced);
    series.extend(stream_points(&streams, limits::memory(input, &device.id).as_ref()));
    let chart = Roofline {
        title: format!("Roofline: {}", device.label),
        subtitle: subtitle(device, &levels, reduced, suspects),
        description: describe(&ceilings, &slopes, &series),
        tone: chart::device(device.colour),
        ceilings,
        slopes,
        series,
    };
    Some(chart.draw())
}

/// Intensity and rate of a row, where it computes, moves data and has a time.
fn point(r: &Record) -> Option<Point> {
    let counted = r.scope == Scope::Compute && r.flop_exact > 0 && r.bytes_moved > 0;
    let value = per_second(r, r.flop_exact).filter(|_| counted)?;
    Some((r.flop_exact as f64 / r.bytes_moved as f64, Some(value)))
}

/// The fastest row of each case and device, of those that may be compared with the others', and every
/// suspect one.
fn fastest<'a>(rows: &[&'a Record]) -> Vec<&'a Record> {
    let time = |r: &Record| r.wall_median_s.unwrap_or(f64::INFINITY);
    let mut found: Vec<&Record> = Vec::new();
    for row in rows.iter().filter(|row| row.competes() || !row.counts()) {
        let same = |old: &&mut &Record| old.case() == row.case() && old.device == row.device;
        let old = found.iter_mut().find(|old| same(old) && old.counts());
        match old.filter(|_| row.counts()) {
            Some(old) if time(old) <= time(row) => {}
            Some(old) => *old = row,
            None => found.push(row),
        }
    }
    found
}

/// What a series has in common: it differs in shape alone.
#[derive(Clone, Copy, PartialEq)]
struct Kind<'a> {
    workload: &'a str,
    cache: Cache,
    dtype: Dtype,
    device: &'a DeviceId,
    implementation: &'a str,
}

impl Kind<'_> {
    /// `joint` where only the fastest implementation of each case is left.
    fn of(r: &Record, joint: bool) -> Kind<'_> {
        Kind {
            workload: &r.workload,
            cache: r.cache,
            dtype: r.dtype,
            device: &r.device,
            implementation: if joint { "" } else { &r.implementation },
        }
    }
}

/// A series for each kind, workload by workload.
fn series(rows: &[&Record], devices: &[Device], joint: bool) -> Vec<Series> {
    let kinds = record::grouped(rows.iter().map(|r| (Kind::of(r, joint), *r)));
    // A colour each where there are enough, else one a workload.
    let few = kinds.len() <= MOST_COLOURS;
    let workloads = record::grouped(kinds.into_iter().map(|kind| (kind.0.workload, kind)));
    let mut series: Vec<Series> = Vec::new();
    for (number, (_, kinds)) in workloads.into_iter().enumerate() {
        for (marker, (kind, own)) in kinds.into_iter().enumerate() {
            let device = devices.iter().find(|d| d.id == *kind.device);
            let colour = if few { series.len() } else { number };
            series.push(of_kind(kind, &own, device, chart::kind(colour), marker));
        }
    }
    series
}

fn of_kind(
    kind: Kind<'_>,
    rows: &[&Record],
    device: Option<&Device>,
    tone: Tone,
    marker: usize,
) -> Series {
    let cold = kind.cache == Cache::Cold;
    let dtype = names::unusual(kind.dtype).map(|dtype| format!(" {dtype}")).unwrap_or_default();
    let state = if cold { ", cold cache" } else { "" };
    let contender = device.filter(|d| d.id.is_contender());
    let owner = contender.map(|d| d.label.as_str()).unwrap_or_default();
    let parts = [owner, kind.implementation].into_iter().filter(|part| !part.is_empty());
    let fractions = rows.iter().filter(|r| r.counts()).filter_map(|r| r.compute_roof_fraction);
    let best = fractions.filter(|f| f.is_finite()).reduce(f64::max);
    let name = format!("{}{dtype}{state}", kind.workload);
    Series {
        detail: parts.collect::<Vec<_>>().join(", "),
        note: best.map(|f| format!("up to {} of the peak", names::percent(f))).unwrap_or_default(),
        marker,
        dashed: cold,
        ..Series::new(name, tone, rows.iter().filter_map(|r| point(r)).collect())
    }
}

/// The streams made the roofs of the memory and lie on them: the fastest row of each operation, and its
/// fastest from behind the caches.
fn stream_points(rows: &[&Record], memory: Option<&Level<'_>>) -> Option<Series> {
    let mut best: Vec<(&str, bool, &Record)> = Vec::new();
    for row in rows.iter().filter(|r| r.cache == Cache::Hot && r.counts()) {
        let far = memory.is_some_and(|level| level.working_sets.contains(&row.bytes_moved));
        for wanted in [false, true].into_iter().filter(|wanted| far || !wanted) {
            let same = |b: &&mut (&str, bool, &Record)| (b.0, b.1) == (&*row.workload, wanted);
            match best.iter_mut().find(same) {
                Some((_, _, old)) if old.bytes_per_s >= row.bytes_per_s => {}
                Some((_, _, old)) => *old = row,
                None => best.push((&row.workload, wanted, row)),
            }
        }
    }
    let points: Vec<_> = best.into_iter().filter_map(|(_, _, row)| point(row)).collect();
    let detail = "best, and from memory".to_string();
    let series = Series { detail, dashed: true, ..Series::new("streams", MUTED, points) };
    Some(series).filter(Series::has_values)
}

/// How to read the chart.
fn subtitle(device: &Device, levels: &[Level<'_>], reduced: bool, suspects: bool) -> String {
    let mut text = "FLOP/s by the wall clock over exact FLOP a compulsory byte".to_string();
    if reduced {
        text.push_str(", the fastest of each case");
    }
    text.push_str("; all roofs are measured");
    if levels.iter().any(|level| level.roof.device != device.id) {
        text.push_str(", of the memory by the CPU path");
    }
    if suspects {
        text.push_str("; hollow: suspect");
    }
    text
}

fn describe(ceilings: &[Roof], slopes: &[Roof], series: &[Series]) -> String {
    let roofs: Vec<&str> = ceilings.iter().chain(slopes).map(|r| r.label.as_str()).collect();
    let place = |_: usize, x: f64| format!("{} FLOP a byte", names::significant(x));
    format!("Roofs: {}. {}", roofs.join(", "), in_words(series, Unit::Flops, place))
}
