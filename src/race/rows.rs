//! What a race found, as rows of a run's folder.

use super::{Axis, Check, Command, SCOPE};
use crate::machine::DeviceEntry;
use crate::measure::Measured;
use crate::record::{Outcome, PlanRow, Record, SampleRow};
use crate::terms::{DeviceId, DeviceKind, Dtype};

/// The workload of all of them.
pub const WORKLOAD: &str = "race";

/// The sides by the options that they are given by.
pub const SIDES: [&str; 2] = ["cpu", "gpu"];

/// What runs on each device.
const IMPLEMENTATION: &str = "command";

/// The two devices, which are called by the commands.
pub fn devices(commands: &[Command; 2]) -> Vec<DeviceEntry> {
    let ids = [(DeviceId::cpu(), DeviceKind::Cpu), (DeviceId::race(), DeviceKind::Gpu)];
    let entry = |((id, kind), command): ((DeviceId, DeviceKind), &Command)| {
        DeviceEntry::new(id, kind, command.text(), WORKLOAD)
    };
    ids.into_iter().zip(commands).map(entry).collect()
}

/// plan.csv: the sizes, a sweep.
pub fn plan(axis: &Axis, sizes: &[u64]) -> Vec<PlanRow> {
    let row = |size: &u64| PlanRow {
        workload: WORKLOAD.to_string(),
        shape: axis.shape(*size),
        dtype: Dtype::default(),
        axis: axis.name().to_string(),
        axis_value: Some(*size),
        list: String::new(),
        layer: String::new(),
        repeat: 1,
    };
    sizes.iter().map(row).collect()
}

/// The rows of both sides at a size without results.
fn blank(run: &str, axis: &Axis, size: u64, commands: &[Command; 2]) -> Vec<Record> {
    let row = |device: DeviceEntry| Record {
        run: run.to_string(),
        workload: WORKLOAD.to_string(),
        shape: axis.shape(size),
        scope: SCOPE,
        device: device.id,
        device_kind: device.kind,
        device_name: device.name,
        backend: device.backend,
        implementation: IMPLEMENTATION.to_string(),
        timer: "wall".to_string(),
        ..Record::unmeasured()
    };
    devices(commands).into_iter().map(row).collect()
}

/// The rows of a size at which nothing could be measured.
pub fn failed(
    run: &str,
    axis: &Axis,
    size: u64,
    commands: &[Command; 2],
    why: &str,
) -> Vec<Record> {
    let mut records = blank(run, axis, size, commands);
    for record in &mut records {
        (record.outcome, record.reason) = (Outcome::Failed, why.to_string());
    }
    records
}

/// The rows of a size, and their samples.
pub fn measured(
    (run, check): (&str, Check),
    axis: &Axis,
    size: u64,
    commands: &[Command; 2],
    measured: &[Measured],
) -> (Vec<Record>, Vec<SampleRow>) {
    let mut records = blank(run, axis, size, commands);
    let mut samples = Vec::new();
    for (record, measured) in records.iter_mut().zip(measured) {
        if let Some(failure) = &measured.failure {
            (record.outcome, record.reason) = (Outcome::Failed, failure.clone());
        } else if record.take_times(&measured.wall_s()) {
            // Outputs agree, where that was asked.
            record.max_error_ratio = check.needs_output().then_some(0.0);
            let row = |s: &crate::measure::Sample| {
                SampleRow::of(record, Some(s.round), s.iterations, (s.wall_s, None))
            };
            samples.extend(measured.samples.iter().map(row));
        } else {
            record.outcome = Outcome::Skipped;
            record.reason = "interrupted before its first sample".to_string();
        }
    }
    (records, samples)
}
