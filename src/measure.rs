//! How long: warm-up, rounds, and when to stop. Sees prepared runners and a clock, nothing else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::backend::Runner;
use crate::error::Result;
use crate::plan::Effort;
use crate::stats::Summary;
use crate::tensor::Stream;
use crate::workload::{Cache, Scope};

/// A sample takes at least this long; shorter runs are repeated.
const SAMPLE_FLOOR_S: f64 = 20e-6;

/// Over this, a runner needs only `FEW_ROUNDS` samples.
const LONG_RUN_S: f64 = 0.25;

/// Over this, no untimed run precedes a sample.
const NO_REHEARSAL_S: f64 = 0.05;

/// Samples that every lane has at least.
const ROUNDS: usize = 10;
const FEW_ROUNDS: usize = 3;

/// The interval of the median that ends sampling, relative to the median, to each side.
const ENOUGH: f64 = 0.02;

/// Batches that must agree to end a warm-up, and how closely.
const STEADY_BATCHES: usize = 3;
const STEADY: f64 = 0.03;

/// Runs on the device's own clock.
const DEVICE_RUNS: usize = 5;

/// Runs that are taken apart.
const PROFILED_RUNS: usize = 5;

/// Runs that a runner in another process is asked for at once: their times come back as one text.
const CLAIMED_RUNS: u64 = 1000;

/// A clock in seconds.
pub trait Clock {
    /// Seconds since some fixed moment.
    fn now(&self) -> f64;
}

/// The system's monotonic clock.
pub struct WallClock(Instant);

impl Default for WallClock {
    fn default() -> Self {
        WallClock(Instant::now())
    }
}

impl Clock for WallClock {
    fn now(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }
}

/// One runner in one scope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lane {
    /// Position of its runner.
    pub runner: usize,
    /// Its scope.
    pub scope: Scope,
}

/// One sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Round it was taken in.
    pub round: u64,
    /// Runs it is the mean of.
    pub iterations: u64,
    /// Seconds per run.
    pub wall_s: f64,
}

/// One run on the device's own clock.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeviceRun {
    /// Seconds by the wall clock.
    pub wall_s: f64,
    /// Seconds by the device's clock; none where they make no sense.
    pub device_s: Option<f64>,
}

/// What was measured of a lane.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// One sample a round.
    pub samples: Vec<Sample>,
    /// Runs on the device's clock; empty where it has none.
    pub device_runs: Vec<DeviceRun>,
    /// Why the lane dropped out.
    pub failure: Option<String>,
    /// Why the times of a runner in another process can't be believed.
    pub doubt: Option<String>,
}

impl Measured {
    /// Seconds per run, sample by sample.
    pub fn wall_s(&self) -> Vec<f64> {
        self.samples.iter().map(|s| s.wall_s).collect()
    }

    /// Median of the device's own times.
    pub fn device_median_s(&self) -> Option<f64> {
        let times: Vec<f64> = self.device_runs.iter().filter_map(|r| r.device_s).collect();
        crate::stats::median(&times)
    }
}

/// Samples all lanes in rounds until each has met its rule. `stop` ends it early with what there is.
/// With a cold cache each sample is one run after a flush.
pub fn sample(
    runners: &mut [Box<dyn Runner + '_>],
    lanes: &[Lane],
    cache: Cache,
    effort: Effort,
    seed: u64,
    clock: &dyn Clock,
    stop: &AtomicBool,
) -> Vec<Measured> {
    let mut rounds = Rounds {
        runners,
        lanes,
        cache,
        clock,
        stop,
        iterations: vec![1; lanes.len()],
        expected_s: vec![0.0; lanes.len()],
        measured: vec![Measured::default(); lanes.len()],
        doubts: vec![Vec::new(); lanes.len()],
        last: None,
    };
    for lane in 0..lanes.len() {
        rounds.warm_up(lane, effort.warm_up_s);
    }
    rounds.sample_all(effort.sample_s, seed);
    rounds.device_clock();
    for (measured, doubts) in rounds.measured.iter_mut().zip(&rounds.doubts) {
        measured.doubt = doubt(doubts, measured.samples.len());
    }
    rounds.measured
}

struct Rounds<'a, 'r> {
    runners: &'a mut [Box<dyn Runner + 'r>],
    lanes: &'a [Lane],
    cache: Cache,
    clock: &'a dyn Clock,
    stop: &'a AtomicBool,
    /// Runs of a sample, by lane.
    iterations: Vec<u64>,
    /// Seconds of a run as the warm-up found them, by lane.
    expected_s: Vec<f64>,
    measured: Vec<Measured>,
    /// Samples that can't be believed, by lane.
    doubts: Vec<Vec<String>>,
    /// The lane that ran last.
    last: Option<usize>,
}

