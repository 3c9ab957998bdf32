//! A command line of the user's, into which a size is put.

use super::Axis;
use crate::error::{Error, Result};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    text: String,
    words: Vec<String>,
    placeholder: String,
}

impl Command {
    /// Splits a command into words as a POSIX shell does; no shell runs it. `side` is the option that it was given by.
    pub fn parse(side: &str, text: &str, axis: &Axis) -> Result<Command> {
        let wrong = |what: String| Error::usage(format!("--{side} '{text}': {what}"));
        let words = shlex::split(text).ok_or_else(|| wrong("a quote is open".to_string()))?;
        if words.first().is_none_or(String::is_empty) {
            return Err(wrong("names no program".to_string()));
        }
        let placeholder = axis.placeholder();
        if !words.iter().any(|word| word.contains(&placeholder)) {
            return Err(wrong(format!(
                "has no {placeholder}, where the size belongs that --axis names"
            )));
        }
        Ok(Command { text: text.to_string(), words, placeholder })
    }

    /// As it was given.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its words at a size.
    pub fn at(&self, size: u64) -> Vec<String> {
        let size = size.to_string();
        self.words.iter().map(|word| word.replace(&self.placeholder, &size)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_size_is_put_in_wherever_it_belongs() {
        let axis = Axis::parse("n=1..2").unwrap();
        let command = Command::parse("cpu", "./mine 'a b' --n={n} {n}x{n} {m}", &axis).unwrap();
        assert_eq!(command.at(12), ["./mine", "a b", "--n=12", "12x12", "{m}"]);
        for (text, part) in
            [("", "names no program"), ("mine 'x {n}", "a quote is open"), ("mine n", "has no {n}")]
        {
            let error = Command::parse("gpu", text, &axis).unwrap_err().to_string();
            assert!(error.starts_with("--gpu") && error.contains(part), "{error}");
        }
    }
}
