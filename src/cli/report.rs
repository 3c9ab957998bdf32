//! `crossover report DIR`: draw again from the CSV files.

use super::args::ReportArgs;
use super::{End, check_pictures};
use crate::error::Result;
use crate::record::{self, Record, SummaryRow, file};
use crate::report::{DataSet, Options, Published, published_by, render};
use crate::terms::Cache;

/// Draws, and says what was written or, as JSON, what was found.
pub fn report(args: &ReportArgs) -> Result<End> {
    check_pictures(args.png)?;
    let mut options = Options { png: args.png, ..Options::default() };
    if !args.epoch_samples.is_empty() {
        options.data_sets = args.epoch_samples.iter().map(|n| DataSet::of(*n)).collect();
    }
    options.published = published_by(&args.published)?;
    let report = render(&args.folder, &options)?;
    if args.json {
        for row in record::read::<SummaryRow>(&args.folder.join(file::SUMMARY))? {
            out!("{}", serde_json::to_string(&row).expect("a row is JSON"));
        }
    } else {
        report.written.iter().for_each(|path| out!("{}", path.display()));
    }
    note_unpublished(args, &options.published)?;
    Ok(End::Well)
}

/// Says whose times could not be shown, for their shapes are not among those of the run.
fn note_unpublished(args: &ReportArgs, published: &[Published]) -> Result<()> {
    if published.is_empty() {
        return Ok(());
    }
    let records = record::read_results(&args.folder.join(file::RESULTS))?;
    for one in published {
        let is_known = |r: &&Record| one.seconds(&r.workload, &r.shape).is_some();
        if !records.iter().filter(|r| r.cache == Cache::Hot).any(|r| is_known(&r)) {
            eprintln!(
                "crossover: nothing is published of {} at the shapes of this run; they are those of \
                 'crossover run --preset deepbench'",
                one.processor
            );
        }
    }
    Ok(())
}
