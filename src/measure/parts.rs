//! Runs taken apart into their operations.

use super::Clock;
use super::timing::restore;
use crate::backend::{Part, Runner};
use crate::error::Result;
use crate::stats;

/// Runs that are taken apart.
const PROFILED_RUNS: usize = 5;

/// An operation of a run, all its calls together.
#[derive(Clone, Debug, PartialEq)]
pub struct PartTime {
    /// Of a run: what it does, its nominal FLOP, and its seconds by the device's clock where it has one.
    pub part: Part,
    /// How often a run does it.
    pub calls: u64,
    /// Seconds of a run by the wall clock. These and the device's are medians of some runs.
    pub wall_s: f64,
}

/// Takes a few runs apart, each from the restored state, after one that is not timed. Empty where the
/// runner knows no parts.
pub fn profile(runner: &mut dyn Runner, clock: &dyn Clock) -> Result<Vec<PartTime>> {
    if runner.parts().is_none() {
        return Ok(Vec::new());
    }
    apart(runner, clock, &mut Vec::new())?;
    let mut runs = Vec::new();
    for _ in 0..PROFILED_RUNS {
        let mut parts = Vec::new();
        apart(runner, clock, &mut parts)?;
        runs.push(parts);
    }
    let Some(first) = runs.first().cloned() else { return Ok(Vec::new()) };
    let median = |mut time: PartTime| {
        let is_same = |other: &&PartTime| other.part.operation == time.part.operation;
        let same = runs.iter().filter_map(|run| run.iter().find(is_same));
        let (wall, device): (Vec<f64>, Vec<Option<f64>>) =
            same.map(|other| (other.wall_s, other.part.device_s)).unzip();
        let device: Option<Vec<f64>> = device.into_iter().collect();
        time.wall_s = stats::median(&wall).unwrap_or(time.wall_s);
        time.part.device_s = device.and_then(|times| stats::median(&times));
        time
    };
    Ok(first.into_iter().map(median).collect())
}

/// One run, with its operations in the order of their first call.
fn apart(runner: &mut dyn Runner, clock: &dyn Clock, parts: &mut Vec<PartTime>) -> Result<()> {
    restore(runner)?;
    let Some(runner) = runner.parts() else { return Ok(()) };
    let mut last = clock.now();
    runner.run_in_parts(&mut |part| {
        let now = clock.now();
        let wall_s = now - last;
        match parts.iter_mut().find(|time| time.part.operation == part.operation) {
            Some(PartTime { part: sum, calls, wall_s: sum_s }) => {
                *calls += 1;
                *sum_s += wall_s;
                sum.device_s = sum.device_s.zip(part.device_s).map(|(a, b)| a + b);
                sum.flop_count += part.flop_count;
            }
            None => parts.push(PartTime { part: part.clone(), calls: 1, wall_s }),
        }
        // What was just done here is no part's time.
        last = clock.now();
    })
}
