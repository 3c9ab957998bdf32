//! What choosing a side costs: by the run's own thresholds, and by those that other projects have fixed.

use crate::dispatch::{self, Entry};

use super::super::names;
use super::Tables;

/// A device in a scope of a workload.
pub struct RegretLine {
    pub device: String,
    pub colour: usize,
    pub dtype: &'static str,
    pub scope: String,
    pub shapes: usize,
    /// By the thresholds of this run.
    pub table: String,
    /// By its fit alone.
    pub fit: String,
    pub cpu: String,
    pub always: String,
}

/// What a fixed threshold would cost on this machine.
pub struct RuleLine {
    pub device: String,
    pub colour: usize,
    pub dtype: &'static str,
    pub source: &'static str,
    pub words: &'static str,
    pub shapes: usize,
    pub regret: String,
}

/// What choosing costs in a workload.
#[derive(Default)]
pub struct RegretTable {
    pub lines: Vec<RegretLine>,
    pub rules: Vec<RuleLine>,
}

impl Tables<'_> {
    /// All that the run tells about which side to choose.
    pub(super) fn regrets(&self) -> Vec<Entry> {
        dispatch::entries(&self.input.summary)
    }

    /// What choosing costs in a workload.
    pub(super) fn regret(&self, entries: &[Entry], workload: &str) -> RegretTable {
        let mut table = RegretTable::default();
        for entry in entries.iter().filter(|e| e.workload == workload) {
            let (device, colour) = self.device(&entry.device);
            let dtype = entry.dtype.name();
            table.lines.extend(entry.regret.iter().map(|r| RegretLine {
                device: device.clone(),
                colour,
                dtype,
                scope: names::scope(r.scope).into_owned(),
                shapes: r.shapes,
                table: names::percent(r.table),
                fit: names::percent(r.fit),
                cpu: names::percent(r.cpu),
                always: names::percent(r.device),
            }));
            table.rules.extend(entry.fixed_thresholds.iter().map(|r| RuleLine {
                device: device.clone(),
                colour,
                dtype,
                source: r.source,
                words: r.device_where,
                shapes: r.shapes,
                regret: names::percent(r.regret),
            }));
        }
        table
    }
}
