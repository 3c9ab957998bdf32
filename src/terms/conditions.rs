//! Under what conditions a run is timed.

use std::borrow::Cow;
use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

use super::word::words;

/// What a timed run includes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(try_from = "Cow<'_, str>", into = "Cow<'static, str>")]
pub enum Scope {
    /// Operands are resident on the device.
    #[default]
    Compute,
    /// Upload, compute, download.
    EndToEnd,
    /// Upload, compute so many times on the same data, download: the time of one of them.
    Reused(NonZeroU32),
}

const COMPUTE: &str = "compute";
const END_TO_END: &str = "end_to_end";
const REUSED: &str = "reused:";

impl Scope {
    /// Runs on the device between one upload and one download, or without any.
    pub fn runs(self) -> u32 {
        match self {
            Scope::Compute | Scope::EndToEnd => 1,
            Scope::Reused(uses) => uses.get(),
        }
    }

    /// Whether operands are uploaded and results downloaded.
    pub fn moves(self) -> bool {
        self != Scope::Compute
    }

    /// The word for it, the same in every file and on the command line.
    pub fn name(self) -> Cow<'static, str> {
        match self {
            Scope::Compute => COMPUTE.into(),
            Scope::EndToEnd => END_TO_END.into(),
            Scope::Reused(uses) => format!("{REUSED}{uses}").into(),
        }
    }
}

impl From<Scope> for Cow<'static, str> {
    fn from(scope: Scope) -> Cow<'static, str> {
        scope.name()
    }
}

impl TryFrom<Cow<'_, str>> for Scope {
    type Error = String;

    fn try_from(word: Cow<'_, str>) -> Result<Scope, String> {
        match &*word {
            COMPUTE => Ok(Scope::Compute),
            END_TO_END => Ok(Scope::EndToEnd),
            word => word
                .strip_prefix(REUSED)
                .and_then(|uses| Some(Scope::Reused(uses.parse().ok()?)))
                .ok_or_else(|| format!("'{word}' is no scope")),
        }
    }
}

words! {
    /// State of the caches when a sample begins.
    #[derive(Default)]
    pub enum Cache {
        /// As the runs before left them.
        #[default]
        Hot = "hot",
        /// Flushed before every sample.
        Cold = "cold",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scope_has_one_word_everywhere() {
        let uses = |uses| Scope::Reused(NonZeroU32::new(uses).unwrap());
        for (scope, word) in [
            (Scope::Compute, "compute"),
            (Scope::EndToEnd, "end_to_end"),
            (uses(1), "reused:1"),
            (uses(64), "reused:64"),
        ] {
            assert_eq!(scope.name(), word);
            let json = serde_json::to_string(&scope).unwrap();
            assert_eq!(json, format!("\"{word}\""));
            assert_eq!(serde_json::from_str::<Scope>(&json).unwrap(), scope);
        }
        for word in ["", "resident", "reused", "reused:", "reused:0", "reused:-1", "reused:1.5"] {
            assert!(serde_json::from_str::<Scope>(&format!("\"{word}\"")).is_err(), "{word}");
        }
    }
}
