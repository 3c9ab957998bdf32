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

    pub(super) fn reason(&self) -> String {
        format!("the budget of {} is used up", units::seconds(self.seconds.unwrap_or(0.0)))
    }
}

/// When cases will be done: as much faster or slower than expected as those were that are done.
pub(super) struct Forecast {
    /// Seconds of each case.
    expected_s: Vec<f64>,
    begun: usize,
    start_s: f64,
    /// Seconds that all cases were expected to take that are done.
    done_s: f64,
}

impl Forecast {
    /// A forecast from now on, of cases that are expected to take so long each.
    pub(super) fn new(expected_s: Vec<f64>, now_s: f64) -> Forecast {
        Forecast { expected_s, begun: 0, start_s: now_s, done_s: 0.0 }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_learns_from_what_is_done() {
        let mut forecast = Forecast::new(vec![2.0, 4.0, 0.0, 4.0], 100.0);
        assert_eq!(forecast.next(100.0), 10.0);
        // Half as fast as expected.
        assert_eq!(forecast.next(104.0), 16.0);
        // Two thirds as fast.
        assert_eq!(forecast.next(109.0), 6.0);
        assert_eq!(forecast.next(109.0), 6.0);
    }
}
