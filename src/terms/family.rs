//! Lines through the shapes of a workload, along which one number grows: `m=n=64..4096,k=32`, `k=n=64..2048,m=16k`.
//! What a sweep is called in the files is its family without the sizes: `m=n,k=32`.

use std::ops::RangeInclusive;

use super::{Axis, Shape};
use crate::error::{Error, Result, did_you_mean};

/// What an axis is along a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    /// So many times the number that grows.
    Times(u64),
    /// The same everywhere.
    Fixed(u64),
}

/// A line through the shapes of a workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Family {
    axes: &'static [Axis],
    /// Of each axis.
    lengths: Vec<Length>,
}

/// What stands behind the axes of a term.
enum End<'t> {
    Sizes(RangeInclusive<u64>),
    Fixed(u64),
    /// So many times another axis.
    Of(u64, &'t str),
}

/// A term: axes that are equal, and what they are.
type Term<'t> = (Vec<&'t str>, End<'t>);

impl Family {
    /// Reads a family with the sizes of what grows, of the axes of `owner`, which errors name. Axes that are left out
    /// are at their default.
    pub fn parse(
        owner: &str,
        axes: &'static [Axis],
        text: &str,
    ) -> Result<(Family, RangeInclusive<u64>)> {
        let wrong = |what: String| Error::usage(format!("sweep '{text}': {what}"));
        let terms = terms(axes, text).map_err(wrong)?;
        let mut growing = terms.iter().filter_map(|(names, end)| match end {
            End::Sizes(sizes) => Some((names, sizes.clone())),
            _ => None,
        });
        let (free, sizes) = growing.next().ok_or_else(|| {
            wrong("nothing grows; give one axis, or several that are equal, sizes LOW..HIGH".into())
        })?;
        if growing.next().is_some() {
            return Err(wrong(
                "two numbers grow; a family has one, and others as a multiple of it".into(),
            ));
        }
        let switch = axes.iter().find(|axis| axis.is_switch() && free.contains(&axis.name));
        if let Some(Axis { name, .. }) = switch {
            return Err(wrong(format!("'{name}' is on or off and has no sizes")));
        }
        let family = Family::of(owner, axes, free, &terms).map_err(wrong)?;
        // Both ends, so that no size between them fails.
        family.at(*sizes.start()).and_then(|_| family.at(*sizes.end())).map_err(wrong)?;
        Ok((family, sizes))
    }

    /// The family of a name, as [`Family::name`] gives it.
    pub fn named(axes: &'static [Axis], name: &str) -> Option<Family> {
        let terms = terms(axes, name).ok()?;
        let is_name = |end: &End<'_>| matches!(end, End::Of(1, _));
        let mut growing = terms.iter().filter(|(_, end)| is_name(end));
        let (names, End::Of(_, last)) = growing.next()? else { return None };
        let mut free = names.clone();
        free.extend((!names.contains(last)).then_some(*last));
        growing.next().is_none().then(|| Family::of("", axes, &free, &terms).ok()).flatten()
    }

    fn of(
        owner: &str,
        axes: &'static [Axis],
        free: &[&str],
        terms: &[Term<'_>],
    ) -> std::result::Result<Family, String> {
        let length = |axis: &Axis| {
            if free.contains(&axis.name) {
                return Ok(Length::Times(1));
            }
            let term = terms.iter().find(|(names, _)| names.contains(&axis.name));
            match term.map(|(_, end)| end) {
                Some(End::Fixed(value)) => Ok(Length::Fixed(*value)),
                Some(End::Of(times, other)) if free.contains(other) => Ok(Length::Times(*times)),
                Some(End::Of(_, other)) => {
                    Err(format!("'{}' follows '{other}', which does not grow", axis.name))
                }
                Some(End::Sizes(_)) | None => axis
                    .default
                    .map(Length::Fixed)
                    .ok_or_else(|| format!("axis '{}' of {owner} is missing", axis.name)),
            }
        };
        Ok(Family {
            axes,
            lengths: axes.iter().map(length).collect::<std::result::Result<_, _>>()?,
        })
    }

    /// The shape where what grows is `value`, or why there is none: an axis is out of its range.
    pub fn at(&self, value: u64) -> std::result::Result<Shape, String> {
        let length = |(axis, length): (&Axis, &Length)| {
            let length = match length {
                Length::Fixed(length) => Some(*length),
                Length::Times(times) => times.checked_mul(value),
            };
            length.filter(|length| (axis.least..=axis.most).contains(length)).ok_or_else(|| {
                let Axis { name, least, most, .. } = axis;
                format!("at {value} '{name}' is out of range, from {least} to {most}")
            })
        };
        let lengths: std::result::Result<Vec<u64>, String> =
            self.axes.iter().zip(&self.lengths).map(length).collect();
        Ok(Shape::of(self.axes, &lengths?))
    }

    /// The axes that are the number that grows.
    pub fn free(&self) -> Vec<&'static str> {
        let pairs = self.axes.iter().zip(&self.lengths);
        pairs
            .filter(|(_, length)| **length == Length::Times(1))
            .map(|(axis, _)| axis.name)
            .collect()
    }

