//! `crossover export DIR`: the times of a run for continuous benchmarking.

use super::End;
use super::args::ExportArgs;
use crate::error::{Error, Result};
use crate::export;
use crate::record::{self, file};

/// Prints one JSON document. A run without times has none.
pub fn export(args: &ExportArgs) -> Result<End> {
    let path = args.folder.join(file::RESULTS);
    let records = record::read_results(&path)?;
    if !records.iter().any(record::Record::counts) {
        return Err(Error::content(&path, "no row has a time".to_string()));
    }
    let document = if args.bmf { export::bmf(&records) } else { export::github(&records) };
    out!("{}", serde_json::to_string_pretty(&document).expect("numbers and texts are JSON"));
    Ok(End::Well)
}
