//! The rows of all files but results.csv.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use super::Record;
use crate::stats::Pairing;
use crate::terms::{
    Baseline, BreakEven, Cache, CaseKey, Cased, Crossover, DeviceId, Dtype, FloorKind, Keyed,
    RowKey, Scope, Verdict, cased, keyed,
};

/// One line of samples.csv. Profiling runs have an empty `round` and are no samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct SampleRow {
    pub workload: String,
    pub shape: String,
    pub dtype: Dtype,
    pub cache: Cache,
    pub scope: Scope,
    pub device: DeviceId,
    pub implementation: String,
    pub threads: Option<u32>,
    pub round: Option<u64>,
    pub iterations: u64,
    pub wall_s: f64,
    pub device_s: Option<f64>,
}

impl SampleRow {
    /// A sample of a row: seconds by the wall clock and by the device's.
    pub fn of(
        record: &Record,
        round: Option<u64>,
        iterations: u64,
        (wall_s, device_s): (f64, Option<f64>),
    ) -> SampleRow {
        SampleRow {
            workload: record.workload.clone(),
            shape: record.shape.clone(),
            dtype: record.dtype,
            cache: record.cache,
            scope: record.scope,
            device: record.device.clone(),
            implementation: record.implementation.clone(),
            threads: record.threads,
            round,
            iterations,
            wall_s,
            device_s,
        }
    }
}

/// Seconds of one row of results.csv by the rounds they were sampled in.
pub type Seconds = BTreeMap<u64, f64>;

/// The times of each row. Profiling runs are no samples.
pub fn by_row(samples: &[SampleRow]) -> HashMap<RowKey<'_>, Seconds> {
    let mut rows: HashMap<RowKey<'_>, Seconds> = HashMap::new();
    for sample in samples {
        if let Some(round) = sample.round {
            rows.entry(sample.key()).or_default().insert(round, sample.wall_s);
        }
    }
    rows
}

/// One line of plan.csv: a shape's membership in one sweep or list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct PlanRow {
    pub workload: String,
    pub shape: String,
    pub dtype: Dtype,
    pub axis: String,
    pub axis_value: Option<u64>,
    pub list: String,
    pub layer: String,
    pub repeat: u64,
}

/// One line of summary.csv: a device set against a CPU baseline at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct SummaryRow {
    pub workload: String,
    pub axis: String,
    pub shape: String,
    pub dtype: Dtype,
    pub cache: Cache,
    pub scope: Scope,
    pub baseline: Baseline,
    pub cpu_device: DeviceId,
    pub cpu_implementation: String,
    pub device: DeviceId,
    pub implementation: String,
    pub cpu_median_s: f64,
    pub device_median_s: f64,
    pub speedup: f64,
    pub speedup_low: f64,
    pub speedup_high: f64,
    pub pairing: Pairing,
    pub verdict: Verdict,
    pub crossover: Option<Crossover>,
    #[serde(default)]
    pub derived: bool,
    #[serde(default)]
    pub break_even: Option<BreakEven>,
    #[serde(default)]
    pub break_even_low: Option<BreakEven>,
    #[serde(default)]
    pub break_even_high: Option<BreakEven>,
}

/// One line of breakdown.csv: an operation of a profiled run, all its calls together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct BreakdownRow {
    pub workload: String,
    pub shape: String,
    pub dtype: Dtype,
    pub device: DeviceId,
    pub implementation: String,
    pub operation: String,
    pub calls: u64,
    pub wall_s: f64,
    pub device_s: Option<f64>,
    pub flop_count: u64,
    pub bytes_moved: Option<u64>,
}

/// Runs are taken apart on hot caches.
impl Cased for BreakdownRow {
    fn case(&self) -> CaseKey<'_> {
        CaseKey {
            workload: &self.workload,
            shape: &self.shape,
            dtype: self.dtype,
            cache: Cache::Hot,
        }
    }
}

impl BreakdownRow {
    /// Whether it tells of the runner of a row.
    pub fn is_of(&self, r: &Record) -> bool {
        self.case() == r.case()
            && (&self.device, &self.implementation) == (&r.device, &r.implementation)
    }
}

/// How a point of a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TrialOutcome {
    /// Verified and timed.
    Measured,
    /// Its first run took far too long.
    Slow,
    /// It does not compile, or the device refuses it.
    Refused,
    /// Its result is wrong.
    Wrong,
    /// It hung, crashed or compiled for too long: it is never tried again.
    Poison,
    /// Of the last race, which decides.
    Final,
}

/// One line of tuning.csv: a point that a search tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct TuningRow {
    pub device: DeviceId,
    pub kernel: String,
    pub shape_class: String,
    pub parameters: String,
    pub outcome: TrialOutcome,
    pub reason: String,
    pub wall_s: Option<f64>,
    pub flop_per_s: Option<f64>,
    pub at_s: f64,
}

/// One line of noise.csv: a row measured twice, which should be as fast as itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct NoiseRow {
    pub workload: String,
    pub shape: String,
    pub dtype: Dtype,
    pub cache: Cache,
    pub scope: Scope,
    pub device: DeviceId,
    pub implementation: String,
    pub median_a_s: f64,
    pub median_b_s: f64,
    pub ratio: f64,
    pub ratio_low: f64,
    pub ratio_high: f64,
    pub floor: f64,
}

/// One line of comparison.csv: two runs at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct ComparisonRow {
    pub workload: String,
    pub shape: String,
    pub dtype: Dtype,
    pub cache: Cache,
    pub scope: Scope,
    pub implementation: String,
    pub run_a: String,
    pub device_a: DeviceId,
    pub run_b: String,
    pub device_b: DeviceId,
    pub median_a_s: f64,
    pub median_b_s: f64,
    pub ratio: f64,
    pub ratio_low: f64,
    pub ratio_high: f64,
    pub machine_low: Option<f64>,
    pub machine_high: Option<f64>,
    pub rest_low: f64,
    pub rest_high: f64,
    pub floor: Option<f64>,
    pub floor_kind: Option<FloorKind>,
    pub verdict: Verdict,
    pub mismatch: String,
    pub rest: f64,
}

keyed!(SampleRow, SummaryRow, NoiseRow);
cased!(ComparisonRow);
