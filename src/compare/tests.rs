//! From folders to verdicts, on runs whose truth is known.

mod simulated;

use std::path::{Path, PathBuf};

use super::{By, Comparison, Pair, THRESHOLD};
use crate::record::{self, NoiseRow, file};
use crate::report::sample::{CPU, GPU, POCL, Run};
use crate::stats;
use crate::tensor::Generator;
use crate::terms::{Cache, DeviceId, Dtype, FloorKind, Scope, Verdict};

/// Draws of a normal distribution.
struct Normal {
    generator: Generator,
    counter: u64,
}

impl Normal {
    fn new(seed: u64) -> Normal {
        Normal { generator: Generator::new(seed, 99), counter: 0 }
    }

    /// 1 and a deviation: the sum of twelve uniform numbers, less its mean.
    fn around_one(&mut self, deviation: f64) -> f64 {
        let mut uniform = || {
            self.counter += 1;
            self.generator.bits(self.counter) as f64 / (1u64 << 24) as f64
        };
        1.0 + deviation * ((0..12).map(|_| uniform()).sum::<f64>() - 6.0)
    }
}

/// A run of `points` sizes on the CPU: times of a millisecond times `factor`, with 2 % noise.
fn noisy(folder: &Path, seed: u64, points: u64, factor: f64) {
    let mut run = Run::new();
    let mut normal = Normal::new(seed);
    for size in 1..=points {
        let shape = run.point(size * 8);
        let seconds: Vec<f64> = (0..12).map(|_| 1e-3 * factor * normal.around_one(0.02)).collect();
        let median = stats::median(&seconds).unwrap();
        run.add_sampled("gemm", &shape, CPU, "gemm", Scope::Compute, median, &seconds);
    }
    run.write(folder);
}

fn compared(a: impl Fn(&Path), b: impl Fn(&Path), by: By) -> Comparison {
    let base = tempfile::tempdir().unwrap();
    let folders = [("a", &a as &dyn Fn(&Path)), ("b", &b)].map(|(name, write)| {
        let folder = base.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        write(&folder);
        folder
    });
    Comparison::read(&folders, by, THRESHOLD).unwrap()
}

fn count(c: &Comparison, verdict: Verdict) -> usize {
    c.pairs.iter().filter(|p| p.row.verdict == verdict).count()
}

/// Two runs of three processes each.
fn repeated(seed: u64, points: u64, factors: [f64; 2]) -> Comparison {
    let base = tempfile::tempdir().unwrap();
    let mut folders = Vec::new();
    for (name, factor, seed) in [("a", factors[0], seed), ("b", factors[1], seed + 10)] {
        for process in 1..=3 {
            let folder = base.path().join(format!("{name}-r{process}"));
            std::fs::create_dir(&folder).unwrap();
            noisy(&folder, seed + process, points, factor);
            folders.push(folder);
        }
    }
    Comparison::read(&folders, By::Kind, THRESHOLD).unwrap()
}

#[test]
fn five_percent_are_found_in_two_percent_noise() {
    let faster = repeated(100, 100, [1.05, 1.0]);
    assert!(count(&faster, Verdict::Faster) >= 90, "{}", count(&faster, Verdict::Faster));
    assert_eq!(count(&faster, Verdict::Slower), 0);
    let slower = repeated(200, 100, [1.0, 1.05]);
    assert!(count(&slower, Verdict::Slower) >= 90, "{}", count(&slower, Verdict::Slower));
    // Beyond 5 % with the whole interval: of these about none, of 15 % all.
    assert!(slower.regressions().count() < 10);
    let much = repeated(300, 100, [1.0, 1.15]);
    assert!(much.regressions().count() >= 95, "{}", much.regressions().count());
    // One process a side can't show it, and says so.
    let single = compared(|f| noisy(f, 1, 100, 1.0), |f| noisy(f, 2, 100, 1.05), By::Kind);
    assert_eq!(single.regressions().count(), 0);
    assert_eq!(single.unsettled().count(), count(&single, Verdict::Ambiguous));
    assert!(single.unsettled().count() > 90);
}

/// Two runs of one size, whose rows `change` makes unlike.
fn pair(change: impl Fn(&mut Run)) -> Vec<Pair> {
    let plain = |run: &mut Run| run.pair(512, 1e-3, GPU, 1e-4);
    let write = |folder: &Path, change: &dyn Fn(&mut Run)| {
        let mut run = Run::new();
        run.knows(CPU, "");
        run.knows(GPU, "driver 1");
        change(&mut run);
        run.write(folder);
    };
    let a = |f: &Path| write(f, &plain);
    let b = |f: &Path| {
        write(f, &|run| {
            plain(run);
            change(run);
        });
    };
    compared(a, b, By::Kind).pairs
}

