//! What would settle that which is open, in a line.

use std::path::Path;

use crate::manifest::Sampling;
use crate::record::SummaryRow;
use crate::stats::Pairing;
use crate::summary::{self, Undecided};
use crate::terms::Verdict;

use super::super::input::Input;

/// What to do about comparisons without a verdict, and about how long it takes; none where all have one.
pub fn advice(input: &Input, folder: &Path) -> Option<String> {
    let sampling = input.manifest.as_ref().map_or(Sampling::Interleaved, |m| m.sampling);
    let is_resumable = sampling == Sampling::Interleaved;
    let mut undecided = summary::undecided(&input.summary, &input.records);
    // What memory did not hold at once is not sampled by turns, however often.
    undecided.retain(|one| !is_resumable || one.row.pairing == Pairing::Paired);
    let (ties, open): (Vec<Undecided<'_>>, _) = undecided.into_iter().partition(Undecided::is_tie);
    let asked: Vec<&SummaryRow> = input.summary.iter().filter(|row| summary::asks(row)).collect();
    let noisy = asked.iter().filter(|row| row.verdict == Verdict::None).count();
    let parts = [rounds(sampling, folder, &open), tied(ties.len(), open.len()), too_noisy(noisy)];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

/// How those are settled that more rounds settle.
fn rounds(sampling: Sampling, folder: &Path, open: &[Undecided<'_>]) -> Option<String> {
    if open.is_empty() {
        return None;
    }
    let are = format!("{} undecided", comparisons(open.len(), ""));
    Some(match sampling {
        Sampling::Interleaved => format!(
            "{are}: 'crossover run --resume {} --until-decided' settles {} in about {}.",
            folder.display(),
            if open.len() == 1 { "it" } else { "them" },
            duration(summary::until_decided_seconds(open))
        ),
        Sampling::Criterion => {
            format!("{are}: 'crossover run' samples all devices by turns, which decides more.")
        }
        Sampling::Race => format!("{are}: race again while nothing else runs."),
    })
}

fn tied(ties: usize, open: usize) -> Option<String> {
    let are = comparisons(ties, if open > 0 { "more " } else { "" });
    let what = if ties == 1 { "a tie" } else { "ties" };
    (ties > 0).then(|| format!("{are} {what}, as far as this machine can tell."))
}

fn too_noisy(count: usize) -> Option<String> {
    let are = comparisons(count, "");
    let help = "measure again while nothing else runs";
    (count > 0).then(|| format!("{are} too noisy for a verdict: {help}."))
}

/// `3 more comparisons are`.
fn comparisons(count: usize, more: &str) -> String {
    match count {
        1 => format!("1 {more}comparison is"),
        n => format!("{n} {more}comparisons are"),
    }
}

/// `4 minutes`, never less than one: rounds are not all that it takes.
fn duration(seconds: f64) -> String {
    match (seconds / 60.0).ceil() {
        ..=1.0 => "a minute".to_string(),
        minutes @ ..=90.0 => format!("{minutes:.0} minutes"),
        minutes => format!("{:.0} hours", (minutes / 60.0).round()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_round() {
        assert_eq!(
            [0.0, 60.0, 61.0, 5400.0, 5401.0, 36_000.0].map(duration),
            ["a minute", "a minute", "2 minutes", "90 minutes", "2 hours", "10 hours"]
        );
    }

    #[test]
    fn what_is_left_is_counted() {
        assert_eq!(tied(1, 0).unwrap(), "1 comparison is a tie, as far as this machine can tell.");
        assert_eq!(
            tied(3, 2).unwrap(),
            "3 more comparisons are ties, as far as this machine can tell."
        );
        assert_eq!((tied(0, 2), too_noisy(0)), (None, None));
    }
}
