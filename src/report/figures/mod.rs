//! Which charts a run has, and what each shows.
//!
//! | file | holds |
//! | --- | --- |
//! | `sweep.rs` | throughput and speed-up over the axis of a sweep |
//! | `reuse.rs` | speed-ups over size and re-use |
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
mod reuse;
mod roofline;
mod streams;
mod sweep;
mod transfers;
mod tuning;

use crate::record::Record;
use crate::terms::Scope;

use reuse::Reuse;

use super::chart::{self, Dots, Drawing, LOG_FROM, Lines, Series, Unit, Value, XScale};
use super::input::Input;
use super::names::{self, Device};
use super::views::{Entrant, Group, Member, SCOPES};

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
    /// Whether it shows what changes an answer: the first such chart stands with the answers.
    pub changes_answer: bool,
}

impl Figure {
    /// Name of its picture inside `charts/`.
    pub fn png(&self) -> String {
        format!("{}.png", self.file.trim_end_matches(".svg"))
    }
}

/// The charts of a page, each with a file of its own.
#[derive(Default)]
pub struct Figures(pub Vec<Figure>);

impl Figures {
    /// Adds a chart where there is one, and returns it. Its file gets a number where another has its name.
    pub fn add(
        &mut self,
        section: &str,
        name: &str,
        drawing: Option<Drawing>,
    ) -> Option<&mut Figure> {
        let drawing = drawing?;
        let numbered = |n: u32| match n {
            1 => format!("{name}.svg"),
            n => format!("{name}-{n}.svg"),
        };
        let is_free = |file: &String| self.0.iter().all(|f| f.file != *file);
        let file = (1..).map(numbered).find(is_free).unwrap_or_default();
        let section = section.to_string();
        self.0.push(Figure { file, section, drawing, is_picture: false, changes_answer: false });
        self.0.last_mut()
    }
}

/// Every chart that has something to show: workload by workload, speed-ups first; then what limits
/// each device.
pub fn figures(input: &Input, groups: &[Group<'_>], devices: &[Device]) -> Vec<Figure> {
    let mut figures = Figures::default();
    for group in groups.iter().filter(|g| !g.is_about_machine()) {
        View { input, group, entrants: group.entrants(input, devices) }.add_to(&mut figures);
    }
    breakdown::add(&mut figures, input, devices);
    roofline::add(&mut figures, input, devices);
    streams::add(&mut figures, input, devices);
    transfers::add(&mut figures, input, devices);
    peaks::add(&mut figures, input, devices);
    tuning::add(&mut figures, input);
    figures.0
}

struct View<'a> {
    input: &'a Input,
    group: &'a Group<'a>,
    entrants: Vec<Entrant<'a>>,
}

impl View<'_> {
    fn add_to(&self, figures: &mut Figures) {
        let mut add = |kind: &str, scope: Option<Scope>, drawing: Option<Drawing>| {
            let name = format!("{kind}-{}", self.group.file_name(scope));
            figures.add(self.group.workload, &name, drawing);
        };
        if self.group.is_sweep() {
            add("speedup", None, self.speedup());
            for scope in SCOPES {
                add("throughput", Some(scope), self.throughput(scope));
            }
        } else {
            add("list", None, self.list());
        }
        let name = format!("reuse-{}", self.group.file_name(None));
        for Reuse { drawing, changes_answer } in self.reuse() {
            if let Some(figure) = figures.add(self.group.workload, &name, Some(drawing)) {
                figure.changes_answer = changes_answer;
            }
        }
    }

    /// Workload and sweep, for titles.
    fn topic(&self) -> String {
        let g = self.group;
        let what = match g.list_name() {
            _ if g.is_sweep() => format!(" over {}", g.axis_name()),
            "" => String::new(),
            list => format!(", {list}"),
        };
        format!("{}{what}{}", g.workload, g.setting(None))
    }

    /// One series of an entrant: `value` makes each point.
    fn series(
        &self,
        entrant: &Entrant<'_>,
        detail: String,
        dashed: bool,
        value: impl Fn(&Member<'_>) -> Option<Value>,
    ) -> Option<Series> {
        let Entrant { device, marker, .. } = *entrant;
        let tone = chart::device(device.colour);
        let series = Series::new(device.label.clone(), tone, self.group.points(value));
        Some(Series { detail, marker, dashed, ..series }).filter(Series::has_values)
    }

    /// The speed-ups of an entrant; with transfers in dashes.
    fn ratios(&self, entrant: &Entrant<'_>, scope: Scope) -> Option<Series> {
        self.series(entrant, detail(entrant, scope), scope == Scope::EndToEnd, |m| {
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
}

/// Implementation and scope, for the label of a series.
fn detail(entrant: &Entrant<'_>, scope: Scope) -> String {
    format!("{}, {}", entrant.implementation, names::scope(scope))
}

/// A chart of lines over a group's axis.
pub fn lines(
    group: &Group<'_>,
    title: String,
    subtitle: String,
    unit: Unit,
    series: Vec<Series>,
) -> Lines {
    let number = |v: f64| names::axis_value("", v as u64);
    let bytes = |v: f64| names::axis_value("bytes", v as u64);
    Lines {
        title,
        subtitle,
        description: in_words(&series, unit, |i, _| group.place(i)),
        x_title: group.axis_name(),
        x_scale: XScale::Sizes(if group.axis == "bytes" { bytes } else { number }),
        unit,
        log_from: LOG_FROM,
        joined: true,
        series,
        marks: Vec::new(),
    }
}

/// A chart of dots in rows, labelled or not; none without a series.
pub fn dots(
    title: String,
    subtitle: String,
    unit: Unit,
    rows: Vec<String>,
    series: Vec<Series>,
    labelled: bool,
) -> Option<Drawing> {
    let place = |_: usize, x: f64| rows.get(x as usize).cloned().unwrap_or_default();
    let description = in_words(&series, unit, place);
    Dots { title, subtitle, description, unit, rows, series, labelled }.draw()
}

/// A chart in words: each series from its first point to its last. `place` names a point by its
/// number and its place on the x axis.
fn in_words(series: &[Series], unit: Unit, place: impl Fn(usize, f64) -> String) -> String {
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
    format!("{}. All values are in the tables below.", names::twelve(series.iter().map(text)))
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
    let median = record.timed_s()?;
    let end = |end: Option<f64>| end.unwrap_or(median);
    Value::new(median, end(record.wall_low_s), end(record.wall_high_s), record.is_suspect())
}

/// The beginning of the title of a chart in this unit, and how it was measured.
fn unit_words(unit: Unit) -> (&'static str, &'static str) {
    match unit {
        Unit::Flops => ("Throughput of", "FLOP/s by the wall clock"),
        Unit::Bytes => ("Throughput of", "Bytes/s by the wall clock"),
        Unit::Seconds => ("Time of", "Wall time of one run"),
        Unit::Ratio | Unit::Compared => ("Speed-up of", "Times as fast"),
    }
}
