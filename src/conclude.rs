//! The end of a run: summary, machine and report from the rows that are on disk.

use crate::error::Result;
use crate::folder::RunFolder;
use crate::manifest::{Manifest, Sampling};
use crate::record::{self, file};
use crate::report::{self, Options};
use crate::stats::Pairing;
use crate::summary;

/// Writes the shares of the roofs into results.csv, then summary.csv, machine.json, the charts and
/// report.html; with `png` the charts as PNG too.
pub fn conclude(folder: &RunFolder, manifest: &Manifest, png: bool) -> Result<()> {
    let plan = record::read(&folder.path().join(file::PLAN))?;
    let pairing = match manifest.sampling {
        Sampling::Interleaved => Pairing::Paired,
        Sampling::Criterion => Pairing::Unpaired,
    };
    let mut records = folder.records()?;
    for record in &mut records {
        (record.compute_roof_fraction, record.memory_roof_fraction) =
            manifest.roofs.fractions(record);
    }
    record::replace(&folder.path().join(file::RESULTS), &records)?;
    let rows = summary::summarize(&plan, &records, &folder.samples()?, pairing);
    folder.write_summary(&rows)?;
    manifest.write(folder.path())?;
    report::render(folder.path(), &Options { png, ..Options::default() })?;
    Ok(())
}
