//! Which charts a run has, and what each shows.
//!
//! | file | holds |
//! | --- | --- |
//! | `sweep.rs` | throughput and speed-up over the axis of a sweep |
//! | `list.rs` | speed-ups of a list, line by line or as a cloud |

mod list;
mod sweep;

use crate::record::{Outcome, Record};
use crate::units;
use crate::workload::{Cache, Scope};

use super::chart::{Drawing, Series, Unit, Value};
use super::input::Input;
use super::names::{self, Device};
use super::views::{Group, Lane, Member, SCOPES};

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
    let numbered =
        |n: usize| if n == 1 { format!("{name}.svg") } else { format!("{name}-{n}.svg") };
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
        if g.cache == Cache::Cold {
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
        match g.list_name() {
            "" => format!("{}{}", g.workload, g.setting()),
            list => format!("{}, {list}{}", g.workload, g.setting()),
        }
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

    /// The speed-ups of a lane; with transfers in dashes.
    fn ratios(&self, lane: &Lane<'_>, scope: Scope, detail: String) -> Option<Series> {
        self.series(lane, detail, scope == Scope::EndToEnd, |m| {
            let s = self.group.summary(self.input, m, scope, lane)?;
            Value::new(s.speedup, s.speedup_low, s.speedup_high, false)
        })
    }

    /// What measures this workload: FLOP/s, bytes/s where it moves data more than it computes, or
    /// the time alone.
    fn unit(&self) -> Unit {
        let mut rows = self.input.records.iter().filter(|r| self.group.holds(r));
        if rows.all(|r| r.flop_count == 0 && r.bytes_moved == 0) {
            Unit::Seconds
        } else if self.group.moves_data(self.input) {
            Unit::Bytes
        } else {
            Unit::Flops
        }
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
            let last = shown.next_back().map(|p| format!(", {}", at(p))).unwrap_or_default();
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

/// The rate of a row with its interval, from its times and its work.
fn rate(record: &Record, unit: Unit) -> Option<Value> {
    let suspect = record.outcome == Outcome::Suspect;
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
