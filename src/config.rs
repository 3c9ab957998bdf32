//! `crossover.toml`, what a user keeps beside the command line: programs to measure against.
//!
//! ```toml
//! [contender.pytorch]
//! command = "venv/bin/python contenders/pytorch.py"
//! timeout_s = 300
//! ```

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::units;

/// Name of the file, looked for in the current folder.
pub const FILE: &str = "crossover.toml";

/// A program that speaks the contender protocol.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContenderConfig {
    /// Its name in device ids; none takes the one it gives itself.
    pub name: Option<String>,
    /// The command, split into words as a POSIX shell would.
    pub command: String,
    /// Seconds to wait for an answer, instead of the usual limits.
    pub timeout_s: Option<f64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    contender: BTreeMap<String, Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    command: String,
    timeout_s: Option<f64>,
}

/// The contenders of `crossover.toml` in the current folder, by name, then those of `commands`.
pub fn contenders(commands: &[String]) -> Result<Vec<ContenderConfig>> {
    let mut all = of_file(Path::new(FILE))?;
    for command in commands {
        let contender = ContenderConfig { name: None, command: command.clone(), timeout_s: None };
        contender.words().map_err(|e| Error::usage(format!("--contender {e}")))?;
        all.push(contender);
    }
    Ok(all)
}

/// The contenders of a file; none where there is no file.
fn of_file(path: &Path) -> Result<Vec<ContenderConfig>> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file(path, &error)),
    };
    let file: File = toml::from_str(&text).map_err(|e| {
        let line = e.span().map_or(0, |span| text[..span.start].matches('\n').count() + 1);
        Error::content(path, format!("line {line}: {}", crate::error::one_line(e.message())))
    })?;
    file.contender.into_iter().map(|(name, table)| of_table(path, name, table)).collect()
}

fn of_table(path: &Path, name: String, table: Table) -> Result<ContenderConfig> {
    let wrong = |what: &str| Error::content(path, format!("[contender.{name}]: {what}"));
    if !is_name(&name) {
        return Err(wrong("a name has letters, digits, '_', '.' and '-' only"));
    }
    if table.timeout_s.is_some_and(|s| !(s.is_finite() && s > 0.0)) {
        return Err(wrong("timeout_s takes a number of seconds above 0"));
    }
    let Table { command, timeout_s } = table;
    let contender = ContenderConfig { name: Some(name.clone()), command, timeout_s };
    contender.words().map_err(|problem| wrong(&problem))?;
    Ok(contender)
}

/// Whether `text` can be part of a device's id.
pub fn is_name(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    !text.is_empty() && text.len() <= 40 && text.chars().all(fits)
}

impl ContenderConfig {
    /// How long to wait for an answer that usually takes `usual` at the most.
    pub fn limit(&self, usual: Duration) -> Duration {
        self.timeout_s.map_or(usual, units::duration)
    }

    /// Program and arguments.
    pub fn words(&self) -> std::result::Result<Vec<String>, String> {
        match shlex::split(&self.command) {
            Some(words) if !words.is_empty() => Ok(words),
            Some(_) => Err("the command is empty".to_string()),
            None => Err(format!("'{}': a quote is not closed", self.command)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<ContenderConfig>> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, text).unwrap();
        of_file(&path)
    }

    #[test]
    fn tables_are_contenders() {
        let text = "[contender.torch]\ncommand = \"python3 'my file.py' --fast\"\n\
                    [contender.blas]\ncommand = \"blas\"\ntimeout_s = 300\n";
        let found = read(text).unwrap();
        let names: Vec<&str> = found.iter().filter_map(|c| c.name.as_deref()).collect();
        assert_eq!(names, ["blas", "torch"]);
        assert_eq!(found[0].timeout_s, Some(300.0));
        assert_eq!(found[1].words().unwrap(), ["python3", "my file.py", "--fast"]);
        assert_eq!(found[1].limit(Duration::from_secs(1)), Duration::from_secs(1));
        assert_eq!(found[0].limit(Duration::from_secs(1)), Duration::from_secs(300));
        // More seconds than anything lasts are no limit.
        let found = read("[contender.x]\ncommand = \"a\"\ntimeout_s = 1e20\n").unwrap();
        assert_eq!(found[0].limit(Duration::from_secs(1)), Duration::MAX);
        assert_eq!(of_file(Path::new("no/such/file.toml")).unwrap(), []);
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        for (text, part) in [
            ("[contender.x]\n", "missing field `command`"),
            ("[contender.x]\ncommand = 3\n", "line 2"),
            ("[contender.x]\ncommand = \"a\"\ncolour = 1\n", "line 3"),
            ("[contender.x]\ncommand = \"\"\n", "[contender.x]: the command is empty"),
            ("[contender.x]\ncommand = \"a 'b\"\n", "a quote is not closed"),
            ("[contender.x]\ncommand = \"a\"\ntimeout_s = -1\n", "above 0"),
            ("[contender.\"a b\"]\ncommand = \"a\"\n", "a name has letters"),
            ("[contender\n", "line 1"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(FILE) && error.contains(part), "{text}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
