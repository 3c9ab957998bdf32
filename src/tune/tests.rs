//! The search on a planted optimum, with everything that can go wrong.

use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};
use std::process::Command;
use std::rc::Rc;

use super::*;
use crate::backend::tunable::{Finding, Point, Space, Tunable};
use crate::tensor::Generator;

const SPACE: Space = Space {
    dimensions: &[
        ("A", &[1, 2, 4, 8, 16]),
        ("B", &[1, 2, 4, 8, 16]),
        ("C", &[0, 1, 2]),
        ("D", &[0, 1]),
        ("E", &[8, 16, 32, 64]),
    ],
    is_legal: |p| p.get("A") * p.get("B") <= 128,
    items: |p| p.get("A") * p.get("B"),
};

fn tunable() -> Tunable {
    Tunable {
        workload: "gemm",
        implementation: "planted",
        prepared_as: "planted",
        shape_class: "large",
        shape: "m=1,n=1,k=1".into(),
        dtype: crate::terms::Dtype::F32,
        part: None,
        space: SPACE,
        seeds: vec![Point::of(&[("A", 1), ("B", 1), ("C", 0), ("D", 0), ("E", 8)])],
        max_group_size: 64,
    }
}

fn best() -> Point {
    Point::of(&[("A", 8), ("B", 4), ("C", 2), ("D", 1), ("E", 32)])
}

/// A device with a known best point. Some points fail to compile, hang or are wrong, and those would
/// be the fastest of all.
struct Planted {
    clock: Rc<Cell<f64>>,
    admitted: HashSet<Point>,
    asked: Vec<Point>,
    noise: f64,
    runs: u64,
    fall_at: Option<Point>,
}

#[derive(PartialEq)]
enum Fate {
    Good,
    NoCompile,
    Hangs,
    Wrong,
}

impl Planted {
    fn new(noise: f64) -> Planted {
        Planted {
            clock: Rc::default(),
            admitted: HashSet::new(),
            asked: Vec::new(),
            noise,
            runs: 0,
            fall_at: None,
        }
    }

    fn spend(&self, seconds: f64) {
        self.clock.set(self.clock.get() + seconds);
    }

    fn fate(point: &Point) -> Fate {
        match (point.get("A"), point.get("D"), point.get("E")) {
            (16, ..) => Fate::Wrong,
            (2, 1, _) => Fate::Hangs,
            (4, _, 64) => Fate::NoCompile,
            _ => Fate::Good,
        }
    }

    /// A bowl round the best point; the wrong ones are faster still.
    fn true_s(point: &Point) -> f64 {
        let steps = |name: &str| {
            let values = SPACE.dimensions.iter().find(|(n, _)| *n == name).unwrap().1;
            let at = |p: &Point| values.iter().position(|v| *v == p.get(name)).unwrap() as f64;
            (at(point) - at(&best())).abs()
        };
        let far: f64 = ["A", "B", "C", "D", "E"].iter().map(|name| steps(name)).sum();
        let seconds = 0.010 * (1.0 + 0.15 * far);
        if Self::fate(point) == Fate::Good { seconds } else { seconds / 10.0 }
    }

    fn run_s(&mut self, point: &Point) -> f64 {
        self.runs += 1;
        let jitter = Generator::new(9, 9).uniform(self.runs, 1.0);
        // Noise only ever slows down.
        let seconds = Self::true_s(point) * (1.0 + self.noise * f64::from(jitter).abs());
        self.spend(seconds);
        seconds
    }
}

impl Evaluator for Planted {
    fn admit(&mut self, point: &Point, limit_s: f64) -> Result<f64, Rejection> {
        self.asked.push(point.clone());
        self.spend(0.2);
        match Self::fate(point) {
            Fate::NoCompile => return Err(Rejection::Refused("does not compile".into())),
            Fate::Hangs => {
                self.spend(1.0);
                return Err(Rejection::Fatal("hangs".into()));
            }
            Fate::Wrong => return Err(Rejection::Wrong("element 3 is wrong".into())),
            Fate::Good => {}
        }
        let seconds = self.run_s(point);
        if seconds > limit_s {
            return Err(Rejection::Slow(seconds));
        }
        self.admitted.insert(point.clone());
        Ok(seconds)
    }

