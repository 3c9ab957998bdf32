//! comparison.html: one file that opens offline.

use askama::Template;

use crate::compare::{Comparison, Pair, Side};
use crate::error::{Error, Result};
use crate::record::file;
use crate::units;

use super::super::chart;
use super::super::figures::Figure;
use super::super::headline::Headline;
use super::super::names;
use super::super::page::{SCRIPT, Section, sections};
use super::super::tables;
use super::answers::{self, label};
use super::facts::{self, FactLine};

/// Regressions that are listed on the first screen.
const MOST_LISTED: usize = 12;

#[derive(Template)]
#[template(path = "comparison/page.html")]
struct Page<'a> {
    question: String,
    subtitle: String,
    style: &'static str,
    chart_style: String,
    script: &'static str,
    headlines: Vec<Headline>,
    has_minor: bool,
    trust: Vec<Fact>,
    regressions: Vec<String>,
    more_regressions: usize,
    threshold: String,
    notes: Vec<String>,
    sections: Vec<Section>,
    workloads: Vec<Workload>,
    runs: Vec<&'a str>,
    many: bool,
    facts: Vec<FactLine>,
    by: &'static str,
    files: [&'static str; 1],
}

struct Fact {
    name: &'static str,
    value: String,
    note: String,
    alert: bool,
}

struct Workload {
    name: String,
    lines: Vec<Line>,
}

/// A comparison as texts.
struct Line {
    size: String,
    run: String,
    colour: usize,
    contestant: String,
    scope: String,
    implementation: String,
    time_a: String,
    time_b: String,
    ratio: String,
    interval: String,
    verdict: &'static str,
    regression: bool,
    floor: String,
    mismatch: String,
}

/// The page as HTML.
pub fn html(c: &Comparison, figures: &[Figure]) -> Result<String> {
    let headlines = answers::answers(c);
    let count = c.regressions().count();
    let page = Page {
        question: question(&c.sides),
        subtitle: subtitle(&c.sides),
        style: include_str!("../style.css"),
        chart_style: chart::css(),
        script: SCRIPT,
        has_minor: headlines.iter().any(|h| h.minor),
        headlines,
        trust: trust(c),
        regressions: c.regressions().take(MOST_LISTED).map(|p| regression(c, p)).collect(),
        more_regressions: count.saturating_sub(MOST_LISTED),
        threshold: threshold(c),
        notes: notes(c),
        sections: sections(figures),
        workloads: workloads(c),
        runs: c.sides.iter().map(|s| s.name.as_str()).collect(),
        many: c.sides.len() > 2,
        facts: facts::run_facts(&c.sides),
        by: c.by.name(),
        files: [file::COMPARISON],
    };
    page.render().map_err(|e| Error::usage(format!("comparison.html could not be made: {e}")))
}

fn question(sides: &[Side]) -> String {
    match sides {
        [a, b] => format!("{} against {}", b.name, a.name),
        [a, rest @ ..] => format!("{} runs against {}", rest.len(), a.name),
        [] => String::new(),
    }
}

/// `5 %`: what somebody asked for, and no measured number.
fn threshold(c: &Comparison) -> String {
    chart::trim_zeros(&names::percent(c.threshold))
}

/// The CPU of each run.
fn subtitle(sides: &[Side]) -> String {
    let cpu = |s: &Side| s.manifest().map(|m| m.machine.cpu.clone()).filter(|cpu| !cpu.is_empty());
    let mut cpus: Vec<String> = sides.iter().filter_map(cpu).collect();
    cpus.dedup();
    cpus.join(" · ")
}

