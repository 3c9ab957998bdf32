//! Plan to report without a device or a clock: made-up devices whose runs only move a made-up clock.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossover::backend::{Details, Device};
use crossover::conclude::finish;
use crossover::error::Error;
use crossover::folder::RunFolder;
use crossover::manifest::{Manifest, Sampling, TimerCheck};
use crossover::measure::Clock;
use crossover::plan::{self, Case, Effort, Selection};
use crossover::record::{self, Outcome, Record, SampleRow, SummaryRow};
use crossover::roof::{ComputeRoof, Roofs};
use crossover::session::{
    self, Agenda, Ending, Further, Interleaved, Ledger, Progress, Session, Setup, Silent,
};
use crossover::stats::Pairing;
use crossover::summary::summarize;
use crossover::tensor::Generator;
use crossover::terms::{Baseline, Crossover, DeviceId, DeviceKind, Dtype, Keyed, Scope, Verdict};
use crossover::workload;
use support::device::{MadeUp, MadeUpClock, MadeUpRunner};

/// A clock that only runs move, and what they did.
#[derive(Clone, Default)]
struct World {
    clock: MadeUpClock,
    log: Rc<RefCell<Vec<String>>>,
}

/// How fast a made-up device is: it takes `overhead_s` and then computes at `rate`, takes `cold_s` longer
/// where another ran before, and fails from `fails_after` runs on. Its implementation `slow` takes twice as
/// long as others.
#[derive(Clone, Copy)]
struct Speed {
    overhead_s: f64,
    rate: f64,
    cold_s: f64,
    /// Runs take longer by up to this share, each by another.
    jitter: f64,
    fails_after: usize,
    /// Runs that a call makes.
    repeats: u64,
    implementations: &'static [&'static str],
}

impl Speed {
    fn new(overhead_s: f64, rate: f64) -> Speed {
        let implementations = &["fake"];
        Speed {
            overhead_s,
            rate,
            cold_s: 0.0,
            jitter: 0.0,
            fails_after: usize::MAX,
            repeats: 1,
            implementations,
        }
    }
}

fn fake(world: &World, id: &'static str, kind: DeviceKind, speed: Speed) -> Box<dyn Device> {
    let world = world.clone();
    let names = move |workload: &str| match workload {
        "gemm" | "launch" | "train-mlp" => speed.implementations.to_vec(),
        _ => Vec::new(),
    };
    MadeUp::device(id, kind, names, move |task| {
        let flop = task.workload.work(task.shape).flop_count as f64;
        let times = if task.implementation == "slow" { 2.0 } else { 1.0 };
        let seconds = times * (speed.overhead_s + flop / speed.rate);
        let world = world.clone();
        let take = move |what: &str| {
            let lane = format!("{id} {what}");
            let mut log = world.log.borrow_mut();
            let cold_s = if log.last() == Some(&lane) { 0.0 } else { speed.cold_s };
            log.push(lane);
            let jitter =
                speed.jitter * f64::from(Generator::new(7, 0).uniform(log.len() as u64, 1.0));
            world.clock.pass(seconds * (1.0 + jitter) + cold_s);
        };
        let (shape, own, mut runs) = (task.shape.clone(), take.clone(), 0);
        let name = task.workload.name();
        let mut runner = MadeUpRunner::new(task, move |memory, scope| {
            runs += 1;
            if runs > speed.fails_after {
                return Err(Error::device("it broke"));
            }
            take(&scope.name());
            if memory.is_poisoned() {
                let workload = workload::find(name).unwrap();
                let right =
                    workload.exact_sums().unwrap().reference(&shape, &memory.inputs, None).value;
                memory.write(&right.iter().map(|value| *value as f32).collect::<Vec<f32>>());
            }
            Ok(())
        });
        runner.device_clock = Some(Box::new(move || {
            own("device clock");
            0.9 * seconds
        }));
        runner.details = Details {
            tuned: "default",
            tile: (8, 8),
            repeats: speed.repeats,
            ..Details::default()
        };
        Box::new(runner)
    })
}

