//! Under what conditions a run is timed.

use serde::{Deserialize, Serialize};

/// What a timed run includes.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Operands are resident on the device.
    #[default]
    Compute,
    /// Upload, compute, download.
    EndToEnd,
}

impl Scope {
    /// The word in the files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Compute => "compute",
            Scope::EndToEnd => "end_to_end",
        }
    }
}

/// State of the caches when a sample begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// As the runs before left them.
    #[default]
    Hot,
    /// Flushed before every sample.
    Cold,
}

impl Cache {
    /// The word in the files and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Cache::Hot => "hot",
            Cache::Cold => "cold",
        }
    }
}
