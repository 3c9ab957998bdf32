//! Charts and the page of a run, drawn from its files. Runs nothing.
//!
//! | file | holds |
//! | --- | --- |
//! | `input.rs` | the files, read once |
//! | `names.rs` | what people call devices, axes, shapes and crossovers |
//! | `views.rs` | sweeps, lists and their entrants |
//! | `limits.rs` | what a device can do at most: peaks and levels of memory |
//! | `epoch.rs` | data sets, whose epochs are extrapolated from one step |
//! | `published/` | what others have published, as context |
//! | `overview/` | what a reader sees first: a sentence and a small table |
//! | `headline/` | the answers in sentences, and what is behind them |
//! | `facts/` | trust and machine, in short facts |
//! | `tables/` | the rows of the tables |
//! | `figures/` | which charts there are, and what each shows |
//! | `comparison/` | comparison.html: runs set against each other |
//! | `chart/` | drawing, with no knowledge of workloads |
//! | `page.rs` `page.html` | report.html |
//! | `frame.html` `charts.html` `style.css` `tables.js` | what both pages have |

mod chart;
mod comparison;
mod epoch;
mod facts;
mod figures;
mod headline;
mod input;
mod limits;
mod names;
mod overview;
mod page;
mod published;
#[cfg(test)]
pub(crate) mod sample;
mod tables;
#[cfg(test)]
mod tests;
mod views;

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::record;

use figures::Figure;
use input::Input;
use overview::Overview;
use tables::Tables;

pub use comparison::{
    advice as comparison_advice, floor, judged, machine, measured, render as render_comparison,
    run_facts,
};
pub use epoch::{DataSet, WELL_KNOWN};
pub use names::{case as case_name, crossover as crossover_words, scope as scope_name, size};
pub use published::{Published, by_name as published_by};

/// Whether this program can draw charts as PNG.
pub const DRAWS_PICTURES: bool = cfg!(feature = "png");

/// What a user may choose of a report.
pub struct Options {
    /// Whose epochs are extrapolated.
    pub data_sets: Vec<DataSet>,
    /// Whose published times are shown.
    pub published: Vec<Published>,
    /// Whether charts become PNG too, in a program that can draw them.
    pub png: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options { data_sets: WELL_KNOWN.to_vec(), published: Vec::new(), png: false }
    }
}

/// A report that was drawn.
pub struct Report {
    /// Its files, the page last.
    pub written: Vec<PathBuf>,
    /// What the run found, as the page says it first.
    pub overview: Overview,
}

/// Draws `charts/*.svg`, and `charts/*.png` where they are asked for, and `report.html` of the run in
/// `folder`, from its files alone.
pub fn render(folder: &Path, options: &Options) -> Result<Report> {
    let input = Input { published: options.published.clone(), ..Input::read(folder)? };
    let devices = names::devices(&input.records, input.manifest.as_ref());
    let groups = views::groups(&input);
    let mut figures = figures::figures(&input, &groups, &devices);
    choose_pictures(folder, &mut figures, options.png);
    let tables =
        Tables { input: &input, groups: &groups, devices: &devices, data_sets: &options.data_sets };
    let headlines = headline::headlines(&input, &groups, &devices);
    let overview = Overview::of(&input, &groups, &devices, &headlines, folder);
    let page = page::html(&tables, &overview, headlines, &figures)?;
    Ok(Report { written: write(folder, &figures, "report.html", &page)?, overview })
}

/// Marks the charts that become a PNG too: all of them where `png` says so, else those that have one from
/// before, or it would show what is no longer so. None of them in a program that can't draw them.
fn choose_pictures(folder: &Path, figures: &mut [Figure], png: bool) {
    for figure in figures {
        let is_there = || folder.join("charts").join(figure.png()).exists();
        figure.is_picture = DRAWS_PICTURES && (png || is_there());
    }
}

/// Removes charts from before that are not among these files, with their pictures: they would show what is no
/// longer so. Files of others stay.
fn remove_others(charts: &Path, written: &[PathBuf]) -> Result<()> {
    let entries = fs::read_dir(charts).map_err(|e| Error::file(charts, &e))?;
    let others = entries.flatten().map(|entry| entry.path()).filter(|path| !written.contains(path));
    for path in others.filter(|path| path.extension().is_some_and(|e| e == "svg")) {
        if !fs::read(&path).is_ok_and(|text| chart::is_ours(&text)) {
            continue;
        }
        let picture = path.with_extension("png");
        for file in [&path, &picture].into_iter().filter(|file| file.exists()) {
            fs::remove_file(file).map_err(|e| Error::file(file, &e))?;
        }
    }
    Ok(())
}

/// Writes charts and a page, and says what it wrote, the page last. Pictures come when all else is there.
fn write(folder: &Path, figures: &[Figure], name: &str, page: &str) -> Result<Vec<PathBuf>> {
    let charts = folder.join("charts");
    fs::create_dir_all(&charts).map_err(|e| Error::file(&charts, &e))?;
    let mut written = Vec::new();
    for figure in figures {
        let path = charts.join(&figure.file);
        record::replace_bytes(&path, figure.drawing.file().as_bytes())?;
        written.push(path);
    }
    remove_others(&charts, &written)?;
    let path = folder.join(name);
    record::replace_bytes(&path, page.as_bytes())?;
    #[cfg(feature = "png")]
    write_pictures(&charts, figures, &mut written)?;
    written.push(path);
    Ok(written)
}

/// Writes the charts that become a PNG too.
#[cfg(feature = "png")]
fn write_pictures(charts: &Path, figures: &[Figure], written: &mut Vec<PathBuf>) -> Result<()> {
    let raster = std::cell::LazyCell::new(chart::Raster::new);
    for figure in figures.iter().filter(|f| f.is_picture) {
        let path = charts.join(figure.png());
        record::replace_bytes(&path, &raster.png(&figure.drawing.file())?)?;
        written.push(path);
    }
    Ok(())
}
