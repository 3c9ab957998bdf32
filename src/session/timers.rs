//! Whether the clocks of a device can be trusted: its events against our clock, and whether twice the
//! work takes twice the time.

use super::canary::Canary;
use crate::backend::Runner;
use crate::error::Result;
use crate::manifest::TimerCheck;
use crate::measure::{self, Clock};
use crate::stats;
use crate::terms::{DeviceId, Scope};

/// Runs of a check. Each is about a millisecond of multiply-adds.
const RUNS: u32 = 10;

/// A kernel of pure arithmetic is on the device nearly all of the time that we wait for it: an event
/// that explains less than this share of it measures something else.
const LEAST_SHARE: f64 = 0.2;

/// Checks the clocks of every device that has a canary and a clock.
pub(super) fn checks(canary: &mut Canary<'_>, clock: &dyn Clock) -> Vec<TimerCheck> {
    // A device that fails here fails again, with a reason, in its first case.
    let runners = canary.runners.iter_mut();
    runners.filter_map(|(device, runner)| check(device, runner.as_mut(), clock).ok()?).collect()
}

fn check(
    device: &DeviceId,
    runner: &mut dyn Runner,
    clock: &dyn Clock,
) -> Result<Option<TimerCheck>> {
    let wall = |runner: &mut dyn Runner, runs: u32| {
        clock.time(&mut || (0..runs).try_for_each(|_| runner.run(Scope::Compute)))
    };
    wall(runner, 1)?;
    let (mut single, mut double, mut shares, mut profiled) = (vec![], vec![], vec![], vec![]);
    for _ in 0..RUNS {
        single.push(wall(runner, 1)?);
        double.push(wall(runner, 2)?);
        let runs = measure::device_runs(runner, 0.0, clock);
        profiled.extend(runs.iter().map(|r| r.wall_s));
        shares.extend(runs.iter().map(|r| r.device_s.map_or(0.0, |s| s / r.wall_s)));
    }
    let (Some(single), Some(double)) = (stats::median(&single), stats::median(&double)) else {
        return Ok(None);
    };
    let event_share = stats::median(&shares);
    Ok(Some(TimerCheck {
        device: device.clone(),
        event_share,
        linearity: double / (2.0 * single),
        profiling_cost: stats::median(&profiled).map(|profiled| profiled / single),
        trusted: event_share.is_none_or(|share| (LEAST_SHARE..=1.0).contains(&share)),
    }))
}
