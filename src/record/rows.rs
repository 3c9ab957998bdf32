//! The rows of all files but results.csv.

use serde::{Deserialize, Serialize};

use super::Record;
use crate::terms::{Cache, Scope};

/// One line of samples.csv. Profiling runs have an empty `round` and are no samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct SampleRow {
    pub workload: String,
    pub shape: String,
    pub dtype: String,
    pub cache: Cache,
    pub scope: Scope,
    pub device: String,
    pub implementation: String,
    pub threads: Option<u32>,
    pub round: Option<u64>,
    pub iterations: u64,
    pub wall_s: f64,
    pub device_s: Option<f64>,
}

/// One line of plan.csv: a shape's membership in one sweep or list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct PlanRow {
    pub workload: String,
    pub shape: String,
    pub dtype: String,
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
    pub dtype: String,
    pub cache: Cache,
    pub scope: Scope,
    pub baseline: String,
    pub cpu_device: String,
    pub cpu_implementation: String,
    pub device: String,
    pub implementation: String,
    pub cpu_median_s: f64,
    pub device_median_s: f64,
    pub speedup: f64,
    pub speedup_low: f64,
    pub speedup_high: f64,
    pub pairing: String,
    pub verdict: String,
    pub crossover: String,
}

/// One line of breakdown.csv: an operation of a profiled run, all its calls together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct BreakdownRow {
    pub workload: String,
    pub shape: String,
    pub dtype: String,
    pub device: String,
    pub implementation: String,
    pub operation: String,
    pub calls: u64,
    pub wall_s: f64,
    pub device_s: Option<f64>,
    pub flop_count: u64,
    pub bytes_moved: Option<u64>,
}

impl BreakdownRow {
    /// Whether it tells of the runner of a row.
    pub fn is_of(&self, r: &Record) -> bool {
        let own = [&self.workload, &self.shape, &self.dtype, &self.device, &self.implementation];
        own == [&r.workload, &r.shape, &r.dtype, &r.device, &r.implementation]
    }
}

/// One line of tuning.csv: a point that a search tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct TuningRow {
    pub device: String,
    pub kernel: String,
    pub shape_class: String,
    pub parameters: String,
    pub outcome: String,
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
    pub dtype: String,
    pub cache: Cache,
    pub scope: Scope,
    pub device: String,
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
    pub dtype: String,
    pub cache: Cache,
    pub scope: Scope,
    pub implementation: String,
    pub run_a: String,
    pub device_a: String,
    pub run_b: String,
    pub device_b: String,
    pub median_a_s: f64,
    pub median_b_s: f64,
    pub ratio: f64,
    pub ratio_low: f64,
    pub ratio_high: f64,
    pub verdict: String,
    pub mismatch: String,
}
