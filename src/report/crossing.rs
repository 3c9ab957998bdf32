//! The `crossover` column of summary.csv in words.

use super::names;

/// From which size on a device wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Crossing {
    /// At every size measured.
    Always,
    /// At none.
    Never,
    /// From this one on.
    From(u64),
    /// Somewhere here, or nowhere.
    Unclear(u64, u64),
}

impl Crossing {
    /// Reads the column; none where it is empty or not one of ours.
    pub fn parse(text: &str) -> Option<Crossing> {
        match text {
            "<=first" => Some(Crossing::Always),
            ">last" => Some(Crossing::Never),
            _ => match text.strip_prefix("unclear:") {
                Some(range) => {
                    let (low, high) = range.split_once('-')?;
                    Some(Crossing::Unclear(low.parse().ok()?, high.parse().ok()?))
                }
                None => text.parse().ok().map(Crossing::From),
            },
        }
    }

    /// A few words, for a label: `from 384 on`. `last` is the largest size measured.
    pub fn words(self, axis: &str, last: u64) -> String {
        let value = |v| names::axis_value(axis, v);
        match self {
            Crossing::Always => "faster at every size".to_string(),
            Crossing::Never => format!("never up to {}", value(last)),
            Crossing::From(v) => format!("from {} on", value(v)),
            Crossing::Unclear(low, high) if low == high => format!("unclear at {}", value(low)),
            Crossing::Unclear(low, high) => {
                format!("unclear from {} to {}", value(low), value(high))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_has_words() {
        for (text, words) in [
            ("<=first", "faster at every size"),
            (">last", "never up to 2048"),
            ("384", "from 384 on"),
            ("unclear:256-512", "unclear from 256 to 512"),
            ("unclear:2048-2048", "unclear at 2048"),
        ] {
            assert_eq!(Crossing::parse(text).unwrap().words("mnk", 2048), words);
        }
        for text in ["", "unclear:", "unclear:a-b", "-3", "soon"] {
            assert_eq!(Crossing::parse(text), None);
        }
        assert_eq!(Crossing::From(1 << 24).words("bytes", 0), "from 16.8 MB on");
    }
}
