//! Ratios and rates of all runs: a pair of charts for each sweep, one for each list.

use std::collections::{HashMap, HashSet};

use crate::compare::{Comparison, Contestant, Pair};
use crate::record::{ComparisonRow, PlanRow};
use crate::terms::{Cache, CaseKey, Cased, Dtype, Scope};

use super::super::chart::{self, Dots, LOG_FROM, Lines, Scale, Series, Unit, Value};
use super::super::figures::{Figure, fit, in_words, size_scale, unique};
use super::super::names;
use super::super::views::SCOPES;
use super::answers::label;

/// Most rows of a list that get a line each.
const MOST_ROWS: usize = 40;

/// A sweep or list in one setting, with the shapes in their order.
struct Group<'a> {
    workload: &'a str,
    dtype: Dtype,
    axis: &'a str,
    list: &'a str,
    cache: Cache,
    scope: Scope,
    /// Axis value, shape and what a list calls it.
    members: Vec<(u64, &'a str, &'a str)>,
}

/// What a curve shows: a run's rows of one contestant.
type Curve<'a> = (usize, &'a Contestant);

/// Every chart of a comparison.
pub fn figures(c: &Comparison) -> Vec<Figure> {
    let plan = c.plan();
    let mut figures = Vec::new();
    for group in groups(c, &plan) {
        let view = View::new(c, &group);
        let drawings = if group.axis.is_empty() {
            [("ratio-list", view.list()), ("", None)]
        } else {
            [("ratio", view.ratios()), ("rate", view.rates())]
        };
        for (kind, drawing) in drawings {
            let Some(drawing) = drawing else { continue };
            let file = unique(&format!("{kind}-{}", group.file_name()), &figures);
            let section = group.workload.to_string();
            figures.push(Figure { file, section, drawing, is_picture: false });
        }
    }
    figures
}

/// The sweeps and lists that have a comparison. Rows that no plan knows make a list.
fn groups<'a>(c: &'a Comparison, plan: &'a [PlanRow]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    // Nothing is moved on a CPU: with transfers it is the same run again.
    let again = |r: &ComparisonRow| {
        r.scope == Scope::EndToEnd && r.device_a.is_cpu() && r.device_b.is_cpu()
    };
    let rows = c.pairs.iter().map(|p| &p.row).filter(|r| !again(r));
    let compared: HashSet<(CaseKey<'_>, Scope)> = rows.map(|r| (r.case(), r.scope)).collect();
    for row in plan {
        for (cache, scope) in [Cache::Hot, Cache::Cold].iter().flat_map(|c| SCOPES.map(|s| (*c, s)))
        {
            let (workload, shape, dtype, axis) =
                (row.workload.as_str(), row.shape.as_str(), row.dtype, row.axis.as_str());
            if !compared.contains(&(CaseKey { workload, shape, dtype, cache }, scope)) {
                continue;
            }
            let list = if axis.is_empty() { row.list.as_str() } else { "" };
            let group = Group { workload, dtype, axis, list, cache, scope, members: Vec::new() };
            add(&mut groups, group, (row.axis_value.unwrap_or(0), shape, &row.layer));
        }
    }
    let planned: HashSet<(&str, &str, Dtype)> =
        plan.iter().map(|p| (p.workload.as_str(), p.shape.as_str(), p.dtype)).collect();
    for row in c.pairs.iter().map(|p| &p.row) {
        if !planned.contains(&(&row.workload, &row.shape, row.dtype)) {
            let (workload, dtype, cache, scope) = (&row.workload, row.dtype, row.cache, row.scope);
            let (axis, list) = ("", "");
            let group = Group { workload, dtype, axis, list, cache, scope, members: Vec::new() };
            add(&mut groups, group, (0, &row.shape, ""));
        }
    }
    groups.iter_mut().for_each(|g| g.members.sort_by_key(|m| m.0));
    groups
}

fn add<'a>(groups: &mut Vec<Group<'a>>, group: Group<'a>, member: (u64, &'a str, &'a str)) {
    let key = |g: &Group<'a>| (g.workload, g.dtype, g.axis, g.list, g.cache, g.scope);
    match groups.iter_mut().find(|g| key(g) == key(&group)) {
        Some(g) if g.members.iter().any(|m| m.1 == member.1) => {}
        Some(g) => g.members.push(member),
        None => groups.push(Group { members: vec![member], ..group }),
    }
}