/// A slow but prompt CPU and a fast GPU with 1 ms of overhead: equal at 2e6 FLOP, m = n = k = 100.
fn devices(world: &World) -> Vec<Box<dyn Device>> {
    vec![
        fake(world, "cpu", DeviceKind::Cpu, Speed::new(0.0, 2e9)),
        fake(world, "opencl:0", DeviceKind::Gpu, Speed::new(1e-3, 1e15)),
    ]
}

fn cubes(sizes: &[u64]) -> Selection {
    let shapes = sizes.iter().map(|s| format!("m={s},n={s},k={s}")).collect();
    Selection { shapes, ..Selection::default() }
}

const EFFORT: Effort = Effort { warm_up_s: 0.1, sample_s: 0.25 };

struct Done {
    _base: tempfile::TempDir,
    folder: RunFolder,
    ending: Ending,
}

fn run(selection: &Selection, devices: &[Box<dyn Device>], world: &World, bisect: bool) -> Done {
    let base = tempfile::tempdir().unwrap();
    let (mut folder, ()) =
        RunFolder::create(Some(&base.path().join("run")), None, |_| Ok(())).unwrap();
    let cases = plan::cases(selection).unwrap();
    let stop = AtomicBool::new(false);
    let setup = Setup { devices, selection, clock: &world.clock, stop: &stop };
    let mut session = Session::new(setup, "run", Roofs::default());
    let ending = measured(&mut session, &mut folder, cases, bisect);
    let new = Manifest::new("run", selection, Sampling::Interleaved, &[0]);
    let manifest = Manifest { devices: devices.iter().map(|d| d.entry().clone()).collect(), ..new };
    let is_well = finish(Some(&folder), manifest, session, Ok(ending), false, |_| ());
    let has_times = folder.records().unwrap().iter().any(|r| r.wall_median_s.is_some());
    assert_eq!(is_well, has_times && !ending.failed && !ending.interrupted);
    Done { _base: base, folder, ending }
}

/// Measures cases into a folder.
fn measured(
    session: &mut Session<'_>,
    folder: &mut RunFolder,
    cases: Vec<Case>,
    bisects: bool,
) -> Ending {
    measured_further(session, folder, cases, (bisects, Further::Nothing), &mut Silent)
}

/// Measures cases into a folder, hears what is said, and goes on where an answer is open.
fn measured_further(
    session: &mut Session<'_>,
    folder: &mut RunFolder,
    cases: Vec<Case>,
    (bisects, further): (bool, Further),
    progress: &mut dyn Progress,
) -> Ending {
    let agenda = Agenda { cases, effort: EFFORT, bisects, further };
    session.run(agenda, &mut Interleaved, &mut Ledger::new(Some(folder)), progress).unwrap()
}

fn summary(done: &Done) -> Vec<SummaryRow> {
    record::read(&done.folder.path().join("summary.csv")).unwrap()
}

#[test]
fn a_known_crossover_comes_out_of_the_files() {
    let world = World::default();
    let done = run(&cubes(&[32, 64, 128, 256]), &devices(&world), &world, false);
    assert_eq!(done.ending, Ending::default());
    let (derived, rows): (Vec<_>, Vec<_>) = summary(&done).into_iter().partition(|r| r.derived);
    assert_eq!(derived.len(), rows.len(), "data used 8 and 64 times");
    assert_eq!(rows.len(), 4 * 2 * 2, "points, scopes, baselines");
    let crosses = |r: &SummaryRow| r.crossover == Some(Crossover::From(128));
    assert!(rows.iter().all(|r| crosses(r) && r.pairing == Pairing::Paired), "{rows:?}");
    let at_256 = rows.iter().find(|r| r.shape.starts_with("m=256")).unwrap();
    assert!((at_256.speedup - 16.777).abs() < 0.01, "{}", at_256.speedup);
    let page = std::fs::read_to_string(done.folder.path().join("report.html")).unwrap();
    assert!(page.contains("128") && page.contains("made-up opencl:0"));
    assert!(done.folder.path().join("charts/speedup-gemm-mnk.svg").is_file());
}

