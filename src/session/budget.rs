//! Time for the whole run.

use super::Session;
use crate::measure::Clock;
use crate::plan::{Case, Effort};
use crate::units;

/// Seconds that verifying a case is expected to take.
const VERIFY_S: f64 = 0.5;

/// Seconds that the cases are expected to take: caps of all lanes, and verification.
pub fn expected_seconds(lanes_per_case: usize, cases: &[Case], effort: Effort) -> f64 {
    let measured = cases.iter().filter(|c| c.skip.is_none()).count() as f64;
    measured * (VERIFY_S + lanes_per_case as f64 * (effort.warm_up_s / 2.0 + effort.sample_s))
}

/// Time for the whole run: cases are shortened evenly, and left out once it is used up.
pub(super) struct Budget {
    seconds: Option<f64>,
    start_s: f64,
    /// The caps, shortened where the budget asks for it.
    pub(super) effort: Effort,
}

impl Budget {
    /// Cases are never shortened to less than this share: too few samples say nothing.
    const LEAST: f64 = 0.1;

    pub(super) fn new(session: &Session<'_>, cases: &[Case], effort: Effort) -> Budget {
        let lanes: usize = session
            .devices
            .iter()
            .map(|d| cases.first().map_or(0, |c| d.defaults(c.workload).len()))
            .sum::<usize>()
            * session.selection.scopes.len();
        let expected = expected_seconds(lanes, cases, effort);
        let factor = session
            .selection
            .budget
            .map_or(1.0, |budget| (budget / expected.max(1e-9)).clamp(Self::LEAST, 1.0));
        Budget {
            seconds: session.selection.budget,
            start_s: session.clock.now(),
            effort: effort.scaled(factor),
        }
    }

    pub(super) fn left(&self, clock: &dyn Clock) -> bool {
        self.seconds.is_none_or(|seconds| clock.now() - self.start_s < seconds)
    }

    pub(super) fn reason(&self) -> String {
        format!("the budget of {} is used up", units::seconds(self.seconds.unwrap_or(0.0)))
    }
}
