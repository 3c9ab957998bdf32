//! Synthetic records with known answers.

use super::*;
use crate::record::Outcome;
use crate::terms::{BreakEven, DeviceKind};

/// A run with one CPU and one GPU row per point; `times` holds their medians.
struct Run {
    plan: Vec<PlanRow>,
    records: Vec<Record>,
    samples: Vec<SampleRow>,
}

fn record(shape: &str, device: &str, kind: DeviceKind, median: f64) -> Record {
    Record {
        shape: shape.into(),
        device: device.into(),
        device_kind: kind,
        device_name: device.into(),
        wall_median_s: Some(median),
        wall_low_s: Some(median),
        wall_high_s: Some(median),
        wall_min_s: Some(median),
        ..Record::example()
    }
}

impl Run {
    fn new() -> Run {
        Run { plan: Vec::new(), records: Vec::new(), samples: Vec::new() }
    }

    /// Adds a record with 20 samples that spread by `noise` round its median.
    fn add(&mut self, mut record: Record, noise: f64) {
        let median = record.wall_median_s.unwrap();
        record.noise = Some(noise);
        for round in 0..20u64 {
            // Independent of the other side: the two must not cancel.
            let phase = round * 7 + record.device.as_str().len() as u64 * 3;
            let wave = ((phase % 20) as f64 - 9.5) / 9.5;
            self.samples.push(SampleRow {
                workload: record.workload.clone(),
                shape: record.shape.clone(),
                dtype: Dtype::F32,
                cache: record.cache,
                scope: record.scope,
                device: record.device.clone(),
                implementation: record.implementation.clone(),
                threads: None,
                round: Some(round),
                iterations: 1,
                wall_s: median * (1.0 + noise * wave),
                device_s: None,
            });
        }
        self.records.push(record);
    }

    fn point(&mut self, value: u64, cpu: f64, gpu: f64, noise: f64) {
        let shape = format!("m={value}");
        self.plan_point(value);
        self.add(record(&shape, "cpu", DeviceKind::Cpu, cpu), noise);
        self.add(record(&shape, "opencl:0", DeviceKind::Gpu, gpu), noise);
    }

    fn plan_point(&mut self, value: u64) {
        self.plan.push(PlanRow {
            workload: "gemm".into(),
            shape: format!("m={value}"),
            dtype: Dtype::F32,
            axis: "mnk".into(),
            axis_value: Some(value),
            list: String::new(),
            layer: String::new(),
            repeat: 1,
        });
    }

    fn rows(&self) -> Vec<SummaryRow> {
        summarize(&self.plan, &self.records, &self.samples, Pairing::Paired)
    }

    fn crossover(&self) -> Crossover {
        let rows = self.rows();
        assert!(rows.iter().all(|r| r.crossover == rows[0].crossover));
        rows[0].crossover.unwrap()
    }
}

fn sweep(speedups: &[(u64, f64)]) -> Run {
    let mut run = Run::new();
    for (value, speedup) in speedups {
        run.point(*value, *speedup, 1.0, 0.001);
    }
    run
}

#[test]
fn always_never_and_one_crossing() {
    assert_eq!(sweep(&[(1, 2.0), (2, 3.0), (4, 4.0)]).crossover(), Crossover::Always);
    assert_eq!(sweep(&[(1, 0.2), (2, 0.3), (4, 0.4)]).crossover(), Crossover::Never);
    assert_eq!(sweep(&[(1, 0.2), (2, 0.5), (4, 2.0), (8, 9.0)]).crossover(), Crossover::From(4));
    // "same" counts as slower.
    assert_eq!(sweep(&[(1, 0.2), (2, 1.0), (4, 2.0)]).crossover(), Crossover::From(4));
}

#[test]
fn the_order_of_the_plan_does_not_matter() {
    assert_eq!(sweep(&[(4, 2.0), (1, 0.2), (8, 9.0), (2, 0.5)]).crossover(), Crossover::From(4));
}

#[test]
fn two_crossings_are_unclear() {
    let run = sweep(&[(1, 0.5), (2, 2.0), (4, 0.5), (8, 2.0)]);
    assert_eq!(run.crossover(), Crossover::Unclear(2, 8));
    let run = sweep(&[(1, 0.5), (2, 2.0), (4, 0.5)]);
    assert_eq!(run.crossover(), Crossover::Unclear(2, 4));
}

