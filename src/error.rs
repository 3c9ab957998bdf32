//! One error type. Its text is one line: which input, what is wrong, what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Result of the library's fallible functions.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong, by who can mend it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bad usage or bad input: nothing was started. Exit code 2.
    #[error("{0}")]
    Usage(String),
    /// A file or folder could not be read or written.
    #[error("{}: {problem}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// What happened, and what to do where that isn't plain.
        problem: String,
    },
    /// A device, its driver or its compiler refused.
    #[error("{0}")]
    Device(String),
    /// The implementation can't serve this shape or device; not a fault.
    #[error("{0}")]
    Unsupported(String),
    /// It is left out, for want of room or of time; not a fault.
    #[error("{0}")]
    Skipped(String),
    /// A runner computed something wrong.
    #[error("{what}")]
    Wrong {
        /// One line on what is wrong.
        what: String,
        /// Largest error over its bound that was seen, where it came to that.
        error_ratio: Option<f64>,
    },
    /// Stopped by the user.
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// Bad usage, with its one line.
    pub fn usage(text: impl Into<String>) -> Error {
        Error::Usage(text.into())
    }

    /// A refusal by a device, with its one line.
    pub fn device(text: impl Into<String>) -> Error {
        Error::Device(one_line(&text.into()))
    }

    /// A wrong result, with its one line.
    pub fn wrong(what: String) -> Error {
        Error::Wrong { what, error_ratio: None }
    }

    /// A result whose error is so many times its bound, with its one line.
    pub fn beyond(what: String, error_ratio: f64) -> Error {
        Error::Wrong { what, error_ratio: Some(error_ratio).filter(|ratio| ratio.is_finite()) }
    }

    /// An input or output error on `path`, with a hint for the common ones.
    pub fn file(path: &Path, error: &io::Error) -> Error {
        let problem = match error.kind() {
            io::ErrorKind::NotFound => "not found".to_string(),
            io::ErrorKind::PermissionDenied => {
                "permission denied; choose another folder with --out".to_string()
            }
            io::ErrorKind::StorageFull => "the disk is full; free some space".to_string(),
            io::ErrorKind::ReadOnlyFilesystem => {
                "the file system is read-only; choose another folder with --out".to_string()
            }
            _ => error.to_string(),
        };
        Error::File { path: path.to_path_buf(), problem }
    }

    /// A file whose content is not what it should be.
    pub fn content(path: &Path, problem: impl Into<String>) -> Error {
        Error::File { path: path.to_path_buf(), problem: problem.into() }
    }
}

/// `; did you mean 'gemm'?` for a word that is nearly one of these names, else nothing.
pub fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    /// Similarity from which on a name is worth asking about, as clap has it.
    const ALIKE: f64 = 0.7;
    let likeness = |name: &'a str| (strsim::jaro(word, name), name);
    let others = names.into_iter().filter(|name| *name != word);
    // Of those that are equally alike the first.
    let best = others.map(likeness).reduce(|best, one| if one.0 > best.0 { one } else { best });
    let best = best.filter(|(alike, _)| *alike > ALIKE);
    best.map(|(_, name)| format!("; did you mean '{name}'?")).unwrap_or_default()
}

/// The one of `all` that is called `word`. Else bad usage, in a line that says which ones there are and
/// which may be meant: `unknown preset 'quik'; there is quick, standard, full; did you mean 'quick'?`.
pub fn named<T>(
    what: &str,
    word: &str,
    all: impl IntoIterator<Item = T>,
    name: impl Fn(&T) -> &str,
) -> Result<T> {
    let mut names = Vec::new();
    for one in all {
        if name(&one) == word {
            return Ok(one);
        }
        names.push(name(&one).to_string());
    }
    let hint = did_you_mean(word, names.iter().map(String::as_str));
    Err(Error::usage(format!("unknown {what} '{word}'; there is {}{hint}", names.join(", "))))
}

/// Text from outside with its control characters spelt out: a terminal would obey them.
pub fn visible(text: &str) -> String {
    let spelt = |c: char| c.is_control().then(|| c.escape_default().to_string());
    text.chars().map(|c| spelt(c).unwrap_or_else(|| c.to_string())).collect()
}

/// Squeezes a driver's many lines into one of at most 300 characters.
pub fn one_line(text: &str) -> String {
    // Lines of '#' frame the messages of `ocl`.
    let words = text.split_whitespace().filter(|word| word.chars().any(|c| c != '#'));
    let joined = visible(&words.collect::<Vec<_>>().join(" "));
    match joined.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &joined[..end]),
        None => joined,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_spelt_out() {
        assert_eq!(one_line("a\n b \x1b[31mred\u{7}"), "a b \\u{1b}[31mred\\u{7}");
        assert_eq!(visible("Größe 2"), "Größe 2");
    }

    #[test]
    fn misspelt_names_are_asked_about() {
        let names = ["gemm", "conv-fprop", "conv-dgrad"];
        assert_eq!(did_you_mean("gem", names), "; did you mean 'gemm'?");
        assert_eq!(did_you_mean("conv-fprob", names), "; did you mean 'conv-fprop'?");
        assert_eq!(did_you_mean("toaster", names), "");
        assert_eq!(did_you_mean("x", []), "");
        // A word that is there but does not fit is no hint.
        assert_eq!(did_you_mean("gemm", ["gemm"]), "");
    }
}