    fn race(&mut self, points: &[&Point]) -> Result<Vec<f64>, (usize, Rejection)> {
        let mut times = Vec::new();
        for (index, point) in points.iter().enumerate() {
            assert!(self.asked.contains(*point), "{point} races without being admitted");
            if self.admitted.insert((*point).clone()) {
                self.spend(0.2);
            }
            if self.fall_at.as_ref() == Some(*point) && self.runs > 200 {
                self.admitted.clear();
                return Err((index, Rejection::Fatal("running: hangs".into())));
            }
            times.push(self.run_s(point));
        }
        Ok(times)
    }

    fn forget(&mut self, point: &Point) {
        self.admitted.remove(point);
    }

    fn now(&self) -> f64 {
        self.clock.get()
    }
}

/// Remembers all; stops after so many trials.
struct Memory {
    trials: Vec<Trial>,
    improved: Vec<Finding>,
    stop_after: usize,
}

impl Memory {
    fn new() -> Memory {
        Memory { trials: Vec::new(), improved: Vec::new(), stop_after: usize::MAX }
    }
}

impl Watcher for Memory {
    fn is_stopped(&self) -> bool {
        self.trials.len() >= self.stop_after
    }

    fn tried(&mut self, trial: &Trial) {
        self.trials.push(trial.clone());
    }

    fn improved(&mut self, finding: &Finding) {
        self.improved.push(finding.clone());
    }
}

/// A first look and the rest, as a tuning shares out its time.
fn search(
    tunable: &Tunable,
    denied: &BTreeSet<Point>,
    planted: &mut Planted,
    memory: &mut Memory,
    budget_s: f64,
    seed: u64,
) -> Option<Finding> {
    let mut progress = Progress::without(denied);
    Search::new(tunable, &mut progress, planted, memory, 0.4 * budget_s, seed).begin();
    Search::new(tunable, &mut progress, planted, memory, 0.6 * budget_s, seed).end()
}

fn run(budget_s: f64, noise: f64, seed: u64) -> (Finding, Memory, Planted) {
    let (mut planted, mut memory) = (Planted::new(noise), Memory::new());
    let none = BTreeSet::new();
    let found = search(&tunable(), &none, &mut planted, &mut memory, budget_s, seed).unwrap();
    (found, memory, planted)
}

#[test]
fn the_planted_best_is_found_under_noise() {
    for seed in 1..6 {
        let (found, ..) = run(120.0, 0.05, seed);
        assert_eq!(found.point, best(), "seed {seed}");
        assert!(found.default_s > 2.0 * found.wall_s);
    }
}

#[test]
fn little_time_gives_most_of_the_gain() {
    for seed in 1..6 {
        let (short, ..) = run(15.0, 0.02, seed);
        let (long, ..) = run(200.0, 0.02, seed);
        let ratio = Planted::true_s(&long.point) / Planted::true_s(&short.point);
        assert!(ratio > 0.7, "seed {seed}: {ratio}");
        assert!(Planted::true_s(&short.point) < Planted::true_s(&tunable().seeds[0]));
    }
}

#[test]
fn what_is_wrong_or_fatal_is_never_chosen_nor_tried_twice() {
    for seed in 1..10 {
        let (found, memory, planted) = run(60.0, 0.3, seed);
        assert!(Planted::fate(&found.point) == Fate::Good);
        assert!(memory.improved.iter().all(|f| Planted::fate(&f.point) == Fate::Good));
        let kinds = |test: fn(&Rejection) -> bool| {
            memory.trials.iter().filter(|t| t.outcome.as_ref().is_err_and(test)).count()
        };
        assert!(kinds(|r| matches!(r, Rejection::Wrong(_))) > 0);
        let bad: Vec<&Point> =
            planted.asked.iter().filter(|p| Planted::fate(p) != Fate::Good).collect();
        let once: HashSet<&&Point> = bad.iter().collect();
        assert_eq!(bad.len(), once.len(), "seed {seed}");
        assert!(planted.asked.iter().all(|p| tunable().is_legal(p)));
    }
}

