//! From rows to answers: every device set against the CPU, verdicts, and the size from which on it
//! wins. Pure: records in, rows out.
//!
//! | file | holds |
//! | --- | --- |
//! | `reuse.rs` | what data that are used several times would change |
//! | `undecided.rs` | what further rounds would tell |

mod reuse;
mod undecided;

use std::collections::HashMap;

use crate::record::{self, PlanRow, Record, SampleRow, Seconds, SummaryRow};
use crate::stats::{self, Pairing, Ratio};
use crate::terms::{
    Baseline, Cache, CaseKey, Cased, Crossover, DeviceId, Dtype, Keyed, Role, RowKey, Scope,
    Verdict,
};
use crate::workload;

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

/// Rows of summary.csv of what was measured. `pairing` says how the run was sampled.
pub fn summarize(
    plan: &[PlanRow],
    records: &[Record],
    samples: &[SampleRow],
    pairing: Pairing,
) -> Vec<SummaryRow> {
    let known = Known { records, samples: record::by_row(samples), pairing };
    known.compared(plan, &settings(records), Known::measured)
}

/// All rows of summary.csv: those of what was measured, and those that follow from them for data that are used
/// several times.
pub fn summarize_all(
    plan: &[PlanRow],
    records: &[Record],
    samples: &[SampleRow],
    pairing: Pairing,
) -> Vec<SummaryRow> {
    let known = Known { records, samples: record::by_row(samples), pairing };
    let mut settings = settings(records);
    let reused = reuse::settings(&settings);
    settings.retain(|setting| !reused.contains(setting));
    let mut rows = known.compared(plan, &settings, Known::measured_with_break_even);
    rows.extend(known.compared(plan, &reused, Known::reused));
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

/// What was measured.
struct Known<'a> {
    records: &'a [Record],
    samples: HashMap<RowKey<'a>, Seconds>,
    pairing: Pairing,
}

/// The two rows that are set against each other at a point.
struct Sides<'a> {
    cpu: &'a Record,
    device: &'a Record,
}

/// Compares an opponent at a point, given by its shape.
type Compare<'a> = fn(&Known<'a>, &Opponent<'_>, &str) -> Option<SummaryRow>;

impl<'a> Known<'a> {
    /// Every opponent along every sweep in these settings, compared point by point.
    fn compared(
        &self,
        plan: &[PlanRow],
        settings: &[(Cache, Scope, Baseline)],
        compare: Compare<'a>,
    ) -> Vec<SummaryRow> {
        let mut rows = Vec::new();
        for sweep in sweeps(plan) {
            for (cache, scope, baseline) in settings.iter().copied() {
                for (device, implementation) in opponents(self.records, &sweep, baseline) {
                    let opponent =
                        Opponent { sweep: &sweep, cache, scope, baseline, device, implementation };
                    rows.extend(self.along(&opponent, compare));
                }
            }
        }
        rows
    }

    /// An opponent along its sweep.
    fn along(&self, opponent: &Opponent<'_>, compare: Compare<'a>) -> Vec<SummaryRow> {
        let points = &opponent.sweep.points;
        let compared: Vec<Option<SummaryRow>> =
            points.iter().map(|(_, shape)| compare(self, opponent, shape)).collect();
        let verdicts: Vec<(u64, Option<Verdict>)> = points
            .iter()
            .zip(&compared)
            .map(|((value, _), row)| (*value, row.as_ref().map(|r| r.verdict)))
            .collect();
        let mut rows: Vec<SummaryRow> = compared.into_iter().flatten().collect();
        let is_own_side = opponent.baseline == Baseline::Own
            && opponent.device.is_contender()
            && self.records.iter().any(|r| r.device == *opponent.device && r.is_cpu_side());
        if !opponent.sweep.axis.is_empty() && !is_own_side {
            let crossover = Crossover::of(&verdicts);
            rows.iter_mut().for_each(|r| r.crossover = crossover);
        }
        rows
    }

