//! Points that a sweep gains inside the bracket of a crossover.

use super::ledger::plan_rows;
use crate::error::Result;
use crate::folder::RunFolder;
use crate::plan::{self, Case};
use crate::stats::Pairing;
use crate::summary;

/// Sizes that are tried where those in the middle are no shape of the workload.
const MOST_TRIES: usize = 1 << 10;

/// Finds the middle of each bracket, or the size next to it that the workload takes. Where that is a point of another
/// sweep, it becomes one of this sweep, too; the others are the new cases. None where no sweep has gained a point.
pub(super) fn extra_points(folder: &RunFolder, cases: &mut [Case]) -> Result<Option<Vec<Case>>> {
    let rows = plan_rows(cases);
    let records = folder.records()?;
    let samples = folder.samples()?;
    let (mut extra, mut any) = (Vec::new(), false);
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
        let point = shapes.filter_map(|value| plan::extra_point(like, &row.axis, value)).next();
        let Some(point) = point else { continue };
        any |= match cases.iter_mut().find(|case| case.is_same(&point)) {
            Some(known) => known.join(point),
            None => plan::add(&mut extra, point),
        };
    }
    Ok(any.then_some(extra))
}
