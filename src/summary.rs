//! From rows to answers: every device set against the CPU, verdicts, and the size from which on it
//! wins. Pure: records in, rows out.

use std::collections::HashMap;

use crate::record::{DeviceKind, PlanRow, Record, SampleRow, SummaryRow};
use crate::stats::{self, Pairing};
use crate::workload::{Cache, Scope};

/// Noise over which a row gets no verdict.
const NO_VERDICT_NOISE: f64 = 0.25;

/// Ends of the interval that make a verdict.
const FASTER: f64 = 1.01;
const SLOWER: f64 = 0.99;
const SAME: (f64, f64) = (0.98, 1.02);

/// Who stands for the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Baseline {
    /// The fastest row of the CPU side, contenders included.
    Best,
    /// The fastest row of our own.
    Own,
}

impl Baseline {
    const ALL: [Baseline; 2] = [Baseline::Best, Baseline::Own];

    fn name(self) -> &'static str {
        match self {
            Baseline::Best => "best",
            Baseline::Own => "own",
        }
    }

    fn admits(self, record: &Record) -> bool {
        is_cpu_side(record) && (self == Baseline::Best || record.device == "cpu")
    }

    /// Whether `record` is set against this baseline.
    fn faces(self, record: &Record) -> bool {
        !is_cpu_side(record) || (self == Baseline::Own && record.device != "cpu")
    }
}

/// Device `cpu`, and contenders on the CPU unless they drive an OpenCL device (`opencl-N`).
fn is_cpu_side(record: &Record) -> bool {
    if record.device == "cpu" {
        return true;
    }
    let mut parts = record.device.splitn(3, ':');
    let contender = parts.next() == Some("contender");
    let id = parts.nth(1).unwrap_or_default();
    contender && record.device_kind == DeviceKind::Cpu && !id.starts_with("opencl-")
}

fn is_blocked(record: &Record) -> bool {
    record.implementation.ends_with("-blocked")
}

/// What a verdict counts as in the search for a crossover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    Faster,
    Slower,
    Unclear,
}

impl Point {
    fn of(verdict: &str) -> Point {
        match verdict {
            "faster" => Point::Faster,
            "slower" | "same" => Point::Slower,
            _ => Point::Unclear,
        }
    }
}

/// The samples of one row, by round.
#[derive(Default)]
struct Samples {
    by_round: HashMap<u64, f64>,
}

/// Key of a row's samples.
type Key<'a> = (&'a str, &'a str, &'a str, Cache, Scope, &'a str, &'a str);

fn key_of(r: &Record) -> Key<'_> {
    (&r.workload, &r.shape, &r.dtype, r.cache, r.scope, &r.device, &r.implementation)
}

fn group(samples: &[SampleRow]) -> HashMap<Key<'_>, Samples> {
    let mut groups: HashMap<Key<'_>, Samples> = HashMap::new();
    for s in samples {
        let key: Key<'_> =
            (&s.workload, &s.shape, &s.dtype, s.cache, s.scope, &s.device, &s.implementation);
        if let Some(round) = s.round {
            groups.entry(key).or_default().by_round.insert(round, s.wall_s);
        }
    }
    groups
}

/// Which shapes make one sweep (or, without an axis, lines that belong to none).
struct Series<'a> {
    workload: &'a str,
    dtype: &'a str,
    axis: &'a str,
    /// Axis value and shape, ascending.
    points: Vec<(u64, &'a str)>,
}

fn series(plan: &[PlanRow]) -> Vec<Series<'_>> {
    let mut all: Vec<Series<'_>> = Vec::new();
    for row in plan {
        let same = |s: &&mut Series<'_>| {
            s.workload == row.workload && s.axis == row.axis && s.dtype == row.dtype
        };
        let point = (row.axis_value.unwrap_or(0), row.shape.as_str());
        match all.iter_mut().find(same) {
            Some(series) if series.points.contains(&point) => {}
            Some(series) => series.points.push(point),
            None => all.push(Series {
                workload: &row.workload,
                dtype: &row.dtype,
                axis: &row.axis,
                points: vec![point],
            }),
        }
    }
    for series in &mut all {
        // A stable sort: the lines of a list keep their order.
        series.points.sort_by_key(|(value, _)| *value);
    }
    all
}

/// All rows of summary.csv. `pairing` says how the run was sampled.
pub fn summarize(
    plan: &[PlanRow],
    records: &[Record],
    samples: &[SampleRow],
    pairing: Pairing,
) -> Vec<SummaryRow> {
    let samples = group(samples);
    let mut rows = Vec::new();
    for series in series(plan) {
        for (cache, scope, baseline) in settings(records) {
            for (device, implementation) in opponents(records, &series, baseline) {
                let lane = Lane { series: &series, cache, scope, baseline, device, implementation };
                rows.extend(lane.rows(records, &samples, pairing));
            }
        }
    }
    rows
}

