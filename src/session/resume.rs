//! Goes on where a run was cut.

use super::{Choice, Chooser, Ledger, Progress, Setup};
use crate::error::Result;
use crate::plan::{self, Case};
use crate::record::Record;
use crate::terms::Scope;

/// Adds the points that the sweeps of a run gained before it was cut or ended.
pub(super) fn add_gained(ledger: &Ledger<'_>, cases: &mut Vec<Case>) -> Result<()> {
    for row in ledger.plan()? {
        let Some(value) = row.axis_value else { continue };
        let has_axis = |case: &&Case| {
            (case.workload.name(), case.dtype) == (&row.workload, row.dtype)
                && case.rows.iter().any(|r| r.axis == row.axis)
        };
        // One in each state of the caches that the sweep has.
        let point = |like| plan::extra_point(like, &row.axis, value);
        let points: Vec<Case> = cases.iter().filter(has_axis).filter_map(point).collect();
        for case in points {
            plan::add(cases, case);
        }
    }
    Ok(())
}

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