    /// Whether nothing but these axes is given.
    pub fn is_only(&self, axes: &[&str]) -> bool {
        self.free() == axes && self.others("=").is_empty()
    }

    /// `m=n,k=32`: how it is called in the files. Axes at their default are left out.
    pub fn name(&self) -> String {
        [vec![self.free().join("=")], self.others("=")].concat().join(",")
    }

    /// `m = n (k = 32)`; with a size `m = n = 512 (k = 32)`.
    pub fn words(&self, value: Option<&str>) -> String {
        let grows = self.free().into_iter().chain(value).collect::<Vec<_>>().join(" = ");
        match self.others(" = ") {
            others if others.is_empty() => grows,
            others => format!("{grows} ({})", others.join(", ")),
        }
    }

    /// The axes that are not what grows, with what they are.
    fn others(&self, equal: &str) -> Vec<String> {
        let first = self.free().first().copied().unwrap_or_default();
        let other = |(axis, length): (&Axis, &Length)| match length {
            Length::Times(1) => None,
            Length::Times(times) => Some(format!("{}{equal}{times}{first}", axis.name)),
            Length::Fixed(value) if axis.default == Some(*value) => None,
            Length::Fixed(value) => Some(format!("{}{equal}{value}", axis.name)),
        };
        self.axes.iter().zip(&self.lengths).filter_map(other).collect()
    }
}

/// Splits a family into its terms, each axis once.
fn terms<'t>(axes: &[Axis], text: &'t str) -> std::result::Result<Vec<Term<'t>>, String> {
    let names: Vec<&str> = axes.iter().map(|axis| axis.name).collect();
    let mut seen: Vec<&str> = Vec::new();
    let mut found = Vec::new();
    for term in text.split(',') {
        let mut parts: Vec<&str> = term.split('=').map(str::trim).collect();
        let last = parts.pop().unwrap_or_default();
        let end = end(&names, last)?;
        // A name alone is what grows.
        let is_alone = parts.is_empty() && matches!(end, End::Of(1, _));
        let own = if is_alone { vec![last] } else { parts };
        if own.is_empty() {
            return Err(format!(
                "'{}' is no axis with its sizes; write A=B=LOW..HIGH,C=N",
                term.trim()
            ));
        }
        for name in &own {
            if !names.contains(name) {
                let hint = did_you_mean(name, names.iter().copied());
                return Err(format!(
                    "there is no axis '{name}'; there are {}{hint}",
                    names.join(" ")
                ));
            }
            if seen.contains(name) {
                return Err(format!("axis '{name}' is given twice"));
            }
            seen.push(name);
        }
        found.push((own, end));
    }
    Ok(found)
}

