//! Which runners of a case are in memory together.

use super::{Choice, Setup};
use crate::error::Error;
use crate::machine;
use crate::plan::Case;
use crate::units;
use crate::verify::Problem;

/// Share of the free memory that a case may take.
const MEMORY_SHARE: f64 = 0.7;

/// The runners of a case that are in memory together, all or else one by one, and those that don't fit even
/// alone, with the figure. Counts what the reference and each runner would take, before anything is
/// allocated.
pub(super) fn groups(
    setup: &Setup<'_>,
    case: &Case,
    choices: Vec<Choice>,
) -> (Vec<Vec<Choice>>, Vec<(Choice, Error)>) {
    if choices.is_empty() {
        return Default::default();
    }
    let Some(free) = machine::free_memory_bytes() else { return (vec![choices], Vec::new()) };
    let allowed = (free as f64 * MEMORY_SHARE) as u64;
    let shared = Problem::footprint_bytes(case.workload, &case.shape, case.dtype);
    let takes = |choice: &Choice| setup.device(choice).footprint_bytes(&choice.task(case));
    if shared + choices.iter().map(takes).sum::<u64>() <= allowed {
        return (vec![choices], Vec::new());
    }
    let (fit, too_large): (Vec<Choice>, Vec<Choice>) =
        choices.into_iter().partition(|c| shared + takes(c) <= allowed);
    let refused = |choice: Choice| {
        let reason = format!(
            "needs {} of memory, 70 % of the free is {}",
            units::bytes((shared + takes(&choice)) as f64),
            units::bytes(allowed as f64)
        );
        (choice, Error::Skipped(reason))
    };
    let alone = fit.into_iter().map(|choice| vec![choice]);
    (alone.collect(), too_large.into_iter().map(refused).collect())
}