#[test]
fn noise_makes_a_crossover_unclear() {
    let mut run = sweep(&[(1, 0.5), (4, 2.0), (8, 3.0)]);
    run.point(2, 1.03, 1.0, 0.2);
    assert_eq!(run.crossover(), Crossover::Unclear(2, 4));
    let verdict =
        |run: &Run, shape: &str| run.rows().iter().find(|r| r.shape == shape).unwrap().verdict;
    assert_eq!(verdict(&run, "m=2"), Verdict::Ambiguous);
    let mut run = sweep(&[(1, 0.5), (4, 2.0)]);
    run.point(2, 9.0, 1.0, 0.3);
    assert_eq!(verdict(&run, "m=2"), Verdict::None);
    assert_eq!(run.crossover(), Crossover::Unclear(2, 4));
}

#[test]
fn a_missing_point_is_unclear() {
    let mut run = sweep(&[(1, 0.5), (4, 2.0), (8, 3.0)]);
    run.plan_point(2);
    assert_eq!(run.crossover(), Crossover::Unclear(2, 4));
    let mut run = sweep(&[(1, 2.0), (2, 2.0)]);
    run.plan_point(4);
    assert_eq!(run.crossover(), Crossover::Unclear(1, 4));
}

#[test]
fn suspect_and_failed_rows_stay_out() {
    let mut run = sweep(&[(1, 0.5), (2, 2.0)]);
    let gpu = run.records.iter_mut().find(|r| !r.device.is_cpu() && r.shape == "m=2").unwrap();
    gpu.outcome = Outcome::Suspect;
    assert_eq!(run.crossover(), Crossover::Unclear(2, 2));
    assert!(run.rows().iter().all(|r| r.shape == "m=1"));
}

#[test]
fn both_baselines_and_who_stands_for_the_cpu() {
    let mut run = sweep(&[(1, 4.0)]);
    let mut torch = record("m=1", "contender:pytorch:cpu", DeviceKind::Cpu, 2.0);
    torch.implementation = "pytorch".into();
    run.add(torch, 0.001);
    let mut clblast = record("m=1", "contender:clblast:opencl-0", DeviceKind::Cpu, 0.5);
    clblast.implementation = "clblast".into();
    run.add(clblast, 0.001);
    let rows = run.rows();
    let find = |baseline: Baseline, device: &str| {
        rows.iter().find(|r| r.baseline == baseline && r.device.as_str() == device)
    };
    let best = find(Baseline::Best, "opencl:0").unwrap();
    assert_eq!(best.cpu_device.as_str(), "contender:pytorch:cpu");
    assert!((best.speedup - 2.0).abs() < 0.01);
    assert_eq!(find(Baseline::Own, "opencl:0").unwrap().cpu_device, DeviceId::cpu());
    assert!(find(Baseline::Best, "contender:clblast:opencl-0").is_some());
    assert!(find(Baseline::Best, "contender:pytorch:cpu").is_none());
    let own = find(Baseline::Own, "contender:pytorch:cpu").unwrap();
    assert!((own.speedup - 2.0).abs() < 0.01 && own.crossover.is_none());
}

#[test]
fn old_rows_of_blocked_tensors_are_no_baseline_and_have_no_speedup() {
    let mut run = sweep(&[(1, 4.0)]);
    for (device, kind) in [("cpu", DeviceKind::Cpu), ("opencl:1", DeviceKind::Gpu)] {
        let mut blocked = record("m=1", device, kind, 0.1);
        blocked.implementation = "native-blocked".into();
        run.add(blocked, 0.001);
    }
    assert!(run.rows().iter().all(|r| r.device.as_str() == "opencl:0" && r.cpu_median_s == 4.0));
    assert_eq!(run.rows().len(), 2);
}

#[test]
fn lists_have_no_crossover() {
    let mut run = sweep(&[(1, 0.5), (2, 2.0)]);
    for row in &mut run.plan {
        row.axis.clear();
        row.axis_value = None;
    }
    assert_eq!(run.rows().len(), 4);
    assert!(run.rows().iter().all(|r| r.crossover.is_none()));
}

