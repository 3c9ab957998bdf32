//! Which charts a run has, and what each shows.

use crate::record::Record;
use crate::stats;
use crate::workload::Scope;
use crate::{record, units};

use super::chart::{self, Dots, Drawing, Lines, Mark, Scale, Series, Unit, Value};
use super::crossing::Crossing;
use super::input::Input;
use super::names::{self, Device};
use super::views::{Group, Lane, Member, SCOPES};

/// Most lines of a list that get a row each.
const MOST_ROWS: usize = 40;

/// A chart with its file and its place in the report.
pub struct Figure {
    /// File name inside `charts/`.
    pub file: String,
    /// The workload.
    pub workload: String,
    /// The chart.
    pub drawing: Drawing,
}

/// Every chart that has something to show, workload by workload: speed-ups first.
pub fn figures(input: &Input, groups: &[Group<'_>], devices: &[Device]) -> Vec<Figure> {
    let mut figures: Vec<Figure> = Vec::new();
    for group in groups {
        let view = View { input, group, lanes: group.lanes(input, devices) };
        let mut found = Vec::new();
        if group.is_sweep() {
            found.push((view.name("speedup", None), view.speedup()));
            for scope in SCOPES {
                found.push((view.name("throughput", Some(scope)), view.throughput(scope)));
            }
        } else {
            found.push((view.name("list", None), view.list()));
        }
        for (name, drawing) in found {
            if let Some(drawing) = drawing {
                let file = unique(&name, &figures);
                figures.push(Figure { file, workload: group.workload.to_string(), drawing });
            }
        }
    }
    figures
}

/// Adds a number where two charts would have one name.
fn unique(name: &str, figures: &[Figure]) -> String {
    let numbered = |n: usize| if n == 1 { format!("{name}.svg") } else { format!("{name}-{n}.svg") };
    let taken = |file: &String| figures.iter().any(|f| f.file == *file);
    (1..).map(numbered).find(|file| !taken(file)).unwrap_or_default()
}

/// A name's part, fit for a file whatever the CSV holds.
fn fit(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    text.chars().map(fit).take(60).collect()
}

struct View<'a> {
    input: &'a Input,
    group: &'a Group<'a>,
    lanes: Vec<Lane<'a>>,
}

