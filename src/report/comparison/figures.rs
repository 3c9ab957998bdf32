//! Ratios and rates of all runs: a pair of charts for each sweep, one for each list.

use std::collections::{HashMap, HashSet};

use crate::compare::{Comparison, Contestant, Pair};
use crate::record::{self, ComparisonRow, PlanRow};
use crate::terms::{CaseKey, Cased, Dtype, Scope};
use crate::units;

use super::super::chart::{self, Drawing, Lines, Series, Unit, Value, XScale};
use super::super::figures::{Figure, Figures, dots, lines};
use super::super::views::{CACHES, Group, Member, SCOPES, planned, unplanned};
use super::answers::label;
use super::words;

/// Most rows of a list that get a line each.
const MOST_ROWS: usize = 40;

/// What a curve shows: a run's rows of one contestant.
type Curve<'a> = (usize, &'a Contestant);

/// Every chart of a comparison.
pub fn figures(c: &Comparison) -> Vec<Figure> {
    let plan = c.plan();
    let mut figures = Figures::default();
    for (group, scope) in groups(c, &plan) {
        let view = View::new(c, &group, scope);
        let mut add = |kind: &str, drawing: Option<Drawing>| {
            let name = format!("{kind}-{}", group.file_name(Some(scope)));
            figures.add(group.workload, &name, drawing);
        };
        if group.is_sweep() {
            add("ratio", view.ratios());
            add("rate", view.rates());
        } else {
            add("ratio-list", view.list());
        }
    }
    figures.0
}

