//! The golden trajectories on every device that trains step by step: a part of `crossover verify`.

use crate::backend::{Device, retrained};
use crate::error::Error;
use crate::network::{self, Network, Tolerance, Trajectory};
use crate::plan::Case;
use crate::record::{Outcome, Record};
use crate::session;
use crate::terms::{Cache, Dtype};
use crate::workload;

/// The word in `notes` of a row that stands for a golden trajectory.
const GOLDEN: &str = "golden";

/// The golden trajectories of a network, one after the other.
pub fn trajectories(network: &Network) -> Vec<Trajectory> {
    network::golden().into_iter().filter(|golden| golden.network == network.name).collect()
}

/// Whether a device may train step by step: contenders are asked for one step only.
pub fn can_train(device: &dyn Device) -> bool {
    !device.entry().id.is_contender()
}

/// How an implementation fared.
#[derive(Default)]
pub struct Tally {
    right: usize,
    worst: f64,
    unsupported: Option<String>,
    failures: Vec<String>,
}

impl Tally {
    /// Trains as the golden run did. The row's `max_error_ratio` is the largest difference as a share
    /// of what is accepted.
    pub fn train(
        &mut self,
        device: &dyn Device,
        implementation: &str,
        golden: &Trajectory,
    ) -> Result<Record, Error> {
        let (network, shape) = golden.setting()?;
        let workload = workload::of_network(&network)?;
        let (dtype, cache, rows, skip) = (Dtype::F32, Cache::Hot, Vec::new(), None);
        let case = Case { workload, shape, dtype, cache, rows, skip };
        let scope = workload.scopes()[0];
        let mut record = session::blank("", &case, device.entry(), implementation, scope);
        record.note(GOLDEN);
        let reason = match retrained(device, implementation, golden) {
            Ok(found) => {
                let (distance, what) = found.distance(golden, Tolerance::F32);
                record.max_error_ratio = Some(distance).filter(|d| d.is_finite());
                if distance <= 1.0 {
                    self.right += 1;
                    self.worst = self.worst.max(distance);
                    return Ok(record);
                }
                format!("{what} is {distance:.3} of what is accepted away from the golden run")
            }
            Err(Error::Unsupported(reason)) => {
                record.outcome = Outcome::Unsupported;
                record.reason.clone_from(&reason);
                self.unsupported = Some(reason);
                return Ok(record);
            }
            Err(error) => error.to_string(),
        };
        record.outcome = Outcome::Failed;
        record.reason.clone_from(&reason);
        self.failures.push(format!("{}, seed {}: {reason}", case.shape, golden.seed));
        Ok(record)
    }

    /// Whether nothing was wrong.
    pub fn is_well(&self) -> bool {
        self.failures.is_empty()
    }

    /// Prints a line, and one for each failure.
    pub fn print(&self, workload: &str, device: &str, implementation: &str) {
        let word = if self.is_well() { "ok    " } else { "WRONG " };
        let unsupported = self.unsupported.iter().map(|reason| format!(", unsupported ({reason})"));
        out!(
            "{word} {workload} {device} {implementation}: {} golden trajectories, at most {:.3} of \
             what is accepted away{}",
            self.right,
            self.worst,
            unsupported.collect::<String>()
        );
        self.failures.iter().for_each(|failure| out!("       {failure}"));
    }
}
