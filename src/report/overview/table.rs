//! A device against the CPU, a line a sweep or list: the crossover, the speed-up at the largest size, and that
//! over all sizes, with operands resident and with transfers.

use crate::record::SummaryRow;
use crate::stats;
use crate::terms::{Crossover, DeviceKind, Scope, Verdict};

use super::super::chart::{self, Spark};
use super::super::headline::{self, Headline};
use super::super::input::Input;
use super::super::names::{self, Device, capital};
use super::super::views::{Entrant, Group, Member, SCOPES};

/// A device against the CPU.
pub struct Table {
    /// The device.
    pub device: String,
    /// Number of its colour.
    pub colour: usize,
    /// What its lines come to.
    pub sentence: String,
    /// A sweep or a list each.
    pub rows: Vec<Row>,
}

/// A sweep or a list.
pub struct Row {
    /// The workload, with what is unusual about it.
    pub workload: String,
    /// What changes along the sweep, or the list's name.
    pub over: String,
    /// From which value to which, or of how many lines.
    pub range: String,
    /// In the order of [`SCOPES`].
    pub cells: [Option<Cell>; 2],
}

/// What a cell comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The device is faster from some size on, or in all.
    Wins,
    /// It is not.
    Loses,
    /// Nobody knows.
    Open,
}

/// One scope of a sweep or list.
pub struct Cell {
    /// What it comes to.
    pub outcome: Outcome,
    /// The crossover in a few words, or what a list has.
    pub answer: String,
    /// The model at the crossover: its parameters and its FLOP, where it has them. Where there is no crossover,
    /// how far the device was measured, if not to the largest size.
    pub size: Vec<String>,
    /// Times as fast as the CPU at the largest size, or in all.
    pub speedup: f64,
    /// Along the sweep.
    pub points: Vec<Point>,
}

/// One size of a sweep.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// On the axis.
    pub value: u64,
    /// Times as fast as the CPU, with what that says; none where it was not measured.
    pub found: Option<(f64, Verdict)>,
}