#[test]
fn points_that_must_not_be_tried_are_left_alone() {
    let (_, first, _) = run(60.0, 0.0, 3);
    let is_fatal = |t: &&Trial| matches!(t.outcome, Err(Rejection::Fatal(_)));
    let denied: BTreeSet<Point> =
        first.trials.iter().filter(is_fatal).map(|t| t.point.clone()).collect();
    assert!(!denied.is_empty());
    let (mut planted, mut memory) = (Planted::new(0.0), Memory::new());
    search(&tunable(), &denied, &mut planted, &mut memory, 60.0, 3).unwrap();
    assert!(planted.asked.iter().all(|point| !denied.contains(point)));
}

#[test]
fn the_budget_is_kept() {
    for budget_s in [3.0, 20.0, 60.0] {
        let (_, _, planted) = run(budget_s, 0.1, 1);
        // A hang that begins in time and the last race may end after it.
        assert!(planted.now() < 1.1 * budget_s + 3.0, "{budget_s}: {}", planted.now());
    }
}

#[test]
fn a_search_is_the_same_under_its_seed() {
    let (a, first, _) = run(40.0, 0.1, 5);
    let (b, second, _) = run(40.0, 0.1, 5);
    assert_eq!((a, first.trials), (b, second.trials));
    let (_, other, _) = run(40.0, 0.1, 6);
    let (_, first, _) = run(40.0, 0.1, 5);
    assert_ne!(first.trials, other.trials);
}

#[test]
fn it_goes_on_from_what_was_found_before() {
    let (first, ..) = run(30.0, 0.0, 2);
    let mut again = tunable();
    again.seeds.push(first.point.clone());
    let (mut planted, mut memory) = (Planted::new(0.0), Memory::new());
    let found = search(&again, &BTreeSet::new(), &mut planted, &mut memory, 2.0, 2).unwrap();
    assert!(Planted::true_s(&found.point) <= Planted::true_s(&first.point));
}

#[test]
fn an_early_end_keeps_the_best_so_far() {
    let (mut planted, mut memory) = (Planted::new(0.0), Memory::new());
    memory.stop_after = 12;
    let found = search(&tunable(), &BTreeSet::new(), &mut planted, &mut memory, 1e6, 1).unwrap();
    assert!(memory.trials.len() <= 13);
    let fastest = memory.trials.iter().filter_map(|t| t.outcome.as_ref().ok().copied());
    assert!(found.wall_s <= fastest.fold(f64::INFINITY, f64::min));
}

#[test]
fn the_defaults_stay_where_nothing_is_faster() {
    let mut fine = tunable();
    fine.seeds = vec![best()];
    let (mut planted, mut memory) = (Planted::new(0.2), Memory::new());
    let found = search(&fine, &BTreeSet::new(), &mut planted, &mut memory, 60.0, 1).unwrap();
    assert_eq!(found.point, best());
    assert_eq!(found.wall_s, found.default_s);
}

/// Turns of other searches lie between those of one: nothing is tried again, and time counts on.
#[test]
fn a_search_that_was_left_goes_on_where_it_was() {
    let tunable = tunable();
    let (mut planted, mut memory) = (Planted::new(0.0), Memory::new());
    let mut progress = Progress::without(&BTreeSet::new());
    Search::new(&tunable, &mut progress, &mut planted, &mut memory, 6.0, 1).begin();
    let first = memory.trials.len();
    let (best, share) = progress.best().unwrap();
    assert!(share < 1.0 && Planted::true_s(best) < Planted::true_s(&tunable.seeds[0]));
    // Other searches have had the child since.
    planted.admitted.clear();
    planted.spend(100.0);
    Search::new(&tunable, &mut progress, &mut planted, &mut memory, 20.0, 1).end().unwrap();
    assert!(first > 3 && memory.trials.len() > first);
    let points: HashSet<&Point> = memory.trials.iter().map(|t| &t.point).collect();
    assert_eq!(points.len(), memory.trials.len());
    let times: Vec<f64> = memory.trials.iter().map(|t| t.at_s).collect();
    assert!(times.is_sorted() && times[first] < 10.0, "{times:?}");
}