/// The sweeps and lists that have a comparison, each in one scope. Rows that no plan knows make a list.
fn groups<'a>(c: &'a Comparison, plan: &'a [PlanRow]) -> Vec<(Group<'a>, Scope)> {
    let mut groups: Vec<(Group<'a>, Scope)> = Vec::new();
    let mut add = |(group, member): (Group<'a>, Member<'a>), scope: Scope| {
        let same = |(g, s): &&mut (Group<'a>, Scope)| *s == scope && g.is_same(&group);
        match groups.iter_mut().find(same) {
            Some((g, _)) if g.has_shape(member.shape) => {}
            Some((g, _)) => g.members.push(member),
            None => groups.push((Group { members: vec![member], ..group }, scope)),
        }
    };
    // Nothing is moved on a CPU: with transfers it is the same run again.
    let again = |r: &ComparisonRow| {
        r.scope == Scope::EndToEnd && r.device_a.is_cpu() && r.device_b.is_cpu()
    };
    let rows = c.pairs.iter().map(|p| &p.row).filter(|r| !again(r));
    let compared: HashSet<(CaseKey<'_>, Scope)> = rows.map(|r| (r.case(), r.scope)).collect();
    for row in plan {
        for (cache, scope) in CACHES.into_iter().flat_map(|c| SCOPES.map(|s| (c, s))) {
            let (group, member) = planned(row, cache);
            if compared.contains(&(group.case(&member), scope)) {
                add((group, member), scope);
            }
        }
    }
    let known: HashSet<(&str, &str, Dtype)> =
        plan.iter().map(|p| (p.workload.as_str(), p.shape.as_str(), p.dtype)).collect();
    for row in c.pairs.iter().map(|p| &p.row) {
        if !known.contains(&(&row.workload, &row.shape, row.dtype)) {
            add(unplanned(row.case()), row.scope);
        }
    }
    groups.iter_mut().for_each(|(g, _)| g.members.sort_by_key(|m| m.value));
    groups
}

struct View<'a> {
    c: &'a Comparison,
    group: &'a Group<'a>,
    scope: Scope,
    /// The comparisons that belong here.
    pairs: Vec<&'a Pair>,
    /// The contestants, whose numbers are their markers.
    contestants: Vec<&'a Contestant>,
}

impl<'a> View<'a> {
    fn new(c: &'a Comparison, group: &'a Group<'a>, scope: Scope) -> View<'a> {
        let shapes: HashSet<&str> = group.members.iter().map(|m| m.shape).collect();
        let here = |p: &&Pair| {
            (p.row.workload.as_str(), p.row.dtype) == (group.workload, group.dtype)
                && (p.row.cache, p.row.scope) == (group.cache, scope)
                && shapes.contains(p.row.shape.as_str())
        };
        let pairs: Vec<&'a Pair> = c.pairs.iter().filter(here).collect();
        let contestants = record::distinct(pairs.iter().map(|p| &p.contestant));
        View { c, group, scope, pairs, contestants }
    }

    /// Every run and contestant that was compared here, run by run.
    fn curves(&self) -> Vec<Curve<'a>> {
        record::distinct(self.pairs.iter().map(|p| (p.side, &p.contestant)))
    }

    /// The first run's name, which all others are set against.
    fn first(&self) -> &str {
        &self.c.sides[0].name
    }

    /// `gemm over m = n = k (compute)`.
    fn topic(&self) -> String {
        let g = self.group;
        let what = match g.list {
            _ if g.is_sweep() => format!(" over {}", g.axis_name()),
            "" => String::new(),
            list => format!(", {list}"),
        };
        format!("{}{what}{}", g.workload, g.setting(Some(self.scope)))
    }

    /// What `value` tells of the pairs of a curve, in the name and colour of side number `shown`.
    fn series(
        &self,
        (side, of): Curve<'_>,
        shown: usize,
        value: impl Fn(&Pair) -> Option<Value>,
    ) -> Option<Series> {
        let own = self.pairs.iter().filter(|p| p.side == side && p.contestant == *of);
        let here: HashMap<&str, &Pair> = own.map(|p| (p.row.shape.as_str(), *p)).collect();
        let points = self.group.points(|m| here.get(m.shape).and_then(|p| value(p)));
        let marker = self.contestants.iter().position(|k| *k == of).unwrap_or(0);
        let series = Series::new(&*self.c.sides[shown].name, chart::device(shown), points);
        Some(Series { detail: label(of), marker, ..series }).filter(Series::has_values)
    }

    /// What verdicts are made on.
    fn ratio_series(&self) -> Vec<Series> {
        let ratio = |p: &Pair| Value::new(p.row.rest, p.row.rest_low, p.row.rest_high, false);
        self.curves().into_iter().filter_map(|curve| self.series(curve, curve.0, ratio)).collect()
    }

    /// What to know of ratios that are not as they were measured.
    fn without_machine(&self) -> &'static str {
        let differs = self.pairs.iter().any(|p| words::measured(&p.row).is_some());
        if differs { "; without what the machine itself did" } else { "" }
    }

    /// How many times as fast as the first run, line by line or over the axis.
    fn ratio_lines(&self, series: Vec<Series>) -> Lines {
        let title = format!("Against {}: {}", self.first(), self.topic());
        let how = format!(
            "Above 1×: faster than {}; bands and bars: 95 % interval{}",
            self.first(),
            self.without_machine()
        );
        lines(self.group, title, how, Unit::Compared, series)
    }

    /// How many times as fast as the first run, over the axis.
    fn ratios(&self) -> Option<Drawing> {
        self.ratio_lines(self.ratio_series()).draw()
    }

    /// Rates of every run, the first one's too, over the axis.
    fn rates(&self) -> Option<Drawing> {
        let unit = self.unit();
        let rate = |p: &Pair, seconds: f64| {
            Value::exact(match unit {
                Unit::Flops => p.flop_count as f64 / seconds,
                Unit::Bytes => p.bytes_moved as f64 / seconds,
                _ => seconds,
            })
        };
        let mut series: Vec<Series> = Vec::new();
        for of in self.contestants.iter().copied() {
            // Of several runs that were set against the first, the one with most points tells of it.
            let first = self.curves().into_iter().filter(|(_, contestant)| *contestant == of);
            let count = |curve: &Curve<'_>| {
                self.pairs.iter().filter(|p| (p.side, &p.contestant) == *curve).count()
            };
            let curve = first.max_by_key(count);
            series.extend(curve.and_then(|c| self.series(c, 0, |p| rate(p, p.row.median_a_s))));
        }
        let others = self.curves().into_iter();
        series.extend(others.filter_map(|c| self.series(c, c.0, |p| rate(p, p.row.median_b_s))));
        let what = if unit == Unit::Seconds { "Time" } else { "Throughput" };
        let title = format!("{what} of {}", self.topic());
        lines(self.group, title, "By the wall clock, medians".to_string(), unit, series).draw()
    }

    fn unit(&self) -> Unit {
        let flop = self.pairs.iter().map(|p| p.flop_count).max().unwrap_or(0);
        let bytes = self.pairs.iter().map(|p| p.bytes_moved).max().unwrap_or(0);
        match (flop, bytes) {
            (0, 0) => Unit::Seconds,
            _ if flop.saturating_mul(4) <= bytes => Unit::Bytes,
            _ => Unit::Flops,
        }
    }

    /// Ratios line by line, or each a dot over its time where lines are many.
    fn list(&self) -> Option<Drawing> {
        let chart = self.ratio_lines(self.ratio_series());
        if self.group.members.len() > MOST_ROWS {
            let x_title = format!("time of one run of {}", self.first());
            let x_scale = XScale::Counts(units::seconds);
            let series = self.over_time(chart.series);
            return Lines { x_title, x_scale, joined: false, series, ..chart }.draw();
        }
        let rows = self.group.members.iter().map(|m| self.group.line(m)).collect();
        let how = format!(
            "Right of 1×: faster than {}; bars: 95 % interval{}",
            self.first(),
            self.without_machine()
        );
        dots(chart.title, how, Unit::Compared, rows, chart.series, false)
    }

    /// The same points over the time that the first run takes.
    fn over_time(&self, mut series: Vec<Series>) -> Vec<Series> {
        let mut first: HashMap<&str, f64> = HashMap::new();
        for pair in &self.pairs {
            let least = first.entry(&pair.row.shape).or_insert(f64::INFINITY);
            *least = least.min(pair.row.median_a_s);
        }
        let time = |m: &Member<'_>| first.get(m.shape).copied().unwrap_or(f64::INFINITY);
        for s in &mut series {
            let points = s.points.iter_mut().zip(&self.group.members);
            points.for_each(|((x, _), member)| *x = time(member));
        }
        series
    }
}
