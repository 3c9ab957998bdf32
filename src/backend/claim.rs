//! What a runner that computes in another process says of its own times, held against our clock.

use serde::Deserialize;

use crate::units::seconds;

/// What a runner in another process says of some runs. Its times are believed as far as the caller's
/// own clock bears them out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Claim {
    /// Seconds of each run.
    pub wall_s: Vec<f64>,
    /// Seconds of each run by the device's own clock; empty where it has none.
    #[serde(default)]
    pub device_s: Vec<f64>,
    /// Seconds that it spent on all of it.
    pub total_s: f64,
    /// Whether state is restored between the runs, which takes time that counts for none of them. The
    /// caller knows.
    #[serde(skip)]
    pub restores: bool,
}

impl Claim {
    /// How far two clocks may differ: relatively, and in seconds.
    const TOLERANCE: f64 = 0.05;
    const SLACK_S: f64 = 1e-3;

    /// What may pass between two runs that restore nothing, in seconds.
    const BETWEEN_RUNS_S: f64 = 20e-6;

    /// What restoring state may take: as much as the runs, and this many seconds.
    const RESTORING_S: f64 = 10e-3;

    /// What is wrong with these times, if `elapsed_s` passed by the caller's clock.
    pub fn contradiction(&self, elapsed_s: f64) -> Option<String> {
        let (sum, total): (f64, f64) = (self.wall_s.iter().sum(), self.total_s);
        let most = if self.restores {
            2.0 * sum + Self::RESTORING_S
        } else {
            let between = Self::BETWEEN_RUNS_S * self.wall_s.len() as f64;
            sum * (1.0 + Self::TOLERANCE) + Self::SLACK_S + between
        };
        let is_late = (elapsed_s - total).abs() > Self::TOLERANCE * elapsed_s + Self::SLACK_S;
        let [runs, all, passed] = [sum, total, elapsed_s].map(seconds);
        if sum > total {
            Some(format!("the sum of its wall_s is {runs}, more than its total_s of {all}"))
        } else if total > most {
            Some(format!("its total_s is {all}, of which its wall_s explain only {runs}"))
        } else {
            is_late.then(|| {
                format!("its total_s is {all}, but {passed} passed by the harness's clock")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(wall_s: &[f64], total_s: f64, restores: bool) -> Claim {
        Claim { wall_s: wall_s.to_vec(), device_s: Vec::new(), total_s, restores }
    }

    #[test]
    fn what_the_clock_bears_out_is_believed() {
        // A Python loop between runs of 10 us, and a reply that took half a millisecond to arrive.
        assert_eq!(claim(&[10e-6; 100], 1.5e-3, false).contradiction(2.0e-3), None);
        assert_eq!(claim(&[0.1, 0.1], 0.2005, false).contradiction(0.2015), None);
        // A training step may restore its parameters for as long as it computes.
        assert_eq!(claim(&[0.1, 0.1], 0.35, true).contradiction(0.351), None);
    }

    #[test]
    fn each_lie_is_named() {
        for (claim, elapsed_s, part) in [
            (claim(&[0.1], 0.1, false), 0.2, "but 200 ms passed by the harness's clock"),
            (claim(&[0.2], 0.2, false), 0.1, "but 100 ms passed by the harness's clock"),
            (claim(&[0.3], 0.2, false), 0.2, "the sum of its wall_s is 300 ms"),
            (claim(&[0.1], 0.2, false), 0.2, "of which its wall_s explain only 100 ms"),
            (claim(&[0.05], 0.2, true), 0.2, "of which its wall_s explain only 50.0 ms"),
        ] {
            let found = claim.contradiction(elapsed_s).unwrap_or_default();
            assert!(found.contains(part), "{claim:?}: {found}");
        }
    }
}