/// `64..4096`, `32`, `16k`, `k`: a number of letters and digits is a multiple of the axis that it ends with.
fn end<'t>(names: &[&str], text: &'t str) -> std::result::Result<End<'t>, String> {
    let number = |text: &str| {
        text.trim().parse::<u64>().map_err(|_| format!("'{}' is not a whole number", text.trim()))
    };
    if let Some((low, high)) = text.split_once("..") {
        let (low, high) = (number(low)?, number(high.trim_start_matches('='))?);
        return match 0 < low && low <= high {
            true => Ok(End::Sizes(low..=high)),
            false => Err(format!("'{text}': sizes go from one above 0 to one that is no smaller")),
        };
    }
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (times, other) = text.split_at(digits);
    match other.trim() {
        "" => number(times).map(End::Fixed),
        other if !names.contains(&other) => {
            let hint = did_you_mean(other, names.iter().copied());
            Err(format!(
                "'{text}' is no number and no multiple of an axis; there are {}{hint}",
                names.join(" ")
            ))
        }
        other if times.is_empty() => Ok(End::Of(1, other)),
        other => match number(times)? {
            0 => Err(format!("'{text}' is nothing: a multiple is 1 at the least")),
            times => Ok(End::Of(times, other)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AXES: &[Axis] = &[Axis::size("m"), Axis::size("n"), Axis::size("k"), Axis::switch("ta")];

    fn parse(text: &str) -> (Family, RangeInclusive<u64>) {
        Family::parse("gemm", AXES, text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn families_of_every_kind_have_a_name_that_is_read_again() {
        for (text, name, words, at_64) in [
            ("m=n=k=32..4096", "m=n=k", "m = n = k = 64", [64, 64, 64, 0]),
            ("m=n=64..4096,k=32", "m=n,k=32", "m = n = 64 (k = 32)", [64, 64, 32, 0]),
            ("k=n=64..2048,m=16k", "n=k,m=16n", "n = k = 64 (m = 16n)", [1024, 64, 64, 0]),
            ("m = n = 8..16 , k = 2m", "m=n,k=2m", "m = n = 64 (k = 2m)", [64, 64, 128, 0]),
            (
                "m=n=32,k=64..64,ta=1",
                "k,m=32,n=32,ta=1",
                "k = 64 (m = 32, n = 32, ta = 1)",
                [32, 32, 64, 1],
            ),
            ("m=16..32,n=m,k=1", "m=n,k=1", "m = n = 64 (k = 1)", [64, 64, 1, 0]),
        ] {
            let (family, _) = parse(text);
            assert_eq!(family.name(), name, "{text}");
            assert_eq!(family.words(Some("64")), words);
            assert_eq!(family.at(64), Ok(Shape::of(AXES, &at_64)));
            assert_eq!(Family::named(AXES, name), Some(family), "{name}");
        }
        assert_eq!(parse("m=n=64..4096,k=32").1, 64..=4096);
        assert!(parse("m=n=k=2..4").0.is_only(&["m", "n", "k"]));
        assert!(!parse("m=n=2..4,k=1").0.is_only(&["m", "n"]));
        assert_eq!(parse("m=n=2..4,k=1").0.words(None), "m = n (k = 1)");
    }

    #[test]
    fn what_is_no_family_is_one_clear_line() {
        for (text, what) in [
            ("m=n=k", "nothing grows"),
            ("m=64,n=64,k=64", "nothing grows"),
            ("", "'' is not a whole number"),
            ("m=1..8,n=1..8,k=1", "two numbers grow"),
            ("m=n=1..8", "axis 'k' of gemm is missing"),
            ("m=n=1..8,k=16q", "'16q' is no number and no multiple of an axis; there are m n k ta"),
            ("m=n=1..8,q=3", "there is no axis 'q'"),
            ("m=m=1..8,n=1,k=1", "axis 'm' is given twice"),
            ("m=1..8,n=k,k=3", "'n' follows 'k', which does not grow"),
            ("m=1..8,n=2k,k=2n", "'n' follows 'k', which does not grow"),
            ("m=0..8,n=1,k=1", "sizes go from one above 0"),
            ("m=8..4,n=1,k=1", "sizes go from one above 0"),
            ("m=1..x,n=1,k=1", "'x' is not a whole number"),
            ("m=1..8,n=0m,k=1", "is nothing"),
            ("m=1..8,n=18446744073709551615m,k=1", "at 1 'n' is out of range"),
            ("m=1..8,n=99999999999999999999m,k=1", "is not a whole number"),
            ("m=1..2199023255552,n=1,k=1", "at 2199023255552 'm' is out of range"),
            ("m=1..8,n=0,k=1", "'n' is out of range, from 1 to"),
            ("m=1..8,n=1,k=1,ta=1..2", "two numbers grow"),
            ("m=n=k=64,ta=1..1", "'ta' is on or off and has no sizes"),
            ("64..128", "no axis with its sizes"),
        ] {
            let error = Family::parse("gemm", AXES, text).unwrap_err().to_string();
            assert!(error.contains(what) && !error.contains('\n'), "{text}: {error}");
        }
    }
}
