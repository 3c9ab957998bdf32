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
        let once: f64 = cases.iter().map(|case| self.case_seconds(case, effort)).sum();
        if self.selection.noise_floor { 2.0 * once } else { once }
    }

    fn case_seconds(&self, case: &Case, effort: Effort) -> f64 {
        if case.skip.is_some() {
            return 0.0;
        }
        let lanes = self.wanted(case).len() * self.scopes(case.workload).len();
        VERIFY_S + lanes as f64 * (effort.warm_up_s / 2.0 + effort.sample_s)
    }

    /// A forecast of these cases.
    pub(super) fn forecast<'c>(
        &self,
        cases: impl Iterator<Item = &'c Case>,
        effort: Effort,
    ) -> Forecast {
        let expected_s = cases.map(|case| self.case_seconds(case, effort)).collect();
        Forecast { expected_s, begun: 0, start_s: self.clock.now(), done_s: 0.0 }
    }
}

/// When cases will be done: as much faster or slower than expected as those were that are done.
pub(super) struct Forecast {
    /// Of each case.
    expected_s: Vec<f64>,
    begun: usize,
    start_s: f64,
    /// Expected of all cases that are done.
    done_s: f64,
}

impl Forecast {
    /// What all cases were expected to take.
    pub(super) fn all_s(&self) -> f64 {
        self.expected_s.iter().sum()
    }

    /// The next case begins: the seconds that it and all that follow will take.
    pub(super) fn next(&mut self, now_s: f64) -> f64 {
        let left_s: f64 = self.expected_s.iter().skip(self.begun).sum();
        let pace = if self.done_s > 0.0 { (now_s - self.start_s) / self.done_s } else { 1.0 };
        self.done_s += self.expected_s.get(self.begun).copied().unwrap_or(0.0);
        self.begun += 1;
        pace * left_s
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_learns_from_what_is_done() {
        let expected_s = vec![2.0, 4.0, 0.0, 4.0];
        let mut forecast = Forecast { expected_s, begun: 0, start_s: 100.0, done_s: 0.0 };
        assert_eq!(forecast.next(100.0), 10.0);
        // Half as fast as expected.
        assert_eq!(forecast.next(104.0), 16.0);
        // Two thirds as fast.
        assert_eq!(forecast.next(109.0), 6.0);
        assert_eq!(forecast.next(109.0), 6.0);
    }
}
