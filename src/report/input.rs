//! The files of a run, read once.

use std::path::Path;

use crate::error::Result;
use crate::manifest::Manifest;
use crate::record::{self, BreakdownRow, PlanRow, Record, SummaryRow, TuningRow, file};
use crate::roof::Roofs;

use super::published::Published;

/// What a report is made from.
pub struct Input {
    /// Name of the run.
    pub run: String,
    /// results.csv.
    pub records: Vec<Record>,
    /// plan.csv; as all that follow, empty where the file is missing.
    pub plan: Vec<PlanRow>,
    /// summary.csv.
    pub summary: Vec<SummaryRow>,
    /// breakdown.csv.
    pub breakdown: Vec<BreakdownRow>,
    /// tuning.csv.
    pub tuning: Vec<TuningRow>,
    /// machine.json; none where the file is missing.
    pub manifest: Option<Manifest>,
    /// Those of machine.json; where it has none, what the rows tell.
    pub roofs: Roofs,
    /// Whose published times are shown beside those of the run.
    pub published: Vec<Published>,
    /// Names of the run's files that are there, for links.
    pub files: Vec<&'static str>,
}

/// Files worth a link, in the order of the report.
const LINKED: [&str; 8] = [
    file::RESULTS,
    file::SUMMARY,
    file::SAMPLES,
    file::PLAN,
    file::TUNING,
    file::MACHINE,
    file::NOISE,
    file::BREAKDOWN,
];

impl Input {
    /// Reads a run's folder. Only results.csv must be there; a broken file is an error.
    pub fn read(folder: &Path) -> Result<Input> {
        let records = record::read_results(&folder.join(file::RESULTS))?;
        let has = |name: &str| folder.join(name).exists();
        let manifest = has(file::MACHINE).then(|| Manifest::read(folder)).transpose()?;
        let mut roofs = manifest.as_ref().map(|m| m.roofs.clone()).unwrap_or_default();
        if roofs == Roofs::default() {
            records.iter().for_each(|record| roofs.learn(record));
        }
        let base = || folder.file_name().map(|n| n.to_string_lossy().into_owned());
        let run = records.first().map(|r| r.run.clone());
        let run = run.or_else(|| manifest.as_ref().map(|m| m.run.clone())).or_else(base);
        Ok(Input {
            run: run.unwrap_or_default(),
            records,
            plan: record::read_if_there(&folder.join(file::PLAN))?,
            summary: record::read_if_there(&folder.join(file::SUMMARY))?,
            breakdown: record::read_if_there(&folder.join(file::BREAKDOWN))?,
            tuning: record::read_if_there(&folder.join(file::TUNING))?,
            manifest,
            roofs,
            published: Vec::new(),
            files: LINKED.into_iter().filter(|name| has(name)).collect(),
        })
    }
}
