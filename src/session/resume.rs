//! Goes on where a run was cut.

use super::{Choice, Chooser, Ledger, Progress, Setup};
use crate::error::Result;
use crate::plan::Case;
use crate::record::Record;
use crate::terms::Scope;

/// Takes up what a run that was cut has left: drops cases that were not written whole and samples
/// without a row, and has the chooser remember rates.
pub(super) fn take_up(
    setup: &Setup<'_>,
    ledger: &mut Ledger<'_>,
    chooser: &mut Chooser<'_>,
    cases: &[Case],
    progress: &mut dyn Progress,
) -> Result<()> {
    let records = ledger.records()?;
    if records.is_empty() {
        return Ok(());
    }
    // Rates first: they decide which runners a large case has.
    records.iter().for_each(|record| chooser.learn(record));
    let is_whole = |case: &Case| {
        let has = |choice: &Choice, scope: Scope| {
            records.iter().any(|r| {
                case.has(r)
                    && r.device == setup.device(choice).entry().id
                    && r.implementation == choice.implementation
                    && r.scope == scope
            })
        };
        let scopes = setup.scopes(case.workload);
        chooser.wanted(case).iter().all(|choice| scopes.iter().all(|scope| has(choice, *scope)))
    };
    // Points that a sweep gained are not among the cases: they stay.
    let cut: Vec<&Case> = cases.iter().filter(|case| !is_whole(case)).collect();
    let kept: Vec<Record> =
        records.iter().filter(|r| !cut.iter().any(|case| case.has(*r))).cloned().collect();
    let dropped = records.len() - kept.len();
    if dropped > 0 {
        progress.say(&format!(
            "{dropped} of {} rows belong to cases that were cut, which are measured anew",
            records.len()
        ));
    }
    ledger.keep_only(&kept)
}