#[test]
fn a_sweep_narrows_its_crossover_down() {
    let world = World::default();
    let done = run(&cubes(&[32, 64, 128, 256]), &devices(&world), &world, true);
    let rows = summary(&done);
    // 96 is slower still, 112 is faster: both were added.
    let shapes: Vec<&str> = rows.iter().map(|r| r.shape.as_str()).collect();
    assert!(shapes.iter().any(|s| s.starts_with("m=96,")), "{shapes:?}");
    assert!(rows.iter().all(|r| r.crossover == Some(Crossover::From(112))), "{rows:?}");
}

/// The lanes of the 40 samples in rounds that the log, but for runs on the device's clock, ends with: each after a
/// change of lane with an untimed run before it, as often as a lane is rehearsed after another device and after
/// its own. None where it ends otherwise.
fn samples_at_end(log: &[String], rehearsed: usize) -> Option<Vec<&str>> {
    let from = |start: usize| {
        let (mut at, mut lanes, mut rehearsals) = (start, Vec::new(), HashMap::new());
        for _ in 0..40 {
            let lane = log.get(at)?.as_str();
            let previous = lanes.last().copied().unwrap_or_default();
            let count = rehearsals.entry((lane, device(lane) == device(previous))).or_insert(0);
            if lane != previous && *count < rehearsed {
                if log.get(at + 1)? != lane {
                    return None;
                }
                *count += 1;
                at += 1;
            }
            lanes.push(lane);
            at += 1;
        }
        (at == log.len()).then_some(lanes)
    };
    (0..log.len()).find_map(from)
}

/// The device in a line of the log.
fn device(line: &str) -> &str {
    line.split(' ').next().unwrap()
}

#[test]
fn every_lane_takes_part_in_every_round_and_is_rehearsed_where_that_matters() {
    for (cold_s, rehearsed) in [(0.0, 3), (1e-4, usize::MAX)] {
        lanes_take_part(cold_s, rehearsed);
    }
}

fn lanes_take_part(cold_s: f64, rehearsed: usize) {
    let world = World::default();
    // The CPU takes 262 us a run and the GPU 1 ms, so that a sample is one run.
    let devices = [
        fake(&world, "cpu", DeviceKind::Cpu, Speed { cold_s, ..Speed::new(0.0, 2e9) }),
        fake(&world, "opencl:0", DeviceKind::Gpu, Speed { cold_s, ..Speed::new(1e-3, 1e15) }),
    ];
    let done = run(&cubes(&[64]), &devices, &world, false);
    let samples = done.folder.samples().unwrap();
    let rounds: Vec<u64> = samples.iter().filter_map(|s| s.round).collect();
    let last = *rounds.iter().max().unwrap();
    assert_eq!(last, 9, "steady runs need ten rounds and no more");
    for round in 0..=last {
        assert_eq!(rounds.iter().filter(|r| **r == round).count(), 4, "round {round}");
    }
    let log = world.log.borrow();
    let device_clock = log.iter().filter(|l| l.ends_with("device clock")).count();
    assert_eq!(device_clock, 2 * 5);
    let lanes = samples_at_end(&log[..log.len() - device_clock], rehearsed).unwrap();
    // Rounds are shuffled, but for lanes of one device, which follow each other.
    let firsts: HashSet<_> = lanes.chunks(4).map(|round| round[0]).collect();
    assert!(firsts.len() > 2, "{firsts:?}");
    assert!(lanes.chunks(2).all(|pair| device(pair[0]) == device(pair[1])), "{lanes:?}");
}

