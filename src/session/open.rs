//! Comparisons of a run that have no verdict yet, and how many rounds one needs before it is looked at again.

use super::Ledger;
use super::ledger::plan_rows;
use crate::error::Result;
use crate::plan::Case;
use crate::record::{Record, SampleRow, SummaryRow};
use crate::stats::{Pairing, Ratio};
use crate::summary;
use crate::terms::{Cased, Crossover, Verdict};

/// Half an interval, as a logarithm, at which a look is worth its risk: the dead zone of a verdict, 1 % to each
/// side of 1, is half of it.
const WORTH_A_LOOK: f64 = 0.02;

/// Far from 1 an interval of this share of the distance does.
const OF_THE_DISTANCE: f64 = 0.2;

/// So much of the way to the nearest border, so that the verdict holds if the median moves a little.
const INSIDE: f64 = 0.8;

/// An answer at a crossover is worth so many times the time of another.
const AT_A_CROSSOVER: f64 = 2.0;

/// A comparison that is open.
#[derive(Clone)]
pub(super) struct Open {
    pub(super) row: SummaryRow,
    /// Rounds until the next look, and seconds that they take.
    pub(super) rounds: f64,
    pub(super) seconds: f64,
    /// Whether no time would tell.
    pub(super) is_tie: bool,
}

/// The cases with open comparisons, those first that take least: the same time decides more of them.
pub(super) fn points<'c>(
    cases: &'c [Case],
    ledger: &Ledger<'_>,
) -> Result<Vec<(&'c Case, Vec<Open>)>> {
    let (records, samples) = (ledger.records()?, ledger.samples()?);
    let open = open_comparisons(cases, &records, &samples);
    let of = |case: &'c Case| open.iter().filter(|o| case.has(&o.row)).cloned().collect();
    let mut points: Vec<(&Case, Vec<Open>)> = cases.iter().map(|case| (case, of(case))).collect();
    points.retain(|(_, open)| !open.is_empty());
    points.sort_by(|(_, a), (_, b)| worth(a).total_cmp(&worth(b)));
    Ok(points)
}

/// Seconds until the next look, which count as fewer where a crossover is unclear.
fn worth(open: &[Open]) -> f64 {
    let is_at_crossover =
        open.iter().any(|o| matches!(o.row.crossover, Some(Crossover::Unclear(..))));
    seconds(open) / if is_at_crossover { AT_A_CROSSOVER } else { 1.0 }
}

/// What has been measured of one case.
fn rows_of(case: &Case, ledger: &Ledger<'_>) -> Result<(Vec<Record>, Vec<SampleRow>)> {
    let (mut records, mut samples) = (ledger.records()?, ledger.samples()?);
    records.retain(|row| case.has(row));
    samples.retain(|row| case.has(row));
    Ok((records, samples))
}

/// All comparisons of one case.
pub(super) fn compared(case: &Case, ledger: &Ledger<'_>) -> Result<Vec<SummaryRow>> {
    let (records, samples) = rows_of(case, ledger)?;
    Ok(summary::summarize(&case.rows, &records, &samples, Pairing::Paired))
}

/// The open comparisons of one case.
pub(super) fn open_of(case: &Case, ledger: &Ledger<'_>) -> Result<Vec<Open>> {
    let (records, samples) = rows_of(case, ledger)?;
    Ok(open_comparisons(std::slice::from_ref(case), &records, &samples))
}

fn open_comparisons(cases: &[Case], records: &[Record], samples: &[SampleRow]) -> Vec<Open> {
    let rows = summary::summarize(&plan_rows(cases), records, samples, Pairing::Paired);
    let open = summary::undecided(&rows, records);
    let open = open.into_iter().filter(|one| one.row.pairing == Pairing::Paired).map(|one| {
        let of_sides = records.iter().filter(|r| has_side(one.row, r));
        let samples = of_sides.filter_map(|r| r.samples).min().unwrap_or(0);
        let SummaryRow { speedup: value, speedup_low: low, speedup_high: high, .. } = *one.row;
        let rounds = further_rounds(Ratio { value, low, high }, samples);
        let seconds = summary::PREPARED_S + rounds * one.seconds / one.rounds;
        Open { row: one.row.clone(), rounds, seconds, is_tie: one.is_tie() }
    });
    open.collect()
}

/// Seconds until the next look at some comparisons of a case, which are sampled together.
pub(super) fn seconds(open: &[Open]) -> f64 {
    let told = open.iter().filter(|open| !open.is_tie);
    told.map(|open| open.seconds).fold(0.0, f64::max)
}

/// Whether a row is one of the two that are compared.
pub(super) fn has_side(row: &SummaryRow, record: &Record) -> bool {
    let is = |device, implementation| {
        (&record.device, &record.implementation) == (device, implementation)
    };
    record.scope == row.scope
        && (is(&row.device, &row.implementation) || is(&row.cpu_device, &row.cpu_implementation))
        && record.case() == row.case()
}

/// How many rounds a comparison needs before it is looked at again, where its sides have `samples` samples.
///
/// To sample until an interval says something makes it say something wrong more often than it claims, once for
/// each look. So the number of rounds is set beforehand, and is such that the interval will be narrow: where two
/// sides are equally fast and half of it is 2 %, it must err by three standard deviations to lie beyond 1.01.
fn further_rounds(Ratio { value, low, high }: Ratio, samples: u64) -> f64 {
    let half = (value / low).ln().max((high / value).ln());
    let decides = INSIDE * half * Verdict::share_of_interval(low, value, high);
    let wanted = decides.min(WORTH_A_LOOK.max(OF_THE_DISTANCE * value.ln().abs()));
    (samples as f64 * ((half / wanted).powi(2) - 1.0)).ceil().max(1.0)
}

#[cfg(test)]
mod tests;
