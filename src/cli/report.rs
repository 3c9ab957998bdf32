//! `crossover report DIR`: draw again from the CSV files.

use super::End;
use super::args::ReportArgs;
use crate::error::Result;
use crate::record::{self, file};
use crate::report::{DataSet, Options, Published, render};

/// Draws and says what was written.
pub fn report(args: &ReportArgs) -> Result<End> {
    let mut options = Options { png: args.png, ..Options::default() };
    if !args.epoch_samples.is_empty() {
        options.data_sets = args.epoch_samples.iter().map(|n| DataSet::of(*n)).collect();
    }
    options.published =
        args.published.iter().map(|name| Published::named(name)).collect::<Result<_>>()?;
    for path in render(&args.folder, &options)? {
        out!("{}", path.display());
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
        if !records.iter().any(|r| one.seconds(&r.workload, &r.shape).is_some()) {
            eprintln!(
                "crossover: nothing is published of {} at the shapes of this run; they are those of \
                 'crossover run --preset deepbench'",
                one.processor
            );
        }
    }
    Ok(())
}