/// Every cache state and scope in the records, with both baselines.
fn settings(records: &[Record]) -> Vec<(Cache, Scope, Baseline)> {
    let mut found: Vec<(Cache, Scope)> = Vec::new();
    for r in records {
        if !found.contains(&(r.cache, r.scope)) {
            found.push((r.cache, r.scope));
        }
    }
    found.sort_by_key(|(cache, scope)| (cache.name(), *scope));
    found.into_iter().flat_map(|(c, s)| Baseline::ALL.map(|b| (c, s, b))).collect()
}

fn opponents<'a>(
    records: &'a [Record],
    series: &Series<'_>,
    baseline: Baseline,
) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for r in records {
        let lane = (r.device.as_str(), r.implementation.as_str());
        let here = r.workload == series.workload && r.dtype == series.dtype;
        if here && baseline.faces(r) && !found.contains(&lane) {
            found.push(lane);
        }
    }
    found
}

/// One device and implementation against one baseline along one series.
struct Lane<'a> {
    series: &'a Series<'a>,
    cache: Cache,
    scope: Scope,
    baseline: Baseline,
    device: &'a str,
    implementation: &'a str,
}

impl Lane<'_> {
    fn rows(
        &self,
        records: &[Record],
        samples: &HashMap<Key<'_>, Samples>,
        pairing: Pairing,
    ) -> Vec<SummaryRow> {
        let compared: Vec<Option<SummaryRow>> = self
            .series
            .points
            .iter()
            .map(|p| self.compare(records, samples, pairing, p.1))
            .collect();
        let points: Vec<(u64, Point)> = self
            .series
            .points
            .iter()
            .zip(&compared)
            .map(|((value, _), row)| {
                (*value, row.as_ref().map_or(Point::Unclear, |r| Point::of(&r.verdict)))
            })
            .collect();
        let mut rows: Vec<SummaryRow> = compared.into_iter().flatten().collect();
        let own_side = rows.iter().any(|r| r.device.starts_with("contender:"))
            && self.baseline == Baseline::Own
            && records.iter().any(|r| r.device == self.device && is_cpu_side(r));
        if !self.series.axis.is_empty() && !own_side {
            let crossover = crossover(&points);
            rows.iter_mut().for_each(|r| r.crossover.clone_from(&crossover));
        }
        rows
    }

    fn compare(
        &self,
        records: &[Record],
        samples: &HashMap<Key<'_>, Samples>,
        pairing: Pairing,
        shape: &str,
    ) -> Option<SummaryRow> {
        let here = |r: &&Record| {
            r.workload == self.series.workload
                && r.dtype == self.series.dtype
                && r.shape == shape
                && (r.cache, r.scope) == (self.cache, self.scope)
                && r.counts()
        };
        let device = records
            .iter()
            .filter(here)
            .find(|r| r.device == self.device && r.implementation == self.implementation)?;
        let cpu = records
            .iter()
            .filter(here)
            .filter(|r| self.baseline.admits(r) && is_blocked(r) == is_blocked(device))
            .min_by(|a, b| median(a).total_cmp(&median(b)))?;
        let apart = [device, cpu].iter().any(|r| r.has_note("not-interleaved"));
        let pairing = if apart { Pairing::Unpaired } else { pairing };
        let (cpu_s, device_s) = aligned(samples.get(&key_of(cpu))?, samples.get(&key_of(device))?);
        let ratio = stats::ratio(&cpu_s, &device_s, pairing)?;
        let noise = [cpu, device].iter().filter_map(|r| r.noise).fold(0.0, f64::max);
        Some(SummaryRow {
            workload: self.series.workload.to_string(),
            axis: self.series.axis.to_string(),
            shape: shape.to_string(),
            dtype: self.series.dtype.to_string(),
            cache: self.cache,
            scope: self.scope,
            baseline: self.baseline.name().to_string(),
            cpu_device: cpu.device.clone(),
            cpu_implementation: cpu.implementation.clone(),
            device: device.device.clone(),
            implementation: device.implementation.clone(),
            cpu_median_s: cpu.wall_median_s?,
            device_median_s: device.wall_median_s?,
            speedup: ratio.value,
            speedup_low: ratio.low,
            speedup_high: ratio.high,
            pairing: if pairing == Pairing::Paired { "paired" } else { "unpaired" }.to_string(),
            verdict: verdict(ratio.low, ratio.high, noise).to_string(),
            crossover: String::new(),
        })
    }
}

/// A row's median; a row without one is never the fastest.
fn median(record: &Record) -> f64 {
    record.wall_median_s.unwrap_or(f64::INFINITY)
}

