//! Whether the outputs of two programs say the same.

use crate::error::{Error, Result};

/// How outputs are compared.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Check {
    /// Byte by byte.
    Exact,
    /// Word by word: numbers may differ by so much, relative to the larger one.
    Relative(f64),
    /// Not at all.
    Nothing,
}

impl Check {
    /// Reads `exact`, `rel:1e-5` or `none`.
    pub fn parse(text: &str) -> Result<Check> {
        let wrong = || {
            Error::usage(format!("--check '{text}' is unknown; there is exact, rel:1e-5 and none"))
        };
        match text.split_once(':') {
            None if text == "exact" => Ok(Check::Exact),
            None if text == "none" => Ok(Check::Nothing),
            Some(("rel", most)) => {
                let most = most.parse::<f64>().ok().filter(|most| (0.0..1.0).contains(most));
                most.map(Check::Relative).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }

    /// Whether a program has to print something.
    pub fn needs_output(self) -> bool {
        self != Check::Nothing
    }

    /// Where two outputs differ, if they do.
    pub fn compare(self, one: &str, other: &str) -> std::result::Result<(), String> {
        match self {
            Check::Nothing => Ok(()),
            Check::Exact if one == other => Ok(()),
            Check::Exact => {
                let pairs = one.lines().zip(other.lines()).enumerate();
                let mut differing = pairs.filter(|(_, (a, b))| a != b);
                Err(match differing.next() {
                    Some((line, (a, b))) => {
                        format!("outputs differ in line {}: '{}', '{}'", line + 1, cut(a), cut(b))
                    }
                    None => lengths("lines", [one, other].map(|text| text.lines().count())),
                })
            }
            Check::Relative(most) => {
                let [a, b] = [one, other].map(|text| text.split_whitespace());
                let mut differing = a.zip(b).enumerate().filter(|(_, (a, b))| !alike(a, b, most));
                if let Some((word, (a, b))) = differing.next() {
                    return Err(format!(
                        "outputs differ by more than {most:e} in word {}: '{}', '{}'",
                        word + 1,
                        cut(a),
                        cut(b)
                    ));
                }
                let counts = [one, other].map(|text| text.split_whitespace().count());
                if counts[0] == counts[1] { Ok(()) } else { Err(lengths("words", counts)) }
            }
        }
    }
}

fn lengths(what: &str, [one, other]: [usize; 2]) -> String {
    match one == other {
        true => format!("outputs of {one} {what} differ in how lines end"),
        false => format!("outputs differ in length: {one} {what}, {other} {what}"),
    }
}

/// Whether two words are equal, or numbers that differ by no more than `most` of the larger one.
fn alike(one: &str, other: &str, most: f64) -> bool {
    let number = |word: &str| word.parse::<f64>().ok().filter(|number| number.is_finite());
    one == other
        || number(one)
            .zip(number(other))
            .is_some_and(|(a, b)| (a - b).abs() <= most * a.abs().max(b.abs()))
}

/// The beginning of some text, for a reason.
fn cut(text: &str) -> String {
    text.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_compared_as_asked() {
        let rel = Check::parse("rel:1e-3").unwrap();
        for (check, one, other, part) in [
            (Check::Exact, "1\n2\n", "1\n2\n", None),
            (Check::Exact, "1\n2\n", "1\n3\n", Some("in line 2: '2', '3'")),
            (Check::Exact, "1\n", "1\n2\n", Some("1 lines, 2 lines")),
            (Check::Exact, "1\n", "1", Some("how lines end")),
            (rel, "sum 1000.5 nan", "sum\n1000.9 nan", None),
            (rel, "0 -5", "0.0 -5.001", None),
            (rel, "sum 1000", "sum 1002", Some("in word 2: '1000', '1002'")),
            (rel, "sum 1", "som 1", Some("in word 1")),
            (rel, "1 nan", "1 2", Some("in word 2")),
            (rel, "1 2", "1", Some("2 words, 1 words")),
            (Check::Nothing, "1", "2", None),
        ] {
            let found = check.compare(one, other);
            match part {
                None => assert_eq!(found, Ok(()), "{one:?} {other:?}"),
                Some(part) => assert!(found.unwrap_err().contains(part), "{one:?} {other:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_check_is_refused() {
        for text in ["", "rel", "rel:", "rel:-1", "rel:2", "rel:nan", "abs:1", "Exact"] {
            assert!(Check::parse(text).is_err(), "{text}");
        }
        assert_eq!(Check::parse("none").unwrap(), Check::Nothing);
    }
}
