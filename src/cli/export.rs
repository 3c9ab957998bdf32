//! `crossover export DIR`: the times of a run for continuous benchmarking, or its thresholds for programs.

use std::path::Path;

use super::End;
use super::args::ExportArgs;
use crate::dispatch::{Format, Table};
use crate::error::{Error, Result};
use crate::export;
use crate::manifest::Manifest;
use crate::record::{self, file};

/// Prints one document. A run without what it is made of has none.
pub fn export(args: &ExportArgs) -> Result<End> {
    if let Some(format) = &args.dispatch {
        return dispatch(&args.folder, Format::find(format)?);
    }
    let path = args.folder.join(file::RESULTS);
    let records = record::read_results(&path)?;
    if !records.iter().any(record::Record::counts) {
        return Err(Error::content(&path, "no row has a time".to_string()));
    }
    let document = if args.bmf { export::bmf(&records) } else { export::github(&records) };
    out!("{}", serde_json::to_string_pretty(&document).expect("numbers and texts are JSON"));
    Ok(End::Well)
}

fn dispatch(folder: &Path, format: Format) -> Result<End> {
    let path = folder.join(file::SUMMARY);
    let table = Table::of(&record::read(&path)?, &Manifest::read(folder)?);
    if table.entries.is_empty() {
        let what = "no model was measured on a device and on the CPU, on hot caches; measure both";
        return Err(Error::content(&path, what));
    }
    out!("{}", table.text(format)?);
    Ok(End::Well)
}
