//! The end of a run: what its session found, then summary, machine and report from the rows that are on
//! disk.

use crate::error::Result;
use crate::folder::RunFolder;
use crate::manifest::{Manifest, Sampling};
use crate::record::{self, file};
use crate::report::{self, Options, Report};
use crate::session::{Ending, Session};
use crate::stats::Pairing;
use crate::summary;

/// Writes the shares of the roofs into results.csv, then summary.csv, machine.json, the charts and
/// report.html; with `png` the charts as PNG too.
pub fn conclude(folder: &RunFolder, manifest: &Manifest, png: bool) -> Result<Report> {
    let plan = record::read(&folder.path().join(file::PLAN))?;
    let pairing = match manifest.sampling {
        Sampling::Interleaved | Sampling::Race => Pairing::Paired,
        Sampling::Criterion => Pairing::Unpaired,
    };
    let mut records = folder.records()?;
    for record in &mut records {
        (record.compute_roof_fraction, record.memory_roof_fraction) =
            manifest.roofs.fractions(record);
    }
    record::replace(&folder.path().join(file::RESULTS), &records)?;
    let rows = summary::summarize_all(&plan, &records, &folder.samples()?, pairing);
    folder.write_summary(&rows)?;
    manifest.write(folder.path())?;
    report::render(folder.path(), &Options { png, ..Options::default() })
}

/// Puts what a session found into the manifest of its run and concludes it, where the run has a folder: what was
/// found goes to `print`, line by line, and what went wrong to standard error. Whether all is well: the run was
/// not cut, nothing failed, something has a time, and its report is drawn.
pub fn finish(
    folder: Option<&RunFolder>,
    mut manifest: Manifest,
    session: Session<'_>,
    ended: Result<Ending>,
    png: bool,
    print: impl Fn(&str),
) -> bool {
    let ending = ended.unwrap_or_else(|error| {
        eprintln!("crossover: the run was cut: {error}; what is measured is kept");
        Ending { failed: true, interrupted: true }
    });
    manifest.interrupted = ending.interrupted;
    manifest.memory_set_bytes = session.roofs.memory_set.or(manifest.memory_set_bytes);
    manifest.roofs = session.roofs.known;
    // Nothing was looked at where nothing was left to measure.
    if !session.timers.is_empty() {
        (manifest.timers, manifest.zero_copy) = (session.timers, session.zero_copy);
    }
    let is_well = !ending.failed && !ending.interrupted;
    let Some(folder) = folder else { return is_well };
    match conclude(folder, &manifest, png) {
        Ok(report) => report.overview.lines().iter().for_each(|line| print(line)),
        Err(error) => {
            eprintln!("crossover: no report: {error}; 'crossover report' draws it later");
            return false;
        }
    }
    print(&folder.path().join("report.html").display().to_string());
    let nothing = nothing_measured(folder);
    if let Some(reason) = &nothing {
        eprintln!("crossover: nothing was measured: {reason}");
    }
    is_well && nothing.is_none()
}

/// Why a run has no time at all, in the words of its first row; none where it has one.
fn nothing_measured(folder: &RunFolder) -> Option<String> {
    let records = folder.records().ok()?;
    let is_empty = records.iter().all(|r| r.wall_median_s.is_none());
    let reason = records.first().map(|r| r.reason.clone()).filter(|reason| !reason.is_empty());
    is_empty.then(|| reason.unwrap_or_else(|| "no case was begun".to_string()))
}
