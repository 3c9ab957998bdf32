//! Which runners of a case are in memory together.

use super::{Choice, Setup};
use crate::error::Error;
use crate::machine;
use crate::plan::Case;
use crate::verify::Problem;

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
    let shared = Problem::footprint_bytes(case.workload, &case.shape, case.dtype);
    let takes = |choice: &Choice| setup.device(choice).footprint_bytes(&choice.task(case));
    if machine::check_room(shared + choices.iter().map(takes).sum::<u64>()).is_ok() {
        return (vec![choices], Vec::new());
    }
    let (mut alone, mut too_large) = (Vec::new(), Vec::new());
    for choice in choices {
        match machine::check_room(shared + takes(&choice)) {
            Ok(()) => alone.push(vec![choice]),
            Err(why) => too_large.push((choice, why)),
        }
    }
    (alone, too_large)
}
