//! Time for the whole run.

use super::Session;
use crate::measure::Clock;
use crate::plan::{Case, Effort};
use crate::units;

/// Seconds that verifying a case is expected to take.
const VERIFY_S: f64 = 0.5;

impl Session<'_> {
    /// Seconds that cases take at the most where no run is long: caps of all lanes, and verification.
    pub fn expected_seconds(&self, cases: &[Case], effort: Effort) -> f64 {
        let seconds = |case: &Case| {
            let lanes = self.wanted(case).len() * self.scopes(case.workload).len();
            VERIFY_S + lanes as f64 * (effort.warm_up_s / 2.0 + effort.sample_s)
        };
        let once: f64 = cases.iter().filter(|c| c.skip.is_none()).map(seconds).sum();
        if self.selection.noise_floor { 2.0 * once } else { once }
    }
}

/// Time for the whole run: cases are shortened evenly, and left out once it is used up.
pub(super) struct Budget {
    seconds: Option<f64>,
    /// When it is used up, by the session's clock.
    pub(super) deadline_s: Option<f64>,
    /// The caps, shortened where the budget asks for it.
    pub(super) effort: Effort,
}

impl Budget {
    /// Cases are never shortened to less than this share: too few samples say nothing.
    const LEAST: f64 = 0.1;

    pub(super) fn new(session: &Session<'_>, cases: &[Case], effort: Effort) -> Budget {
        let expected = session.expected_seconds(cases, effort);
        let factor = session
            .selection
            .budget
            .map_or(1.0, |budget| (budget / expected.max(1e-9)).clamp(Self::LEAST, 1.0));
        Budget {
            seconds: session.selection.budget,
            deadline_s: session.selection.budget.map(|s| session.clock.now() + s),
            effort: effort.scaled(factor),
        }
    }

    pub(super) fn left(&self, clock: &dyn Clock) -> bool {
        self.deadline_s.is_none_or(|deadline_s| clock.now() < deadline_s)
    }

    pub(super) fn reason(&self) -> String {
        format!("the budget of {} is used up", units::seconds(self.seconds.unwrap_or(0.0)))
    }
}
