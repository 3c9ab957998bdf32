//! Rows put together as charts and sentences need them: sweeps, lists and their entrants.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::record::{self, PlanRow, Record, SummaryRow};
use crate::terms::{Baseline, Cache, CaseKey, Cased, Crossover, Dtype, Keyed, RowKey, Scope};
use crate::workload;

use super::chart::{Point, Value};
use super::input::Input;
use super::names::{self, Device};

/// The baseline that charts and sentences use: the fastest the CPU can do.
pub const BASELINE: Baseline = Baseline::Best;

/// The scopes, in the order of charts.
pub const SCOPES: [Scope; 2] = [Scope::Compute, Scope::EndToEnd];

/// The states of the caches, in the order of charts.
pub const CACHES: [Cache; 2] = [Cache::Hot, Cache::Cold];

/// One point of a sweep or one line of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Member<'a> {
    /// Its value on the axis; 0 in a list.
    pub value: u64,
    /// Its shape.
    pub shape: &'a str,
    /// What the list calls it.
    pub layer: &'a str,
    /// How often the list has it.
    pub repeat: u64,
}

/// A sweep or a list, in one state of the caches.
#[derive(Clone, Debug)]
pub struct Group<'a> {
    /// The workload.
    pub workload: &'a str,
    /// The sweep's axis; empty for a list.
    pub axis: &'a str,
    /// What it is computed in.
    pub dtype: Dtype,
    /// The list's name; empty for a sweep.
    pub list: &'a str,
    /// State of the caches.
    pub cache: Cache,
    /// Its points in ascending order, or its lines in theirs.
    pub members: Vec<Member<'a>>,
}

/// A device with one implementation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Entrant<'a> {
    /// The device.
    pub device: &'a Device,
    /// The implementation.
    pub implementation: &'a str,
    /// Number of the implementation among those of its device here, for the marker.
    pub marker: usize,
}

impl Group<'_> {
    /// Whether it is a sweep.
    pub fn is_sweep(&self) -> bool {
        !self.axis.is_empty()
    }

    /// The list's name in titles; none where there is only one shape, without axes.
    pub fn list_name(&self) -> &str {
        match self.list {
            "" if self.members.iter().all(|m| m.shape.is_empty()) => "",
            "" => "the chosen shapes",
            name => name,
        }
    }

    /// Whether they differ in their members alone.
    pub fn is_same(&self, other: &Group<'_>) -> bool {
        (self.workload, self.axis, self.dtype) == (other.workload, other.axis, other.dtype)
            && (self.list, self.cache) == (other.list, other.cache)
    }

    /// Whether a shape is among its members.
    pub fn has_shape(&self, shape: &str) -> bool {
        self.members.iter().any(|m| m.shape == shape)
    }

    /// What sets it apart from the usual hot f32, for titles, after a scope where one is named:
    /// ` (cold cache)`, ` (compute, f16)`.
    pub fn setting(&self, scope: Option<Scope>) -> String {
        let cold = (self.cache == Cache::Cold).then_some("cold cache");
        let others = [names::unusual(self.dtype), cold].into_iter().flatten().map(Cow::from);
        let words: Vec<_> = scope.map(names::scope).into_iter().chain(others).collect();
        if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) }
    }

    /// The part of file names that tells it from others: `gemm-mnk-compute-f16-cold`.
    pub fn file_name(&self, scope: Option<Scope>) -> String {
        let middle = match (self.axis, self.list) {
            ("", "") => "shapes",
            ("", list) => list,
            (axis, _) => axis,
        };
        let cold = (self.cache == Cache::Cold).then_some("cold");
        let (workload, middle) = (names::fit(self.workload), names::fit(middle));
        let scope = scope.map(|scope| names::fit(&scope.name()));
        let parts = [Some(&*workload), Some(&middle), scope.as_deref()].into_iter();
        let parts = parts.chain([names::unusual(self.dtype), cold]);
        parts.flatten().collect::<Vec<_>>().join("-")
    }

    /// Its axis, for people.
    pub fn axis_name(&self) -> String {
        names::axis(self.workload, self.axis)
    }

    /// The largest value on its axis.
    pub fn last(&self) -> u64 {
        self.members.last().map_or(0, |m| m.value)
    }

    /// What a list calls a member; its shape where it has no name there.
    pub fn line(&self, member: &Member<'_>) -> String {
        match member.layer {
            "" => names::shape(self.workload, member.shape),
            layer => layer.to_string(),
        }
    }

    /// The place of member number `i`, in words.
    pub fn place(&self, i: usize) -> String {
        match self.members.get(i) {
            Some(m) if self.is_sweep() => names::size(self.workload, self.axis, m.value),
            member => member.map_or(String::new(), |m| self.line(m)),
        }
    }

    /// A point for each member: at its value, or at its number in a list.
    pub fn points(&self, value: impl Fn(&Member<'_>) -> Option<Value>) -> Vec<Point> {
        let at = |i: usize, m: &Member<'_>| match self.is_sweep() {
            true => m.value as f64,
            false => i as f64,
        };
        self.members.iter().enumerate().map(|(i, m)| (at(i, m), value(m))).collect()
    }

    /// Whether a row of results.csv belongs here.
    pub fn holds(&self, r: &Record) -> bool {
        r.workload == self.workload && r.dtype == self.dtype && r.cache == self.cache
    }

    /// Whether its workload is about the machine (its memory, its links, its peak) and not about a
    /// model: such have charts of their own and no speed-ups.
    pub fn is_about_machine(&self) -> bool {
        workload::role(self.workload).is_about_machine()
    }

    /// Whether its workload moves data and computes next to nothing: it tells about the machine's
    /// memory and not about a model.
    pub fn moves_data(&self, input: &Input) -> bool {
        let mut rows = input.records.iter().filter(|r| self.holds(r));
        rows.all(|r| r.flop_count.saturating_mul(4) <= r.bytes_moved)
    }

    /// The first row at one member, whoever ran it.
    pub fn any_record<'r>(&self, input: &'r Input, member: &Member<'_>) -> Option<&'r Record> {
        let case = self.case(member);
        input.records.iter().find(|r| r.case() == case)
    }

    /// The row of an entrant at one member.
    pub fn record<'r>(
        &self,
        input: &'r Input,
        member: &Member<'_>,
        scope: Scope,
        entrant: &Entrant<'_>,
    ) -> Option<&'r Record> {
        let key = self.key(member, scope, entrant);
        input.records.iter().find(|r| r.key() == key)
    }

    /// The comparison of an entrant with the CPU at one member.
    pub fn summary<'r>(
        &self,
        input: &'r Input,
        member: &Member<'_>,
        scope: Scope,
        entrant: &Entrant<'_>,
    ) -> Option<&'r SummaryRow> {
        let key = self.key(member, scope, entrant);
        let here =
            |s: &&SummaryRow| s.baseline == BASELINE && s.axis == self.axis && s.key() == key;
        input.summary.iter().find(here)
    }

    /// The crossover of an entrant in a scope: it is the same at every member.
    pub fn crossover(
        &self,
        input: &Input,
        scope: Scope,
        entrant: &Entrant<'_>,
    ) -> Option<Crossover> {
        self.members.iter().find_map(|m| self.summary(input, m, scope, entrant)?.crossover)
    }

    /// The case of a member.
    pub fn case<'m>(&'m self, member: &Member<'m>) -> CaseKey<'m> {
        let Group { workload, dtype, cache, .. } = *self;
        CaseKey { workload, shape: member.shape, dtype, cache }
    }

    fn key<'m>(&'m self, member: &Member<'m>, scope: Scope, entrant: &Entrant<'m>) -> RowKey<'m> {
        let Entrant { device, implementation, .. } = *entrant;
        RowKey { case: self.case(member), scope, device: &device.id, implementation }
    }

    /// Every device and implementation with a row here, device by device.
    pub fn entrants<'r>(&self, input: &'r Input, devices: &'r [Device]) -> Vec<Entrant<'r>> {
        let shapes: HashSet<&str> = self.members.iter().map(|m| m.shape).collect();
        let here = |r: &&Record| self.holds(r) && shapes.contains(r.shape.as_str());
        let rows: Vec<&'r Record> = input.records.iter().filter(here).collect();
        let of = |device: &'r Device| {
            let own = rows.iter().filter(|r| r.device == device.id);
            let found = record::distinct(own.map(|r| r.implementation.as_str()));
            let numbered = found.into_iter().enumerate();
            numbered.map(move |(marker, implementation)| Entrant { device, implementation, marker })
        };
        devices.iter().flat_map(of).collect()
    }
}

