//! Runs that never were, on a machine as unsteady as a small virtual one that others use too: what two of
//! one program are called, and whether a slow-down that was planted is found.

use super::super::pair::pairs;
use super::super::side::{Run, Side};
use super::super::{By, Pair, THRESHOLD};
use crate::report::sample::{self, CPU, POCL};
use crate::roof::{ComputeRoof, MemoryRoof};
use crate::stats::Summary;
use crate::tensor::Generator;
use crate::terms::{Dtype, FloorKind, Scope, Verdict};

/// Pairs of runs, and the rows of each. The first row's implementation is the one that may be slower.
const PAIRS: u64 = 60;
const ROWS: u64 = 6;

/// The slow-down that is to be found.
const PLANTED: f64 = 1.15;

struct Draws {
    generator: Generator,
    counter: u64,
}

impl Draws {
    fn uniform(&mut self) -> f64 {
        self.counter += 1;
        (self.generator.bits(self.counter) as f64 + 0.5) / (1u64 << 24) as f64
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn exponential(&mut self) -> f64 {
        -self.uniform().ln()
    }

    fn happens(&mut self, share: f64) -> bool {
        self.uniform() < share
    }
}

/// What a side's machine and program are like.
#[derive(Clone, Copy)]
struct Truth {
    /// Times of the first row over what they would be.
    planted: f64,
    /// Speed of the machine over what it would be, as its roofs see it.
    machine: f64,
}

const PLAIN: Truth = Truth { planted: 1.0, machine: 1.0 };

/// A process. In one of six the machine is an eighth slower from beginning to end; what is left differs
/// by 2 %. One row in twelve is disturbed for as long as it is measured, one sample in ten by itself.
fn process(draws: &mut Draws, truth: Truth) -> Run {
    let slow = if draws.happens(1.0 / 6.0) { 0.88 } else { 1.0 };
    let machine = truth.machine * slow * (0.02 * draws.normal()).exp();
    let mut run = sample::Run::new();
    run.knows(CPU, "");
    let mut samples = Vec::new();
    for row in 0..ROWS {
        let planted = if row == 0 { truth.planted } else { 1.0 };
        let disturbed = if draws.happens(1.0 / 12.0) { 0.1 * draws.exponential() } else { 0.0 };
        let level = 1e-3 * planted * (0.02 * draws.normal() + disturbed).exp() / machine;
        let mut sample = || {
            let alone = if draws.happens(0.1) { 0.3 * draws.exponential() } else { 0.0 };
            level * (0.03 * draws.normal() + alone).exp()
        };
        let seconds: Vec<f64> = (0..15).map(|_| sample()).collect();
        let shape = run.point(256 + 8 * row);
        let summary = Summary::of(&seconds).unwrap();
        let record = run.add("gemm", &shape, CPU, "native", Scope::Compute, summary.median);
        record.noise = Some(summary.noise());
        samples.push(seconds);
    }
    let seen = machine * (0.01 * draws.normal()).exp();
    run.manifest.roofs.compute = vec![compute(200e9 * seen)];
    run.manifest.roofs.memory = vec![memory(60e9 * (0.2 * draws.normal()).exp())];
    Run { records: run.records, samples, ..Run::empty("r", run.manifest) }
}

fn compute(flop_per_s: f64) -> ComputeRoof {
    ComputeRoof {
        device: CPU.0.into(),
        device_name: CPU.2.into(),
        dtype: Dtype::F32,
        threads: Some(2),
        flop_per_s,
        implementation: "avx512".into(),
    }
}

fn memory(bytes_per_s: f64) -> MemoryRoof {
    MemoryRoof {
        device: CPU.0.into(),
        device_name: CPU.2.into(),
        threads: Some(2),
        working_set_bytes: 1 << 27,
        bytes_per_s,
        workload: "stream-triad".into(),
        implementation: "native".into(),
    }
}

/// What many comparisons of two runs of so many processes find.
fn found(processes: usize, a: Truth, b: Truth) -> Vec<Pair> {
    let side = |name: &str, seed: u64, truth: Truth| {
        let mut draws = Draws { generator: Generator::new(seed, processes as u64), counter: 0 };
        let runs = (0..processes).map(|_| process(&mut draws, truth)).collect();
        Side { name: name.into(), runs }
    };
    let compared = |pair: u64| {
        let sides = [side("a", 2 * pair, a), side("b", 2 * pair + 1, b)];
        pairs(&sides, By::Kind, THRESHOLD)
    };
    let all: Vec<Pair> = (0..PAIRS).flat_map(compared).collect();
    assert_eq!(all.len() as u64, PAIRS * ROWS);
    all
}

/// How many of a hundred rows of equal programs are called different.
fn false_alarms(processes: usize, b: Truth) -> f64 {
    let all = found(processes, PLAIN, b);
    let different = all.iter().filter(|p| is_different(p)).count();
    100.0 * different as f64 / all.len() as f64
}

fn is_different(pair: &Pair) -> bool {
    matches!(pair.row.verdict, Verdict::Faster | Verdict::Slower)
}

/// How many of a hundred planted slow-downs are found.
fn hits(processes: usize, b: Truth) -> f64 {
    let all = found(processes, PLAIN, Truth { planted: PLANTED, ..b });
    let planted = all.iter().step_by(ROWS as usize);
    let slower = planted.filter(|p| p.row.verdict == Verdict::Slower).count();
    100.0 * slower as f64 / PAIRS as f64
}

/// The machine of the second run is slower throughout, as one is whose neighbour has woken up.
const SLOWED: Truth = Truth { machine: 0.86, ..PLAIN };

#[test]
fn equals_are_told_apart_in_at_most_one_of_twenty() {
    for processes in [1, 2, 3, 5] {
        for (b, name) in [(PLAIN, "on an equal machine"), (SLOWED, "on a slower machine")] {
            let alarms = false_alarms(processes, b);
            assert!(alarms <= 5.0, "{processes} processes {name}: {alarms} %");
        }
    }
}

#[test]
fn a_slow_down_of_15_percent_is_found_in_19_of_20_with_five_processes() {
    for (b, name) in [(PLAIN, "on an equal machine"), (SLOWED, "on a slower machine")] {
        let hits = hits(5, b);
        assert!(hits >= 95.0, "{name}: {hits} %");
    }
}

/// What can't be told from the machine is ambiguous, and said to be for want of processes.
#[test]
fn a_single_pair_says_what_it_can_not_tell() {
    let all = found(1, PLAIN, SLOWED);
    for pair in &all {
        let machine = pair.machine.unwrap();
        assert!(machine.low <= 1.0 && machine.high >= 1.0 && machine.low < machine.high);
        let (measured, rest) =
            (pair.row.ratio_high / pair.row.ratio_low, pair.row.rest_high / pair.row.rest_low);
        assert!((rest / measured * machine.low / machine.high - 1.0).abs() < 1e-9, "{pair:?}");
        assert_eq!(pair.row.floor_kind, Some(FloorKind::Usual));
    }
    // Twice as slow is no matter of processes.
    let twice = found(1, PLAIN, Truth { planted: 2.0, ..PLAIN });
    let planted = twice.iter().step_by(ROWS as usize);
    let known = planted.filter(|p| p.row.verdict != Verdict::None);
    assert!(known.clone().count() > 40);
    let slower = known.clone().filter(|p| p.regression).count();
    assert!(slower as f64 >= 0.95 * known.count() as f64, "{slower}");
}

/// What hangs on memory takes the change of memory, what hangs on arithmetic that of arithmetic.
#[test]
fn a_row_takes_the_change_of_what_bounds_it() {
    let side = |compute_rate: f64, memory_rate: f64, device: sample::Device<'_>| {
        let mut run = sample::Run::new();
        let shape = run.point(512);
        run.add("gemm", &shape, CPU, "native", Scope::Compute, 1e-3);
        let shape = "rows=4096,columns=4096";
        run.add("softmax", shape, CPU, "native", Scope::Compute, 1e-3);
        run.add("gemm", &run.records[0].shape.clone(), device, "packed", Scope::EndToEnd, 1e-3);
        run.manifest.roofs.compute = vec![compute(compute_rate)];
        run.manifest.roofs.memory = vec![memory(memory_rate)];
        let samples = vec![vec![1e-3; 9]; run.records.len()];
        let run = Run { records: run.records, samples, ..Run::empty("r", run.manifest) };
        Side { name: "r".into(), runs: vec![run] }
    };
    let machines = |a: [f64; 2], b: [f64; 2]| -> Vec<Option<(f64, f64)>> {
        let of = |rates: [f64; 2]| side(rates[0], rates[1], POCL);
        let found = pairs(&[of(a), of(b)], By::Kind, THRESHOLD);
        let rounded = |x: f64| (x * 100.0).round() / 100.0;
        found.iter().map(|p| p.machine.map(|m| (rounded(m.low), rounded(m.high)))).collect()
    };
    // Less arithmetic, more memory. What is moved to a device and back may hang on either; it knows the
    // memory and the peak of the CPU that it is.
    let found = machines([200e9, 60e9], [160e9, 75e9]);
    assert_eq!(found, [Some((0.8, 1.0)), Some((1.0, 1.25)), Some((0.8, 1.25))]);
    assert_eq!(machines([200e9, 60e9], [200e9, 60e9]), [Some((1.0, 1.0)); 3]);
}

