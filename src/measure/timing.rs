//! Some runs in a row, by our clock and by the device's.

use super::Clock;
use crate::backend::{Remote, Runner};
use crate::error::Result;
use crate::terms::Scope;

/// Runs on the device's own clock: as many as take so long, but one at least and at most so many.
const DEVICE_RUNS_S: f64 = 0.02;
const DEVICE_RUNS: f64 = 5.0;

/// Runs that a runner in another process is asked for at once: their times come back as one text.
const CLAIMED_RUNS: u64 = 1000;

/// Some runs in a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timing {
    /// How many calls.
    pub iterations: u64,
    /// Runs of each call.
    pub repeats: u64,
    /// Seconds of all of them together.
    pub seconds: f64,
    /// Seconds of the run that came before them, where one did.
    pub rehearsal_s: Option<f64>,
    /// Why these times can't be believed, where the runner took them itself.
    pub doubt: Option<String>,
}

impl Timing {
    /// Seconds of one run.
    pub fn per_run_s(&self) -> f64 {
        self.per_call_s() / self.repeats as f64
    }

    /// Seconds of one call.
    pub fn per_call_s(&self) -> f64 {
        self.seconds / self.iterations as f64
    }
}

/// Runs `iterations` times in a row, after one run beside the count where `rehearse`. A runner in another process
/// times itself, and a training starts every run from the restored state.
pub fn timed(
    runner: &mut dyn Runner,
    scope: Scope,
    iterations: u64,
    rehearse: bool,
    clock: &dyn Clock,
) -> Result<Timing> {
    let between = if runner.moves_nothing() { 1 } else { scope.runs() };
    let repeats = runner.details().repeats * u64::from(between);
    let timing = Timing { iterations, repeats, ..Timing::default() };
    if let Some(remote) = runner.remote() {
        return claimed(remote, scope, rehearse, timing, clock);
    }
    let mut runs = |count: u64| {
        if runner.training().is_some() {
            return restored(runner, scope, count, clock);
        }
        clock.time(&mut || (0..count).try_for_each(|_| runner.run(scope)))
    };
    let rehearsal_s = rehearse.then(|| runs(1)).transpose()?.map(|s| s / repeats as f64);
    Ok(Timing { rehearsal_s, seconds: runs(iterations)?, ..timing })
}

/// Seconds of runs as the process says that computes them, and what our clock has against that. A rehearsal is
/// part of the first request.
fn claimed(
    remote: &mut dyn Remote,
    scope: Scope,
    rehearse: bool,
    mut timing: Timing,
    clock: &dyn Clock,
) -> Result<Timing> {
    let (mut left, mut untimed) = (timing.iterations, u64::from(rehearse));
    while left > 0 {
        let runs = left.min(CLAIMED_RUNS);
        let start = clock.now();
        let claim = remote.claim(scope, untimed + runs)?;
        let contradiction = claim.contradiction(clock.now() - start);
        timing.doubt = timing.doubt.or(contradiction);
        let (rehearsal, counted) = claim.wall_s.split_at(claim.wall_s.len().min(untimed as usize));
        let of_rehearsal = rehearsal.first().map(|s| s / timing.repeats as f64);
        timing.rehearsal_s = timing.rehearsal_s.or(of_rehearsal);
        timing.seconds += counted.iter().sum::<f64>();
        (left, untimed) = (left - runs, 0);
    }
    Ok(timing)
}

/// Seconds of runs that each start from the same state, which is brought back outside the clock.
fn restored(
    runner: &mut dyn Runner,
    scope: Scope,
    iterations: u64,
    clock: &dyn Clock,
) -> Result<f64> {
    let mut seconds = 0.0;
    for _ in 0..iterations {
        restore(runner)?;
        seconds += clock.time(&mut || runner.run(scope))?;
    }
    Ok(seconds)
}

/// Brings back the state from which runs are timed, where there is one.
pub(super) fn restore(runner: &mut dyn Runner) -> Result<()> {
    runner.training().map_or(Ok(()), |training| training.restore())
}

/// One run on the device's own clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviceRun {
    /// Seconds by the wall clock.
    pub wall_s: f64,
    /// Seconds by the device's clock; none where they make no sense.
    pub device_s: Option<f64>,
}

/// A few calls on the device's own clock, of about `expected_s` each; none where it has no clock. A
/// time that is not positive, not finite or longer than the wall's is refused.
pub fn device_runs(runner: &mut dyn Runner, expected_s: f64, clock: &dyn Clock) -> Vec<DeviceRun> {
    let mut runs = Vec::new();
    let count = (DEVICE_RUNS_S / expected_s).clamp(1.0, DEVICE_RUNS);
    for _ in 0..count as usize {
        if restore(runner).is_err() {
            break;
        }
        let start = clock.now();
        let Ok(Some(device_s)) = runner.run_on_device_clock() else { break };
        let wall_s = clock.now() - start;
        let sane = device_s.is_finite() && device_s > 0.0 && device_s <= wall_s;
        runs.push(DeviceRun { wall_s, device_s: sane.then_some(device_s) });
    }
    runs
}
