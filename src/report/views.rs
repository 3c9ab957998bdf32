//! Rows put together as charts and sentences need them: sweeps, lists and their entrants.

use crate::record::{PlanRow, Record, SummaryRow};
use crate::terms::{Baseline, Cache, CaseKey, Dtype, Keyed, RowKey, Scope};
use crate::workload;

use super::input::Input;
use super::names::Device;

/// The baseline that charts and sentences use: the fastest the CPU can do.
pub const BASELINE: Baseline = Baseline::Best;

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

    /// What sets it apart from the usual hot f32, for titles: ` (cold cache)`.
    pub fn setting(&self) -> String {
        match (self.cache, self.dtype) {
            (Cache::Hot, Dtype::F32) => String::new(),
            (Cache::Cold, Dtype::F32) => " (cold cache)".to_string(),
            (Cache::Hot, dtype) => format!(" ({})", dtype.name()),
            (Cache::Cold, dtype) => format!(" ({}, cold cache)", dtype.name()),
        }
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
        let mut entrants: Vec<Entrant<'r>> = Vec::new();
        for device in devices {
            let mut marker = 0;
            for r in input.records.iter().filter(|r| self.holds(r) && r.device == device.id) {
                let here = |l: &Entrant<'_>| {
                    l.device.id == device.id && l.implementation == r.implementation
                };
                if !entrants.iter().any(here) && self.members.iter().any(|m| m.shape == r.shape) {
                    entrants.push(Entrant { device, implementation: &r.implementation, marker });
                    marker += 1;
                }
            }
        }
        entrants
    }
}

/// The scopes, in the order of charts.
pub const SCOPES: [Scope; 2] = [Scope::Compute, Scope::EndToEnd];

/// Every sweep and list of a run, in the order of the plan. Rows that the plan doesn't know (or all
/// of them, without a plan) make a list of their workload.
pub fn groups(input: &Input) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for row in &input.plan {
        for cache in [Cache::Hot, Cache::Cold] {
            add(&mut groups, group_of(row, cache), member_of(row));
        }
    }
    for r in &input.records {
        let known =
            |p: &PlanRow| p.workload == r.workload && p.shape == r.shape && p.dtype == r.dtype;
        if !input.plan.iter().any(known) {
            let group = Group {
                workload: &r.workload,
                axis: "",
                dtype: r.dtype,
                list: "",
                cache: r.cache,
                members: Vec::new(),
            };
            let member = Member { value: 0, shape: &r.shape, layer: "", repeat: 1 };
            let there = |g: &Group<'_>| same(g, &group) && g.members.contains(&member);
            if !groups.iter().any(there) {
                add(&mut groups, group, member);
            }
        }
    }
    for group in &mut groups {
        group.members.sort_by_key(|m| m.value);
    }
    groups.retain(|g| input.records.iter().any(|r| g.holds(r) && has_shape(g, &r.shape)));
    groups
}

fn has_shape(group: &Group<'_>, shape: &str) -> bool {
    group.members.iter().any(|m| m.shape == shape)
}

fn group_of(row: &PlanRow, cache: Cache) -> Group<'_> {
    // A sweep may be put together from several lists; a list is one by its name.
    let list = if row.axis.is_empty() { row.list.as_str() } else { "" };
    Group {
        workload: &row.workload,
        axis: &row.axis,
        dtype: row.dtype,
        list,
        cache,
        members: Vec::new(),
    }
}

fn member_of(row: &PlanRow) -> Member<'_> {
    let value = if row.axis.is_empty() { 0 } else { row.axis_value.unwrap_or(0) };
    Member { value, shape: &row.shape, layer: &row.layer, repeat: row.repeat }
}

fn same(a: &Group<'_>, b: &Group<'_>) -> bool {
    (a.workload, a.axis, a.dtype, a.list, a.cache) == (b.workload, b.axis, b.dtype, b.list, b.cache)
}

fn add<'a>(groups: &mut Vec<Group<'a>>, group: Group<'a>, member: Member<'a>) {
    let sweep = group.is_sweep();
    match groups.iter_mut().find(|g| same(g, &group)) {
        Some(g) if sweep && g.members.iter().any(|m| m.shape == member.shape) => {}
        Some(g) => g.members.push(member),
        None => groups.push(Group { members: vec![member], ..group }),
    }
}
