//! Training steps as users of networks count: samples, memory, epochs.

use crate::network::Memory;
use crate::record::Record;
use crate::units;
use crate::workload;

use super::super::epoch::DataSet;
use super::super::names;
use super::{Subject, Tables, range};

/// The training steps of one workload.
#[derive(Default)]
pub struct TrainingTable {
    /// Heads of the columns of epochs: name and samples of a data set.
    pub epochs: Vec<(String, String)>,
    /// One a row that was measured.
    pub lines: Vec<TrainingLine>,
}

/// One training step.
pub struct TrainingLine {
    pub subject: Subject,
    /// So many a second, as the three that follow.
    pub steps: String,
    pub samples: String,
    pub flops: String,
    pub bytes: String,
    /// How many are trainable.
    pub parameters: String,
    pub parameter_bytes: String,
    pub optimizer_state: String,
    /// What the forward pass stores.
    pub activations: String,
    /// All that with the gradients.
    pub memory: String,
    /// Bytes of scratch, by the implementation.
    pub scratch: String,
    /// Time of an epoch and its interval, for each data set.
    pub epochs: Vec<(String, String)>,
}

impl Tables<'_> {
    /// The training steps of a workload; none where it is another.
    pub(super) fn training(&self, workload: &str) -> TrainingTable {
        let rows = self.input.records.iter().filter(|r| r.workload == workload && r.counts());
        let lines: Vec<TrainingLine> = rows.filter_map(|r| self.training_line(r)).collect();
        if lines.is_empty() {
            return TrainingTable::default();
        }
        let head = |set: &DataSet| {
            let samples = format!("{} samples", names::count(set.samples));
            if set.name.is_empty() {
                ("Epoch".to_string(), samples)
            } else {
                (format!("Epoch, {}", set.name), samples)
            }
        };
        TrainingTable { epochs: self.data_sets.iter().map(head).collect(), lines }
    }

    fn training_line(&self, r: &Record) -> Option<TrainingLine> {
        let known = workload::find(&r.workload).ok()?;
        let network = known.network()?;
        let shape = known.shape(&r.shape).ok().filter(|s| known.validate(s).is_ok())?;
        let median = r.wall_median_s.filter(|s| s.is_finite() && *s > 0.0)?;
        let batch = shape.get("batch");
        let memory = Memory::of(&(network.graph)(&shape));
        let epoch = |set: &DataSet| {
            let steps = set.steps(batch) as f64;
            let interval = r.wall_low_s.zip(r.wall_high_s);
            let interval = interval.map(|(low, high)| range(steps * low, steps * high));
            (units::seconds(steps * median), interval.unwrap_or_default())
        };
        let rate = |value: Option<f64>, show: fn(f64) -> String| {
            value.filter(|v| *v > 0.0).map(show).unwrap_or_default()
        };
        let bytes = |bytes: u64| units::bytes(bytes as f64);
        Some(TrainingLine {
            subject: self.subject(r),
            steps: units::significant(1.0 / median),
            samples: units::significant(batch as f64 / median),
            flops: rate(r.flop_per_s, units::flop_per_s),
            bytes: rate(r.bytes_per_s, units::bytes_per_s),
            parameters: r.parameters.map(|p| p.to_string()).unwrap_or_default(),
            parameter_bytes: bytes(memory.parameters),
            optimizer_state: bytes(memory.optimizer_state),
            activations: bytes(memory.activations),
            memory: bytes(memory.total()),
            scratch: r.scratch_bytes.map(bytes).unwrap_or_default(),
            epochs: self.data_sets.iter().map(epoch).collect(),
        })
    }
}
