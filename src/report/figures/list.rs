//! Charts of a list.

use crate::record::Record;
use crate::terms::Scope;
use crate::{stats, units};

use super::super::chart::{Drawing, Lines, Series, Unit, XScale};
use super::super::views::{Member, SCOPES};
use super::{View, detail, dots, lines, published, rate, unit_words};

/// Most lines of a list that get a row each.
const MOST_ROWS: usize = 40;

impl View<'_> {
    /// Speed-ups line by line, or rates where nothing was set against the CPU.
    pub fn list(&self) -> Option<Drawing> {
        let pairs = || self.entrants.iter().flat_map(|l| SCOPES.map(|s| (l, s)));
        let ratios: Vec<Series> = pairs().filter_map(|(l, s)| self.ratios(l, s)).collect();
        let (unit, mut series) = if ratios.is_empty() {
            let unit = self.unit();
            let rates = pairs().filter_map(|(entrant, scope)| {
                let record = |m: &Member<'_>| self.group.record(self.input, m, scope, entrant);
                let dashed = scope == Scope::EndToEnd;
                self.series(entrant, detail(entrant, scope), dashed, |m| rate(record(m)?, unit))
            });
            (unit, rates.collect())
        } else {
            (Unit::Ratio, ratios)
        };
        let (what, how) = match unit {
            Unit::Ratio => (
                "Speed-up against the CPU:",
                "Right of 1×: faster than the fastest verified CPU implementation",
            ),
            _ => unit_words(unit),
        };
        let title = format!("{what} {}", self.topic());
        if series.is_empty() {
            return None;
        }
        series.extend(self.published(unit));
        if self.group.members.len() > MOST_ROWS {
            return self.cloud(title, unit, series);
        }
        let rows = self.group.members.iter().map(|m| self.group.line(m)).collect();
        let subtitle = format!("{how}; {}", key(&series));
        dots(title, subtitle, unit, rows, series, false)
    }

    /// A list of many lines: each a dot over its work.
    fn cloud(&self, title: String, unit: Unit, mut series: Vec<Series>) -> Option<Drawing> {
        let members = &self.group.members;
        let of = |m: &Member<'_>, amount: fn(&Record) -> u64| {
            self.group.any_record(self.input, m).map_or(0, amount) as f64
        };
        let computes = members.iter().any(|m| of(m, |r| r.flop_count) > 0.0);
        let (amount, of_what, x_scale): (fn(&Record) -> u64, _, _) = if computes {
            (|r| r.flop_count, "floating-point operations", XScale::Counts(units::flop))
        } else {
            (|r| r.bytes_moved, "bytes", XScale::Counts(units::bytes))
        };
        for s in &mut series {
            let values: Vec<f64> =
                s.points.iter().filter_map(|(_, v)| Some(v.as_ref()?.value)).collect();
            let mean = stats::geometric_mean(&values).map_or("-".to_string(), |m| unit.show(m));
            s.note = format!("geometric mean {mean}");
            for ((x, _), m) in s.points.iter_mut().zip(members) {
                *x = of(m, amount).max(1.0);
            }
        }
        let subtitle =
            format!("Each of the {} lines over its work; {}", members.len(), key(&series));
        let x_title = format!("{of_what} of one run");
        let chart = lines(self.group, title, subtitle, unit, series);
        Lines { x_title, x_scale, joined: false, ..chart }.draw()
    }
}

/// What bars, pale and faint markers mean.
fn key(series: &[Series]) -> String {
    let pale = if series.iter().any(|s| s.dashed) { ", pale: with transfers" } else { "" };
    format!("bars: 95 % interval{pale}{}", published::key(series))
}