/// Every sweep and list of a run, in the order of the plan. Rows that the plan doesn't know (or all
/// of them, without a plan) make a list of their workload.
pub fn groups(input: &Input) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in &input.plan {
        for cache in CACHES {
            let has = |g: &Group<'_>, m: &Member<'_>| g.is_sweep() && g.has_shape(m.shape);
            add(&mut groups, planned(row, cache), has);
        }
    }
    for r in &input.records {
        let known =
            |p: &PlanRow| p.workload == r.workload && p.shape == r.shape && p.dtype == r.dtype;
        if !input.plan.iter().any(known) {
            add(&mut groups, unplanned(r.case()), |g, m| g.members.contains(m));
        }
    }
    for group in &mut groups {
        group.members.sort_by_key(|m| m.value);
    }
    groups.retain(|g| input.records.iter().any(|r| g.holds(r) && g.has_shape(&r.shape)));
    groups
}

/// Adds a member to its group, unless the group `has` it.
fn add<'a>(
    groups: &mut Vec<Group<'a>>,
    (group, member): (Group<'a>, Member<'a>),
    has: impl Fn(&Group<'a>, &Member<'a>) -> bool,
) {
    match groups.iter_mut().find(|g| g.is_same(&group)) {
        Some(g) if has(g, &member) => {}
        Some(g) => g.members.push(member),
        None => groups.push(Group { members: vec![member], ..group }),
    }
}

/// The sweep or list of a line of the plan, still without members, and the member that the line is.
pub fn planned(row: &PlanRow, cache: Cache) -> (Group<'_>, Member<'_>) {
    // A sweep may be put together from several lists; a list is one by its name.
    let is_sweep = !row.axis.is_empty();
    let group = Group {
        workload: &row.workload,
        axis: &row.axis,
        dtype: row.dtype,
        list: if is_sweep { "" } else { &row.list },
        cache,
        members: Vec::new(),
    };
    let value = row.axis_value.filter(|_| is_sweep).unwrap_or(0);
    (group, Member { value, shape: &row.shape, layer: &row.layer, repeat: row.repeat })
}

/// The same of a case that no plan knows: one of the list of its workload.
pub fn unplanned(case: CaseKey<'_>) -> (Group<'_>, Member<'_>) {
    let CaseKey { workload, shape, dtype, cache } = case;
    let group = Group { workload, axis: "", dtype, list: "", cache, members: Vec::new() };
    (group, Member { value: 0, shape, layer: "", repeat: 1 })
}