#[test]
fn each_kind_has_a_pair_and_unlike_things_are_named() {
    let pairs = pair(|_| ());
    let contestants: Vec<String> = pairs.iter().map(|p| p.contestant.name()).collect();
    assert_eq!(contestants, ["cpu", "gpu opencl"]);
    assert!(pairs.iter().all(|p| p.row.mismatch.is_empty() && p.row.ratio == 1.0));
    let pairs = pair(|run| {
        run.manifest.devices[1].driver = "driver 2".into();
        run.records[0].threads = Some(4);
        run.records[1].tuned = "user".into();
        run.records[1].device_name = "another".into();
    });
    assert_eq!(pairs[0].row.mismatch, "threads");
    assert_eq!(pairs[1].row.mismatch, "device_name;driver;tuned");
    assert_eq!(pairs[1].row.implementation, "packed");
}

#[test]
fn the_fastest_verified_row_stands_for_its_kind() {
    let add = |run: &mut Run, fast: f64| {
        let shape = run.point(512);
        run.add("gemm", &shape, CPU, "gemm", Scope::Compute, 2e-3);
        run.add("gemm", &shape, CPU, "native", Scope::Compute, 1e-3);
        run.add("gemm", &shape, POCL, "packed", Scope::Compute, fast);
        run.add("gemm", &shape, CPU, "native-blocked", Scope::Compute, 1e-4);
    };
    let write = |folder: &Path, fast: f64| {
        let mut run = Run::new();
        add(&mut run, fast);
        run.write(folder);
    };
    let by = |by: By| {
        let c = compared(|f| write(f, 3e-3), |f| write(f, 5e-4), by);
        let line = |p: &Pair| {
            format!("{}: {} {}", p.contestant.name(), p.row.implementation, p.row.verdict.name())
        };
        c.pairs.iter().map(line).collect::<Vec<_>>()
    };
    let blocked = "cpu native-blocked: native-blocked ambiguous";
    // A CPU driven through OpenCL is a device of its own kind: it can't hide behind the CPU path.
    let kind = ["cpu: native ambiguous", "cpu opencl: packed faster", blocked];
    assert_eq!(by(By::Kind), kind);
    let device = ["cpu: native ambiguous", "opencl:1: packed faster", blocked];
    assert_eq!(by(By::Device), device);
    let each = [
        "cpu gemm: gemm ambiguous",
        "cpu native: native ambiguous",
        "cpu opencl packed: packed faster",
    ];
    assert_eq!(by(By::Implementation), [&each[..], &[blocked]].concat());
}

/// What a machine can't show is no verdict, and no regression.
#[test]
fn a_difference_below_the_noise_floor_is_ambiguous() {
    let write = |folder: &Path, time: f64, floor: Option<f64>| {
        let mut run = Run::new();
        let shape = run.point(512);
        run.add("gemm", &shape, CPU, "gemm", Scope::Compute, time);
        run.write(folder);
        let row = |floor| NoiseRow {
            workload: "gemm".into(),
            shape: shape.clone(),
            dtype: Dtype::F32,
            cache: Cache::Hot,
            scope: Scope::Compute,
            device: DeviceId::cpu(),
            implementation: "gemm".into(),
            median_a_s: 1.0,
            median_b_s: 1.0,
            ratio: 1.0,
            ratio_low: 1.0,
            ratio_high: 1.0 + floor,
            floor,
        };
        if let Some(floor) = floor {
            record::replace(&folder.join(file::NOISE), &[row(floor)]).unwrap();
        }
    };
    let verdict = |floor_a, floor_b| {
        let c = compared(|f| write(f, 1e-3, floor_a), |f| write(f, 1.15e-3, floor_b), By::Kind);
        let pair = &c.pairs[0];
        (pair.row.verdict, pair.row.floor, pair.regression)
    };
    // What two single processes usually differ by: 10 %, and three times their noise of 1.5 %.
    let (found, floor, regression) = verdict(None, None);
    assert_eq!((found, regression), (Verdict::Ambiguous, false));
    assert!((floor.unwrap() - 0.145).abs() < 1e-12);
    assert_eq!(verdict(Some(0.03), Some(0.01)), (Verdict::Slower, Some(0.03), true));
    assert_eq!(verdict(None, Some(0.4)), (Verdict::Ambiguous, Some(0.4), false));
}