impl Group<'_> {
    fn file_name(&self) -> String {
        let middle = match (self.axis, self.list) {
            ("", "") => "shapes",
            ("", list) => list,
            (axis, _) => axis,
        };
        let cold = if self.cache == Cache::Cold { "-cold" } else { "" };
        let dtype = match self.dtype {
            Dtype::F32 => String::new(),
            dtype => format!("-{}", dtype.name()),
        };
        let (workload, scope) = (fit(self.workload), self.scope.name());
        format!("{workload}-{}-{scope}{}{cold}", fit(middle), dtype)
    }

    /// Workload, sweep and setting, for titles.
    fn title(&self) -> String {
        let axis = names::axis(self.workload, self.axis);
        let what = match (self.axis, self.list) {
            ("", "") => String::new(),
            ("", list) => format!(", {list}"),
            _ => format!(" over {axis}"),
        };
        let mut setting = vec![names::scope(self.scope)];
        setting.extend((self.dtype != Dtype::F32).then_some(self.dtype.name()));
        setting.extend((self.cache == Cache::Cold).then_some("cold cache"));
        format!("{}{what} ({})", self.workload, setting.join(", "))
    }
}

struct View<'a> {
    c: &'a Comparison,
    group: &'a Group<'a>,
    /// The comparisons that belong here.
    pairs: Vec<&'a Pair>,
    /// The contestants, whose numbers are their markers.
    contestants: Vec<&'a Contestant>,
}

impl<'a> View<'a> {
    fn new(c: &'a Comparison, g: &'a Group<'a>) -> View<'a> {
        let shapes: HashSet<&str> = g.members.iter().map(|m| m.1).collect();
        let here = |p: &&Pair| {
            (p.row.workload.as_str(), p.row.dtype) == (g.workload, g.dtype)
                && (p.row.cache, p.row.scope) == (g.cache, g.scope)
                && shapes.contains(p.row.shape.as_str())
        };
        let pairs: Vec<&'a Pair> = c.pairs.iter().filter(here).collect();
        let mut contestants: Vec<&'a Contestant> = Vec::new();
        for pair in &pairs {
            if !contestants.contains(&&pair.contestant) {
                contestants.push(&pair.contestant);
            }
        }
        View { c, group: g, pairs, contestants }
    }

    /// Every run and contestant that was compared here, run by run.
    fn curves(&self) -> Vec<Curve<'a>> {
        let mut curves: Vec<Curve<'a>> = Vec::new();
        for pair in &self.pairs {
            let curve = (pair.side, &pair.contestant);
            if !curves.contains(&curve) {
                curves.push(curve);
            }
        }
        curves
    }

    fn series(
        &self,
        (side, of): Curve<'_>,
        tone: usize,
        value: impl Fn(&Pair) -> Option<Value>,
    ) -> Series {
        let own = self.pairs.iter().filter(|p| p.side == side && p.contestant == *of);
        let here: HashMap<&str, &Pair> = own.map(|p| (p.row.shape.as_str(), *p)).collect();
        let sweep = !self.group.axis.is_empty();
        let points = self.group.members.iter().enumerate().map(|(i, m)| {
            let x = if sweep { (m.0 as f64).max(1.0) } else { i as f64 };
            (x, here.get(m.1).and_then(|p| value(p)))
        });
        Series {
            name: self.c.sides[tone].name.clone(),
            detail: label(of),
            note: String::new(),
            tone: chart::device(tone),
            marker: self.contestants.iter().position(|k| *k == of).unwrap_or(0),
            dashed: false,
            points: points.collect(),
        }
    }

    fn ratio_series(&self) -> Vec<Series> {
        let ratio = |p: &Pair| Value::new(p.row.ratio, p.row.ratio_low, p.row.ratio_high, false);
        let series = self.curves().into_iter().map(|curve| self.series(curve, curve.0, ratio));
        series.filter(|s| s.points.iter().any(|(_, v)| v.is_some())).collect()
    }

    fn describe(&self, series: &[Series], unit: Unit) -> String {
        let g = self.group;
        let place = |i: usize, _: f64| match g.members.get(i) {
            Some((value, ..)) if !g.axis.is_empty() => names::size(g.workload, g.axis, *value),
            Some((_, shape, "")) => names::shape(g.workload, shape),
            Some((_, _, layer)) => layer.to_string(),
            None => String::new(),
        };
        in_words(series, unit, place)
    }

    fn subtitle(&self) -> String {
        format!("Above 1×: faster than {}; bands and bars: 95 % interval", self.c.sides[0].name)
    }

