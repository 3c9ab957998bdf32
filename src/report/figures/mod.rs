//! Which charts a run has, and what each shows.
//!
//! | file | holds |
//! | --- | --- |
//! | `sweep.rs` | throughput and speed-up over the axis of a sweep |
//! | `list.rs` | speed-ups of a list, line by line or as a cloud |
//! | `roofline.rs` | every row under the roofs of its device |
//! | `streams.rs` | bandwidth over the working set |
//! | `transfers.rs` | rate and time of transfers over their size |
//! | `breakdown.rs` | what the operations of a training step take |
//! | `peaks.rs` | peaks and launch costs, which have no sizes |
//! | `published.rs` | what others have published, faint |
//! | `tuning.rs` | what a search for kernel parameters found |

mod breakdown;
mod list;
mod peaks;
mod published;
mod roofline;
mod streams;
mod sweep;
mod transfers;
mod tuning;

use crate::record::{Outcome, Record};
use crate::terms::{Cache, Dtype, Scope};

use super::chart::{self, Drawing, Series, Unit, Value};
use super::input::Input;
use super::names::{self, Device};
use super::views::{Entrant, Group, Member, SCOPES};

pub use sweep::size_scale;

/// A chart with its file and its place in the report.
pub struct Figure {
    /// File name inside `charts/`.
    pub file: String,
    /// The workload, or what else the chart is about.
    pub section: String,
    /// The chart.
    pub drawing: Drawing,
    /// Whether it is written as a PNG too.
    pub is_picture: bool,
}

impl Figure {
    /// Name of its picture inside `charts/`.
    pub fn png(&self) -> String {
        format!("{}.png", self.file.trim_end_matches(".svg"))
    }
}

/// A chart without a file yet.
struct Found {
    section: String,
    name: String,
    drawing: Drawing,
}

/// Every chart that has something to show: workload by workload, speed-ups first; then what limits
/// each device.
pub fn figures(input: &Input, groups: &[Group<'_>], devices: &[Device]) -> Vec<Figure> {
    let mut found: Vec<Found> = Vec::new();
    for group in groups.iter().filter(|g| !g.is_about_machine()) {
        View { input, group, entrants: group.entrants(input, devices) }.figures(&mut found);
    }
    found.extend(breakdown::figures(input, devices));
    found.extend(roofline::figures(input, devices));
    found.extend(streams::figures(input, devices));
    found.extend(transfers::figures(input, devices));
    found.extend(peaks::figures(input, devices));
    found.extend(tuning::figures(input));
    let mut figures: Vec<Figure> = Vec::new();
    for Found { section, name, drawing } in found {
        let file = unique(&name, &figures);
        figures.push(Figure { file, section, drawing, is_picture: false });
    }
    figures
}

/// Adds a number where two charts would have one name.
pub fn unique(name: &str, figures: &[Figure]) -> String {
    let numbered =
        |n: usize| if n == 1 { format!("{name}.svg") } else { format!("{name}-{n}.svg") };
    let taken = |file: &String| figures.iter().any(|f| f.file == *file);
    (1..).map(numbered).find(|file| !taken(file)).unwrap_or_default()
}

/// A name's part, fit for a file whatever the CSV holds.
pub fn fit(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    text.chars().map(fit).take(60).collect()
}

struct View<'a> {
    input: &'a Input,
    group: &'a Group<'a>,
    entrants: Vec<Entrant<'a>>,
}