/// The best so far begins to hang: the search goes on without it.
#[test]
fn a_best_that_falls_is_replaced() {
    let (mut planted, mut memory) = (Planted::new(0.0), Memory::new());
    planted.fall_at = Some(best());
    let found = search(&tunable(), &BTreeSet::new(), &mut planted, &mut memory, 200.0, 1).unwrap();
    assert_ne!(found.point, best());
    assert!(Planted::fate(&found.point) == Fate::Good);
}

#[test]
fn nothing_is_found_where_nothing_runs() {
    let mut broken = tunable();
    broken.seeds = vec![Point::of(&[("A", 16), ("B", 1), ("C", 0), ("D", 0), ("E", 8)])];
    broken.space = Space { is_legal: |p| p.get("A") == 16, ..SPACE };
    let (mut planted, mut memory) = (Planted::new(0.0), Memory::new());
    let found = search(&broken, &BTreeSet::new(), &mut planted, &mut memory, 20.0, 1);
    assert_eq!(found, None);
}

/// Children that are shell scripts.
#[cfg(unix)]
mod children {
    use super::*;

    /// A child that answers the first two questions and then does as `script` says.
    fn bench(script: &str) -> Bench {
        let text = format!("read a; echo '\"Done\"'; read a; echo '\"Done\"'; {script}");
        let command = move || {
            let mut command = Command::new("sh");
            command.args(["-c", &text]);
            command
        };
        let limits = Limits { open_s: 5.0, build_s: 0.5, run_s: 0.5 };
        let mut bench = Bench::new(command, "opencl:0", limits);
        bench.turn_to("gemm planted large", 1);
        bench
    }

    fn admitted(script: &str) -> Result<f64, Rejection> {
        bench(script).admit(&best(), f64::INFINITY)
    }

    #[test]
    fn answers_come_back() {
        let right = "read a; echo '\"Built\"'; echo hello from a driver; echo '{\"Right\":0.5}'";
        assert_eq!(admitted(right), Ok(0.5));
        let wrong = admitted("read a; echo '\"Built\"'; echo '{\"Wrong\":\"element 1\"}'");
        assert_eq!(wrong, Err(Rejection::Wrong("element 1".into())));
        let refused = admitted("read a; echo '{\"Refused\":\"no room\"}'");
        assert_eq!(refused, Err(Rejection::Refused("no room".into())));
    }

    #[test]
    fn hangs_and_crashes_are_fatal() {
        let is_fatal = |script: &str, how: &str| match admitted(script) {
            Err(Rejection::Fatal(why)) => assert!(why.contains(how), "{why}"),
            other => panic!("{other:?}"),
        };
        is_fatal("read a; exec sleep 60", "building: no answer in time");
        is_fatal("read a; echo '\"Built\"'; exec sleep 60", "verifying: no answer in time");
        is_fatal("read a; kill -SEGV $$", "building: the driver crashed (signal: 11");
    }

    #[test]
    fn who_hangs_in_a_race_is_told_and_a_new_child_goes_on() {
        let script = "read a; echo '\"Built\"'; echo '{\"Right\":0.5}'
            read a; echo '\"Built\"'; echo '{\"Right\":0.5}'
            read a; echo '{\"At\":0}'; echo '{\"At\":1}'; exec sleep 60";
        let mut bench = bench(script);
        let other = tunable().seeds[0].clone();
        for point in [&best(), &other] {
            assert_eq!(bench.admit(point, 1.0), Ok(0.5));
        }
        match bench.race(&[&best(), &other]) {
            Err((1, Rejection::Fatal(why))) => assert!(why.contains("running"), "{why}"),
            answer => panic!("{answer:?}"),
        }
        assert_eq!(bench.admit(&other, 1.0), Ok(0.5));
    }
}

#[test]
fn a_point_is_on_the_list_on_disk_before_it_is_tried() {
    let folder = tempfile::tempdir().unwrap();
    let entry = crate::machine::DeviceEntry::new(
        "opencl:0".into(),
        crate::terms::DeviceKind::Gpu,
        "device",
        "opencl",
    );
    let read = || DenyList::read(Some(folder.path().to_path_buf()), &entry);
    let tunable = tunable();
    let mut denied = read();
    denied.add(&tunable, &best());
    // As the next process would find it.
    assert!(read().points(&tunable).contains(&best()));
    denied.remove(&tunable, &best());
    assert!(read().points(&tunable).is_empty());
}
