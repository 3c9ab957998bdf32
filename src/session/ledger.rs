//! Where rows go: into the files of the run, case by case.

use super::{CaseRows, Progress};
use crate::error::Result;
use crate::folder::RunFolder;
use crate::plan::Case;
use crate::record::{Outcome, PlanRow, Record, SampleRow};

/// The files of a run, or none where nothing is to be kept.
pub struct Ledger<'f> {
    folder: Option<&'f mut RunFolder>,
    has_failed: bool,
}

impl<'f> Ledger<'f> {
    /// A ledger that writes into this folder, if any.
    pub fn new(folder: Option<&'f mut RunFolder>) -> Ledger<'f> {
        Ledger { folder, has_failed: false }
    }

    /// The folder that rows are kept in, if they are.
    pub fn folder(&self) -> Option<&RunFolder> {
        self.folder.as_deref()
    }

    /// Whether a row has failed or is suspect.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Writes rows that are complete, and tells whoever listens.
    pub fn keep(&mut self, rows: &CaseRows, progress: &mut dyn Progress) -> Result<()> {
        self.note_failures(&rows.records);
        if let Some(folder) = &mut self.folder {
            folder.append_breakdown(&rows.breakdown)?;
            folder.append(&rows.records, &rows.samples)?;
        }
        progress.rows(&rows.records);
        Ok(())
    }

    /// Replaces plan.csv.
    pub(super) fn write_plan(&self, cases: &[Case]) -> Result<()> {
        self.folder().map_or(Ok(()), |folder| folder.write_plan(&plan_rows(cases)))
    }

    /// The rows that are there.
    pub(super) fn records(&self) -> Result<Vec<Record>> {
        self.folder().map_or(Ok(Vec::new()), RunFolder::records)
    }

    /// Keeps these rows of those that are there, and drops the others with their samples.
    pub(super) fn keep_only(&mut self, records: &[Record]) -> Result<()> {
        self.note_failures(records);
        self.folder.as_mut().map_or(Ok(()), |folder| folder.keep(records))
    }

    /// The rows of plan.csv that are there.
    pub(super) fn plan(&self) -> Result<Vec<PlanRow>> {
        self.folder().map_or(Ok(Vec::new()), RunFolder::plan)
    }

    /// The samples that are there.
    pub(super) fn samples(&self) -> Result<Vec<SampleRow>> {
        self.folder().map_or(Ok(Vec::new()), RunFolder::samples)
    }

    /// Adds samples to rows that are there, which become these.
    pub(super) fn lengthen(&mut self, records: &[Record], samples: &[SampleRow]) -> Result<()> {
        self.note_failures(records);
        self.folder.as_mut().map_or(Ok(()), |folder| folder.lengthen(records, samples))
    }

    /// Remembers whether one of these rows has failed or is suspect.
    pub(super) fn note_failures(&mut self, records: &[Record]) {
        let is_bad = |r: &Record| matches!(r.outcome, Outcome::Failed | Outcome::Suspect);
        self.has_failed |= records.iter().any(is_bad);
    }
}

/// plan.csv of some cases.
pub(super) fn plan_rows(cases: &[Case]) -> Vec<PlanRow> {
    cases.iter().flat_map(|c| c.rows.iter().cloned()).collect()
}
