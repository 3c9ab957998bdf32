//! The numbers of a comparison in words: the page and the terminal say the same.

use crate::compare::{Comparison, Pair, SETTLES};
use crate::record::ComparisonRow;
use crate::terms::FloorKind;

use super::super::names;

/// A ratio with its interval: `0.951× (0.860–1.00×)`.
fn ratio(value: f64, low: f64, high: f64) -> String {
    format!("{} ({})", names::ratio(value), names::span(low, high))
}

/// What a verdict is made on: what remains of the ratio without the machine.
pub fn judged(row: &ComparisonRow) -> String {
    ratio(row.rest, row.rest_low, row.rest_high)
}

/// The ratio as it was measured; none where that is the same.
pub fn measured(row: &ComparisonRow) -> Option<String> {
    let measured = ratio(row.ratio, row.ratio_low, row.ratio_high);
    (measured != judged(row)).then_some(measured)
}

/// How many times as fast the machine was; none where that is unknown, or asked about.
pub fn machine(pair: &Pair) -> Option<String> {
    pair.machine.map(|change| names::span(change.low, change.high))
}

/// The smallest difference that is believed: `±3.00 %`, and `usually ±13.0 %` where nobody measured it.
pub fn floor(row: &ComparisonRow) -> String {
    let usually = if row.floor_kind == Some(FloorKind::Usual) { "usually " } else { "" };
    row.floor.map(|f| format!("{usually}±{}", names::percent(f))).unwrap_or_default()
}

/// What would help with that which is not clear, a sentence each.
pub fn advice(c: &Comparison) -> Vec<String> {
    let all = c.pairs.len();
    let (unsettled, noisy) = (c.unsettled().count(), c.noisy().count());
    let mut advice = Vec::new();
    if unsettled > 0 {
        advice.push(format!(
            "{unsettled} of {all} comparisons are ambiguous for want of processes: what lies between two \
             single processes is not told from what usually does. '{SETTLES}' of each run, best by turns \
             (into A-r1, B-r1, A-r2, B-r2, ..), and a comparison of all folders settle them."
        ));
    }
    if noisy > 0 {
        advice.push(format!(
            "{noisy} of {all} comparisons are too noisy for a verdict. What helps is to measure both runs \
             again while nothing else runs, with '--threads' one below the number of cores where \
             something always does; with '{SETTLES}' the noise of the middle process counts."
        ));
    }
    advice
}
