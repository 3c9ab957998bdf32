//! Points that a sweep gains inside the bracket of a crossover.

use super::ledger::plan_rows;
use crate::error::Result;
use crate::folder::RunFolder;
use crate::plan::{self, Case};
use crate::stats::Pairing;
use crate::summary;

/// The middle of each bracket, where it is no point yet.
pub(super) fn extra_points(folder: &RunFolder, cases: &[Case]) -> Result<Vec<Case>> {
    let rows = plan_rows(cases);
    let records = folder.records()?;
    let samples = folder.samples()?;
    let mut extra: Vec<Case> = Vec::new();
    for row in summary::summarize(&rows, &records, &samples, Pairing::Paired) {
        let like = cases.iter().find(|c| {
            c.workload.name() == row.workload && c.rows.iter().any(|r| r.axis == row.axis)
        });
        let Some(like) = like.filter(|_| !row.axis.is_empty()) else { continue };
        let values: Vec<u64> = cases
            .iter()
            .flat_map(|c| &c.rows)
            .filter(|r| r.workload == row.workload && r.axis == row.axis)
            .filter_map(|r| r.axis_value)
            .collect();
        let bracket = row.crossover.and_then(|crossover| crossover.bracket(&values));
        let Some((low, high)) = bracket else { continue };
        let Some(axis) = like.workload.axis(&row.axis) else { continue };
        let middle = axis.middle(low, high);
        if middle <= low || middle >= high || values.contains(&middle) {
            continue;
        }
        if let Some(case) = plan::extra_point(like, &row.axis, middle)
            && !extra.iter().any(|c| c.shape == case.shape)
        {
            extra.push(case);
        }
    }
    Ok(extra)
}
