//! When cases will be done.

use super::{Agenda, Chooser, Setup};
use crate::units;

/// How many cases a run has, on what, and about how long it takes.
pub fn outlook(setup: Setup<'_>, agenda: &Agenda) -> String {
    let chooser = Chooser::new(setup);
    let cases = agenda.cases.iter();
    let once_s: f64 = cases.map(|case| chooser.likely_seconds(case, agenda.effort)).sum();
    let passes = if setup.selection.noise_floor { 2.0 } else { 1.0 };
    let budget_s = setup.selection.budget.unwrap_or(f64::INFINITY);
    let count = agenda.cases.len();
    let ids: Vec<&str> = setup.devices.iter().map(|d| d.entry().id.as_str()).collect();
    format!(
        "{count} case{} on {}: about {}",
        if count == 1 { "" } else { "s" },
        ids.join(", "),
        units::seconds((passes * once_s).min(budget_s))
    )
}

/// The share of all cases for which the expectation counts as much as what is measured: the first case has the
/// cost of starting in it.
const FIRST_GUESS: f64 = 0.05;

/// Learns how long cases take from those that are done: cases of a workload are as much faster or slower than
/// expected as those of it were before, and those of a new one as all.
pub(super) struct Forecast<'c> {
    /// Workload and expected seconds of each case.
    expected: Vec<(&'c str, f64)>,
    /// Seconds of those that are done.
    took_s: Vec<f64>,
    begun: usize,
    last_s: f64,
}

impl<'c> Forecast<'c> {
    /// A forecast from now on, of cases that are expected to take so long each.
    pub(super) fn new(expected: Vec<(&'c str, f64)>, now_s: f64) -> Forecast<'c> {
        Forecast { expected, took_s: Vec::new(), begun: 0, last_s: now_s }
    }

    /// What all cases will take, done ones included.
    pub(super) fn all_s(&self) -> f64 {
        self.took_s.iter().sum::<f64>() + self.left_s()
    }

    /// The next case begins: the seconds that it and all that follow will take.
    pub(super) fn next(&mut self, now_s: f64) -> f64 {
        if self.begun > 0 {
            self.took_s.push(now_s - self.last_s);
        }
        (self.begun, self.last_s) = (self.begun + 1, now_s);
        self.left_s()
    }

    fn left_s(&self) -> f64 {
        let all_s: f64 = self.expected.iter().map(|(_, s)| s).sum();
        let pace_of_all = self.pace(|_| true, 1.0, FIRST_GUESS * all_s);
        let left = self.expected.iter().skip(self.took_s.len());
        // A case weighs itself down: one small case done says little of a large one.
        let seconds = |(name, s): &(&str, f64)| s * self.pace(|n| n == *name, pace_of_all, *s);
        left.map(seconds).sum()
    }

    /// By how much cases of some workloads took longer than expected, where `usual` weighs as much as a case of
    /// `weight` seconds.
    fn pace(&self, is_one: impl Fn(&str) -> bool, usual: f64, weight: f64) -> f64 {
        let done = self.expected.iter().zip(&self.took_s).filter(|((name, _), _)| is_one(name));
        let (expected_s, took_s) =
            done.fold((weight, weight * usual), |(e, t), ((_, s), took)| (e + s, t + took));
        if expected_s > 0.0 { took_s / expected_s } else { usual }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forecast_learns_from_what_is_done() {
        let cases = vec![("a", 2.0), ("a", 4.0), ("b", 0.0), ("b", 4.0)];
        let mut forecast = Forecast::new(cases, 100.0);
        assert_eq!(forecast.next(100.0), 10.0);
        // Half as fast as expected: nearly twice as long is left.
        let left_s = forecast.next(104.0);
        assert!((14.0..16.0).contains(&left_s), "{left_s}");
        // As expected: 9 seconds for 6.
        let left_s = forecast.next(109.0);
        assert!((5.5..6.0).contains(&left_s), "{left_s}");
        assert_eq!(forecast.next(109.0), left_s);
        assert!((forecast.all_s() - 9.0 - left_s).abs() < 1e-9);
    }

    #[test]
    fn workloads_keep_their_own_pace() {
        let mut cases = vec![("a", 1.0), ("b", 1.0)];
        cases.extend([("a", 1.0), ("b", 1.0)].repeat(4));
        let mut forecast = Forecast::new(cases, 0.0);
        let mut now_s = 0.0;
        let left_s = [0.0, 1.0, 3.0, 1.0, 3.0, 1.0, 3.0].map(|took_s| {
            now_s += took_s;
            forecast.next(now_s)
        });
        // `b` takes three times what was expected, `a` what was. Two of each are left.
        assert!((7.5..8.5).contains(&left_s[6]), "{left_s:?}");
    }
}
