//! comparison.html: one file that opens offline.

use askama::Template;

use crate::compare::{Change, Comparison, Pair, Side};
use crate::error::{Error, Result};
use crate::record;
use crate::terms::FloorKind;
use crate::units;

use super::super::chart;
use super::super::facts::{Fact, fact};
use super::super::figures::Figure;
use super::super::headline::Headline;
use super::super::names;
use super::super::page::{Section, sections};
use super::super::tables;
use super::answers::{self, label};
use super::facts::{FactLine, run_facts};
use super::words;

/// Regressions that are listed on the first screen.
const MOST_LISTED: usize = 12;

/// What stands beside the facts about processes and about the noise floor.
const SEVERAL: &str = "what processes differ by is in the interval only where there are several";
const SMALLEST: &str =
    "the smallest difference the machine can show: run --noise-floor measures it";

#[derive(Template)]
#[template(path = "comparison/page.html")]
struct Page<'a> {
    c: &'a Comparison,
    question: String,
    subtitle: String,
    headlines: Vec<Headline>,
    has_minor: bool,
    trust: Vec<Fact>,
    regressions: Vec<String>,
    more_regressions: usize,
    threshold: String,
    notes: Vec<String>,
    sections: Vec<Section<'a>>,
    /// Each by its name.
    workloads: Vec<(&'a str, Vec<Line>)>,
    facts: Vec<FactLine>,
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
    /// What the verdict is made on.
    ratio: String,
    interval: String,
    /// As it was measured, where that is something else.
    measured: String,
    machine: String,
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
        c,
        question: question(&c.sides),
        subtitle: subtitle(&c.sides),
        has_minor: headlines.iter().any(|h| h.minor),
        headlines,
        trust: trust(c),
        regressions: c.regressions().take(MOST_LISTED).map(|p| regression(c, p)).collect(),
        more_regressions: count.saturating_sub(MOST_LISTED),
        threshold: threshold(c),
        notes: notes(c),
        sections: sections(figures),
        workloads: record::grouped(c.pairs.iter().map(|p| (p.row.workload.as_str(), line(p)))),
        facts: run_facts(&c.sides),
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
    let regressions = match count {
        0 => "none".to_string(),
        n => format!("{n} of {}", c.pairs.len()),
    };
    let beyond = format!("slower by more than {}, the whole interval", threshold(c));
    let all: Vec<&Pair> = c.pairs.iter().collect();
    let single: Vec<&str> =
        c.sides.iter().filter(|s| s.is_single()).map(|s| s.name.as_str()).collect();
    let processes = match single.len() {
        0 => "several of each run".to_string(),
        n if n == c.sides.len() => "one of each run".to_string(),
        _ => format!("one only: {}", single.join(", ")),
    };
    let is_measured = |p: &&Pair| p.row.floor_kind == Some(FloorKind::Measured);
    let floors: Vec<f64> = c.pairs.iter().filter(is_measured).filter_map(|p| p.row.floor).collect();
    let floor = match floors.iter().copied().reduce(f64::max) {
        None => "not measured".to_string(),
        Some(most) => format!("up to {}", names::percent(most)),
    };
    vec![
        Fact { alert: count > 0, ..fact("Regressions", regressions, beyond) },
        fact("Verdicts", format!("{} comparisons", all.len()), answers::verdicts(&all)),
        Fact { alert: !single.is_empty(), ..fact("Processes", processes, SEVERAL) },
        Fact { alert: floors.is_empty(), ..fact("Noise floor", floor, SMALLEST) },
    ]
}

/// What a reader should know before believing a number.
fn notes(c: &Comparison) -> Vec<String> {
    let mut notes = Vec::new();
    let words = c.pairs.iter().flat_map(|p| p.row.mismatch.split(';')).filter(|w| !w.is_empty());
    let counted = record::grouped(words.map(|word| (word, ()))).into_iter();
    let shown: Vec<String> =
        counted.map(|(word, all)| format!("{} ({})", word.replace('_', " "), all.len())).collect();
    if !shown.is_empty() {
        notes.push(format!(
            "Some things are unlike besides the times, in so many of {} comparisons: {}.",
            c.pairs.len(),
            shown.join(", ")
        ));
    }
    notes.extend((1..c.sides.len()).filter_map(|side| machine(c, side)));
    notes.extend(words::advice(c));
    for side in &c.sides {
        let cut = side.runs.iter().filter_map(|r| r.manifest.as_ref()).any(|m| m.interrupted);
        if cut {
            notes.push(format!("{} was cut before its end.", side.name));
        }
    }
    notes
}

/// What the machine of a run did, by its own roofs; none where it stayed as it was for the first run.
fn machine(c: &Comparison, side: usize) -> Option<String> {
    let pairs = c.pairs.iter().filter(|p| p.side == side);
    let widest = pairs
        .filter_map(|p| p.machine)
        .reduce(|a, b| Change { low: a.low.min(b.low), high: a.high.max(b.high) })?;
    let (low, high) = (names::ratio(widest.low), names::ratio(widest.high));
    let stayed = names::ratio(1.0);
    ((&low, &high) != (&stayed, &stayed)).then(|| {
        format!(
            "By its own roofs the machine was {low} to {high} as fast in {} as in {}. Verdicts are about \
             what remains.",
            c.sides[side].name, c.sides[0].name
        )
    })
}

/// `gemm 512³ on the GPU, compute: 0.912× as fast (0.901× to 0.923×)`.
fn regression(c: &Comparison, p: &Pair) -> String {
    let r = &p.row;
    let run = if c.sides.len() > 2 { format!("{}: ", r.run_b) } else { String::new() };
    format!(
        "{run}{} on the {}, {}: {} as fast ({} to {})",
        names::problem(&r.workload, &r.shape),
        label(&p.contestant),
        tables::setting(r.scope, r.cache, r.dtype),
        names::ratio(r.rest),
        names::ratio(r.rest_low),
        names::ratio(r.rest_high)
    )
}

fn line(p: &Pair) -> Line {
    let r = &p.row;
    Line {
        size: names::shape(&r.workload, &r.shape),
        run: r.run_b.clone(),
        colour: p.side,
        contestant: label(&p.contestant),
        scope: tables::setting(r.scope, r.cache, r.dtype),
        implementation: r.implementation.replace("->", "→"),
        time_a: units::seconds(r.median_a_s),
        time_b: units::seconds(r.median_b_s),
        ratio: names::ratio(r.rest),
        interval: names::span(r.rest_low, r.rest_high),
        measured: words::measured(r).unwrap_or_default(),
        machine: words::machine(p).unwrap_or_default(),
        verdict: r.verdict.name(),
        regression: p.regression,
        floor: words::floor(r),
        mismatch: r.mismatch.replace(';', ", ").replace('_', " "),
    }
}
