//! Points that a sweep gains inside the bracket of a crossover.

use super::ledger::plan_rows;
use crate::error::Result;
use crate::folder::RunFolder;
use crate::plan::{self, Case};
use crate::stats::Pairing;
use crate::summary;

/// Sizes that are tried where those in the middle are no shape of the workload.
const MOST_TRIES: usize = 1 << 10;

/// The middle of each bracket, or the size next to it that the workload takes, where it is no point yet.
pub(super) fn extra_points(folder: &RunFolder, cases: &[Case]) -> Result<Vec<Case>> {
    let rows = plan_rows(cases);
    let records = folder.records()?;
    let samples = folder.samples()?;
    let mut extra: Vec<Case> = Vec::new();
    for row in summary::summarize(&rows, &records, &samples, Pairing::Paired) {
        let like = cases.iter().find(|c| {
            (c.workload.name(), c.dtype, c.cache) == (&row.workload, row.dtype, row.cache)
                && c.rows.iter().any(|r| r.axis == row.axis)
        });
        let Some(like) = like.filter(|_| !row.axis.is_empty()) else { continue };
        let values: Vec<u64> = cases
            .iter()
            .filter(|c| c.dtype == row.dtype)
            .flat_map(|c| &c.rows)
            .filter(|r| r.workload == row.workload && r.axis == row.axis)
            .filter_map(|r| r.axis_value)
            .collect();
        let bracket = row.crossover.and_then(|crossover| crossover.bracket(&values));
        let Some((low, high)) = bracket else { continue };
        let Some(axis) = like.workload.axis(&row.axis) else { continue };
        let shapes = axis.between(low, high).take(MOST_TRIES);
        let case = shapes.filter_map(|value| plan::extra_point(like, &row.axis, value)).next();
        let is_new = |case: &Case| !cases.iter().chain(&extra).any(|c| c.is_same(case));
        extra.extend(case.filter(is_new));
    }
    Ok(extra)
}
