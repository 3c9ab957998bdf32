//! What a ratio's interval says, and from which size on a device wins: the words of summary.csv and
//! comparison.csv, written and read here only.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::word::words;

/// Noise over which nothing is said of a ratio.
const NO_VERDICT_NOISE: f64 = 0.25;

/// Ends of the interval that make a verdict.
const FASTER: f64 = 1.01;
const SLOWER: f64 = 0.99;
const SAME: (f64, f64) = (0.98, 1.02);

words! {
    /// What the 95 % interval of a ratio of times says.
    pub enum Verdict {
        /// The interval lies wholly above 1.01.
        Faster = "faster",
        /// Wholly below 0.99.
        Slower = "slower",
        /// Wholly within 0.98 and 1.02.
        Same = "same",
        /// The interval is too wide for any of these, or what lies between the two is no more than what
        /// may lie between two measurements of the same.
        Ambiguous = "ambiguous",
        /// One of the two sides is too noisy for an interval to mean anything.
        None = "none",
    }
}

words! {
    /// Where the smallest difference that is believed is from.
    pub enum FloorKind {
        /// The runs measured it.
        Measured = "measured",
        /// It is what two processes of one program usually differ by.
        Usual = "usual",
    }
}

impl Verdict {
    /// What the interval from `low` to `high` says, where the noisier side has this noise
    /// (1.4826 MAD / median).
    pub fn of(low: f64, high: f64, noise: f64) -> Verdict {
        if noise > NO_VERDICT_NOISE {
            Verdict::None
        } else if low > FASTER {
            Verdict::Faster
        } else if high < SLOWER {
            Verdict::Slower
        } else if low >= SAME.0 && high <= SAME.1 {
            Verdict::Same
        } else {
            Verdict::Ambiguous
        }
    }

    /// To which share of its width an interval must shrink round `value`, where that stays, for a verdict other
    /// than ambiguous: 1 where it is narrow enough, next to nothing where the value lies on a border.
    pub fn share_of_interval(low: f64, value: f64, high: f64) -> f64 {
        // Lengths of ratios are logarithms: how far an end may reach, over how far it does.
        let below = |border: f64| (value / border).ln() / (value / low).ln().max(f64::MIN_POSITIVE);
        let above =
            |border: f64| (border / value).ln() / (high / value).ln().max(f64::MIN_POSITIVE);
        let same = below(SAME.0).min(above(SAME.1));
        [below(FASTER), above(SLOWER), same].into_iter().fold(0.0, f64::max).min(1.0)
    }
}

/// From which size of a sweep on a device is faster than the baseline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Crossover {
    /// At every size measured: `<=first`.
    Always,
    /// At none of those measured: `>last`.
    Never,
    /// From this one on: `384`.
    From(u64),
    /// Somewhere between these, or nowhere: `unclear:256-512`.
    Unclear(u64, u64),
}

impl Crossover {
    /// The crossover of a sweep, from axis values in ascending order with their verdicts. `same` counts
    /// as slower; without a verdict a point counts as ambiguous. A slower point excludes every size up to its
    /// own, unless one before it is faster: lines that cross more than once are unclear from the first
    /// crossing on. None where there are no points.
    pub fn of(points: &[(u64, Option<Verdict>)]) -> Option<Crossover> {
        let is_faster = |p: &&(u64, Option<Verdict>)| p.1 == Some(Verdict::Faster);
        let is_slower =
            |p: &&(u64, Option<Verdict>)| matches!(p.1, Some(Verdict::Slower | Verdict::Same));
        let last = points.last()?.0;
        let excluded = points.iter().rposition(|p| is_slower(&p)).map_or(0, |at| at + 1);
        let slower = if points[..excluded].iter().any(|p| is_faster(&p)) {
            points.iter().take_while(is_slower).count()
        } else {
            excluded
        };
        // The first point from which on all are faster.
        let faster = points.len() - points.iter().rev().take_while(is_faster).count();
        Some(if faster == 0 {
            Crossover::Always
        } else if slower == points.len() {
            Crossover::Never
        } else if slower == faster {
            Crossover::From(points[faster].0)
        } else {
            Crossover::Unclear(points[slower].0, points.get(faster).map_or(last, |p| p.0))
        })
    }

    /// The axis values on both sides of a crossover that could be narrowed down: the last point before
    /// it and the first after it. `values` are those of the sweep.
    pub fn bracket(self, values: &[u64]) -> Option<(u64, u64)> {
        let (low, high) = match self {
            Crossover::Unclear(low, high) => (low, high),
            Crossover::From(at) => (values.iter().copied().filter(|v| *v < at).max()?, at),
            Crossover::Always | Crossover::Never => return None,
        };
        (low < high).then_some((low, high))
    }
}

impl fmt::Display for Crossover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Crossover::Always => f.write_str("<=first"),
            Crossover::Never => f.write_str(">last"),
            Crossover::From(value) => write!(f, "{value}"),
            Crossover::Unclear(low, high) => write!(f, "unclear:{low}-{high}"),
        }
    }
}

impl From<Crossover> for String {
    fn from(crossover: Crossover) -> String {
        crossover.to_string()
    }
}

impl TryFrom<String> for Crossover {
    type Error = String;

    fn try_from(text: String) -> Result<Crossover, String> {
        let parsed = match text.as_str() {
            "<=first" => Some(Crossover::Always),
            ">last" => Some(Crossover::Never),
            _ => match text.strip_prefix("unclear:") {
                Some(range) => range.split_once('-').and_then(|(low, high)| {
                    Some(Crossover::Unclear(low.parse().ok()?, high.parse().ok()?))
                }),
                None => text.parse().ok().map(Crossover::From),
            },
        };
        parsed.ok_or_else(|| format!("'{text}' is no crossover"))
    }
}

#[cfg(test)]
mod tests;