/// A table for each device that was set against the CPU: GPUs first, of each kind the fastest.
pub fn tables(input: &Input, groups: &[Group<'_>], devices: &[Device]) -> Vec<Table> {
    let opponents = devices.iter().filter(|d| !d.is_plain_cpu());
    let mut found: Vec<(u8, f64, Table)> = Vec::new();
    for device in opponents {
        let lines: Vec<Line<'_, '_>> =
            groups.iter().filter_map(|group| Line::of(input, group, devices, device)).collect();
        let Some(sentence) = sentence(input, device, &lines) else { continue };
        let rank = match device.kind {
            DeviceKind::Gpu => 0,
            DeviceKind::Accelerator => 1,
            DeviceKind::Cpu => 2,
        };
        let speed = mean(&lines, 0).or(mean(&lines, 1)).unwrap_or(0.0);
        let rows = lines.into_iter().map(|line| line.row).collect();
        let table = Table { device: device.label.clone(), colour: device.colour, sentence, rows };
        found.push((rank, speed, table));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
    found.into_iter().map(|(_, _, table)| table).collect()
}

/// A row, with what it is made of.
struct Line<'a, 'g> {
    group: &'g Group<'g>,
    entrants: Vec<Entrant<'a>>,
    row: Row,
}

impl<'a, 'g> Line<'a, 'g> {
    /// The line of a device in a group; none where it has nothing to say there.
    fn of(
        input: &'a Input,
        group: &'g Group<'g>,
        devices: &'a [Device],
        device: &Device,
    ) -> Option<Line<'a, 'g>> {
        if group.is_about_machine() {
            return None;
        }
        let mut entrants = group.entrants(input, devices);
        entrants.retain(|entrant| entrant.device.id == device.id);
        let speaker = *headline::speaker(input, group, &entrants.iter().collect::<Vec<_>>())?;
        let cells = SCOPES.map(|scope| cell(input, group, &speaker, scope));
        let workload = format!("{}{}", group.workload, group.setting(None));
        let (over, range) = if group.is_sweep() {
            let value = |v| names::axis_value(group.axis, v);
            let (first, last) = (group.members.first().map_or(0, |m| m.value), group.last());
            let range = if first == last {
                value(last)
            } else {
                format!("{}–{}", value(first), value(last))
            };
            (group.axis_name(), range)
        } else {
            let lines = match group.members.len() {
                1 => "1 line".to_string(),
                n => format!("{n} lines"),
            };
            (group.list_name().to_string(), lines)
        };
        Some(Line { group, entrants, row: Row { workload, over, range, cells } })
    }
}

fn cell(input: &Input, group: &Group<'_>, entrant: &Entrant<'_>, scope: Scope) -> Option<Cell> {
    if !group.is_sweep() {
        let total = headline::total(input, group, entrant, scope)?;
        let outcome = match Verdict::of(total.speedup, total.speedup, 0.0) {
            Verdict::Faster => Outcome::Wins,
            _ => Outcome::Loses,
        };
        let answer = format!("faster on {} of {}", total.faster, total.compared);
        let speedup = total.speedup;
        return Some(Cell { outcome, answer, size: Vec::new(), speedup, points: Vec::new() });
    }
    let (largest, row) = headline::largest(input, group, entrant, scope)?;
    let point = |m: &Member<'_>| {
        let row: Option<&SummaryRow> = group.summary(input, m, scope, entrant);
        let found = row.filter(|row| row.speedup.is_finite() && row.speedup > 0.0);
        Point { value: m.value, found: found.map(|row| (row.speedup, row.verdict)) }
    };
    let (outcome, answer) = match row.crossover {
        Some(crossover) => (outcome(crossover), names::crossing(crossover, group.axis)),
        None => (Outcome::Open, String::new()),
    };
    let size = match row.crossover {
        Some(Crossover::From(v)) => headline::model_size(input, group, v),
        _ if largest.value < group.last() => {
            vec![format!("measured up to {}", names::axis_value(group.axis, largest.value))]
        }
        _ => Vec::new(),
    };
    let points = group.members.iter().map(point).collect();
    Some(Cell { outcome, answer, size, speedup: row.speedup, points })
}

fn outcome(crossover: Crossover) -> Outcome {
    match crossover {
        Crossover::Always | Crossover::From(_) => Outcome::Wins,
        Crossover::Never => Outcome::Loses,
        Crossover::Unclear(..) => Outcome::Open,
    }
}

/// The geometric mean of a scope's speed-ups.
fn mean(lines: &[Line<'_, '_>], scope: usize) -> Option<f64> {
    let cells = lines.iter().filter_map(|line| line.row.cells[scope].as_ref());
    stats::geometric_mean(&cells.map(|cell| cell.speedup).collect::<Vec<_>>())
}

/// What a device's lines come to; none where it has none. A single line is told in full.
fn sentence(input: &Input, device: &Device, lines: &[Line<'_, '_>]) -> Option<String> {
    if let [line] = lines {
        let entrants: Vec<&Entrant<'_>> = line.entrants.iter().collect();
        return headline::in_full(input, line.group, &entrants);
    }
    let of = |scope: usize, outcome: Outcome| {
        let cells = lines.iter().filter_map(|line| line.row.cells[scope].as_ref());
        cells.filter(|cell| cell.outcome == outcome).count()
    };
    let unclear = match of(0, Outcome::Open) + of(1, Outcome::Open) {
        0 => String::new(),
        1 => "; 1 answer is unclear".to_string(),
        n => format!("; {n} answers are unclear"),
    };
    let (wins, all) = ([of(0, Outcome::Wins), of(1, Outcome::Wins)], lines.len());
    let (counts, speeds) = match [mean(lines, 0), mean(lines, 1)] {
        [Some(resident), Some(moved)] => (
            both(wins, all),
            format!("{} as fast, {} with transfers", names::ratio(resident), names::ratio(moved)),
        ),
        [Some(resident), None] => {
            (of_all(wins[0], all), format!("{} as fast", names::ratio(resident)))
        }
        [None, Some(moved)] => (
            format!("{}, transfers included", of_all(wins[1], all)),
            format!("{} as fast", names::ratio(moved)),
        ),
        [None, None] => return None,
    };
    Some(format!(
        "{} overtakes {} in {counts}{unclear}. At the largest sizes it is {speeds} (geometric means).",
        capital(&device.phrase),
        device.rival()
    ))
}

/// `9 of the 13 lines below`.
fn of_all(count: usize, all: usize) -> String {
    match count {
        0 => format!("none of the {all} lines below"),
        n if n == all => format!("all {all} lines below"),
        n => format!("{n} of the {all} lines below"),
    }
}

/// The same for operands that are resident and with transfers.
fn both([resident, moved]: [usize; 2], all: usize) -> String {
    let lines = of_all(resident, all);
    match moved {
        0 if resident == 0 => format!("{lines}, with transfers or without"),
        n if n == resident && n == all => format!("{lines}, with transfers too"),
        0 => format!("{lines}, in none with transfers"),
        n => format!("{lines}, in {n} with transfers"),
    }
}

impl Table {
    /// Whether something is about one of its lines.
    pub fn has(&self, headline: &Headline) -> bool {
        headline.answer.is_empty() && headline.colour == self.colour
    }

    /// The least and the greatest ratio of all its lines, 1 among them.
    pub fn extent(&self) -> (f64, f64) {
        let cells = self.rows.iter().flat_map(|row| &row.cells).flatten();
        let ratios = cells.flat_map(|cell| &cell.points).filter_map(|p| Some(p.found?.0));
        ratios.fold((1.0, 1.0), |(low, high), ratio| (ratio.min(low), ratio.max(high)))
    }

    /// A cell's speed-ups as a small drawing; all of a table are to one scale.
    pub fn spark(&self, cell: &Cell) -> String {
        let values = cell.points.iter().map(|p| (p.value as f64, p.found.map(|found| found.0)));
        let points: Vec<(f64, Option<f64>)> = values.collect();
        let at = |(_, ratio): &(f64, Option<f64>)| ratio.map(names::ratio);
        let mut shown = points.iter().filter_map(at);
        let (first, last) = (shown.next().unwrap_or_default(), shown.next_back());
        let words = last.map_or(first.clone(), |last| format!("{first} to {last}"));
        let tone = chart::device(self.colour);
        Spark { tone, extent: self.extent(), points, words }.draw()
    }
}

impl Cell {
    /// Its speed-up in words.
    pub fn ratio(&self) -> String {
        names::ratio(self.speedup)
    }

    /// Whether there is a line to see.
    pub fn has_line(&self) -> bool {
        self.points.iter().filter(|p| p.found.is_some()).count() > 1
    }

    /// Its place in the style sheet.
    pub fn class(&self) -> &'static str {
        match self.outcome {
            Outcome::Wins => "wins",
            Outcome::Loses => "loses",
            Outcome::Open => "open",
        }
    }

    /// The model at the crossover, in full.
    pub fn model(&self) -> String {
        self.size.join(", ")
    }
}
