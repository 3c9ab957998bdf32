//! `crossover report DIR`: draw again from the CSV files.

use super::End;
use super::args::ReportArgs;
use crate::error::Result;
use crate::report::render;

/// Draws and says what was written.
pub fn report(args: &ReportArgs) -> Result<End> {
    for path in render(&args.folder)? {
        out!("{}", path.display());
    }
    Ok(End::Well)
}
