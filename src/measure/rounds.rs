//! All lanes of a case, sampled in rounds: drift hits all alike.

use std::sync::atomic::Ordering;

use super::{
    Conditions, Contest, FEW_ROUNDS, LONG_RUN_S, Lane, Measured, Sample, Timing, device_runs,
    doubt, timed,
};
use crate::backend::Runner;
use crate::stats::Summary;
use crate::tensor::Generator;
use crate::terms::{Cache, Scope};

/// A sample takes at least this long; shorter runs are repeated.
const SAMPLE_FLOOR_S: f64 = 20e-6;

/// Over this, no untimed run precedes a sample.
const NO_REHEARSAL_S: f64 = 0.05;

/// Samples that every lane has at least, unless its runs are long, or time is up and all is known well after
/// [`RACE_ROUNDS`].
const ROUNDS: u64 = 10;

/// The interval of the median that ends sampling, relative to the median, to each side.
const ENOUGH: f64 = 0.02;

/// The same where all contests are sure: by the ends of both intervals one side is faster by so much.
const ENOUGH_WHERE_SURE: f64 = 0.03;
const SURE: f64 = 1.25;

/// A run over this is its own warm-up.
const LONG_WARM_UP_S: f64 = 5e-3;

/// A warm-up ends with a batch that is not faster than the fastest before it by so much.
const FALLING: f64 = 0.03;

/// A batch of a warm-up as a share of its cap, so that short runs are warmed up by duration.
const BATCH_SHARE: f64 = 0.03;

/// After so many rehearsals a lane does without, if it is rehearsed no slower than sampled, but for so much.
const REHEARSALS: usize = 3;
const REHEARSED: f64 = 0.01;

/// After so many rounds lanes race: one leaves that is slower than the fastest by more than this, the ends of
/// both intervals taken, and whose own interval is no wider than that to each side.
pub const RACE_ROUNDS: u64 = 6;
const OUTPACED: f64 = 0.05;

/// Seconds between two looks of the watcher, and how many times what a look takes.
const WATCH_S: f64 = 0.25;
const WATCH_TIMES: f64 = 20.0;

/// Calls of a sample, where one takes so many seconds.
pub fn calls_of_sample(call_s: f64) -> u64 {
    (SAMPLE_FLOOR_S / call_s.max(1e-9)).ceil().max(1.0) as u64
}

/// Whether one is surely slower than the fastest that it races with, after [`RACE_ROUNDS`] samples or more.
pub fn is_outpaced(own: &Summary, fastest: &Summary) -> bool {
    own.low > (1.0 + OUTPACED) * fastest.high && own.relative_interval() <= OUTPACED
}

/// Samples all lanes in rounds until each has met its rule.
pub fn sample(
    runners: &mut [Box<dyn Runner + '_>],
    lanes: &[Lane],
    conditions: Conditions<'_>,
) -> Vec<Measured> {
    let (effort, seed) = (conditions.effort, conditions.seed);
    let mut rounds = Rounds {
        runners,
        lanes,
        look_s: conditions.clock.now() + WATCH_S,
        conditions,
        disturbed: false,
        iterations: vec![1; lanes.len()],
        expected_s: vec![0.0; lanes.len()],
        rehearsals: vec![Default::default(); lanes.len()],
        spent_s: vec![0.0; lanes.len()],
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

/// What ran before a sample.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// Another runner.
    Rival,
    /// The same runner in another scope.
    Sibling,
    /// The lane itself.
    Itself,
}

/// Whether a lane's first run after another's is slower than the next.
#[derive(Clone, Default)]
struct Rehearsals {
    /// Rehearsals over samples, in time.
    ratios: Vec<f64>,
    needless: bool,
}

impl Rehearsals {
    fn learn(&mut self, ratio: f64) {
        self.ratios.push(ratio);
        // Looked at less and less often: this stands between two samples.
        let count = self.ratios.len();
        if count.is_multiple_of(REHEARSALS) && (count / REHEARSALS).is_power_of_two() {
            let typical = crate::stats::median(&self.ratios);
            self.needless = typical.is_some_and(|ratio| ratio <= 1.0 + REHEARSED);
        }
    }
}

struct Rounds<'a, 'r, 'c> {
    runners: &'a mut [Box<dyn Runner + 'r>],
    lanes: &'a [Lane],
    conditions: Conditions<'c>,
    /// When the watcher looks next.
    look_s: f64,
    /// Whether something else than samples ran since the last one.
    disturbed: bool,
    /// Calls of a sample, by lane.
    iterations: Vec<u64>,
    /// Seconds of a call as the warm-up found them, by lane.
    expected_s: Vec<f64>,
    /// What is known of the first run after another lane's, by lane and by what ran before.
    rehearsals: Vec<[Rehearsals; 2]>,
    /// Seconds that samples took with all that belongs to them, by lane.
    spent_s: Vec<f64>,
    measured: Vec<Measured>,
    /// Samples that can't be believed, by lane.
    doubts: Vec<Vec<String>>,
    /// The lane that ran last.
    last: Option<usize>,
}