/// The rounds that both sides have, in order.
fn aligned(a: &Samples, b: &Samples) -> (Vec<f64>, Vec<f64>) {
    let mut rounds: Vec<u64> =
        a.by_round.keys().copied().filter(|round| b.by_round.contains_key(round)).collect();
    rounds.sort_unstable();
    let pick = |s: &Samples| rounds.iter().map(|round| s.by_round[round]).collect();
    (pick(a), pick(b))
}

fn verdict(low: f64, high: f64, noise: f64) -> &'static str {
    if noise > NO_VERDICT_NOISE {
        "none"
    } else if low > FASTER {
        "faster"
    } else if high < SLOWER {
        "slower"
    } else if low >= SAME.0 && high <= SAME.1 {
        "same"
    } else {
        "ambiguous"
    }
}

/// The crossover of a sweep, from its points in ascending order.
fn crossover(points: &[(u64, Point)]) -> String {
    let is = |kind: Point| move |p: &(u64, Point)| p.1 == kind;
    let Some((last, _)) = points.last() else { return String::new() };
    if points.iter().all(is(Point::Faster)) {
        return "<=first".to_string();
    }
    if points.iter().all(is(Point::Slower)) {
        return ">last".to_string();
    }
    let slower = points.iter().take_while(|p| p.1 == Point::Slower).count();
    // First point from which on all are faster.
    let faster = points.len() - points.iter().rev().take_while(|p| p.1 == Point::Faster).count();
    if slower == faster && faster < points.len() {
        return points[faster].0.to_string();
    }
    let high = points.get(faster).map_or(*last, |p| p.0);
    format!("unclear:{}-{high}", points[slower].0)
}

