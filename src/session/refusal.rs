//! How the rows of a runner end that has no time.

use crate::error::Error;
use crate::record::Outcome;
use crate::verify::Rejection;

/// Why a runner has no time.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// How its rows end.
    pub outcome: Outcome,
    /// One line.
    pub reason: String,
    /// Largest error over its bound, where a wrong result was the reason.
    pub error_ratio: Option<f64>,
}

impl Refusal {
    /// The refusal of a runner that is left out from the start.
    pub fn skipped(reason: String) -> Refusal {
        Refusal { outcome: Outcome::Skipped, reason, error_ratio: None }
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        let (outcome, reason) = match error {
            Error::Unsupported(reason) => (Outcome::Unsupported, reason),
            Error::Room(reason) => (Outcome::Skipped, reason),
            other => (Outcome::Failed, other.to_string()),
        };
        Refusal { outcome, reason, error_ratio: None }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Refusal {
        match rejection {
            Rejection::Refused(error) => error.into(),
            Rejection::Wrong(wrong) => Refusal {
                outcome: Outcome::Failed,
                reason: wrong.what,
                error_ratio: wrong.error_ratio,
            },
        }
    }
}
