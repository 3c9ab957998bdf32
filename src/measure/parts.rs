//! Runs taken apart into their operations.

use super::Clock;
use super::timing::restore;
use crate::backend::Runner;
use crate::error::Result;

/// Runs that are taken apart.
const PROFILED_RUNS: usize = 5;

/// An operation of a run, all its calls together.
#[derive(Clone, Debug, PartialEq)]
pub struct PartTime {
    /// What it does.
    pub operation: String,
    /// How often a run does it.
    pub calls: u64,
    /// Seconds of a run by the wall clock: the median of some runs.
    pub wall_s: f64,
    /// Seconds of a run by the device's clock, where it has one.
    pub device_s: Option<f64>,
    /// Nominal FLOP of a run.
    pub flop_count: u64,
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
    let median = |part: PartTime| {
        let same = runs.iter().filter_map(|run| run.iter().find(|p| p.operation == part.operation));
        let (wall, device): (Vec<f64>, Vec<Option<f64>>) =
            same.map(|p| (p.wall_s, p.device_s)).unzip();
        let device: Option<Vec<f64>> = device.into_iter().collect();
        PartTime {
            wall_s: crate::stats::median(&wall).unwrap_or(part.wall_s),
            device_s: device.and_then(|times| crate::stats::median(&times)),
            ..part
        }
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
        match parts.iter_mut().find(|p| p.operation == part.operation) {
            Some(sum) => {
                sum.calls += 1;
                sum.wall_s += wall_s;
                sum.device_s = sum.device_s.zip(part.device_s).map(|(a, b)| a + b);
                sum.flop_count += part.flop_count;
            }
            None => parts.push(PartTime {
                operation: part.operation.clone(),
                calls: 1,
                wall_s,
                device_s: part.device_s,
                flop_count: part.flop_count,
            }),
        }
        // What was just done here is no part's time.
        last = clock.now();
    })
}
