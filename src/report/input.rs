//! The files of a run, read once.

use std::path::Path;

use crate::error::Result;
use crate::manifest::Manifest;
use crate::record::{self, BreakdownRow, PlanRow, Record, Row, SummaryRow, TuningRow, file};
use crate::roof::Roofs;

use super::published::Published;

/// What a report is made from.
pub struct Input {
    /// Name of the run.
    pub run: String,
    /// results.csv.
    pub records: Vec<Record>,
    /// plan.csv; empty where the file is missing.
    pub plan: Vec<PlanRow>,
    /// The lines of summary.csv; empty where the file is missing.
    pub summary: Vec<SummaryRow>,
    /// The lines of breakdown.csv; empty where the file is missing.
    pub breakdown: Vec<BreakdownRow>,
    /// The lines of tuning.csv; empty where nothing was tuned.
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
    "noise.csv",
    file::BREAKDOWN,
];

impl Input {
    /// Reads a run's folder. Only results.csv must be there; a broken file is an error.
    pub fn read(folder: &Path) -> Result<Input> {
        let records = record::read_results(&folder.join(file::RESULTS))?;
        let has = |name: &str| folder.join(name).exists();
        let manifest = if has(file::MACHINE) { Some(Manifest::read(folder)?) } else { None };
        let told = manifest.as_ref().map(|m| m.roofs.clone()).unwrap_or_default();
        let roofs = if told == Roofs::default() { learned(&records) } else { told };
        let base = || folder.file_name().map(|n| n.to_string_lossy().into_owned());
        let run = records.first().map(|r| r.run.clone());
        let run = run.or_else(|| manifest.as_ref().map(|m| m.run.clone())).or_else(base);
        Ok(Input {
            run: run.unwrap_or_default(),
            records,
            plan: optional(&folder.join(file::PLAN))?,
            summary: optional(&folder.join(file::SUMMARY))?,
            breakdown: optional(&folder.join(file::BREAKDOWN))?,
            tuning: optional(&folder.join(file::TUNING))?,
            manifest,
            roofs,
            published: Vec::new(),
            files: LINKED.into_iter().filter(|name| has(name)).collect(),
        })
    }
}

fn learned(records: &[Record]) -> Roofs {
    let mut roofs = Roofs::default();
    records.iter().for_each(|record| roofs.learn(record));
    roofs
}

fn optional<T: Row>(path: &Path) -> Result<Vec<T>> {
    if path.exists() { record::read(path) } else { Ok(Vec::new()) }
}
