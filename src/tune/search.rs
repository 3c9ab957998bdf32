//! The search. A point counts once it is built and verified, and is then raced against the best one so
//! far, run by run in turn, so that a change of the machine's speed hits both.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::walk::{Sample, neighbours};
use crate::backend::tunable::{Finding, Point, Tunable};
use crate::error::Error;
use crate::stats;
use crate::tensor::Generator;

/// A challenger this many times slower than the best is dropped after one run, and not even verified.
const DROP: f64 = 3.0;

/// Rounds of a race, more where they take less than so many seconds, and after how many a clear loser is
/// dropped.
const ROUNDS: usize = 7;
const MOST_ROUNDS: usize = 21;
const RACE_S: f64 = 0.1;
const FIRST_ROUNDS: usize = 2;
const CLEAR: f64 = 1.10;

/// By how much a challenger has to be faster.
const BETTER: f64 = 0.99;

/// The last race: how many points and rounds, more where they take less than so many seconds.
const FINALISTS: usize = 5;
const SURE_FINALISTS: usize = 3;
const FINAL_ROUNDS: usize = 15;
const LEAST_FINAL_ROUNDS: usize = 5;
const MOST_FINAL_ROUNDS: usize = 61;
const FINAL_S: f64 = 0.3;

/// Shares of the time after which the random sample, the steps from the best and the entries to the last
/// race end.
const SAMPLE_SHARE: f64 = 0.35;
const STEPS_SHARE: f64 = 0.85;
const FINALS_SHARE: f64 = 0.92;

/// How a point falls out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Rejection {
    /// It does not compile, or the device refuses it.
    Refused(String),
    /// It computes something wrong.
    Wrong(String),
    /// Its first run took so many seconds that it is out of the question.
    Slow(f64),
    /// It hangs, crashes, or compiles for too long: it is never tried again.
    Fatal(String),
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Rejection {
        match error {
            Error::Wrong { what, .. } => Rejection::Wrong(what),
            other => Rejection::Refused(other.to_string()),
        }
    }
}

/// Builds, verifies and times points.
pub trait Evaluator {
    /// Builds a point, runs it once and, unless that took longer than `limit_s`, verifies it. Returns
    /// the seconds of the run.
    fn admit(&mut self, point: &Point, limit_s: f64) -> Result<f64, Rejection>;

    /// Seconds of a run of each of these points, which were admitted before, one after the other. The
    /// error is which of them fell out; what that cost the others is made good at their next race.
    fn race(&mut self, points: &[&Point]) -> Result<Vec<f64>, (usize, Rejection)>;

    /// A point that is not needed for now.
    fn forget(&mut self, point: &Point);

    /// Seconds since some fixed moment.
    fn now(&self) -> f64;
}

/// What became of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// The point.
    pub point: Point,
    /// Seconds of a run, or why it has none.
    pub outcome: Result<f64, Rejection>,
    /// Seconds since the search began.
    pub at_s: f64,
}

/// Who follows a search.
pub trait Watcher {
    /// Whether the user wants it to end.
    fn is_stopped(&self) -> bool;
    /// A point is about to be tried: should it take the machine with it, it is known.
    fn begins(&mut self, _point: &Point) {}
    /// A point was tried.
    fn tried(&mut self, _trial: &Trial) {}
    /// The last race is over, and this is a runner's median.
    fn raced(&mut self, _point: &Point, _wall_s: f64, _at_s: f64) {}
    /// There is a new best.
    fn improved(&mut self, _finding: &Finding) {}
}

/// What a search knows so far. It can be left and gone on with.
#[derive(Default)]
pub struct Progress {
    /// Every point that was tried or must not be, and whether it may be timed again.
    tried: HashMap<Point, bool>,
    /// Admitted points with their time as a share of the defaults', best guesses all.
    scores: Vec<(Point, f64)>,
    /// The fastest so far, which stays built.
    best: Option<Best>,
    /// Fastest run of whatever was the best last, and its time as a share of the defaults'.
    reference: Option<(f64, f64)>,
    /// Seconds that were spent.
    spent_s: f64,
}

impl Progress {
    /// Nothing, but that these points must not be tried.
    pub fn without(denied: &BTreeSet<Point>) -> Progress {
        let tried = denied.iter().map(|point| (point.clone(), false)).collect();
        Progress { tried, ..Progress::default() }
    }

