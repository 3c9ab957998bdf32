//! Goes on where a run was cut.

use super::{Choice, Session};
use crate::error::Result;
use crate::folder::RunFolder;
use crate::plan::Case;
use crate::record::{Outcome, Record};
use crate::terms::Scope;
use crate::workload;

/// Whether a row is one of a case's.
pub(super) fn is_of(r: &Record, case: &Case) -> bool {
    r.workload == case.workload.name()
        && r.shape == case.shape.to_string()
        && r.dtype == case.dtype.name()
        && r.cache == case.cache
}

impl Session<'_> {
    /// Takes up what a run that was cut has left: drops cases that were not written whole and samples
    /// without a row, remembers rates, and tells whether a case has failed.
    pub(super) fn take_up(&mut self, folder: &mut RunFolder, cases: &[Case]) -> Result<bool> {
        let records = folder.records()?;
        if records.is_empty() {
            return Ok(false);
        }
        // Rates first: they decide which runners a large case has.
        for record in &records {
            let device = self.devices.iter().position(|d| d.entry().id == record.device);
            let workload = workload::find(&record.workload);
            if let (Some(device), Ok(workload)) = (device, workload) {
                let implementation = record.implementation.clone();
                self.remember(workload, &Choice { device, implementation }, record);
            }
        }
        let is_whole = |case: &Case| {
            let has = |choice: &Choice, scope: Scope| {
                records.iter().any(|r| {
                    is_of(r, case)
                        && r.device == self.devices[choice.device].entry().id
                        && r.implementation == choice.implementation
                        && r.scope == scope
                })
            };
            let scopes = self.scopes(case.workload);
            self.wanted(case).iter().all(|choice| scopes.iter().all(|scope| has(choice, *scope)))
        };
        // Points that a sweep gained are not among the cases: they stay.
        let cut: Vec<&Case> = cases.iter().filter(|case| !is_whole(case)).collect();
        let kept: Vec<Record> =
            records.iter().filter(|r| !cut.iter().any(|case| is_of(r, case))).cloned().collect();
        folder.keep(&kept)?;
        Ok(kept.iter().any(|r| matches!(r.outcome, Outcome::Failed | Outcome::Suspect)))
    }
}