/// Where each implementation answers a question of its own, none is the slower one.
#[test]
fn implementations_that_are_no_rivals_do_not_race() {
    let world = World::default();
    let speed = Speed { implementations: &["fast", "slow"], ..Speed::new(1e-4, 1e15) };
    let devices = [fake(&world, "opencl:0", DeviceKind::Gpu, speed)];
    let selection = Selection { workloads: vec!["launch".into()], ..Selection::default() };
    let done = run(&selection, &devices, &world, false);
    let records = done.folder.records().unwrap();
    let of = |name: &str| records.iter().filter(|r| r.implementation == name).collect::<Vec<_>>();
    assert!(!of("slow").is_empty() && of("slow").len() == of("fast").len());
    for r in &records {
        assert_eq!((r.outcome, r.samples), (Outcome::Measured, Some(10)), "{r:?}");
        assert!(!r.has_note("outpaced"), "{r:?}");
    }
}

/// After six rounds it is known who is slower, unless the user wants to see both.
#[test]
fn the_surely_slower_implementation_of_a_device_is_sampled_no_further() {
    let both = &["fast", "slow"];
    for (named, samples_of_slow) in [(Vec::new(), 6), (vec!["all".to_string()], 10)] {
        let world = World::default();
        let speed = Speed { implementations: both, ..Speed::new(0.0, 2e9) };
        let devices = [fake(&world, "cpu", DeviceKind::Cpu, speed)];
        let selection = Selection { implementations: named, ..cubes(&[64]) };
        let done = run(&selection, &devices, &world, false);
        let records = done.folder.records().unwrap();
        assert_eq!(records.len(), 4, "two implementations, two scopes");
        for r in records {
            let is_slow = r.implementation == "slow";
            let expected = if is_slow { samples_of_slow } else { 10 };
            assert_eq!((r.outcome, r.samples), (Outcome::Measured, Some(expected)), "{r:?}");
            assert_eq!(r.has_note("outpaced"), is_slow && samples_of_slow == 6, "{r:?}");
        }
    }
}

/// Counted before anything is allocated, the reference included.
#[test]
fn a_network_that_does_not_fit_is_skipped_with_the_figure() {
    let world = World::default();
    let shapes = vec!["batch=4,inputs=8,width=250000,depth=3,classes=3".to_string()];
    let selection =
        Selection { shapes, workloads: vec!["train-mlp".into()], ..Selection::default() };
    let done = run(&selection, &devices(&world), &world, false);
    let records = done.folder.records().unwrap();
    assert_eq!(records.len(), 4, "two devices, two scopes");
    for r in &records {
        assert_eq!((r.outcome, r.parameters), (Outcome::Skipped, Some(125_003_500_003)));
        assert!(r.reason.starts_with("needs ") && r.reason.contains(" TB of memory, "), "{r:?}");
    }
    assert!(world.log.borrow().is_empty(), "nothing ran");
}

#[test]
fn long_runs_are_sampled_three_times_without_rehearsal() {
    let world = World::default();
    let devices = [fake(&world, "cpu", DeviceKind::Cpu, Speed::new(0.3, 1e12))];
    let done = run(&cubes(&[16]), &devices, &world, false);
    let samples: Vec<SampleRow> = done.folder.samples().unwrap();
    assert_eq!(samples.iter().filter(|s| s.round.is_some()).count(), 2 * 3);
    // Device-clock runs are rows without a round.
    assert!(samples.iter().any(|s| s.round.is_none() && s.device_s.is_some()));
}

/// Those of a lane that ten samples of would take longer than there is.
#[test]
fn steady_runs_whose_time_is_up_are_sampled_six_times() {
    let world = World::default();
    let run_s = EFFORT.sample_s / 5.0;
    let devices = [fake(&world, "cpu", DeviceKind::Cpu, Speed::new(run_s, 1e15))];
    let done = run(&cubes(&[16]), &devices, &world, false);
    let records = done.folder.records().unwrap();
    assert_eq!(records.iter().map(|r| r.samples).collect::<Vec<_>>(), [Some(6), Some(6)]);
}