    /// Whether all of these were tried.
    pub fn knows<'p>(&self, mut points: impl Iterator<Item = &'p Point>) -> bool {
        points.all(|point| self.tried.contains_key(point))
    }

    fn best_point(&self) -> Option<&Point> {
        self.best.as_ref().map(|best| &best.point)
    }

    /// The fastest point so far, and its time as a share of the defaults'; a guess.
    pub fn best(&self) -> Option<(&Point, f64)> {
        self.best.as_ref().map(|best| (&best.point, best.score))
    }
}

/// A search for the fastest point of a tunable, for some time.
pub struct Search<'a> {
    tunable: &'a Tunable,
    progress: &'a mut Progress,
    evaluator: &'a mut dyn Evaluator,
    watcher: &'a mut dyn Watcher,
    start_s: f64,
    budget_s: f64,
    seed: u64,
}

struct Best {
    point: Point,
    wall_s: f64,
    score: f64,
}

/// A challenger beside the best.
struct Race {
    /// Its median.
    wall_s: f64,
    /// Its fastest run.
    fastest_s: f64,
    /// That as a share of the best one's.
    share: f64,
    wins: bool,
}

impl<'a> Search<'a> {
    /// Goes on from `progress` for `budget_s` seconds.
    pub fn new(
        tunable: &'a Tunable,
        progress: &'a mut Progress,
        evaluator: &'a mut dyn Evaluator,
        watcher: &'a mut dyn Watcher,
        budget_s: f64,
        seed: u64,
    ) -> Search<'a> {
        let start_s = evaluator.now();
        Search { tunable, progress, evaluator, watcher, start_s, budget_s, seed }
    }

    fn elapsed_s(&self) -> f64 {
        self.evaluator.now() - self.start_s
    }

    /// Seconds since the search began, those of earlier turns included.
    fn at_s(&self) -> f64 {
        self.progress.spent_s + self.elapsed_s()
    }

    /// Whether a share of the budget is spent, or the user has had enough.
    fn is_over(&self, share: f64) -> bool {
        self.elapsed_s() >= share * self.budget_s || self.watcher.is_stopped()
    }

    /// The first look: the seeds, and steps from the best of them, which seeds are often near.
    pub fn begin(mut self) {
        self.seeds(1.0);
        self.steps(1.0);
        self.progress.spent_s = self.at_s();
    }

    /// The search to its end. None where not even the defaults can be timed.
    pub fn end(mut self) -> Option<Finding> {
        self.seeds(STEPS_SHARE);
        let mut sample = Sample::new(self.tunable, self.seed);
        let mut stale = 0;
        while !self.is_over(SAMPLE_SHARE) && stale < 50 {
            let Some(point) = sample.next() else { break };
            stale = if self.challenge(&point) { 0 } else { stale + 1 };
        }
        self.steps(STEPS_SHARE);
        self.last_race()
    }

    /// The defaults are what all is compared with, and behind them comes what is in use: both are tried
    /// whatever the time.
    fn seeds(&mut self, share: f64) {
        for (i, seed) in self.tunable.seeds.iter().enumerate() {
            let is_needed = i == 0 || (i == 1 && !self.watcher.is_stopped());
            if is_needed || !self.is_over(share) {
                self.challenge(seed);
            }
        }
    }

    /// Steps from the best until none of its neighbours is better, then from the others that were good.
    fn steps(&mut self, share: f64) {
        let random = Generator::new(self.seed, 0x57e9);
        let mut walked: BTreeSet<Point> = BTreeSet::new();
        while !self.is_over(share) {
            let best = self.progress.best_point();
            let next = best.filter(|point| !walked.contains(*point)).or_else(|| {
                let scores = self.progress.scores.iter();
                let fresh = scores.filter(|(point, _)| !walked.contains(point));
                fresh.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(point, _)| point)
            });
            let Some(from) = next.cloned() else { return };
            let near = neighbours(self.tunable, &from, random);
            let best_before = best.cloned();
            for point in near {
                if self.is_over(share) {
                    return;
                }
                self.challenge(&point);
                if self.progress.best_point() != best_before.as_ref() {
                    break; // go on from there
                }
            }
            // Whoever has a neighbour that became the best is walked to its end later.
            if self.progress.best_point() == best_before.as_ref() {
                walked.insert(from);
            }
        }
    }

    /// Tries a point against the best. False where there was nothing to try.
    fn challenge(&mut self, point: &Point) -> bool {
        if self.progress.tried.contains_key(point) || !self.tunable.is_legal(point) {
            return false;
        }
        self.progress.tried.insert(point.clone(), false);
        self.watcher.begins(point);
        let limit_s = self.progress.best.as_ref().map_or(f64::INFINITY, |best| DROP * best.wall_s);
        let admitted = self.evaluator.admit(point, limit_s);
        let outcome = admitted.and_then(|first_s| self.contest(point, first_s));
        self.tell(point, outcome.as_ref().map(|race| race.wall_s).map_err(Rejection::clone));
        if let Ok(race) = outcome {
            self.progress.tried.insert(point.clone(), true);
            self.settle(point, &race);
        }
        true
    }

    /// An admitted challenger in turn with the best.
    fn contest(&mut self, point: &Point, first_s: f64) -> Result<Race, Rejection> {
        let fastest = |times: &[f64]| times.iter().copied().fold(f64::INFINITY, f64::min);
        let median = |times: &[f64]| stats::median(times).unwrap_or(first_s);
        let Some(best) = self.progress.best_point().cloned() else {
            let rounds = (0..=FIRST_ROUNDS).map(|_| self.evaluator.race(&[point]));
            let rounds: Result<Vec<Vec<f64>>, _> = rounds.collect();
            let times = rounds.map_err(|(_, why)| why)?.concat();
            let fastest_s = fastest(&times);
            let share = self.progress.reference.map_or(1.0, |(best_s, _)| fastest_s / best_s);
            return Ok(Race { wall_s: median(&times), fastest_s, share, wins: true });
        };
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        let begin_s = self.evaluator.now();
        for round in 0..MOST_ROUNDS {
            if round >= ROUNDS && self.evaluator.now() - begin_s >= RACE_S {
                break;
            }
            match self.evaluator.race(&[&best, point]) {
                Ok(times) => {
                    theirs.push(times[0]);
                    ours.push(times[1]);
                }
                Err((1, why)) => return Err(why),
                // The best itself fell: nothing to be held against.
                Err((_, why)) => {
                    self.remove_best(&best, why);
                    return self.contest(point, first_s);
                }
            }
            if round + 1 >= FIRST_ROUNDS && fastest(&ours) > CLEAR * fastest(&theirs) {
                break;
            }
        }
        if let Some(best) = &mut self.progress.best {
            best.wall_s = median(&theirs);
            self.progress.reference = Some((fastest(&theirs), best.score));
        }
        // A burst of other work slows down some runs of one of them: both figures have to tell the same.
        let (fastest_s, best_s) = (fastest(&ours), fastest(&theirs));
        let wins = median(&ours) < BETTER * median(&theirs) && fastest_s < best_s;
        Ok(Race { wall_s: median(&ours), fastest_s, share: fastest_s / best_s, wins })
    }

    /// The best turned out to be none.
    fn remove_best(&mut self, point: &Point, why: Rejection) {
        self.tell(point, Err(why));
        self.progress.tried.insert(point.clone(), false);
        self.progress.scores.retain(|(other, _)| other != point);
        self.progress.best = None;
    }

    /// Enters a timed point, as the new best or as one of the others.
    fn settle(&mut self, point: &Point, race: &Race) {
        // As a share of the defaults', by way of the best, which ran beside it.
        let score = self.progress.reference.map_or(1.0, |(_, score)| score) * race.share;
        self.progress.scores.push((point.clone(), score));
        if !race.wins {
            self.evaluator.forget(point);
            return;
        }
        let wall_s = race.wall_s;
        let best = Best { point: point.clone(), wall_s, score };
        if let Some(old) = self.progress.best.replace(best) {
            self.evaluator.forget(&old.point);
        }
        self.progress.reference = Some((race.fastest_s, score));
        if score < BETTER {
            let default_s = wall_s / score;
            self.watcher.improved(&Finding { point: point.clone(), wall_s, default_s });
        }
    }

    /// Races the best few and the defaults for what counts: medians of rounds.
    fn last_race(mut self) -> Option<Finding> {
        let default = self.tunable.seeds.first()?.clone();
        let mut finalists = self.admitted_finalists(&default);
        let mut times: HashMap<Point, Vec<f64>> = HashMap::new();
        let mut rounds = 0;
        let begin_s = self.evaluator.now();
        while rounds < MOST_FINAL_ROUNDS && !finalists.is_empty() {
            // Few rounds are better than none where time is up.
            let least = if self.is_over(1.0) { LEAST_FINAL_ROUNDS } else { FINAL_ROUNDS };
            if rounds >= least && self.evaluator.now() - begin_s >= FINAL_S {
                break;
            }
            let points: Vec<&Point> = finalists.iter().collect();
            match self.evaluator.race(&points) {
                Ok(round) => {
                    for (point, s) in finalists.iter().zip(round) {
                        times.entry(point.clone()).or_default().push(s);
                    }
                    rounds += 1;
                }
                Err((index, why)) => {
                    let point = finalists[index].clone();
                    times.remove(&point);
                    self.fall(&mut finalists, &point, why);
                }
            }
        }
        let at_s = self.at_s();
        for point in &finalists {
            if let Some(wall_s) = times.get(point).and_then(|s| stats::median(s)) {
                self.watcher.raced(point, wall_s, at_s);
            }
        }
        verdict(&default, &finalists, &times)
    }

    /// The best few, built again where that is needed, as many as there is time for; some of them and the
    /// defaults in any case.
    fn admitted_finalists(&mut self, default: &Point) -> Vec<Point> {
        self.progress.scores.sort_by(|a, b| a.1.total_cmp(&b.1));
        let least = self.progress.scores.first().map_or(1.0, |(_, score)| *score);
        let near = self.progress.scores.iter().take_while(|(_, score)| *score < CLEAR * least);
        let mut chosen: Vec<Point> = Vec::new();
        chosen.extend(self.progress.best_point().cloned());
        if self.progress.tried.get(default) == Some(&true) {
            chosen.push(default.clone());
        }
        chosen.extend(near.take(FINALISTS).map(|(point, _)| point.clone()));
        let mut finalists: Vec<Point> = Vec::new();
        for point in chosen {
            let is_optional = point != *default && finalists.len() > SURE_FINALISTS;
            if finalists.contains(&point) || (is_optional && self.is_over(FINALS_SHARE)) {
                continue;
            }
            if self.progress.best_point() == Some(&point) {
                finalists.push(point);
                continue;
            }
            match self.evaluator.admit(&point, f64::INFINITY) {
                Ok(_) => finalists.push(point),
                Err(why) => self.fall(&mut finalists, &point, why),
            }
        }
        finalists
    }

    fn fall(&mut self, finalists: &mut Vec<Point>, point: &Point, why: Rejection) {
        finalists.retain(|other| other != point);
        self.tell(point, Err(why));
    }

    /// Tells the watcher what became of a point.
    fn tell(&mut self, point: &Point, outcome: Result<f64, Rejection>) {
        let at_s = self.at_s();
        self.watcher.tried(&Trial { point: point.clone(), outcome, at_s });
    }
}

/// The fastest of the last race; the defaults where it is not faster by more than chance.
fn verdict(
    default: &Point,
    finalists: &[Point],
    times: &HashMap<Point, Vec<f64>>,
) -> Option<Finding> {
    let time = |point: &Point| stats::median(times.get(point)?);
    let timed = finalists.iter().filter_map(|point| Some((point, time(point)?)));
    let (point, wall_s) = timed.min_by(|a, b| a.1.total_cmp(&b.1))?;
    let fastest = |point: &Point| times.get(point)?.iter().copied().min_by(f64::total_cmp);
    match time(default) {
        // As in every race, both figures have to tell the same.
        Some(default_s) if wall_s >= BETTER * default_s || fastest(point) >= fastest(default) => {
            Some(Finding { point: default.clone(), wall_s: default_s, default_s })
        }
        Some(default_s) => Some(Finding { point: point.clone(), wall_s, default_s }),
        // Defaults that can't run are infinitely slow.
        None => Some(Finding { point: point.clone(), wall_s, default_s: f64::INFINITY }),
    }
}
