//! Charts of a list.

use crate::record::Record;
use crate::terms::{Cased, Scope};
use crate::{stats, units};

use super::super::chart::{self, Dots, Drawing, LOG_FROM, Lines, Scale, Series, Unit};
use super::super::names;
use super::super::views::{Entrant, Member, SCOPES};
use super::{View, published, rate, unit_name, unit_title};

/// Most lines of a list that get a row each.
const MOST_ROWS: usize = 40;

impl View<'_> {
    /// Speed-ups line by line, or rates where nothing was set against the CPU.
    pub fn list(&self) -> Option<Drawing> {
        let pairs = || self.entrants.iter().flat_map(|l| SCOPES.map(|s| (l, s)));
        let detail = |entrant: &Entrant<'_>, scope| {
            format!("{}, {}", entrant.implementation, names::scope(scope))
        };
        let ratios = pairs().filter_map(|(l, s)| self.ratios(l, s, detail(l, s)));
        let ratios: Vec<Series> = ratios.collect();
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
        series.extend(self.published(unit));
        if self.group.members.len() > MOST_ROWS {
            return Some(self.cloud(title, unit, series));
        }
        let row = |m: &Member<'_>| match m.layer {
            "" => names::shape(self.group.workload, m.shape),
            layer => layer.to_string(),
        };
        let rows = self.group.members.iter().map(row).collect();
        let subtitle = format!("{subtitle}; {}", key(&series));
        let description = self.describe(&series, unit);
        let labelled = false;
        Some(Dots { title, subtitle, description, unit, rows, series, labelled }.draw())
    }

    /// A list of many lines: each a dot over its work.
    fn cloud(&self, title: String, unit: Unit, mut series: Vec<Series>) -> Drawing {
        let of = |m: &Member<'_>, amount: fn(&Record) -> u64| {
            let case = self.group.case(m);
            self.input.records.iter().find(|r| r.case() == case).map_or(0, amount) as f64
        };
        let members = &self.group.members;
        let computes = members.iter().any(|m| of(m, |r| r.flop_count) > 0.0);
        let amount: fn(&Record) -> u64 =
            if computes { |r| r.flop_count } else { |r| r.bytes_moved };
        for s in &mut series {
            let values: Vec<f64> =
                s.points.iter().filter_map(|(_, v)| Some(v.as_ref()?.value)).collect();
            let mean = stats::geometric_mean(&values).map_or("-".to_string(), |m| unit.show(m));
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
                "Each of the {} lines over its work; {}",
                members.len(),
                key(&series)
            ),
            description: self.describe(&series, unit),
            x_title: format!("{of_what} of one run"),
            x_scale,
            unit,
            log_from: LOG_FROM,
            joined: false,
            series,
            marks: Vec::new(),
        }
        .draw()
    }
}

/// What bars, pale and faint markers mean.
fn key(series: &[Series]) -> String {
    let pale = if series.iter().any(|s| s.dashed) { ", pale: with transfers" } else { "" };
    format!("bars: 95 % interval{pale}{}", published::key(series))
}