/// A point with both scopes; nothing is moved on the CPU.
fn moved(run: &mut Run, value: u64, [cpu, resident, with_transfers]: [f64; 3], noise: f64) {
    run.point(value, cpu, resident, noise);
    let shape = format!("m={value}");
    for (device, kind, median) in
        [("cpu", DeviceKind::Cpu, cpu), ("opencl:0", DeviceKind::Gpu, with_transfers)]
    {
        let row = record(&shape, device, kind, median);
        run.add(Record { scope: Scope::EndToEnd, ..row }, noise);
    }
}

fn all_rows(run: &Run) -> Vec<SummaryRow> {
    let rows = summarize_all(&run.plan, &run.records, &run.samples, Pairing::Paired);
    rows.into_iter().filter(|row| row.baseline == Baseline::Best).collect()
}

fn of_scope(rows: &[SummaryRow], scope: &str) -> Vec<SummaryRow> {
    rows.iter().filter(|row| row.scope.name() == scope).cloned().collect()
}

#[test]
fn transfers_are_paid_after_as_many_runs_as_they_take_over_what_one_saves() {
    let mut run = Run::new();
    // Saves 1 ms a run, and moves its data for 4 ms.
    moved(&mut run, 1, [2e-3, 1e-3, 5e-3], 0.01);
    // Is faster at once; is slower even without transfers; has nothing to move.
    moved(&mut run, 2, [9e-3, 1e-3, 5e-3], 0.0);
    moved(&mut run, 3, [1e-3, 2e-3, 5e-3], 0.0);
    moved(&mut run, 4, [2e-3, 1e-3, 0.9e-3], 0.0);
    let rows = all_rows(&run);
    let found = of_scope(&rows, "end_to_end");
    let Some(BreakEven::After(runs)) = found[0].break_even else { panic!("{:?}", found[0]) };
    assert!((runs - 4.0).abs() < 0.05, "{runs}");
    let ends = [found[0].break_even_low.unwrap(), found[0].break_even_high.unwrap()];
    assert!(ends[0] < BreakEven::After(runs) && BreakEven::After(runs) < ends[1], "{ends:?}");
    assert!(ends[0] > BreakEven::After(3.5) && ends[1] < BreakEven::After(4.5), "{ends:?}");
    let others = [1, 2, 3].map(|i| found[i].break_even.unwrap());
    assert_eq!(others, [BreakEven::After(1.0), BreakEven::Never, BreakEven::After(1.0)]);
    assert_eq!(others, [1, 2, 3].map(|i| found[i].break_even_high.unwrap()));
    // Only those that move something say what that costs.
    assert!(of_scope(&rows, "compute").iter().all(|row| row.break_even.is_none()));
    assert!(rows.iter().all(|row| row.derived == matches!(row.scope, Scope::Reused(_))));
}

#[test]
fn data_used_several_times_have_crossovers_of_their_own() {
    let mut run = Run::new();
    // What a run saves doubles from size to size, what transfers take does not.
    for (value, cpu) in [(1, 0.9e-3), (2, 1.2e-3), (4, 1.6e-3), (8, 5e-3)] {
        moved(&mut run, value, [cpu, 1e-3, 5e-3], 0.0);
    }
    let rows = all_rows(&run);
    let crossover = |scope| of_scope(&rows, scope)[0].crossover.unwrap();
    assert_eq!(crossover("compute"), Crossover::From(2));
    assert_eq!(crossover("reused:64"), Crossover::From(2));
    assert_eq!(crossover("reused:8"), Crossover::From(4));
    assert_eq!(crossover("end_to_end"), Crossover::Never);
    let eight = &of_scope(&rows, "reused:8")[3];
    assert!((eight.speedup - 5.0 / 1.5).abs() < 1e-9, "{eight:?}");
    assert!((eight.device_median_s - 1.5e-3).abs() < 1e-12 && eight.cpu_median_s == 5e-3);
    assert_eq!(eight.verdict, Verdict::Faster);
    // What is derived asks for no further rounds, and takes none away.
    assert!(!asks(eight));
    assert_eq!(run.rows().len(), rows.iter().filter(|row| !row.derived).count() * 2);
}

#[test]
fn where_one_scope_alone_was_measured_nothing_is_derived() {
    let mut run = Run::new();
    run.point(1, 2e-3, 1e-3, 0.0);
    assert!(all_rows(&run).iter().all(|row| !row.derived && row.break_even.is_none()));
}