impl View<'_> {
    fn name(&self, kind: &str, scope: Option<Scope>) -> String {
        let g = self.group;
        let middle = match (g.is_sweep(), g.list) {
            (true, _) => g.axis,
            (false, "") => "shapes",
            (false, list) => list,
        };
        let mut name = format!("{kind}-{}-{}", fit(g.workload), fit(middle));
        if let Some(scope) = scope {
            name = format!("{name}-{}", scope.name());
        }
        if g.dtype != "f32" {
            name = format!("{name}-{}", fit(g.dtype));
        }
        if g.cache == crate::workload::Cache::Cold {
            name.push_str("-cold");
        }
        name
    }

    /// Workload and sweep, for titles.
    fn topic(&self) -> String {
        let g = self.group;
        if g.is_sweep() {
            return format!("{} over {}{}", g.workload, self.axis(), g.setting());
        }
        format!("{}, {}{}", g.workload, names::list(g.list), g.setting())
    }

    fn axis(&self) -> String {
        names::axis(self.group.workload, self.group.axis)
    }

    /// One series of a lane: `value` makes each point.
    fn series(
        &self,
        lane: &Lane<'_>,
        detail: String,
        dashed: bool,
        value: impl Fn(&Member<'_>) -> Option<Value>,
    ) -> Option<Series> {
        let sweep = self.group.is_sweep();
        let place = |(i, m): (usize, &Member<'_>)| {
            let x = if sweep { (m.value as f64).max(1.0) } else { i as f64 };
            (x, value(m))
        };
        let points: Vec<_> = self.group.members.iter().enumerate().map(place).collect();
        points.iter().any(|(_, v)| v.is_some()).then(|| Series {
            name: lane.device.label.clone(),
            detail,
            note: String::new(),
            colour: lane.device.colour,
            marker: lane.marker,
            dashed,
            points,
        })
    }

    fn throughput(&self, scope: Scope) -> Option<Drawing> {
        let unit = self.unit();
        let series: Vec<Series> = self
            .lanes
            .iter()
            .filter_map(|lane| {
                let record = |m: &Member<'_>| self.group.record(self.input, m, scope, lane);
                let detail = implementation(lane, self.threads(scope, lane));
                self.series(lane, detail, false, |m| rate(record(m)?, unit))
            })
            .collect();
        let what = match scope {
            Scope::Compute => "compute only, operands resident",
            Scope::EndToEnd => "upload, compute and download",
        };
        (!series.is_empty()).then(|| {
            Lines {
                title: format!("{} of {}", unit_title(unit), self.topic()),
                subtitle: format!(
                    "{}: {what}; bands and bars: 95 % interval of the median",
                    unit_name(unit)
                ),
                description: self.describe(&series, unit),
                x_title: self.axis(),
                x_scale: self.size_scale(),
                unit,
                joined: true,
                series,
                marks: Vec::new(),
            }
            .draw()
        })
    }

    fn threads(&self, scope: Scope, lane: &Lane<'_>) -> Option<u32> {
        let of = |m: &Member<'_>| self.group.record(self.input, m, scope, lane)?.threads;
        self.group.members.iter().find_map(of)
    }

    fn speedup(&self) -> Option<Drawing> {
        let (mut series, mut marks) = (Vec::new(), Vec::new());
        for (lane, scope) in self.lanes.iter().flat_map(|l| SCOPES.map(|s| (l, s))) {
            let (words, mark) = self.crossing(lane, scope);
            let detail = format!("{}, {}", lane.implementation, names::scope(scope));
            if let Some(found) = self.ratios(lane, scope, detail) {
                series.push(Series { note: words, ..found });
                marks.extend(mark);
            }
        }
        // Two lanes that cross at one size get one mark.
        marks.dedup_by(|b, a| (a.low, a.high, a.colour) == (b.low, b.high, b.colour));
        (!series.is_empty()).then(|| {
            Lines {
                title: format!("Speed-up against the CPU: {}", self.topic()),
                subtitle: "Above 1×: faster than the fastest verified CPU implementation; bands \
                           and bars: 95 % interval"
                    .to_string(),
                description: self.describe(&series, Unit::Ratio),
                x_title: self.axis(),
                x_scale: self.size_scale(),
                unit: Unit::Ratio,
                joined: true,
                series,
                marks,
            }
            .draw()
        })
    }

    /// The speed-ups of a lane; with transfers in dashes.
    fn ratios(&self, lane: &Lane<'_>, scope: Scope, detail: String) -> Option<Series> {
        self.series(lane, detail, scope == Scope::EndToEnd, |m| {
            let s = self.group.summary(self.input, m, scope, lane)?;
            Value::new(s.speedup, s.speedup_low, s.speedup_high, false)
        })
    }

    /// A lane's crossover in words and as a mark.
    fn crossing(&self, lane: &Lane<'_>, scope: Scope) -> (String, Option<Mark>) {
        let members = &self.group.members;
        let column = |m: &Member<'_>| {
            let row = self.group.summary(self.input, m, scope, lane)?;
            Crossing::parse(&row.crossover)
        };
        let Some(crossing) = members.iter().find_map(column) else { return Default::default() };
        let last = members.last().map_or(0, |m| m.value);
        let words = crossing.words(self.group.axis, last);
        let (low, high) = match crossing {
            Crossing::From(v) => (v, v),
            Crossing::Unclear(low, high) => (low, high),
            Crossing::Always | Crossing::Never => return (words, None),
        };
        let dashed = scope == Scope::EndToEnd;
        let label = if dashed { format!("{words}, with transfers") } else { words.clone() };
        let (low, high) = (low as f64, high as f64);
        let mark = Mark { low, high, colour: lane.device.colour, dashed, label };
        (words, Some(mark))
    }

    fn size_scale(&self) -> fn(&[f64], f64) -> Scale {
        fn number(v: f64) -> String {
            names::axis_value("", v as u64)
        }
        fn bytes(v: f64) -> String {
            names::axis_value("bytes", v as u64)
        }
        if self.group.axis == "bytes" {
            |values, width| Scale::sizes(values, width, bytes)
        } else {
            |values, width| Scale::sizes(values, width, number)
        }
    }

    /// What measures this workload: FLOP/s, bytes/s where it moves data more than it computes, or
    /// the time alone.
    fn unit(&self) -> Unit {
        let rows = || self.input.records.iter().filter(|r| self.group.holds(r));
        if rows().all(|r| r.flop_count == 0 && r.bytes_moved == 0) {
            Unit::Seconds
        } else if rows().all(|r| r.flop_count.saturating_mul(4) <= r.bytes_moved) {
            Unit::Bytes
        } else {
            Unit::Flops
        }
    }

    fn list(&self) -> Option<Drawing> {
        let pairs = || self.lanes.iter().flat_map(|l| SCOPES.map(|s| (l, s)));
        let detail = |lane: &Lane<'_>, scope| {
            format!("{}, {}", lane.implementation, names::scope(scope))
        };
        let ratios = pairs().filter_map(|(l, s)| self.ratios(l, s, detail(l, s)));
        let ratios: Vec<Series> = ratios.collect();
        let (unit, series) = if ratios.is_empty() {
            let unit = self.unit();
            let rates = pairs().filter_map(|(lane, scope)| {
                let record = |m: &Member<'_>| self.group.record(self.input, m, scope, lane);
                let dashed = scope == Scope::EndToEnd;
                self.series(lane, detail(lane, scope), dashed, |m| rate(record(m)?, unit))
            });
            (unit, rates.collect())
        } else {
            (Unit::Ratio, ratios)
        };
        let (title, subtitle) = match unit {
            Unit::Ratio => (
                format!("Speed-up against the CPU: {}", self.topic()),
                "Right of 1×: faster than the fastest verified CPU implementation",
            ),
            _ => (format!("{} of {}", unit_title(unit), self.topic()), unit_name(unit)),
        };
        if series.is_empty() {
            return None;
        }
        if self.group.members.len() > MOST_ROWS {
            return Some(self.cloud(title, unit, series));
        }
        let row = |m: &Member<'_>| match m.layer {
            "" => names::shape(self.group.workload, m.shape),
            layer => layer.to_string(),
        };
        let rows = self.group.members.iter().map(row).collect();
        let subtitle = format!("{subtitle}; bars: 95 % interval, pale: with transfers");
        let description = self.describe(&series, unit);
        Some(Dots { title, subtitle, description, unit, rows, series }.draw())
    }

    /// A list of many lines: each a dot over its work.
    fn cloud(&self, title: String, unit: Unit, mut series: Vec<Series>) -> Drawing {
        let of = |m: &Member<'_>, amount: fn(&Record) -> u64| {
            let here = |r: &&Record| self.group.holds(r) && r.shape == m.shape;
            self.input.records.iter().find(here).map_or(0, amount) as f64
        };
        let members = &self.group.members;
        let computes = members.iter().any(|m| of(m, |r| r.flop_count) > 0.0);
        let amount: fn(&Record) -> u64 =
            if computes { |r| r.flop_count } else { |r| r.bytes_moved };
        for s in &mut series {
            let values: Vec<f64> = s.points.iter().filter_map(|(_, v)| Some(v.as_ref()?.value)).collect();
            let mean = stats::geometric_mean(&values).map_or("-".to_string(), |m| show(unit, m));
            s.note = format!("geometric mean {mean}");
            for ((x, _), m) in s.points.iter_mut().zip(members) {
                *x = of(m, amount).max(1.0);
            }
        }
        let x_scale: fn(&[f64], f64) -> Scale = if computes {
            |values, width| Scale::counts(values, width, |v| chart::trim_zeros(&units::flop(v)))
        } else {
            |values, width| Scale::counts(values, width, |v| chart::trim_zeros(&units::bytes(v)))
        };
        let of_what = if computes { "floating-point operations" } else { "bytes" };
        Lines {
            title,
            subtitle: format!(
                "Each of the {} lines over its work; bars: 95 % interval, pale: with transfers",
                members.len()
            ),
            description: self.describe(&series, unit),
            x_title: format!("{of_what} of one run"),
            x_scale,
            unit,
            joined: false,
            series,
            marks: Vec::new(),
        }
        .draw()
    }

    /// The chart in words: each series from its first point to its last.
    fn describe(&self, series: &[Series], unit: Unit) -> String {
        let text = |s: &Series| {
            let mut shown = s
                .points
                .iter()
                .zip(&self.group.members)
                .filter_map(|((_, v), m)| Some((v.as_ref()?.value, m)));
            let at = |(value, m): (f64, &Member<'_>)| {
                let place = if self.group.is_sweep() {
                    names::size(self.group.workload, self.group.axis, m.value)
                } else if m.layer.is_empty() {
                    names::shape(self.group.workload, m.shape)
                } else {
                    m.layer.to_string()
                };
                format!("{} at {place}", show(unit, value))
            };
            let first = shown.next().map(at).unwrap_or_default();
            let last = shown.last().map(|p| format!(", {}", at(p))).unwrap_or_default();
            let note = if s.note.is_empty() { String::new() } else { format!(", {}", s.note) };
            format!("{}, {}{note}: {first}{last}", s.name, s.detail)
        };
        let mut texts: Vec<String> = series.iter().take(12).map(text).collect();
        if series.len() > 12 {
            texts.push(format!("and {} more", series.len() - 12));
        }
        format!("{}. All values are in the tables below.", texts.join("; "))
    }
}

