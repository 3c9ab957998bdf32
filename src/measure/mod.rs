//! How long: warm-up, rounds, and when to stop. Sees prepared runners and a clock, nothing else.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | lanes, their warm-up and their rounds |
//! | `timing.rs` | some runs in a row, by our clock and by the device's |
//! | `parts.rs` | runs taken apart into operations |

mod parts;
mod timing;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::backend::Runner;
use crate::plan::Effort;
use crate::stats::Summary;
use crate::tensor::Generator;
use crate::terms::{Cache, Scope};

pub use parts::{PartTime, profile};
pub use timing::{DeviceRun, Timing, device_runs, timed};

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

/// Seconds between two looks of the watcher, and how many times what a look takes.
const WATCH_S: f64 = 0.25;
const WATCH_TIMES: f64 = 20.0;

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

/// Under what conditions lanes are sampled.
pub struct Conditions<'a> {
    /// With a cold cache each sample is one run after a flush.
    pub cache: Cache,
    /// Caps of warm-up and sampling.
    pub effort: Effort,
    /// Seed of the order of lanes in a round.
    pub seed: u64,
    /// The clock of all times.
    pub clock: &'a dyn Clock,
    /// Ends sampling early with what there is.
    pub stop: &'a AtomicBool,
    /// Sees now and then, between two samples, what there is so far, and for about how many seconds
    /// sampling goes on at the most; long runs take longer.
    pub watch: &'a mut dyn FnMut(&[Measured], f64),
}

/// Samples all lanes in rounds until each has met its rule.
pub fn sample(
    runners: &mut [Box<dyn Runner + '_>],
    lanes: &[Lane],
    conditions: Conditions<'_>,
) -> Vec<Measured> {
    let Conditions { cache, effort, seed, clock, stop, watch } = conditions;
    let mut rounds = Rounds {
        runners,
        lanes,
        cache,
        clock,
        stop,
        watch,
        look_s: clock.now() + WATCH_S,
        disturbed: false,
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
    watch: &'a mut dyn FnMut(&[Measured], f64),
    /// When `watch` is called next.
    look_s: f64,
    /// Whether something else than samples ran since the last one.
    disturbed: bool,
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
        if let Some(remote) = before.and_then(|before| self.runners[before].remote()) {
            remote.settle();
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
        let order = Generator::new(seed, 0x0407_d3e5);
        let mut start = self.clock.now();
        // The caps of all lanes together: a fast lane waits for slow ones inside them.
        let cap_s = cap_s * live(self).len() as f64;
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
                // To be looked at costs no samples.
                start += self.show(start + cap_s);
            }
            round += 1;
            let spent = self.clock.now() - start >= cap_s;
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

    /// Lets the watcher see what there is, now and then. Returns the seconds that took.
    fn show(&mut self, end_s: f64) -> f64 {
        let now = self.clock.now();
        if now < self.look_s {
            return 0.0;
        }
        (self.watch)(&self.measured, (end_s - now).max(0.0));
        self.disturbed = true;
        let spent_s = self.clock.now() - now;
        // Looking costs more as samples grow.
        self.look_s = now + spent_s + WATCH_S.max(WATCH_TIMES * spent_s);
        spent_s
    }

    fn sample_once(&mut self, lane: usize, round: u64) {
        let other = std::mem::take(&mut self.disturbed) || self.last != Some(lane);
        let changed = other && self.expected_s[lane] <= NO_REHEARSAL_S;
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
