//! The texts of kernels: each GPU API has them in its own language.

use crate::error::{Error, Result};
use crate::machine::fnv1a;

/// The kernels of an API.
pub struct Kernels {
    /// Text of each program, by the name that recipes give it.
    pub programs: &'static [(&'static str, &'static str)],
    /// Family, implementation and texts of what can be tuned: where they change, what was found before
    /// is found anew.
    pub tuned: &'static [(&'static str, &'static str, &'static [&'static str])],
}

impl Kernels {
    /// The text of a program; unsupported where the API has none of this name.
    pub fn text(&self, program: &str) -> Result<&'static str> {
        let found = self.programs.iter().find(|(name, _)| *name == program);
        let missing = || Error::Unsupported(format!("there is no kernel program '{program}'"));
        found.map(|(_, text)| *text).ok_or_else(missing)
    }

    /// Names the source of an implementation; none for those that are not tuned.
    pub fn hash(&self, family: &str, implementation: &str) -> Option<String> {
        let is_it = |row: &&(&str, &str, _)| (row.0, row.1) == (family, implementation);
        let (_, _, texts) = self.tuned.iter().find(is_it)?;
        Some(format!("{:016x}", fnv1a(texts.concat().as_bytes())))
    }
}