/// Another machine, device or driver is what is asked about: nothing of it is taken out.
#[test]
fn another_machine_is_no_change_of_the_machine() {
    let side = |peak: f64, change: fn(&mut sample::Run)| {
        let mut run = sample::Run::new();
        run.knows(CPU, "driver 1");
        let shape = run.point(512);
        run.add("gemm", &shape, CPU, "native", Scope::Compute, 200.0 / peak);
        run.manifest.roofs.compute = vec![compute(peak * 1e9)];
        run.manifest.roofs.memory = vec![memory(60e9)];
        change(&mut run);
        let samples = vec![vec![200.0 / peak; 9]];
        let run = Run { records: run.records, samples, ..Run::empty("r", run.manifest) };
        Side { name: "r".into(), runs: vec![run] }
    };
    let found = |change: fn(&mut sample::Run)| {
        let pair = pairs(&[side(200.0, |_| ()), side(400.0, change)], By::Kind, THRESHOLD);
        (pair[0].machine.is_some(), pair[0].row.verdict)
    };
    assert_eq!(found(|_| ()), (true, Verdict::Ambiguous));
    assert_eq!(found(|r| r.manifest.machine.cpu = "another".into()), (false, Verdict::Faster));
    assert_eq!(found(|r| r.manifest.devices[0].driver = "2".into()), (false, Verdict::Faster));
    // Roofs of an earlier run say nothing of the machine meanwhile.
    assert!(!found(|r| r.manifest.roofs.measured = Some("2026-01-01T00:00:00Z".into())).0);
    assert_eq!(found(|r| r.records[0].threads = Some(3)), (false, Verdict::Faster));
}

/// A stream that became slower takes the roof of memory with it: of several processes it is held against
/// the roofs that others have made.
#[test]
fn a_row_is_not_excused_by_the_roof_it_makes() {
    let side = |name: &str, rate: f64| {
        let process = |level: f64| {
            let mut run = sample::Run::new();
            let seconds = level / rate;
            run.probe("stream-copy", (0, 1 << 28), CPU, "native", seconds);
            let copy = MemoryRoof { workload: "stream-copy".into(), ..memory(rate * 1e9) };
            run.manifest.roofs.compute = vec![compute(200e9)];
            run.manifest.roofs.memory = vec![copy, memory(5e9)];
            let samples = vec![vec![seconds; 9]];
            Run { records: run.records, samples, ..Run::empty("r", run.manifest) }
        };
        Side { name: name.into(), runs: [0.99, 1.0, 1.01, 1.0, 0.995].map(process).into() }
    };
    let found = pairs(&[side("a", 60.0), side("b", 50.0)], By::Kind, THRESHOLD);
    assert_eq!(found[0].row.verdict, Verdict::Slower);
    assert!(found[0].regression);
}
