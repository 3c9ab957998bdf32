//! How long: warm-up, rounds, and when to stop. Sees prepared runners and a clock, nothing else.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | clocks, lanes, and what is measured of them |
//! | `rounds.rs` | warm-up, rounds, and when to stop |
//! | `timing.rs` | some runs in a row, by our clock and by the device's |
//! | `parts.rs` | runs taken apart into operations |

mod parts;
mod rounds;
mod timing;

use std::ops::Range;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use crate::error::Result;
use crate::plan::Effort;
use crate::terms::{Cache, Scope};

pub use parts::{PartTime, profile};
pub use rounds::{RACE_ROUNDS, calls_of_sample, is_outpaced, sample};
pub use timing::{DeviceRun, Timing, device_runs, timed};

/// Seconds of a run over which so few samples are enough.
const LONG_RUN_S: f64 = 0.25;
const FEW_ROUNDS: usize = 3;

/// A clock in seconds.
pub trait Clock {
    /// Seconds since some fixed moment.
    fn now(&self) -> f64;

    /// Seconds that some work takes.
    fn time(&self, work: &mut dyn FnMut() -> Result<()>) -> Result<f64> {
        let start = self.now();
        work()?;
        Ok(self.now() - start)
    }
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
    /// The race that it takes part in: of all lanes of a race the fastest matters, and those that are surely
    /// slower are sampled no further.
    pub race: Option<usize>,
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
    /// Whether it was surely slower than another lane of its race, and sampled no further.
    pub outpaced: bool,
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

/// A question that lanes are sampled for: is the fastest of some lanes faster than another lane?
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contest {
    /// Those of which the fastest counts.
    pub baselines: Vec<usize>,
    /// The one that is set against it.
    pub opponent: usize,
}

/// Under what conditions lanes are sampled.
pub struct Conditions<'a> {
    /// With a cold cache each sample is one run after a flush.
    pub cache: Cache,
    /// Caps of warm-up and sampling.
    pub effort: Effort,
    /// What is asked: where every answer is sure, samples may end sooner.
    pub contests: &'a [Contest],
    /// Numbers of the rounds that are taken within the caps, whatever comes out; none where that decides how
    /// many there are.
    pub rounds: Option<Range<u64>>,
    /// Whether every sample is one call, which may tell its own time: it starts a program.
    pub is_single: bool,
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

/// What to hold against `samples` samples, some of which are in doubt. A busy machine wakes us late
/// for many replies, a wrong clock is wrong in all: a quarter that our clock bears out is enough.
pub fn doubt(doubts: &[String], samples: usize) -> Option<String> {
    doubts.last().filter(|_| 4 * doubts.len() > 3 * samples).cloned()
}
