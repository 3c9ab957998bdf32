//! What further rounds would tell of comparisons that are undecided: from what was measured, without measuring.

use std::collections::HashMap;

use crate::record::{Record, SummaryRow};
use crate::terms::{Baseline, CaseKey, Cased, Keyed, RowKey, Scope, Verdict};
use crate::workload;

/// Where rounds would take longer than this for a verdict, there is none to be had.
const TIE_S: f64 = 3600.0;

/// A sample of a run takes so many times the run, with the one before it that does not count, and at least this.
const RUNS_A_SAMPLE: f64 = 2.0;
const SAMPLE_S: f64 = 1e-4;

/// Seconds of a case besides its rounds: its runners are prepared and verified again.
pub const PREPARED_S: f64 = 1.0;

/// A comparison whose interval is too wide for a verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Undecided<'a> {
    /// Its line.
    pub row: &'a SummaryRow,
    /// Further rounds of its case after which it would have a verdict, if its median stays where it is: an
    /// interval shrinks as the root of their number.
    pub rounds: f64,
    /// What these take, with all that is sampled in the same rounds.
    pub seconds: f64,
}

impl Undecided<'_> {
    /// Whether both sides are equally fast, as far as the machine can tell.
    pub fn is_tie(&self) -> bool {
        self.seconds.is_nan() || self.seconds > TIE_S
    }
}

/// Every comparison with the best of the CPU that is undecided, each once. Those of implementations that the run
/// itself gave up, and what is about the machine, are left out.
pub fn undecided<'a>(rows: &'a [SummaryRow], records: &[Record]) -> Vec<Undecided<'a>> {
    let known: HashMap<RowKey<'_>, &Record> = records.iter().map(|r| (r.key(), r)).collect();
    let round_s = rounds(records);
    let mut found: Vec<Undecided<'a>> = Vec::new();
    for row in rows.iter().filter(|row| asks(row) && row.verdict == Verdict::Ambiguous) {
        let cpu = RowKey {
            device: &row.cpu_device,
            implementation: &row.cpu_implementation,
            ..row.key()
        };
        let (Some(device), Some(cpu)) = (known.get(&row.key()), known.get(&cpu)) else { continue };
        // A case may be a point of several sweeps.
        if is_given_up(device) || found.iter().any(|other| other.row.key() == row.key()) {
            continue;
        }
        let samples = device.samples.min(cpu.samples).unwrap_or(0) as f64;
        let share = Verdict::share_of_interval(row.speedup_low, row.speedup, row.speedup_high);
        let rounds = (samples / (share * share) - samples).max(1.0).ceil();
        let seconds = rounds * round_s.get(&row.case()).copied().unwrap_or(0.0);
        found.push(Undecided { row, rounds, seconds });
    }
    found
}

/// What it takes to decide all of these that can be decided: a round of a case is one for all of its comparisons.
pub fn until_decided_seconds(undecided: &[Undecided<'_>]) -> f64 {
    let mut cases: HashMap<CaseKey<'_>, f64> = HashMap::new();
    for one in undecided.iter().filter(|one| !one.is_tie()) {
        let most = cases.entry(one.row.case()).or_insert(0.0);
        *most = most.max(one.seconds);
    }
    cases.values().map(|rounds_s| PREPARED_S + rounds_s).sum()
}

/// Whether a comparison is one that a run exists for.
pub fn asks(row: &SummaryRow) -> bool {
    row.baseline == Baseline::Best
        && !row.derived
        && !workload::role(&row.workload).is_about_machine()
}

/// Whether a run has seen that another implementation of the device is faster.
fn is_given_up(record: &Record) -> bool {
    record.has_note("outpaced")
}

/// Seconds of a round of each case: a sample of everything that is sampled there.
fn rounds(records: &[Record]) -> HashMap<CaseKey<'_>, f64> {
    let mut seconds: HashMap<CaseKey<'_>, f64> = HashMap::new();
    for record in records.iter().filter(|r| r.counts() && !is_given_up(r)) {
        // On the CPU nothing is moved: its run counts for both scopes.
        let again = RowKey { scope: Scope::Compute, ..record.key() };
        let is_again = record.device.is_cpu() && record.key() != again;
        let sample_s = RUNS_A_SAMPLE * record.wall_median_s.unwrap_or(0.0);
        if !is_again {
            *seconds.entry(record.case()).or_insert(0.0) += sample_s.max(SAMPLE_S);
        }
    }
    seconds
}

#[cfg(test)]
mod tests;