#[test]
fn short_runs_are_repeated_to_fill_20_us() {
    let world = World::default();
    let devices = [fake(&world, "cpu", DeviceKind::Cpu, Speed::new(3e-6, 1e15))];
    let done = run(&cubes(&[16]), &devices, &world, false);
    let samples = done.folder.samples().unwrap();
    let sample = samples.iter().find(|s| s.round.is_some()).unwrap();
    assert_eq!(sample.iterations, 7);
    assert!((sample.wall_s - 3e-6).abs() < 1e-8);
}

#[test]
fn a_call_that_makes_many_runs_is_long_enough_by_itself() {
    let world = World::default();
    let speed = Speed { repeats: 1000, ..Speed::new(2e-3, 1e15) };
    let done = run(&cubes(&[16]), &[fake(&world, "cpu", DeviceKind::Cpu, speed)], &world, false);
    let samples = done.folder.samples().unwrap();
    let sample = samples.iter().find(|s| s.round.is_some()).unwrap();
    assert_eq!(sample.iterations, 1000, "runs of one call");
    assert!((sample.wall_s - 2e-6).abs() < 1e-8);
    assert!(world.log.borrow().len() < 100, "{} calls", world.log.borrow().len());
}

/// Eight runs between one upload and one download are one call, whose time is theirs; a thousand would take too
/// long, so that what is derived stands.
#[test]
fn data_are_used_several_times_where_that_is_asked_for() {
    let world = World::default();
    let scopes = [8, 1000].map(|uses| Scope::Reused(uses.try_into().unwrap()));
    let [eight, thousand] = scopes;
    let all = vec![Scope::Compute, Scope::EndToEnd, eight, thousand];
    let selection = Selection { scopes: all, ..cubes(&[64, 128]) };
    let done = run(&selection, &devices(&world), &world, false);
    let records = done.folder.records().unwrap();
    let of = |scope: Scope, device: &str| {
        let is_one = |r: &&Record| r.scope == scope && r.device.as_str() == device;
        records.iter().filter(is_one).collect::<Vec<_>>()
    };
    for row in of(eight, "opencl:0") {
        // A call of the made-up device takes 1 ms in whatever scope.
        assert_eq!(row.outcome, Outcome::Measured, "{row:?}");
        assert!((row.wall_median_s.unwrap() - 1e-3 / 8.0).abs() < 1e-6, "{row:?}");
    }
    for row in of(thousand, "opencl:0") {
        assert_eq!(row.outcome, Outcome::Skipped);
        assert!(row.reason.contains("1000 runs would take about 1.00 s"), "{}", row.reason);
    }
    let samples = done.folder.samples().unwrap();
    let mut eights = samples.iter().filter(|s| s.scope == eight && s.round.is_some());
    assert!(eights.all(|s| s.iterations % 8 == 0));
    let rows = summary(&done);
    let found = |scope| rows.iter().filter(|r| r.scope == scope).collect::<Vec<_>>();
    assert!(!found(eight).is_empty() && found(eight).iter().all(|r| !r.derived));
    assert!(!found(thousand).is_empty() && found(thousand).iter().all(|r| r.derived));
    // 64 uses are derived all the same.
    assert_eq!(rows.iter().filter(|r| r.scope.name() == "reused:64").count(), found(eight).len());
}

#[test]
fn a_runner_that_breaks_while_measured_is_a_failed_row_and_costs_no_other() {
    let world = World::default();
    let mut all = devices(&world);
    let breaks = Speed { fails_after: 12, ..Speed::new(1e-3, 1e12) };
    all.push(fake(&world, "opencl:1", DeviceKind::Accelerator, breaks));
    let done = run(&cubes(&[32, 64]), &all, &world, false);
    assert!(done.ending.failed && !done.ending.interrupted);
    let records: Vec<Record> = done.folder.records().unwrap();
    let of =
        |id: &str| records.iter().filter(|r| r.device.as_str() == id).cloned().collect::<Vec<_>>();
    assert!(of("opencl:1").iter().any(|r| r.outcome == Outcome::Failed && r.reason == "it broke"));
    assert!(of("cpu").iter().all(|r| r.outcome == Outcome::Measured));
    assert!(of("opencl:0").iter().all(|r| r.outcome == Outcome::Measured));
}