impl Rounds<'_, '_> {
    /// Runs a lane `iterations` times, or none where it failed. Where `rehearse`, one untimed run
    /// comes first. Nothing that the runner before left behind takes part.
    fn time(&mut self, lane: usize, iterations: u64, rehearse: bool) -> Option<Timing> {
        self.turn_to(lane);
        let Lane { runner, scope } = self.lanes[lane];
        let runner = self.runners[runner].as_mut();
        match timed(runner, scope, iterations, rehearse, self.clock) {
            Ok(timing) => Some(timing),
            Err(error) => {
                self.measured[lane].failure = Some(error.to_string());
                None
            }
        }
    }

    /// Empties the caches that a lane uses.
    fn flush(&mut self, lane: usize) -> bool {
        self.turn_to(lane);
        let flushed = self.runners[self.lanes[lane].runner].flush();
        self.measured[lane].failure = flushed.err().map(|error| error.to_string());
        self.measured[lane].failure.is_none()
    }

    /// Makes a lane the last that ran, once the other runner's threads are asleep.
    fn turn_to(&mut self, lane: usize) {
        let runner = |lane: usize| self.lanes[lane].runner;
        let before = self.last.map(runner).filter(|before| *before != runner(lane));
        if let Some(before) = before {
            self.runners[before].settle();
        }
        self.last = Some(lane);
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Batches until three agree or the cap is reached, then the size of a sample.
    fn warm_up(&mut self, lane: usize, cap_s: f64) {
        let start = self.clock.now();
        let mut batches: Vec<f64> = Vec::new();
        let mut runs = 1;
        loop {
            if self.stopped() {
                return;
            }
            let Some(timing) = self.time(lane, runs, false) else { return };
            let mean = timing.per_run_s();
            batches.push(mean);
            let recent = &batches[batches.len().saturating_sub(STEADY_BATCHES)..];
            let (low, high) = recent
                .iter()
                .fold((f64::INFINITY, 0.0f64), |(low, high), t| (low.min(*t), high.max(*t)));
            let steady = recent.len() == STEADY_BATCHES && high <= low * (1.0 + STEADY);
            if steady || self.clock.now() - start >= cap_s {
                let typical = crate::stats::median(recent).unwrap_or(mean);
                self.expected_s[lane] = typical;
                self.iterations[lane] = (SAMPLE_FLOOR_S / typical.max(1e-9)).ceil().max(1.0) as u64;
                return;
            }
            // A batch of about a tenth of the cap, so that a short run is warmed up by duration.
            runs = (cap_s / 10.0 / mean.max(1e-9)).clamp(1.0, 1e6) as u64;
        }
    }

    fn sample_all(&mut self, cap_s: f64, seed: u64) {
        let live = |rounds: &Self| {
            (0..rounds.lanes.len())
                .filter(|lane| rounds.measured[*lane].failure.is_none())
                .collect::<Vec<_>>()
        };
        let few = self.expected_s.iter().any(|s| *s > LONG_RUN_S);
        let least = if few { FEW_ROUNDS } else { ROUNDS };
        let order = Stream::new(seed, 0x0407_d3e5);
        let start = self.clock.now();
        let mut round = 0u64;
        let mut look_at = least as u64;
        loop {
            let lanes = live(self);
            if lanes.is_empty() {
                return;
            }
            for index in order.shuffle(lanes.len(), round << 8) {
                if self.stopped() {
                    return;
                }
                self.sample_once(lanes[index], round);
            }
            round += 1;
            // The caps of all lanes together: a fast lane waits for slow ones inside them.
            let spent = self.clock.now() - start >= cap_s * lanes.len() as f64;
            if round >= least as u64 && spent {
                return;
            }
            if round >= look_at {
                if live(self).iter().all(|lane| self.is_enough(*lane)) {
                    return;
                }
                // Looking costs more as samples grow: look at every twentieth more.
                look_at = round + 1 + round / 20;
            }
        }
    }

    fn sample_once(&mut self, lane: usize, round: u64) {
        let changed = self.last != Some(lane) && self.expected_s[lane] <= NO_REHEARSAL_S;
        let (iterations, rehearse) = match self.cache {
            Cache::Hot => (self.iterations[lane], changed),
            Cache::Cold => (1, false),
        };
        if self.cache == Cache::Cold && !self.flush(lane) {
            return;
        }
        let Some(timing) = self.time(lane, iterations, rehearse) else { return };
        let wall_s = timing.per_run_s();
        let iterations = iterations * timing.repeats;
        self.measured[lane].samples.push(Sample { round, iterations, wall_s });
        self.doubts[lane].extend(timing.doubt);
    }

    fn is_enough(&self, lane: usize) -> bool {
        Summary::of(&self.measured[lane].wall_s()).is_some_and(|s| s.relative_interval() <= ENOUGH)
    }

    /// A few runs on the devices' own clocks.
    fn device_clock(&mut self) {
        for lane in 0..self.lanes.len() {
            let Lane { runner, scope } = self.lanes[lane];
            let failed = self.measured[lane].failure.is_some();
            // Runs in a row are hot.
            let cold = self.cache == Cache::Cold;
            if scope != Scope::Compute || failed || cold || self.stopped() {
                continue;
            }
            self.turn_to(lane);
            self.measured[lane].device_runs =
                device_runs(self.runners[runner].as_mut(), self.expected_s[lane], self.clock);
        }
    }
}

/// What to hold against `samples` samples, some of which are in doubt. A busy machine wakes us late
/// for many replies, a wrong clock is wrong in all: a quarter that our clock bears out is enough.
pub fn doubt(doubts: &[String], samples: usize) -> Option<String> {
    doubts.last().filter(|_| 4 * doubts.len() > 3 * samples).cloned()
}

/// Some runs in a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timing {
    /// How many calls.
    pub iterations: u64,
    /// Runs of each call.
    pub repeats: u64,
    /// Seconds of all of them together.
    pub seconds: f64,
    /// Why these times can't be believed, where the runner took them itself.
    pub doubt: Option<String>,
}

