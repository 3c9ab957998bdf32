//! `crossover compare DIR DIR..`: runs set against the first of them.

use console::style;

use super::args::CompareArgs;
use super::{End, check_pictures};
use crate::compare::{By, Comparison, Pair};
use crate::error::{self, Error, Result};
use crate::record::{self, ComparisonRow, file};
use crate::terms::{Cased, Verdict};
use crate::{folder, report, units};

/// Name of the folder, unless told otherwise.
const NAME: &str = "comparison";

/// Compares, writes comparison.csv, charts and page, and prints what it found. A regression ends badly.
pub fn compare(args: &CompareArgs) -> Result<End> {
    check_pictures(args.png)?;
    if !(args.threshold.is_finite() && args.threshold >= 0.0) {
        return Err(Error::usage("--threshold takes a percentage of 0 or more"));
    }
    let by = by(&args.by)?;
    let comparison = Comparison::read(&args.folders, by, args.threshold / 100.0)?;
    let folder = folder::place(args.out.as_deref(), Some(NAME))?;
    let rows: Vec<ComparisonRow> = comparison.pairs.iter().map(|p| p.row.clone()).collect();
    record::replace(&folder.join(file::COMPARISON), &rows)?;
    report::render_comparison(&folder, &comparison, args.png)?;
    if args.json {
        for row in &rows {
            out!("{}", serde_json::to_string(row).expect("a row is JSON"));
        }
    } else {
        print(&comparison);
        out!("{}", folder.join("comparison.html").display());
        report::comparison_advice(&comparison).iter().for_each(|sentence| out!("{sentence}"));
    }
    let regressed = comparison.regressions().next().is_some();
    Ok(if regressed { End::Badly } else { End::Well })
}

fn by(word: &str) -> Result<By> {
    error::named("value of --by", word, By::ALL, |by| by.name())
}

fn print(c: &Comparison) {
    for (i, side) in c.sides.iter().enumerate() {
        let processes = match side.runs.len() {
            1 => "1 process: what processes differ by is unknown".to_string(),
            n => format!("{n} processes"),
        };
        let cpu = side.manifest().map(|m| m.machine.cpu.as_str()).unwrap_or_default();
        let letter = if i == 0 { "A".to_string() } else { format!("B{i}") };
        out!("{letter:<3} {}  {cpu}  {processes}", side.name);
    }
    for fact in report::run_facts(&c.sides).iter().filter(|f| f.differs) {
        out!("    {:<18} {}", fact.name.to_lowercase(), fact.values.join(" | "));
    }
    let cases: Vec<String> = c.pairs.iter().map(case).collect();
    let width = cases.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    for (pair, case) in c.pairs.iter().zip(&cases) {
        out!("{case:<width$}  {}", found(c, pair));
    }
    let count = |verdict| c.pairs.iter().filter(|p| p.row.verdict == verdict).count();
    out!(
        "{} faster, {} slower, {} the same, {} ambiguous, {} too noisy; {} beyond {} %",
        count(Verdict::Faster),
        count(Verdict::Slower),
        count(Verdict::Same),
        count(Verdict::Ambiguous),
        count(Verdict::None),
        match c.regressions().count() {
            1 => "1 regression".to_string(),
            n => format!("{n} regressions"),
        },
        // As it was given: 5, not 5.00.
        (c.threshold * 1e8).round() / 1e6
    );
}

/// `gemm 512³ gpu opencl compute packed`.
fn case(p: &Pair) -> String {
    let r = &p.row;
    let case = report::case_name(r.case());
    format!("{case} {} {} {}", p.contestant.name(), r.scope.name(), r.implementation)
}

fn found(c: &Comparison, p: &Pair) -> String {
    let r = &p.row;
    let letter = if c.sides.len() > 2 { format!("B{} ", p.side) } else { String::new() };
    let verdict = if p.regression { "SLOWER" } else { r.verdict.name() };
    let verdict = style(format!("{verdict:<9}"));
    let verdict = match r.verdict {
        Verdict::Faster => verdict.green(),
        Verdict::Slower if p.regression => verdict.red().bold(),
        Verdict::Slower => verdict.red(),
        _ => verdict.dim(),
    };
    let floor = Some(report::floor(r)).filter(|floor| !floor.is_empty());
    let floor = floor.map(|floor| format!("floor {floor}"));
    let machine = report::machine(p).map(|machine| format!("machine {machine}"));
    let measured = report::measured(r).map(|measured| format!("measured {measured}"));
    let unlike = (!r.mismatch.is_empty()).then(|| format!("[{}]", r.mismatch));
    let rest = [floor, machine, measured, unlike];
    format!(
        "{letter}{:>9} {:>9}  {:<22}  {verdict} {}",
        units::seconds(r.median_a_s),
        units::seconds(r.median_b_s),
        report::judged(r),
        rest.into_iter().flatten().collect::<Vec<_>>().join("  "),
    )
}
