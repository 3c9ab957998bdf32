//! Charts of a sweep.

use crate::terms::{Crossover, Scope};

use super::super::chart::{self, Drawing, LOG_FROM, Lines, Mark, Scale, Series, Unit};
use super::super::names;
use super::super::views::{Entrant, Member, SCOPES};
use super::{View, published, rate, unit_name, unit_title};

/// Most crossovers that are named over a plot.
const MOST_MARKS: usize = 6;

impl View<'_> {
    /// Rates over the axis, one line a device and implementation.
    pub fn throughput(&self, scope: Scope) -> Option<Drawing> {
        let unit = self.unit();
        let mut series: Vec<Series> = self
            .entrants
            .iter()
            .filter_map(|entrant| {
                let record = |m: &Member<'_>| self.group.record(self.input, m, scope, entrant);
                let detail = implementation(entrant, self.threads(scope, entrant));
                self.series(entrant, detail, false, |m| rate(record(m)?, unit))
            })
            .collect();
        let what = match scope {
            Scope::Compute => "compute only, operands resident",
            Scope::EndToEnd => "upload, compute and download",
        };
        if series.is_empty() {
            return None;
        }
        if scope == Scope::Compute {
            series.extend(self.published(unit));
        }
        Some(
            Lines {
                title: format!("{} of {}", unit_title(unit), self.topic()),
                subtitle: format!(
                    "{}: {what}; bands and bars: 95 % interval of the median{}",
                    unit_name(unit),
                    published::key(&series)
                ),
                description: self.describe(&series, unit),
                x_title: self.axis(),
                x_scale: size_scale(self.group.axis),
                unit,
                log_from: LOG_FROM,
                joined: true,
                series,
                marks: Vec::new(),
            }
            .draw(),
        )
    }

    fn threads(&self, scope: Scope, entrant: &Entrant<'_>) -> Option<u32> {
        let of = |m: &Member<'_>| self.group.record(self.input, m, scope, entrant)?.threads;
        self.group.members.iter().find_map(of)
    }

    /// Speed-ups over the axis, with transfers and without, and where they cross 1x.
    pub fn speedup(&self) -> Option<Drawing> {
        let (mut series, mut marks) = (Vec::new(), Vec::new());
        for (entrant, scope) in self.entrants.iter().flat_map(|l| SCOPES.map(|s| (l, s))) {
            let (words, mark) = self.crossover(entrant, scope);
            let detail = format!("{}, {}", entrant.implementation, names::scope(scope));
            if let Some(found) = self.ratios(entrant, scope, detail) {
                series.push(Series { note: words, ..found });
                marks.extend(mark);
            }
        }
        let marks = merged(marks);
        let unnamed = match marks.first() {
            Some(mark) if mark.label.is_empty() => "; vertical lines: crossovers, see the table",
            _ => "",
        };
        (!series.is_empty()).then(|| {
            Lines {
                title: format!("Speed-up against the CPU: {}", self.topic()),
                subtitle: format!(
                    "Above 1×: faster than the fastest verified CPU implementation; bands and \
                     bars: 95 % interval{unnamed}"
                ),
                description: self.describe(&series, Unit::Ratio),
                x_title: self.axis(),
                x_scale: size_scale(self.group.axis),
                unit: Unit::Ratio,
                log_from: LOG_FROM,
                joined: true,
                series,
                marks,
            }
            .draw()
        })
    }

    /// An entrant's crossover in words and as a mark.
    fn crossover(&self, entrant: &Entrant<'_>, scope: Scope) -> (String, Option<Mark>) {
        let members = &self.group.members;
        let column = |m: &Member<'_>| self.group.summary(self.input, m, scope, entrant)?.crossover;
        let Some(crossover) = members.iter().find_map(column) else { return Default::default() };
        let last = members.last().map_or(0, |m| m.value);
        let words = names::crossover(crossover, self.group.axis, last);
        let (low, high) = match crossover {
            Crossover::From(v) => (v, v),
            Crossover::Unclear(low, high) => (low, high),
            Crossover::Always | Crossover::Never => return (words, None),
        };
        let dashed = scope == Scope::EndToEnd;
        let label = if dashed { format!("{words}, with transfers") } else { words.clone() };
        let (low, high) = (low as f64, high as f64);
        let tone = Some(chart::device(entrant.device.colour));
        let mark = Mark { low, high, tone, dashed, label };
        (words, Some(mark))
    }
}

/// The scale of an axis of sizes.
pub fn size_scale(axis: &str) -> fn(&[f64], f64) -> Scale {
    fn number(v: f64) -> String {
        names::axis_value("", v as u64)
    }
    fn bytes(v: f64) -> String {
        names::axis_value("bytes", v as u64)
    }
    if axis == "bytes" {
        |values, width| Scale::sizes(values, width, bytes)
    } else {
        |values, width| Scale::sizes(values, width, number)
    }
}

/// One mark for all that stand at one size; without texts where these would be a tower.
pub fn merged(marks: Vec<Mark>) -> Vec<Mark> {
    let mut merged: Vec<Mark> = Vec::new();
    for mark in marks {
        let same = |m: &&mut Mark| (m.low, m.high) == (mark.low, mark.high);
        let Some(m) = merged.iter_mut().find(same) else {
            merged.push(mark);
            continue;
        };
        if m.tone != mark.tone {
            m.tone = None;
        }
        // True of compute too: the words without "with transfers" hold for both.
        if !mark.dashed {
            (m.dashed, m.label) = (false, mark.label);
        }
    }
    if merged.len() > MOST_MARKS {
        merged.iter_mut().for_each(|m| m.label.clear());
    }
    merged
}

fn implementation(entrant: &Entrant<'_>, threads: Option<u32>) -> String {
    match threads {
        Some(1) => format!("{}, 1 thread", entrant.implementation),
        Some(n) => format!("{}, {n} threads", entrant.implementation),
        None => entrant.implementation.to_string(),
    }
}