#[test]
fn a_cut_run_keeps_its_rows_and_goes_on_where_it_was() {
    let world = World::default();
    let all = devices(&world);
    let selection = cubes(&[16, 32, 64]);
    let base = tempfile::tempdir().unwrap();
    let path = base.path().join("run");
    let cases = plan::cases(&selection).unwrap();
    let stop = AtomicBool::new(false);
    let (mut folder, ()) = RunFolder::create(Some(&path), None, |_| Ok(())).unwrap();
    Manifest::new("run", &selection, Sampling::Interleaved, &[0]).write(&path).unwrap();
    let setup = Setup { devices: &all, selection: &selection, clock: &world.clock, stop: &stop };
    let mut session = Session::new(setup, "run", Roofs::default());
    // The first case by itself, as if the run had been cut in the second.
    measured(&mut session, &mut folder, cases[..1].to_vec(), false);
    stop.store(true, Ordering::Relaxed);
    let ending = measured(&mut session, &mut folder, cases.clone(), false);
    assert!(ending.interrupted);
    let before = folder.records().unwrap();
    assert_eq!(before.len(), 4);
    drop(folder);
    stop.store(false, Ordering::Relaxed);
    let mut folder = RunFolder::resume(&path).unwrap();
    let ending = measured(&mut session, &mut folder, cases, false);
    assert!(!ending.interrupted);
    let after = folder.records().unwrap();
    assert_eq!(after.len(), 12);
    assert_eq!(after[..4], before[..]);
}

/// Keeps what is said.
#[derive(Default)]
struct Said(Vec<String>);

impl Progress for Said {
    fn say(&mut self, text: &str) {
        self.0.push(text.to_string());
    }
}

/// A GPU that is 4 % faster than the CPU, and a machine on which runs differ by 15 %.
fn nearly_equal(world: &World) -> Vec<Box<dyn Device>> {
    let speed = |rate: f64| Speed { jitter: 0.15, ..Speed::new(0.0, rate) };
    vec![
        fake(world, "cpu", DeviceKind::Cpu, speed(2e9)),
        fake(world, "opencl:0", DeviceKind::Gpu, speed(2.08e9)),
    ]
}

/// The verdicts against the fastest of the CPU.
fn verdicts(folder: &RunFolder) -> Vec<Verdict> {
    let (plan, records, samples) =
        (folder.plan().unwrap(), folder.records().unwrap(), folder.samples().unwrap());
    let rows = summarize(&plan, &records, &samples, Pairing::Paired);
    rows.iter().filter(|r| r.baseline == Baseline::Best).map(|r| r.verdict).collect()
}

#[test]
fn an_open_answer_gets_further_rounds_and_keeps_those_it_has() {
    let world = World::default();
    let all = nearly_equal(&world);
    let selection = cubes(&[160, 192]);
    let base = tempfile::tempdir().unwrap();
    let cases = plan::cases(&selection).unwrap();
    let stop = AtomicBool::new(false);
    let (mut folder, ()) =
        RunFolder::create(Some(&base.path().join("run")), None, |_| Ok(())).unwrap();
    let setup = Setup { devices: &all, selection: &selection, clock: &world.clock, stop: &stop };
    let mut session = Session::new(setup, "run", Roofs::default());
    measured(&mut session, &mut folder, cases.clone(), false);
    let (records, samples) = (folder.records().unwrap(), folder.samples().unwrap());
    assert!(verdicts(&folder).contains(&Verdict::Ambiguous), "{:?}", verdicts(&folder));
    let mut said = Said::default();
    let further = Further::UntilDecided;
    let ending = measured_further(&mut session, &mut folder, cases, (false, further), &mut said);
    assert_eq!(ending, Ending::default());
    let last = said.0.last().unwrap();
    assert!(last.contains("open comparisons are decided now"), "{:?}", said.0);
    assert!(verdicts(&folder).iter().all(|v| *v == Verdict::Faster), "{:?}", verdicts(&folder));
    // Nothing that was measured is lost, no round is there twice, and rows speak of all of their samples.
    let after = folder.samples().unwrap();
    assert_eq!(after[..samples.len()], samples[..]);
    let longer = folder.records().unwrap();
    assert_eq!(longer.len(), records.len());
    for (row, before) in longer.iter().zip(&records) {
        let of_row = |s: &&SampleRow| s.key() == row.key() && s.round.is_some();
        let own: Vec<Option<u64>> = after.iter().filter(of_row).map(|s| s.round).collect();
        let rounds: HashSet<_> = own.iter().collect();
        assert_eq!((row.samples, rounds.len()), (Some(own.len() as u64), own.len()));
        assert!(row.key() == before.key() && row.samples >= before.samples);
    }
    assert!(longer.iter().zip(&records).any(|(row, before)| row.samples > before.samples));
}