impl View<'_> {
    fn figures(&self, found: &mut Vec<Found>) {
        let mut add = |name: String, drawing: Option<Drawing>| {
            let section = self.group.workload.to_string();
            found.extend(drawing.map(|drawing| Found { section, name, drawing }));
        };
        if self.group.is_sweep() {
            add(self.name("speedup", None), self.speedup());
            for scope in SCOPES {
                add(self.name("throughput", Some(scope)), self.throughput(scope));
            }
        } else {
            add(self.name("list", None), self.list());
        }
    }

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
        if g.dtype != Dtype::F32 {
            name = format!("{name}-{}", g.dtype.name());
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

    /// One series of an entrant: `value` makes each point.
    fn series(
        &self,
        entrant: &Entrant<'_>,
        detail: String,
        dashed: bool,
        value: impl Fn(&Member<'_>) -> Option<Value>,
    ) -> Option<Series> {
        let points: Vec<_> = self.places().zip(self.group.members.iter().map(value)).collect();
        points.iter().any(|(_, v)| v.is_some()).then(|| Series {
            name: entrant.device.label.clone(),
            detail,
            note: String::new(),
            tone: chart::device(entrant.device.colour),
            marker: entrant.marker,
            dashed,
            points,
        })
    }

    /// Where each member stands on the x axis: its value, or its number in a list.
    fn places(&self) -> impl Iterator<Item = f64> {
        let sweep = self.group.is_sweep();
        let place = move |(i, m): (usize, &Member<'_>)| {
            if sweep { (m.value as f64).max(1.0) } else { i as f64 }
        };
        self.group.members.iter().enumerate().map(place)
    }

    /// The speed-ups of an entrant; with transfers in dashes.
    fn ratios(&self, entrant: &Entrant<'_>, scope: Scope, detail: String) -> Option<Series> {
        self.series(entrant, detail, scope == Scope::EndToEnd, |m| {
            let s = self.group.summary(self.input, m, scope, entrant)?;
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

    /// The chart in words, with the places of the group's members.
    fn describe(&self, series: &[Series], unit: Unit) -> String {
        let group = self.group;
        let place = |i: usize, _: f64| match group.members.get(i) {
            Some(m) if group.is_sweep() => names::size(group.workload, group.axis, m.value),
            Some(m) if m.layer.is_empty() => names::shape(group.workload, m.shape),
            m => m.map_or(String::new(), |m| m.layer.to_string()),
        };
        in_words(series, unit, place)
    }
}

/// A chart in words: each series from its first point to its last. `place` names a point by its
/// number and its place on the x axis.
pub fn in_words(series: &[Series], unit: Unit, place: impl Fn(usize, f64) -> String) -> String {
    let text = |s: &Series| {
        let points = s.points.iter().enumerate();
        let mut shown = points.filter_map(|(i, (x, v))| Some((v.as_ref()?.value, i, *x)));
        let at =
            |(value, i, x): (f64, usize, f64)| format!("{} at {}", unit.show(value), place(i, x));
        let first = shown.next().map(at).unwrap_or_default();
        let last = shown.next_back().map(|p| format!(", {}", at(p))).unwrap_or_default();
        let texts = [&s.name, &s.detail, &s.note].into_iter().filter(|t| !t.is_empty());
        let name = texts.map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("{name}: {first}{last}")
    };
    let mut texts: Vec<String> = series.iter().take(12).map(text).collect();
    if series.len() > 12 {
        texts.push(format!("and {} more", series.len() - 12));
    }
    format!("{}. All values are in the tables below.", texts.join("; "))
}

/// The rate of a row with its interval, from its times and its work.
fn rate(record: &Record, unit: Unit) -> Option<Value> {
    match unit {
        Unit::Flops => per_second(record, record.flop_count),
        Unit::Bytes => per_second(record, record.bytes_moved),
        Unit::Seconds | Unit::Ratio | Unit::Compared => time(record),
    }
}

/// So much work over the time of a row.
fn per_second(record: &Record, work: u64) -> Option<Value> {
    let (work, time) = (work as f64, time(record)?);
    Value::new(work / time.value, work / time.high, work / time.low, time.suspect)
}

/// The time of a row that has one.
fn time(record: &Record) -> Option<Value> {
    let suspect = record.outcome == Outcome::Suspect;
    let median = record.wall_median_s.filter(|_| record.counts() || suspect)?;
    let end = |end: Option<f64>| end.unwrap_or(median);
    Value::new(median, end(record.wall_low_s), end(record.wall_high_s), suspect)
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
        Unit::Compared => "Times as fast as the first run",
    }
}
