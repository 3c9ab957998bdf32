//! The page of a comparison: runs set against the first of them.
//!
//! | file | holds |
//! | --- | --- |
//! | `answers.rs` | what the comparisons add up to, in sentences |
//! | `figures.rs` | ratios and rates of all runs |
//! | `facts.rs` | the runs' machines |
//! | `words.rs` | the numbers of a comparison in words, for page and terminal |
//! | `page.rs` `page.html` | comparison.html |

mod answers;
mod facts;
mod figures;
mod page;
mod words;

use std::path::{Path, PathBuf};

use crate::compare::Comparison;
use crate::error::Result;

pub use facts::run_facts;
pub use words::{advice, floor, judged, machine, measured};

/// Draws `charts/*.svg`, with `png` also `charts/*.png`, and `comparison.html` into `folder`, and says
/// what it wrote.
pub fn render(folder: &Path, comparison: &Comparison, png: bool) -> Result<Vec<PathBuf>> {
    let mut figures = figures::figures(comparison);
    super::choose_pictures(folder, &mut figures, png);
    let page = page::html(comparison, &figures)?;
    super::write(folder, &figures, "comparison.html", &page)
}
