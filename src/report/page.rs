//! report.html: one file that opens offline. Its script sorts and filters tables; nothing needs it.

use askama::Template;

use crate::error::{Error, Result};
use crate::record;

use super::facts::{self, DeviceFacts, Fact};
use super::figures::Figure;
use super::headline::{self, Headline};
use super::input::Input;
use super::overview::Overview;
use super::tables::{MissingLine, Tables, Workload};

/// What both pages have beside their charts: how they look, and what sorts and filters their tables.
pub const STYLE: &str = include_str!("style.css");
pub const SCRIPT: &str = include_str!("tables.js");

/// The page, as its template takes it.
#[derive(Template)]
#[template(path = "page.html")]
struct Page<'a> {
    input: &'a Input,
    question: &'static str,
    subtitle: String,
    overview: &'a Overview,
    headlines: Vec<Headline>,
    trust: Vec<Fact>,
    warnings: Vec<String>,
    /// The chart that belongs to the first answers.
    first: Option<&'a Figure>,
    sections: Vec<Section<'a>>,
    workloads: Vec<Workload<'a>>,
    missing: Vec<MissingLine>,
    machine: Vec<Fact>,
    devices: Vec<DeviceFacts>,
    command: String,
}

/// The charts of one workload, or of what else they are about.
pub type Section<'a> = (&'a str, Vec<&'a Figure>);

/// The page as HTML.
pub fn html(
    tables: &Tables<'_>,
    overview: &Overview,
    headlines: Vec<Headline>,
    figures: &[Figure],
) -> Result<String> {
    let Tables { input, devices, .. } = *tables;
    let manifest = input.manifest.as_ref();
    let first = figures.iter().position(|figure| figure.changes_answer);
    let others = (0..).zip(figures).filter(|(i, _)| Some(*i) != first).map(|(_, figure)| figure);
    let page = Page {
        input,
        question: headline::question(devices),
        subtitle: subtitle(input),
        overview,
        headlines,
        trust: facts::trust(input),
        warnings: warnings(input),
        first: first.map(|i| &figures[i]),
        sections: sections(others),
        workloads: tables.workloads(),
        missing: tables.missing(),
        machine: manifest.map(facts::machine).unwrap_or_default(),
        devices: facts::devices(input),
        command: manifest.map(|m| command_line(&m.command)).unwrap_or_default(),
    };
    page.render().map_err(|e| Error::usage(format!("report.html could not be made: {e}")))
}

/// Machine and moment, in a line.
fn subtitle(input: &Input) -> String {
    let Some(manifest) = &input.manifest else { return String::new() };
    let parts = [manifest.machine.cpu.clone(), facts::moment(manifest)].into_iter();
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

fn warnings(input: &Input) -> Vec<String> {
    let mut warnings = Vec::new();
    match &input.manifest {
        Some(manifest) => {
            warnings.extend(manifest.warnings.iter().cloned());
            warnings.extend(manifest.device_problems.iter().cloned());
        }
        None => warnings.push("machine.json is missing: nothing is known of the machine".into()),
    }
    let drifted = facts::drifted(input);
    if drifted > 0 {
        warnings.push(format!(
            "{drifted} rows were measured while their device changed its speed by over 3 %: their \
             notes say drift"
        ));
    }
    for check in input.manifest.iter().flat_map(|m| &m.timers).filter(|t| !t.trusted) {
        warnings.push(format!(
            "the clock of {} contradicts ours: it is timed by the wall clock alone",
            check.device
        ));
    }
    if input.plan.is_empty() && !input.records.is_empty() {
        warnings.push("plan.csv is missing: sizes are shown as lists and not as sweeps".into());
    }
    warnings
}

/// Charts by what they are about.
pub fn sections<'a>(figures: impl IntoIterator<Item = &'a Figure>) -> Vec<Section<'a>> {
    record::grouped(figures.into_iter().map(|figure| (figure.section.as_str(), figure)))
}

/// The command line as it can be typed again in a POSIX shell.
fn command_line(words: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=,./:+@%".contains(c);
    let quote = |word: &String| {
        if !word.is_empty() && word.chars().all(plain) {
            return word.clone();
        }
        format!("'{}'", word.replace('\'', "'\\''"))
    };
    words.iter().map(quote).collect::<Vec<_>>().join(" ")
}