/// The axis values on both sides of a crossover that could be narrowed down: the last point before
/// it and the first after it.
pub fn bracket(crossover: &str, values: &[u64]) -> Option<(u64, u64)> {
    let (low, high) = match crossover.strip_prefix("unclear:") {
        Some(range) => {
            let (low, high) = range.split_once('-')?;
            (low.parse().ok()?, high.parse().ok()?)
        }
        None => {
            let at: u64 = crossover.parse().ok()?;
            (values.iter().copied().filter(|v| *v < at).max()?, at)
        }
    };
    (low < high).then_some((low, high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Outcome, SCHEMA};

    /// A run with one CPU and one GPU row per point; `times` holds their medians.
    struct Run {
        plan: Vec<PlanRow>,
        records: Vec<Record>,
        samples: Vec<SampleRow>,
    }

    fn record(shape: &str, device: &str, kind: DeviceKind, median: f64) -> Record {
        Record {
            schema: SCHEMA,
            run: "r".into(),
            workload: "gemm".into(),
            shape: shape.into(),
            dtype: "f32".into(),
            cache: Cache::Hot,
            scope: Scope::Compute,
            device: device.into(),
            device_kind: kind,
            device_name: device.into(),
            backend: "test".into(),
            implementation: "test".into(),
            threads: None,
            tuned: String::new(),
            outcome: Outcome::Measured,
            reason: String::new(),
            notes: String::new(),
            timer: "wall".into(),
            max_error_ratio: Some(0.1),
            samples: Some(20),
            wall_median_s: Some(median),
            wall_low_s: Some(median),
            wall_high_s: Some(median),
            wall_min_s: Some(median),
            wall_mad_s: Some(0.0),
            device_median_s: None,
            build_s: None,
            parameters: None,
            flop_count: 1,
            flop_exact: 1,
            bytes_moved: 1,
            scratch_bytes: None,
            flop_per_s: None,
            bytes_per_s: None,
            compute_roof_fraction: None,
            memory_roof_fraction: None,
            noise: Some(0.01),
            energy_j: None,
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
                let phase = round * 7 + record.device.len() as u64 * 3;
                let wave = ((phase % 20) as f64 - 9.5) / 9.5;
                self.samples.push(SampleRow {
                    workload: record.workload.clone(),
                    shape: record.shape.clone(),
                    dtype: "f32".into(),
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
                dtype: "f32".into(),
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

        fn crossover(&self) -> String {
            let rows = self.rows();
            assert!(rows.iter().all(|r| r.crossover == rows[0].crossover));
            rows[0].crossover.clone()
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
        assert_eq!(sweep(&[(1, 2.0), (2, 3.0), (4, 4.0)]).crossover(), "<=first");
        assert_eq!(sweep(&[(1, 0.2), (2, 0.3), (4, 0.4)]).crossover(), ">last");
        assert_eq!(sweep(&[(1, 0.2), (2, 0.5), (4, 2.0), (8, 9.0)]).crossover(), "4");
        // "same" counts as slower.
        assert_eq!(sweep(&[(1, 0.2), (2, 1.0), (4, 2.0)]).crossover(), "4");
    }

    #[test]
    fn the_order_of_the_plan_does_not_matter() {
        assert_eq!(sweep(&[(4, 2.0), (1, 0.2), (8, 9.0), (2, 0.5)]).crossover(), "4");
    }

    #[test]
    fn two_crossings_are_unclear() {
        let run = sweep(&[(1, 0.5), (2, 2.0), (4, 0.5), (8, 2.0)]);
        assert_eq!(run.crossover(), "unclear:2-8");
        let run = sweep(&[(1, 0.5), (2, 2.0), (4, 0.5)]);
        assert_eq!(run.crossover(), "unclear:2-4");
    }

    #[test]
    fn noise_makes_a_crossover_unclear() {
        let mut run = sweep(&[(1, 0.5), (4, 2.0), (8, 3.0)]);
        run.point(2, 1.03, 1.0, 0.2);
        assert_eq!(run.crossover(), "unclear:2-4");
        let verdict = |run: &Run, shape: &str| {
            run.rows().iter().find(|r| r.shape == shape).unwrap().verdict.clone()
        };
        assert_eq!(verdict(&run, "m=2"), "ambiguous");
        let mut run = sweep(&[(1, 0.5), (4, 2.0)]);
        run.point(2, 9.0, 1.0, 0.3);
        assert_eq!(verdict(&run, "m=2"), "none");
        assert_eq!(run.crossover(), "unclear:2-4");
    }

    #[test]
    fn a_missing_point_is_unclear() {
        let mut run = sweep(&[(1, 0.5), (4, 2.0), (8, 3.0)]);
        run.plan_point(2);
        assert_eq!(run.crossover(), "unclear:2-4");
        let mut run = sweep(&[(1, 2.0), (2, 2.0)]);
        run.plan_point(4);
        assert_eq!(run.crossover(), "unclear:1-4");
    }

    #[test]
    fn suspect_and_failed_rows_stay_out() {
        let mut run = sweep(&[(1, 0.5), (2, 2.0)]);
        let gpu = run.records.iter_mut().find(|r| r.device != "cpu" && r.shape == "m=2").unwrap();
        gpu.outcome = Outcome::Suspect;
        assert_eq!(run.crossover(), "unclear:2-2");
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
        let find = |baseline: &str, device: &str| {
            rows.iter().find(|r| r.baseline == baseline && r.device == device)
        };
        let best = find("best", "opencl:0").unwrap();
        assert_eq!(best.cpu_device, "contender:pytorch:cpu");
        assert!((best.speedup - 2.0).abs() < 0.01);
        assert_eq!(find("own", "opencl:0").unwrap().cpu_device, "cpu");
        assert!(find("best", "contender:clblast:opencl-0").is_some());
        assert!(find("best", "contender:pytorch:cpu").is_none());
        let own = find("own", "contender:pytorch:cpu").unwrap();
        assert!((own.speedup - 2.0).abs() < 0.01 && own.crossover.is_empty());
    }

    #[test]
    fn blocked_rows_face_only_blocked_rows() {
        let mut run = sweep(&[(1, 4.0)]);
        let mut blocked = record("m=1", "cpu", DeviceKind::Cpu, 0.1);
        blocked.implementation = "native-blocked".into();
        run.add(blocked, 0.001);
        assert_eq!(run.rows().iter().find(|r| r.device == "opencl:0").unwrap().cpu_median_s, 4.0);
    }

    #[test]
    fn lists_have_no_crossover() {
        let mut run = sweep(&[(1, 0.5), (2, 2.0)]);
        for row in &mut run.plan {
            row.axis.clear();
            row.axis_value = None;
        }
        assert_eq!(run.rows().len(), 4);
        assert!(run.rows().iter().all(|r| r.crossover.is_empty()));
    }

    #[test]
    fn brackets_for_bisection() {
        let values = [128, 256, 512];
        assert_eq!(bracket("256", &values), Some((128, 256)));
        assert_eq!(bracket("unclear:128-512", &values), Some((128, 512)));
        assert_eq!(bracket(">last", &values), None);
        assert_eq!(bracket("<=first", &values), None);
        assert_eq!(bracket("unclear:512-512", &values), None);
        assert_eq!(bracket("", &values), None);
    }

    #[test]
    fn verdicts_at_their_borders() {
        assert_eq!(verdict(1.02, 1.5, 0.0), "faster");
        assert_eq!(verdict(0.5, 0.98, 0.0), "slower");
        assert_eq!(verdict(0.985, 1.015, 0.0), "same");
        assert_eq!(verdict(0.95, 1.05, 0.1), "ambiguous");
        assert_eq!(verdict(5.0, 6.0, 0.26), "none");
    }
}
