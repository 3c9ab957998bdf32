//! Charts of a sweep.

use std::borrow::Cow;

use crate::terms::{Crossover, Scope};

use super::super::chart::{self, Drawing, Lines, Mark, Series, Unit};
use super::super::names;
use super::super::views::{Entrant, Member, SCOPES};
use super::{View, lines, published, rate, unit_words};

/// Most crossovers that are named over a plot.
const MOST_MARKS: usize = 6;

impl View<'_> {
    /// Rates over the axis, one line a device and implementation.
    pub fn throughput(&self, scope: Scope) -> Option<Drawing> {
        let unit = self.unit();
        let of = |entrant: &Entrant<'_>| {
            let record = |m: &Member<'_>| self.group.record(self.input, m, scope, entrant);
            let threads = self.group.members.iter().find_map(|m| record(m)?.threads);
            let detail = format!("{}{}", entrant.implementation, names::threads(threads));
            self.series(entrant, detail, false, |m| rate(record(m)?, unit))
        };
        let mut series: Vec<Series> = self.entrants.iter().filter_map(of).collect();
        let what: Cow<'_, str> = match scope {
            Scope::Compute => "compute only, operands resident".into(),
            Scope::EndToEnd => "upload, compute and download".into(),
            Scope::Reused(uses) => format!("upload, {uses} runs, download").into(),
        };
        if scope == Scope::Compute && !series.is_empty() {
            series.extend(self.published(unit));
        }
        let (title, how) = unit_words(unit);
        let title = format!("{title} {}", self.topic());
        let key = published::key(&series);
        let subtitle = format!("{how}: {what}; bands and bars: 95 % interval of the median{key}");
        lines(self.group, title, subtitle, unit, series).draw()
    }

    /// Speed-ups over the axis, with transfers and without, and where they cross 1x.
    pub fn speedup(&self) -> Option<Drawing> {
        let (mut series, mut marks) = (Vec::new(), Vec::new());
        for (entrant, scope) in self.entrants.iter().flat_map(|l| SCOPES.map(|s| (l, s))) {
            let (note, mark) = self.crossover(entrant, scope);
            if let Some(found) = self.ratios(entrant, scope) {
                series.push(Series { note, ..found });
                marks.extend(mark);
            }
        }
        let marks = merged(marks);
        let unnamed = match marks.first() {
            Some(mark) if mark.label.is_empty() => "; vertical lines: crossovers, see the table",
            _ => "",
        };
        let title = format!("Speed-up against the CPU: {}", self.topic());
        let subtitle = format!(
            "Above 1×: faster than the fastest verified CPU implementation; bands and bars: 95 % \
             interval{unnamed}"
        );
        Lines { marks, ..lines(self.group, title, subtitle, Unit::Ratio, series) }.draw()
    }

    /// An entrant's crossover in words and as a mark.
    fn crossover(&self, entrant: &Entrant<'_>, scope: Scope) -> (String, Option<Mark>) {
        let Some(crossover) = self.group.crossover(self.input, scope, entrant) else {
            return Default::default();
        };
        let words = names::crossover(crossover, self.group.axis, self.group.last());
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
