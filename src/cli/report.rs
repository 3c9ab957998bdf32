//! `crossover report DIR`: draw again from the CSV files.

use super::End;
use super::args::ReportArgs;
use crate::error::Result;
use crate::report::{DataSet, WELL_KNOWN, render};

/// Draws and says what was written.
pub fn report(args: &ReportArgs) -> Result<End> {
    let data_sets: Vec<DataSet> = match &args.epoch_samples[..] {
        [] => WELL_KNOWN.to_vec(),
        given => given.iter().map(|samples| DataSet::of(*samples)).collect(),
    };
    for path in render(&args.folder, &data_sets)? {
        out!("{}", path.display());
    }
    Ok(End::Well)
}