    fn lines(&self, title: String, subtitle: String, unit: Unit, series: Vec<Series>) -> Lines {
        let g = self.group;
        Lines {
            title,
            subtitle,
            description: self.describe(&series, unit),
            x_title: names::axis(g.workload, g.axis),
            x_scale: size_scale(g.axis),
            unit,
            log_from: LOG_FROM,
            joined: true,
            series,
            marks: Vec::new(),
        }
    }

    /// How many times as fast as the first run, over the axis.
    fn ratios(&self) -> Option<chart::Drawing> {
        let title = format!("Against {}: {}", self.c.sides[0].name, self.group.title());
        let series = self.ratio_series();
        (!series.is_empty())
            .then(|| self.lines(title, self.subtitle(), Unit::Compared, series).draw())
    }

    /// Rates of every run, the first one's too, over the axis.
    fn rates(&self) -> Option<chart::Drawing> {
        let unit = self.unit();
        let rate = |p: &Pair, seconds: f64| {
            let value = match unit {
                Unit::Flops => p.flop_count as f64 / seconds,
                Unit::Bytes => p.bytes_moved as f64 / seconds,
                _ => seconds,
            };
            Value::new(value, value, value, false)
        };
        let mut series: Vec<Series> = Vec::new();
        for of in self.contestants.iter().copied() {
            // Of several runs that were set against the first, the one with most points tells of it.
            let first = self.curves().into_iter().filter(|(_, contestant)| *contestant == of);
            let count = |curve: &Curve<'_>| {
                self.pairs.iter().filter(|p| (p.side, &p.contestant) == *curve).count()
            };
            if let Some(curve) = first.max_by_key(count) {
                series.push(self.series(curve, 0, |p| rate(p, p.row.median_a_s)));
            }
        }
        for curve in self.curves() {
            series.push(self.series(curve, curve.0, |p| rate(p, p.row.median_b_s)));
        }
        series.retain(|s| s.points.iter().any(|(_, v)| v.is_some()));
        let what = if unit == Unit::Seconds { "Time" } else { "Throughput" };
        let title = format!("{what} of {}", self.group.title());
        let subtitle = "By the wall clock, medians".to_string();
        (!series.is_empty()).then(|| self.lines(title, subtitle, unit, series).draw())
    }

    fn unit(&self) -> Unit {
        let (mut flop, mut bytes) = (0u64, 0u64);
        for pair in &self.pairs {
            (flop, bytes) = (flop.max(pair.flop_count), bytes.max(pair.bytes_moved));
        }
        match (flop, bytes) {
            (0, 0) => Unit::Seconds,
            (flop, bytes) if flop.saturating_mul(4) <= bytes => Unit::Bytes,
            _ => Unit::Flops,
        }
    }

    /// Ratios line by line, or each a dot over its time where lines are many.
    fn list(&self) -> Option<chart::Drawing> {
        let series = self.ratio_series();
        if series.is_empty() {
            return None;
        }
        let title = format!("Against {}: {}", self.c.sides[0].name, self.group.title());
        let unit = Unit::Compared;
        if self.group.members.len() > MOST_ROWS {
            let lines = self.lines(title, self.subtitle(), unit, self.over_time(series));
            let x_title = format!("time of one run of {}", self.c.sides[0].name);
            let x_scale: fn(&[f64], f64) -> Scale = |values, width| {
                Scale::counts(values, width, |v| chart::trim_zeros(&crate::units::seconds(v)))
            };
            return Some(Lines { x_title, x_scale, joined: false, ..lines }.draw());
        }
        let rows = self.group.members.iter().map(|(_, shape, layer)| match *layer {
            "" => names::shape(self.group.workload, shape),
            layer => layer.to_string(),
        });
        let subtitle =
            format!("Right of 1×: faster than {}; bars: 95 % interval", self.c.sides[0].name);
        let description = self.describe(&series, unit);
        let (rows, labelled) = (rows.collect(), false);
        Some(Dots { title, subtitle, description, unit, rows, series, labelled }.draw())
    }

    /// The same points over the time that the first run takes.
    fn over_time(&self, mut series: Vec<Series>) -> Vec<Series> {
        let mut first: HashMap<&str, f64> = HashMap::new();
        for pair in &self.pairs {
            let least = first.entry(&pair.row.shape).or_insert(f64::INFINITY);
            *least = least.min(pair.row.median_a_s);
        }
        let time = |shape: &str| first.get(shape).copied().unwrap_or(f64::INFINITY);
        let times: Vec<f64> = self.group.members.iter().map(|m| time(m.1)).collect();
        for s in &mut series {
            s.points.iter_mut().zip(&times).for_each(|((x, _), time)| *x = *time);
        }
        series
    }
}