#[test]
fn a_budget_ends_what_would_be_sampled_further() {
    let world = World::default();
    let all = nearly_equal(&world);
    let selection = Selection { budget: Some(4.0), ..cubes(&[160, 192]) };
    let base = tempfile::tempdir().unwrap();
    let cases = plan::cases(&selection).unwrap();
    let stop = AtomicBool::new(false);
    let (mut folder, ()) =
        RunFolder::create(Some(&base.path().join("run")), None, |_| Ok(())).unwrap();
    let setup = Setup { devices: &all, selection: &selection, clock: &world.clock, stop: &stop };
    let mut session = Session::new(setup, "run", Roofs::default());
    let mut said = Said::default();
    let further = Further::UntilDecided;
    measured_further(&mut session, &mut folder, cases, (false, further), &mut said);
    assert!(world.clock.now() <= 4.5, "{}", world.clock.now());
    let last = said.0.last().unwrap();
    assert!(last.contains("still open: they need more time than there is"), "{:?}", said.0);
}

#[test]
fn a_used_up_budget_skips_the_rest_with_that_reason() {
    let world = World::default();
    let all = devices(&world);
    let selection = Selection { budget: Some(1e-6), ..cubes(&[16, 32]) };
    let done = run(&selection, &all, &world, false);
    let records = done.folder.records().unwrap();
    assert_eq!(records.len(), 8, "a row a runner and scope, measured or not");
    let skipped: Vec<&Record> = records.iter().filter(|r| r.outcome == Outcome::Skipped).collect();
    assert_eq!(skipped.len(), 4);
    assert!(skipped.iter().all(|r| r.reason.contains("the budget of 1.00 µs is used up")));
}

#[test]
fn an_unknown_implementation_is_bad_usage() {
    let world = World::default();
    let all = devices(&world);
    let error =
        session::check_implementations(&all, &["fast".to_string()]).unwrap_err().to_string();
    assert!(error.contains("no chosen device has an implementation 'fast'; there is fake"));
}

/// What nobody can measure is refused; what somebody can is kept.
#[test]
fn what_can_never_be_measured_is_bad_usage() {
    let world = World::default();
    let all = devices(&world);
    let stop = AtomicBool::new(false);
    let cases_of = |selection: &Selection| {
        let setup = Setup { devices: &all, selection, clock: &world.clock, stop: &stop };
        session::measurable(setup, plan::cases(selection).unwrap())
    };
    let workloads = |names: &[&str]| names.iter().map(|name| name.to_string()).collect();
    let refusal = |selection: &Selection| cases_of(selection).err().unwrap().to_string();
    let streams = Selection { workloads: workloads(&["stream-copy"]), ..Selection::default() };
    let moved = Selection { scopes: vec![Scope::EndToEnd], ..streams.clone() };
    let text = refusal(&moved);
    assert!(text.contains("--scope end_to_end") && text.contains("stream-copy has compute"));
    let text = refusal(&streams);
    assert!(text.contains("can't do stream-copy"), "{text}");
    let other = Selection { implementations: vec!["other".into()], ..cubes(&[16]) };
    let text = refusal(&other);
    assert!(text.contains("--implementation other") && text.contains("there is fake"), "{text}");
    let both = Selection { workloads: workloads(&["gemm", "softmax"]), ..Selection::default() };
    let kept = cases_of(&both).unwrap();
    assert!(!kept.is_empty() && kept.iter().all(|case| case.workload.name() == "gemm"));
}