    /// The rows of a point in a scope; none where they say nothing about each other.
    fn sides(&self, opponent: &Opponent<'_>, shape: &str, scope: Scope) -> Option<Sides<'a>> {
        let Sweep { workload, dtype, .. } = *opponent.sweep;
        let case = CaseKey { workload, shape, dtype, cache: opponent.cache };
        let here = |r: &&Record| r.case() == case && r.scope == scope && r.competes();
        let device = self.records.iter().filter(here).find(|r| {
            r.device == *opponent.device && r.implementation == opponent.implementation
        })?;
        let cpu = self
            .records
            .iter()
            .filter(here)
            .filter(|r| opponent.baseline.admits(&r.device, r.device_kind))
            .min_by(|a, b| median(a).total_cmp(&median(b)))?;
        // Where each device chooses its own amount of work, times say nothing about each other.
        let is_same_work =
            device.flop_count == cpu.flop_count && workload::role(workload) != Role::Launch;
        is_same_work.then_some(Sides { cpu, device })
    }

    /// The times of some rows, and how they belong together.
    fn times<const N: usize>(&self, rows: [&Record; N]) -> Option<([Vec<f64>; N], Pairing)> {
        let seconds = rows.iter().map(|row| self.samples.get(&row.key()));
        let seconds: [&Seconds; N] = seconds.collect::<Option<Vec<_>>>()?.try_into().ok()?;
        let apart = rows.iter().any(|r| r.has_note("not-interleaved"));
        let pairing = if apart { Pairing::Unpaired } else { self.pairing };
        Some(match pairing {
            Pairing::Paired => (aligned(seconds), pairing),
            Pairing::Unpaired => (seconds.map(|s| s.values().copied().collect()), pairing),
        })
    }

    /// The ratio of what was measured at a point.
    fn measured(&self, opponent: &Opponent<'_>, shape: &str) -> Option<SummaryRow> {
        let sides = self.sides(opponent, shape, opponent.scope)?;
        let ([cpu_s, device_s], pairing) = self.times([sides.cpu, sides.device])?;
        let ratio = stats::ratio(&cpu_s, &device_s, pairing)?;
        let medians = [sides.cpu.wall_median_s?, sides.device.wall_median_s?];
        let noise = noise([sides.cpu, sides.device]);
        Some(opponent.row(shape, &sides, medians, ratio, pairing, noise))
    }
}

impl Opponent<'_> {
    /// A row of what was measured, with the medians of both sides.
    fn row(
        &self,
        shape: &str,
        sides: &Sides<'_>,
        [cpu_median_s, device_median_s]: [f64; 2],
        ratio: Ratio,
        pairing: Pairing,
        noise: f64,
    ) -> SummaryRow {
        let Sides { cpu, device } = sides;
        SummaryRow {
            workload: self.sweep.workload.to_string(),
            axis: self.sweep.axis.to_string(),
            shape: shape.to_string(),
            dtype: self.sweep.dtype,
            cache: self.cache,
            scope: self.scope,
            baseline: self.baseline,
            cpu_device: cpu.device.clone(),
            cpu_implementation: cpu.implementation.clone(),
            device: device.device.clone(),
            implementation: device.implementation.clone(),
            cpu_median_s,
            device_median_s,
            speedup: ratio.value,
            speedup_low: ratio.low,
            speedup_high: ratio.high,
            pairing,
            verdict: Verdict::of(ratio.low, ratio.high, noise),
            crossover: None,
            derived: false,
            break_even: None,
            break_even_low: None,
            break_even_high: None,
        }
    }
}

/// The noise of the noisiest row.
fn noise<const N: usize>(rows: [&Record; N]) -> f64 {
    rows.iter().filter_map(|r| r.noise).fold(0.0, f64::max)
}

/// A row's median; a row without one is never the fastest.
fn median(record: &Record) -> f64 {
    record.wall_median_s.unwrap_or(f64::INFINITY)
}

/// The times of the rounds that all have, in order.
fn aligned<const N: usize>(rows: [&Seconds; N]) -> [Vec<f64>; N] {
    let is_whole = |round: &&u64| rows.iter().all(|row| row.contains_key(round));
    let rounds: Vec<&u64> = rows[0].keys().filter(is_whole).collect();
    rows.map(|row| rounds.iter().map(|round| row[round]).collect())
}

#[cfg(test)]
mod tests;