fn trust(c: &Comparison) -> Vec<Fact> {
    let count = c.regressions().count();
    let fact = |name, value, note: &str, alert| Fact { name, value, note: note.to_string(), alert };
    let regressions = match count {
        0 => "none".to_string(),
        n => format!("{n} of {}", c.pairs.len()),
    };
    let note = format!("slower by more than {}, the whole interval", threshold(c));
    let all: Vec<&Pair> = c.pairs.iter().collect();
    let single: Vec<&str> =
        c.sides.iter().filter(|s| s.is_single()).map(|s| s.name.as_str()).collect();
    let processes = match single.len() {
        0 => "several of each run".to_string(),
        n if n == c.sides.len() => "one of each run".to_string(),
        _ => format!("one only: {}", single.join(", ")),
    };
    let floors: Vec<f64> = c.pairs.iter().filter_map(|p| p.floor).collect();
    let floor = match floors.iter().copied().reduce(f64::max) {
        None => "not measured".to_string(),
        Some(most) => format!("up to {}", names::percent(most)),
    };
    vec![
        fact("Regressions", regressions, &note, count > 0),
        fact("Verdicts", format!("{} comparisons", all.len()), &answers::verdicts(&all), false),
        fact(
            "Processes",
            processes,
            "what processes differ by is in the interval only where there are several",
            !single.is_empty(),
        ),
        fact(
            "Noise floor",
            floor,
            "the smallest difference the machine can show: run --noise-floor measures it",
            floors.is_empty(),
        ),
    ]
}

/// What a reader should know before believing a number.
fn notes(c: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    let mut words: Vec<(&str, usize)> = Vec::new();
    for word in c.pairs.iter().flat_map(|p| p.row.mismatch.split(';')).filter(|w| !w.is_empty()) {
        match words.iter_mut().find(|(known, _)| *known == word) {
            Some((_, n)) => *n += 1,
            None => words.push((word, 1)),
        }
    }
    let shown: Vec<String> =
        words.iter().map(|(word, n)| format!("{} ({n})", word.replace('_', " "))).collect();
    if !shown.is_empty() {
        notes.push(format!(
            "Some things are unlike besides the times, in so many of {} comparisons: {}.",
            c.pairs.len(),
            shown.join(", ")
        ));
    }
    for side in &c.sides {
        let cut = side.runs.iter().filter_map(|r| r.manifest.as_ref()).any(|m| m.interrupted);
        if cut {
            notes.push(format!("{} was cut before its end.", side.name));
        }
    }
    notes
}

/// `gemm 512³ on the GPU, compute: 0.91× as fast (0.90× to 0.92×)`.
fn regression(c: &Comparison, p: &Pair) -> String {
    let r = &p.row;
    let run = if c.sides.len() > 2 { format!("{}: ", r.run_b) } else { String::new() };
    format!(
        "{run}{} on the {}, {}: {} as fast ({} to {})",
        names::problem(&r.workload, &r.shape),
        label(&p.contestant),
        tables::scope(r.scope, r.cache, r.dtype),
        names::ratio(r.ratio),
        names::ratio(r.ratio_low),
        names::ratio(r.ratio_high)
    )
}

fn workloads(c: &Comparison) -> Vec<Workload> {
    let mut workloads: Vec<Workload> = Vec::new();
    for pair in &c.pairs {
        let line = line(pair);
        match workloads.iter_mut().find(|w| w.name == pair.row.workload) {
            Some(workload) => workload.lines.push(line),
            None => workloads.push(Workload { name: pair.row.workload.clone(), lines: vec![line] }),
        }
    }
    workloads
}

fn line(p: &Pair) -> Line {
    let r = &p.row;
    Line {
        size: names::shape(&r.workload, &r.shape),
        run: r.run_b.clone(),
        colour: p.side,
        contestant: label(&p.contestant),
        scope: tables::scope(r.scope, r.cache, r.dtype),
        implementation: r.implementation.replace("->", "→"),
        time_a: units::seconds(r.median_a_s),
        time_b: units::seconds(r.median_b_s),
        ratio: names::ratio(r.ratio),
        interval: format!("{}–{}", units::significant(r.ratio_low), names::ratio(r.ratio_high)),
        verdict: r.verdict.name(),
        regression: p.regression,
        floor: p.floor.map(|f| format!("±{}", names::percent(f))).unwrap_or_default(),
        mismatch: r.mismatch.replace(';', ", ").replace('_', " "),
    }
}