fn implementation(lane: &Lane<'_>, threads: Option<u32>) -> String {
    match threads {
        Some(1) => format!("{}, 1 thread", lane.implementation),
        Some(n) => format!("{}, {n} threads", lane.implementation),
        None => lane.implementation.to_string(),
    }
}

/// The rate of a row with its interval, from its times and its work.
fn rate(record: &Record, unit: Unit) -> Option<Value> {
    let suspect = record.outcome == record::Outcome::Suspect;
    if !record.counts() && !suspect {
        return None;
    }
    let median = record.wall_median_s?;
    let low = record.wall_low_s.unwrap_or(median);
    let high = record.wall_high_s.unwrap_or(median);
    match unit {
        Unit::Flops => per(record.flop_count, median, low, high, suspect),
        Unit::Bytes => per(record.bytes_moved, median, low, high, suspect),
        Unit::Seconds | Unit::Ratio => Value::new(median, low, high, suspect),
    }
}

fn per(work: u64, median: f64, low: f64, high: f64, suspect: bool) -> Option<Value> {
    let work = work as f64;
    Value::new(work / median, work / high, work / low, suspect)
}

fn unit_title(unit: Unit) -> &'static str {
    match unit {
        Unit::Seconds => "Time",
        _ => "Throughput",
    }
}

fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Flops => "FLOP/s by the wall clock",
        Unit::Bytes => "Bytes/s by the wall clock",
        Unit::Seconds => "Wall time of one run",
        Unit::Ratio => "Times as fast as the CPU",
    }
}

fn show(unit: Unit, value: f64) -> String {
    match unit {
        Unit::Flops => units::flop_per_s(value),
        Unit::Bytes => units::bytes_per_s(value),
        Unit::Seconds => units::seconds(value),
        Unit::Ratio => names::ratio(value),
    }
}