impl Rounds<'_, '_, '_> {
    /// Calls a lane `iterations` times, or none where it failed. Where `rehearse`, one untimed call
    /// comes first. Nothing that the runner before left behind takes part.
    fn time(&mut self, lane: usize, iterations: u64, rehearse: bool) -> Option<Timing> {
        self.turn_to(lane);
        let Lane { runner, scope, .. } = self.lanes[lane];
        let runner = self.runners[runner].as_mut();
        match timed(runner, scope, iterations, rehearse, self.conditions.clock) {
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
        if let Some(last) = self.last
            && self.before(lane) == Before::Rival
            && let Some(remote) = self.runners[self.lanes[last].runner].remote()
        {
            remote.settle();
        }
        self.last = Some(lane);
    }

    /// What ran last, as a lane sees it.
    fn before(&self, lane: usize) -> Before {
        match self.last {
            Some(last) if last == lane => Before::Itself,
            Some(last) if self.lanes[last].runner == self.lanes[lane].runner => Before::Sibling,
            _ => Before::Rival,
        }
    }

    fn stopped(&self) -> bool {
        self.conditions.stop.load(Ordering::Relaxed)
    }

    /// Batches until times fall no more or the cap is reached, then the size of a sample.
    fn warm_up(&mut self, lane: usize, cap_s: f64) {
        let start = self.conditions.clock.now();
        let (mut fastest, mut calls) = (f64::INFINITY, 1);
        if let Some(expected_s) = self.warmed_up(lane) {
            self.expected_s[lane] = expected_s;
            return;
        }
        if self.conditions.is_single {
            // What it takes in all counts here, whatever it says.
            if self.time(lane, 1, false).is_some() {
                self.expected_s[lane] = self.conditions.clock.now() - start;
            }
            return;
        }
        loop {
            if self.stopped() {
                return;
            }
            let Some(timing) = self.time(lane, calls, false) else { return };
            let mean = timing.per_call_s();
            let is_falling = mean < fastest * (1.0 - FALLING);
            // A batch that something disturbed tells nothing of a call's length.
            fastest = fastest.min(mean);
            // It has been verified: what there is to load and to compile is there, and a long run warms up itself.
            let is_long = fastest > LONG_WARM_UP_S;
            if is_long || !is_falling || self.conditions.clock.now() - start >= cap_s {
                self.expected_s[lane] = fastest;
                self.iterations[lane] = calls_of_sample(fastest);
                return;
            }
            calls = (BATCH_SHARE * cap_s / mean.max(1e-9)).clamp(1.0, 1e6) as u64;
        }
    }

    /// Seconds of a long run of the same runner in another scope, which has warmed up this lane too: in its own
    /// scope it has run when it was verified.
    fn warmed_up(&self, lane: usize) -> Option<f64> {
        let is_other = |other: &usize| self.lanes[*other].runner == self.lanes[lane].runner;
        let expected_s = self.expected_s[(0..lane).find(is_other)?];
        (expected_s > LONG_WARM_UP_S).then_some(expected_s)
    }

    /// The lanes that are still sampled.
    fn live(&self) -> Vec<usize> {
        let is_live = |m: &Measured| m.failure.is_none() && !m.outpaced;
        (0..self.lanes.len()).filter(|lane| is_live(&self.measured[*lane])).collect()
    }

    /// Seconds that samples may take in all where each lane has this cap: a fast lane waits for slow ones,
    /// and what lanes took that have left is no more than they took.
    fn allowed_s(&self, cap_s: f64) -> f64 {
        let live = self.live();
        let gone = (0..self.lanes.len()).filter(|lane| !live.contains(lane));
        cap_s * live.len() as f64 + gone.map(|lane| self.spent_s[lane].min(cap_s)).sum::<f64>()
    }

    fn sample_all(&mut self, cap_s: f64, seed: u64) {
        let few = self.expected_s.iter().any(|s| *s > LONG_RUN_S);
        let least = if few { FEW_ROUNDS as u64 } else { ROUNDS };
        let order = Generator::new(seed, 0x0407_d3e5);
        let mut start = self.conditions.clock.now();
        let told = self.conditions.rounds.clone();
        let mut round = told.as_ref().map_or(0, |told| told.start);
        let mut look_at = RACE_ROUNDS.min(least);
        loop {
            let lanes = self.live();
            if lanes.is_empty() || told.as_ref().is_some_and(|told| round >= told.end) {
                return;
            }
            let allowed_s = self.allowed_s(cap_s);
            let shuffled = order.shuffle(lanes.len(), round << 8);
            for lane in self.by_runner(shuffled.into_iter().map(|index| lanes[index])) {
                if self.stopped() {
                    return;
                }
                self.sample_once(lane, round);
                // To be looked at costs no samples.
                start += self.show(start + allowed_s);
            }
            round += 1;
            let spent = self.conditions.clock.now() - start >= allowed_s;
            if spent && (told.is_some() || round >= least) {
                return;
            }
            if told.is_none() && round >= look_at {
                if round >= RACE_ROUNDS {
                    self.race();
                }
                if (spent || round >= least) && self.is_enough() {
                    return;
                }
                // Looking costs more as samples grow: look at every twentieth more.
                look_at = round + 1 + round / 20;
            }
        }
    }

    /// Lanes in the same order, but for those of one runner, which follow its first: what it left in the caches it
    /// finds there.
    fn by_runner(&self, shuffled: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut lanes: Vec<usize> = shuffled.collect();
        let runners: Vec<usize> = lanes.iter().map(|lane| self.lanes[*lane].runner).collect();
        let turn = |lane: &usize| runners.iter().position(|r| *r == self.lanes[*lane].runner);
        lanes.sort_by_key(turn);
        lanes
    }

    /// Lets those lanes go that are surely slower than the fastest of their race.
    fn race(&mut self) {
        let live = self.live();
        let summaries: Vec<_> = live
            .iter()
            .filter_map(|lane| Some((*lane, Summary::of(&self.measured[*lane].wall_s())?)))
            .collect();
        for (lane, own) in &summaries {
            let race = self.lanes[*lane].race;
            let rivals =
                summaries.iter().filter(|(l, _)| race.is_some() && self.lanes[*l].race == race);
            let Some((_, best)) = rivals.min_by(|a, b| a.1.median.total_cmp(&b.1.median)) else {
                continue;
            };
            self.measured[*lane].outpaced = is_outpaced(own, best);
        }
    }

    /// Lets the watcher see what there is, now and then. Returns the seconds that took.
    fn show(&mut self, end_s: f64) -> f64 {
        let now = self.conditions.clock.now();
        if now < self.look_s {
            return 0.0;
        }
        (self.conditions.watch)(&self.measured, (end_s - now).max(0.0));
        self.disturbed = true;
        let spent_s = self.conditions.clock.now() - now;
        // Looking costs more as samples grow.
        self.look_s = now + spent_s + WATCH_S.max(WATCH_TIMES * spent_s);
        spent_s
    }

    fn sample_once(&mut self, lane: usize, round: u64) {
        let start = self.conditions.clock.now();
        let disturbed = std::mem::take(&mut self.disturbed);
        // After a look caches and threads are as cold as after a rival.
        let before = if disturbed { Before::Rival } else { self.before(lane) };
        let known = self.rehearsals[lane].get(before as usize);
        let is_short = self.expected_s[lane] <= NO_REHEARSAL_S;
        let (iterations, rehearse) = match self.conditions.cache {
            Cache::Hot => {
                let is_cold = disturbed || known.is_some_and(|r| !r.needless);
                (self.iterations[lane], is_short && is_cold)
            }
            Cache::Cold => (1, false),
        };
        if self.conditions.cache == Cache::Cold && !self.flush(lane) {
            return;
        }
        let Some(timing) = self.time(lane, iterations, rehearse) else { return };
        let wall_s = timing.per_run_s();
        let known = self.rehearsals[lane].get_mut(before as usize);
        if let Some((known, rehearsal_s)) = known.zip(timing.rehearsal_s) {
            known.learn(rehearsal_s / wall_s);
        }
        self.spent_s[lane] += self.conditions.clock.now() - start;
        let iterations = iterations * timing.repeats;
        self.measured[lane].samples.push(Sample { round, iterations, wall_s });
        self.doubts[lane].extend(timing.doubt);
    }

    /// Whether every median is known well enough.
    fn is_enough(&self) -> bool {
        let summary = |lane: usize| Summary::of(&self.measured[lane].wall_s());
        let live: Option<Vec<Summary>> = self.live().into_iter().map(summary).collect();
        let widest = live.map(|all| all.iter().map(Summary::relative_interval).fold(0.0, f64::max));
        widest.is_some_and(|widest| {
            widest <= ENOUGH || (widest <= ENOUGH_WHERE_SURE && self.is_all_sure())
        })
    }

    /// Whether something is asked, and whatever it is has a sure answer. Lanes that have left ask no more.
    fn is_all_sure(&self) -> bool {
        let live = self.live();
        let contests = self.conditions.contests.iter();
        let mut asked = contests.filter(|c| live.contains(&c.opponent)).peekable();
        asked.peek().is_some() && asked.all(|contest| self.is_sure(contest))
    }

    fn is_sure(&self, contest: &Contest) -> bool {
        let summary = |lane: &usize| Summary::of(&self.measured[*lane].wall_s());
        let baselines = contest.baselines.iter().filter_map(summary);
        let best = baselines.min_by(|a, b| a.median.total_cmp(&b.median));
        let sides = best.zip(summary(&contest.opponent));
        sides.is_some_and(|(a, b)| a.low > SURE * b.high || b.low > SURE * a.high)
    }

    /// A few runs on the devices' own clocks.
    fn device_clock(&mut self) {
        for lane in 0..self.lanes.len() {
            let Lane { runner, scope, .. } = self.lanes[lane];
            let failed = self.measured[lane].failure.is_some();
            // Runs in a row are hot.
            let cold = self.conditions.cache == Cache::Cold;
            if scope != Scope::Compute || failed || cold || self.stopped() {
                continue;
            }
            self.turn_to(lane);
            self.measured[lane].device_runs = device_runs(
                self.runners[runner].as_mut(),
                self.expected_s[lane],
                self.conditions.clock,
            );
        }
    }
}