#[test]
fn processes_of_a_run_are_pooled() {
    let base = tempfile::tempdir().unwrap();
    let folder = |name: &str| -> PathBuf {
        let folder = base.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        folder
    };
    let write = |name: &str, seed: u64, level: f64| {
        let folder = folder(name);
        noisy(&folder, seed, 1, level);
        folder
    };
    // Processes that differ by 10 % can't show 5 %; by themselves they would.
    let a = [("a-r1", 1.0), ("a-r2", 1.1), ("a-r3", 0.9)].map(|(n, l)| write(n, 1, l));
    let b = [("b-r1", 1.05), ("b-r2", 0.95), ("b-r3", 1.15)].map(|(n, l)| write(n, 2, l));
    let all: Vec<PathBuf> = a.iter().chain(&b).cloned().collect();
    let pooled = Comparison::read(&all, By::Kind, THRESHOLD).unwrap();
    assert_eq!(pooled.sides.len(), 2);
    assert_eq!((pooled.sides[0].name.as_str(), pooled.sides[0].runs.len()), ("a", 3));
    assert_eq!(pooled.pairs[0].row.verdict, Verdict::Ambiguous);
    let alone = [a[0].clone(), b[2].clone()];
    let alone = Comparison::read(&alone, By::Kind, THRESHOLD).unwrap();
    assert_eq!(alone.pairs[0].row.floor_kind, Some(FloorKind::Usual));
    assert!(alone.sides[0].is_single());
}

#[test]
fn folders_that_can_not_be_compared_are_one_line() {
    let base = tempfile::tempdir().unwrap();
    let folder = |name: &str, size: u64| {
        let folder = base.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        let mut run = Run::new();
        run.pair(size, 1e-3, GPU, 1e-4);
        run.write(&folder);
        folder
    };
    let (a, b) = (folder("a", 128), folder("b", 256));
    let error = |folders: &[PathBuf]| {
        Comparison::read(folders, By::Kind, THRESHOLD).err().unwrap().to_string()
    };
    assert!(error(std::slice::from_ref(&a)).contains("two folders"));
    assert!(error(&[a.clone(), a.join(".")]).contains("given twice"));
    assert!(error(&[a.clone(), b]).contains("nothing to compare"));
    assert!(error(&[a, base.path().join("none")]).contains("results.csv: not found"));
}

/// A run of two implementations of the CPU and a driver of the same cores, each so many times as slow as usual.
fn crowded(folder: &Path, seed: u64, [native, other, packed]: [f64; 3]) {
    let mut run = Run::new();
    run.knows(CPU, "");
    run.knows(POCL, "PoCL");
    run.knows_limits();
    let mut normal = Normal::new(seed);
    for size in 1..=20 {
        let shape = run.point(size * 8);
        for (device, name, factor) in
            [(CPU, "native", native), (CPU, "gemm", other), (POCL, "packed", packed)]
        {
            let sample = |normal: &mut Normal| 1e-3 * factor * normal.around_one(0.02);
            let seconds: Vec<f64> = (0..12).map(|_| sample(&mut normal)).collect();
            let median = stats::median(&seconds).unwrap();
            run.add_sampled("gemm", &shape, device, name, Scope::Compute, median, &seconds);
        }
    }
    run.write(folder);
}

/// Whoever takes half of the cores takes it from all that run by turns; a slower implementation is slower alone.
#[test]
fn what_nobody_on_the_same_cores_escaped_was_the_machine() {
    let usual = |f: &Path| crowded(f, 1, [1.0, 1.2, 1.5]);
    let by = By::Implementation;
    let busy = compared(usual, |f| crowded(f, 2, [2.1, 2.5, 3.0]), by);
    assert_eq!(busy.pairs.len(), 60);
    assert_eq!(busy.regressions().count(), 0);
    assert_eq!(count(&busy, Verdict::Slower), 0);
    let one = compared(usual, |f| crowded(f, 2, [2.0, 1.2, 1.5]), by);
    assert_eq!(one.regressions().count(), 20, "one implementation at 20 sizes");
    assert!(one.regressions().all(|pair| pair.row.implementation == "native"));
    // Two of three are slower: one that is not was in the same rounds.
    let two = compared(usual, |f| crowded(f, 2, [2.0, 2.4, 1.5]), by);
    assert_eq!(two.regressions().count(), 40);
}
