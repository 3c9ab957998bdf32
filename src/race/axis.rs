//! The axis of a race: `n=1k..10M`.

use crate::error::{Error, Result};
use crate::terms;

/// A number that grows, and between which sizes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    name: String,
    low: u64,
    high: u64,
}

/// Where sizes between two others lie.
const BETWEEN: terms::Axis = terms::Axis::size("size").in_steps_of(1);

/// A bracket whose ends are this close is narrow enough.
const NARROW: f64 = 1.1;

impl Axis {
    /// Reads `NAME=LOW..HIGH`; sizes may end in k, M or G, which are powers of 1000.
    pub fn parse(text: &str) -> Result<Axis> {
        let wrong = |what: &str| Error::usage(format!("--axis '{text}': {what}; write n=1k..10M"));
        let (name, sizes) =
            text.split_once('=').ok_or_else(|| wrong("it is not NAME=LOW..HIGH"))?;
        let (name, ends) = (name.trim(), sizes.split_once(".."));
        let (low, high) = ends.ok_or_else(|| wrong("it has no range LOW..HIGH"))?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) {
            return Err(wrong("a name is letters, digits and '_'"));
        }
        let size = |text: &str| {
            size(text.trim()).ok_or_else(|| wrong(&format!("'{}' is no size", text.trim())))
        };
        let (low, high) = (size(low)?, size(high.trim_start_matches('='))?);
        if low == 0 || low > high {
            return Err(wrong("sizes go from one above 0 to one that is no smaller"));
        }
        Ok(Axis { name: name.to_string(), low, high })
    }

    /// What stands for the size in a command: `{n}`.
    pub fn placeholder(&self) -> String {
        format!("{{{}}}", self.name)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The smallest size.
    pub fn low(&self) -> u64 {
        self.low
    }

    /// `n=1000`.
    pub fn shape(&self, size: u64) -> String {
        format!("{}={size}", self.name)
    }

    /// Sizes that double, and the largest.
    pub fn points(&self) -> Vec<u64> {
        let doubling = std::iter::successors(Some(self.low), |size| size.checked_mul(2));
        doubling.take_while(|size| *size < self.high).chain([self.high]).collect()
    }

    /// A size in the middle between two others; none where they are close enough.
    pub fn middle(&self, low: u64, high: u64) -> Option<u64> {
        let is_wide = high as f64 > NARROW * low as f64;
        is_wide.then(|| BETWEEN.between(low, high).next()).flatten()
    }
}

/// `1000`, `1k`, `10M`, `2G`.
fn size(text: &str) -> Option<u64> {
    let thousands = |unit: char| match unit {
        'k' | 'K' => Some(1),
        'M' => Some(2),
        'G' => Some(3),
        _ => None,
    };
    match text.chars().last().and_then(thousands) {
        None => text.parse().ok(),
        Some(power) => text[..text.len() - 1].parse::<u64>().ok()?.checked_mul(1000u64.pow(power)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units_and_double() {
        let axis = Axis::parse("n = 1k..10k").unwrap();
        assert_eq!((axis.name(), axis.low(), axis.placeholder()), ("n", 1000, "{n}".to_string()));
        assert_eq!(axis.points(), [1000, 2000, 4000, 8000, 10_000]);
        assert_eq!(Axis::parse("rows=7..7").unwrap().points(), [7]);
        assert_eq!(Axis::parse("n=1M..=2G").unwrap().points().last(), Some(&2_000_000_000));
        let largest = format!("n=1..{}", u64::MAX);
        assert_eq!(Axis::parse(&largest).unwrap().points().len(), 65);
    }

    #[test]
    fn the_middle_of_a_bracket_is_round_and_narrow_ones_have_none() {
        let axis = Axis::parse("n=1k..10M").unwrap();
        assert_eq!(axis.middle(1000, 2000), Some(1500));
        assert_eq!(axis.middle(1000, 1050), None);
        assert_eq!(axis.middle(1, 2), None);
        assert_eq!(axis.middle(1, 4), Some(2));
    }

    #[test]
    fn what_is_no_axis_is_named() {
        for (text, part) in [
            ("n", "is not NAME=LOW..HIGH"),
            ("n=5", "has no range"),
            ("=1..2", "a name is letters"),
            ("n m=1..2", "a name is letters"),
            ("n=0..2", "from one above 0"),
            ("n=3..2", "from one above 0"),
            ("n=1..2x", "'2x' is no size"),
            ("n=1..k", "'k' is no size"),
            ("n=-1..2", "'-1' is no size"),
            ("n=1..99999999999G", "'99999999999G' is no size"),
        ] {
            let error = Axis::parse(text).unwrap_err().to_string();
            assert!(error.contains(part) && !error.contains('\n'), "{text}: {error}");
        }
    }
}
