//! Runs taken apart into their operations.

use super::{Choice, Session};
use crate::backend::Runner;
use crate::measure;
use crate::plan::Case;
use crate::record::BreakdownRow;

impl Session<'_> {
    /// The rows of a runner that knows its parts. It has its times by now: one that fails here has no
    /// breakdown, and nothing else is lost.
    pub(super) fn profiled(
        &self,
        case: &Case,
        choice: &Choice,
        runner: &mut dyn Runner,
    ) -> Vec<BreakdownRow> {
        let parts = measure::profile(runner, self.clock).unwrap_or_default();
        let row = |part: measure::PartTime| BreakdownRow {
            workload: case.workload.name().to_string(),
            shape: case.shape.to_string(),
            dtype: case.dtype.name().to_string(),
            device: self.devices[choice.device].entry().id.clone(),
            implementation: choice.implementation.clone(),
            operation: part.operation,
            calls: part.calls,
            wall_s: part.wall_s,
            device_s: part.device_s,
            flop_count: part.flop_count,
            bytes_moved: None,
        };
        parts.into_iter().map(row).collect()
    }
}