impl Timing {
    /// Seconds of one run.
    pub fn per_run_s(&self) -> f64 {
        self.seconds / (self.iterations * self.repeats) as f64
    }
}

/// Runs `iterations` times in a row, after one untimed run where `rehearse`.
pub fn timed(
    runner: &mut dyn Runner,
    scope: Scope,
    iterations: u64,
    rehearse: bool,
    clock: &dyn Clock,
) -> Result<Timing> {
    let details = runner.details();
    let mut timing = Timing { iterations, repeats: details.repeats, ..Timing::default() };
    let (mut left, mut untimed) = (iterations, u64::from(rehearse));
    while left > 0 {
        let runs = left.min(CLAIMED_RUNS);
        let start = clock.now();
        let Some(claim) = runner.claim(scope, untimed + runs)? else { break };
        let contradiction = claim.contradiction(clock.now() - start);
        timing.doubt = timing.doubt.or(contradiction);
        timing.seconds += claim.wall_s.iter().skip(untimed as usize).sum::<f64>();
        (left, untimed) = (left - runs, 0);
    }
    if left == 0 {
        return Ok(timing);
    }
    if details.restores {
        timing.seconds = restored(runner, scope, iterations, rehearse, clock)?;
        return Ok(timing);
    }
    if rehearse {
        runner.run(scope)?;
    }
    let start = clock.now();
    for _ in 0..iterations {
        runner.run(scope)?;
    }
    timing.seconds = clock.now() - start;
    Ok(timing)
}

/// Seconds of runs that each start from the same state, which is brought back outside the clock.
fn restored(
    runner: &mut dyn Runner,
    scope: Scope,
    iterations: u64,
    rehearse: bool,
    clock: &dyn Clock,
) -> Result<f64> {
    let mut seconds = 0.0;
    for run in 0..iterations + u64::from(rehearse) {
        runner.restore()?;
        let start = clock.now();
        runner.run(scope)?;
        if run > 0 || !rehearse {
            seconds += clock.now() - start;
        }
    }
    Ok(seconds)
}

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
    if !apart(runner, clock, &mut Vec::new())? {
        return Ok(Vec::new());
    }
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
fn apart(runner: &mut dyn Runner, clock: &dyn Clock, parts: &mut Vec<PartTime>) -> Result<bool> {
    if runner.details().restores {
        runner.restore()?;
    }
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

/// A few runs on the device's own clock, of about `expected_s` each; none where it has no clock. A
/// time that is not positive, not finite or longer than the wall's is refused.
pub fn device_runs(runner: &mut dyn Runner, expected_s: f64, clock: &dyn Clock) -> Vec<DeviceRun> {
    let mut runs = Vec::new();
    let restores = runner.details().restores;
    for _ in 0..if expected_s > LONG_RUN_S { FEW_ROUNDS } else { DEVICE_RUNS } {
        if restores && runner.restore().is_err() {
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