/// A row above the roof keeps its times, is suspect, and stays out of verdicts.
#[test]
fn what_lies_above_a_roof_is_suspect() {
    let world = World::default();
    let (devices, selection) = (devices(&world), cubes(&[64]));
    let stop = AtomicBool::new(false);
    let setup =
        Setup { devices: &devices, selection: &selection, clock: &world.clock, stop: &stop };
    let low = ComputeRoof {
        device: DeviceId::cpu(),
        device_name: String::new(),
        dtype: Dtype::F32,
        threads: devices[0].entry().threads,
        flop_per_s: 1.0,
        implementation: "fake".to_string(),
    };
    let mut session = Session::new(setup, "run", Roofs { compute: vec![low], ..Roofs::default() });
    session.roofs.judges = true;
    let base = tempfile::tempdir().unwrap();
    let (mut folder, ()) =
        RunFolder::create(Some(&base.path().join("run")), None, |_| Ok(())).unwrap();
    let ending = measured(&mut session, &mut folder, plan::cases(&selection).unwrap(), false);
    assert!(ending.failed);
    let rows = folder.records().unwrap();
    for row in &rows {
        let is_suspect = row.outcome == Outcome::Suspect;
        assert_eq!(is_suspect, row.device.is_cpu(), "{row:?}");
        assert!(row.wall_median_s.is_some() && row.counts() != is_suspect);
        assert_eq!(row.reason.contains("times the measured compute roof"), is_suspect);
    }
    assert_eq!(rows.len(), 4);
}

/// A device whose own clock says `event_s` of a run that takes a millisecond, and 1.5 ms with it.
fn timer_check(event_s: Option<f64>) -> TimerCheck {
    let world = World::default();
    let clock = world.clock.clone();
    let names = |workload: &str| if workload == "peak-fma" { vec!["fake"] } else { Vec::new() };
    let peak = MadeUp::device("opencl:0", DeviceKind::Gpu, names, move |task| {
        let (run_clock, event_clock) = (clock.clone(), clock.clone());
        let mut runner = MadeUpRunner::new(task, move |_, _| {
            run_clock.pass(1e-3);
            Ok(())
        });
        runner.device_clock = event_s.map(|event_s| -> Box<dyn FnMut() -> f64> {
            Box::new(move || {
                event_clock.pass(1.5e-3);
                event_s
            })
        });
        Box::new(runner)
    });
    let (devices, selection, stop) = ([peak], cubes(&[16]), AtomicBool::new(false));
    let setup =
        Setup { devices: &devices, selection: &selection, clock: &world.clock, stop: &stop };
    let mut session = Session::new(setup, "run", Roofs::default());
    let base = tempfile::tempdir().unwrap();
    let (mut folder, ()) =
        RunFolder::create(Some(&base.path().join("run")), None, |_| Ok(())).unwrap();
    measured(&mut session, &mut folder, plan::cases(&selection).unwrap(), false);
    session.timers[0].clone()
}

#[test]
fn events_that_lie_are_found() {
    let honest = timer_check(Some(0.9e-3));
    assert!(honest.trusted && (honest.event_share.unwrap() - 0.6).abs() < 1e-9);
    assert!((honest.linearity - 1.0).abs() < 1e-9);
    assert!((honest.profiling_cost.unwrap() - 1.5).abs() < 1e-9);
    for lie in [2e-3, 1e-6, -1.0, 0.0, f64::NAN] {
        assert!(!timer_check(Some(lie)).trusted, "{lie}");
    }
    let without = timer_check(None);
    assert!(without.trusted && without.event_share.is_none());
}
