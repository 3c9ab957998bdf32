//! Time for the whole run.

use super::{Chooser, Setup, roofs};
use crate::measure::Clock;
use crate::plan::{Case, Effort};
use crate::units;

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

    pub(super) fn new(
        setup: &Setup<'_>,
        chooser: &Chooser<'_>,
        cases: &[Case],
        effort: Effort,
    ) -> Budget {
        let seconds = setup.selection.budget;
        let expected_s = chooser.seconds(cases, effort).max(1e-9);
        let of_cases = |seconds: f64| (seconds - roofs::share_of(seconds)) / expected_s;
        let factor = seconds.map_or(1.0, |seconds| of_cases(seconds).clamp(Self::LEAST, 1.0));
        Budget {
            seconds,
            deadline_s: seconds.map(|s| setup.clock.now() + s),
            effort: effort.scaled(factor),
        }
    }

    pub(super) fn is_left(&self, clock: &dyn Clock) -> bool {
        self.deadline_s.is_none_or(|deadline_s| clock.now() < deadline_s)
    }

    /// Seconds of these that the budget leaves.
    pub(super) fn cut(&self, seconds: f64, clock: &dyn Clock) -> f64 {
        let left_s = self.deadline_s.map_or(f64::INFINITY, |deadline_s| deadline_s - clock.now());
        seconds.min(left_s.max(0.0))
    }

    pub(super) fn reason(&self) -> String {
        format!("the budget of {} is used up", units::seconds(self.seconds.unwrap_or(0.0)))
    }
}
