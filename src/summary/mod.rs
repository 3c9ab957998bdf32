//! From rows to answers: every device set against the CPU, verdicts, and the size from which on it
//! wins. Pure: records in, rows out.
//!
//! | file | holds |
//! | --- | --- |
//! | `undecided.rs` | what further rounds would tell |

mod undecided;

use std::collections::HashMap;

use crate::record::{self, PlanRow, Record, SampleRow, Seconds, SummaryRow};
use crate::stats::{self, Pairing};
use crate::terms::{
    Baseline, Cache, CaseKey, Cased, Crossover, DeviceId, Dtype, Keyed, RowKey, Scope, Verdict,
};

pub use undecided::{PREPARED_S, Undecided, asks, undecided, until_decided_seconds};

/// Which shapes make one sweep (or, without an axis, lines that belong to none).
struct Sweep<'a> {
    workload: &'a str,
    dtype: Dtype,
    axis: &'a str,
    /// Axis value and shape, ascending.
    points: Vec<(u64, &'a str)>,
}

fn sweeps<'a>(plan: &'a [PlanRow]) -> Vec<Sweep<'a>> {
    let keyed = |row: &'a PlanRow| {
        let sweep = (row.workload.as_str(), row.dtype, row.axis.as_str());
        (sweep, (row.axis_value.unwrap_or(0), row.shape.as_str()))
    };
    let sweep = |((workload, dtype, axis), points): ((&'a str, Dtype, &'a str), Vec<_>)| {
        let mut points = record::distinct(points);
        // A stable sort: the lines of a list keep their order.
        points.sort_by_key(|(value, _)| *value);
        Sweep { workload, dtype, axis, points }
    };
    record::grouped(plan.iter().map(keyed)).into_iter().map(sweep).collect()
}

/// All rows of summary.csv. `pairing` says how the run was sampled.
pub fn summarize(
    plan: &[PlanRow],
    records: &[Record],
    samples: &[SampleRow],
    pairing: Pairing,
) -> Vec<SummaryRow> {
    let samples = record::by_row(samples);
    let mut rows = Vec::new();
    for sweep in sweeps(plan) {
        for (cache, scope, baseline) in settings(records) {
            for (device, implementation) in opponents(records, &sweep, baseline) {
                let opponent =
                    Opponent { sweep: &sweep, cache, scope, baseline, device, implementation };
                rows.extend(opponent.rows(records, &samples, pairing));
            }
        }
    }
    rows
}

/// Every cache state and scope in the records, with both baselines.
fn settings(records: &[Record]) -> Vec<(Cache, Scope, Baseline)> {
    let mut found = record::distinct(records.iter().map(|r| (r.cache, r.scope)));
    found.sort_by_key(|(cache, scope)| (cache.name(), *scope));
    found.into_iter().flat_map(|(c, s)| Baseline::ALL.map(|b| (c, s, b))).collect()
}

fn opponents<'a>(
    records: &'a [Record],
    sweep: &Sweep<'_>,
    baseline: Baseline,
) -> Vec<(&'a DeviceId, &'a str)> {
    let here = |r: &&Record| r.workload == sweep.workload && r.dtype == sweep.dtype;
    let rows = records.iter().filter(here).filter(|r| baseline.faces(&r.device, r.device_kind));
    record::distinct(rows.map(|r| (&r.device, r.implementation.as_str())))
}

/// One device and implementation against one baseline along one sweep.
struct Opponent<'a> {
    sweep: &'a Sweep<'a>,
    cache: Cache,
    scope: Scope,
    baseline: Baseline,
    device: &'a DeviceId,
    implementation: &'a str,
}

impl Opponent<'_> {
    fn rows(
        &self,
        records: &[Record],
        samples: &HashMap<RowKey<'_>, Seconds>,
        pairing: Pairing,
    ) -> Vec<SummaryRow> {
        let points = &self.sweep.points;
        let compared: Vec<Option<SummaryRow>> = points
            .iter()
            .map(|(_, shape)| self.compare(records, samples, pairing, shape))
            .collect();
        let verdicts: Vec<(u64, Option<Verdict>)> = points
            .iter()
            .zip(&compared)
            .map(|((value, _), row)| (*value, row.as_ref().map(|r| r.verdict)))
            .collect();
        let mut rows: Vec<SummaryRow> = compared.into_iter().flatten().collect();
        let is_own_side = self.baseline == Baseline::Own
            && self.device.is_contender()
            && records.iter().any(|r| r.device == *self.device && r.is_cpu_side());
        if !self.sweep.axis.is_empty() && !is_own_side {
            let crossover = Crossover::of(&verdicts);
            rows.iter_mut().for_each(|r| r.crossover = crossover);
        }
        rows
    }

    fn compare(
        &self,
        records: &[Record],
        samples: &HashMap<RowKey<'_>, Seconds>,
        pairing: Pairing,
        shape: &str,
    ) -> Option<SummaryRow> {
        let Sweep { workload, dtype, axis, .. } = *self.sweep;
        let case = CaseKey { workload, shape, dtype, cache: self.cache };
        let here = |r: &&Record| r.case() == case && r.scope == self.scope && r.competes();
        let device = records
            .iter()
            .filter(here)
            .find(|r| r.device == *self.device && r.implementation == self.implementation)?;
        let cpu = records
            .iter()
            .filter(here)
            .filter(|r| self.baseline.admits(&r.device, r.device_kind))
            .min_by(|a, b| median(a).total_cmp(&median(b)))?;
        // Where each device chooses its own amount of work, times say nothing about each other.
        if device.flop_count != cpu.flop_count || (device.flop_count, device.bytes_moved) == (0, 0)
        {
            return None;
        }
        let apart = [device, cpu].iter().any(|r| r.has_note("not-interleaved"));
        let pairing = if apart { Pairing::Unpaired } else { pairing };
        let sides = (samples.get(&cpu.key())?, samples.get(&device.key())?);
        let (cpu_s, device_s) = match pairing {
            Pairing::Paired => aligned(sides.0, sides.1),
            Pairing::Unpaired => {
                (sides.0.values().copied().collect(), sides.1.values().copied().collect())
            }
        };
        let ratio = stats::ratio(&cpu_s, &device_s, pairing)?;
        let noise = [cpu, device].iter().filter_map(|r| r.noise).fold(0.0, f64::max);
        Some(SummaryRow {
            workload: workload.to_string(),
            axis: axis.to_string(),
            shape: shape.to_string(),
            dtype,
            cache: self.cache,
            scope: self.scope,
            baseline: self.baseline,
            cpu_device: cpu.device.clone(),
            cpu_implementation: cpu.implementation.clone(),
            device: device.device.clone(),
            implementation: device.implementation.clone(),
            cpu_median_s: cpu.wall_median_s?,
            device_median_s: device.wall_median_s?,
            speedup: ratio.value,
            speedup_low: ratio.low,
            speedup_high: ratio.high,
            pairing,
            verdict: Verdict::of(ratio.low, ratio.high, noise),
            crossover: None,
        })
    }
}

/// A row's median; a row without one is never the fastest.
fn median(record: &Record) -> f64 {
    record.wall_median_s.unwrap_or(f64::INFINITY)
}

/// The times of the rounds that both sides have, in order.
fn aligned(a: &Seconds, b: &Seconds) -> (Vec<f64>, Vec<f64>) {
    a.iter().filter_map(|(round, of_a)| Some((*of_a, *b.get(round)?))).unzip()
}

#[cfg(test)]
mod tests;
