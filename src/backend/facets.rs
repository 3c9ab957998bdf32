//! What only some devices and some runners can do.

use super::Claim;
use crate::error::Result;
use crate::terms::Scope;

/// A buffer of a device that the host can map into its own memory.
pub trait Mappable {
    /// Writes the whole buffer from memory of the host's. Blocking.
    fn write(&self) -> Result<()>;

    /// Maps the whole buffer for reading, and unmaps it. Blocking.
    fn map(&self) -> Result<()>;
}

/// The facet of a runner whose every run changes what the next one starts from: parameters and the state
/// of an optimiser.
pub trait Training {
    /// Brings back parameters and state as they were before the first run. The call blocks until they
    /// are resident.
    fn restore(&mut self) -> Result<()>;

    /// Takes the next mini-batch and its labels, in place of those of the last run, and makes them
    /// resident; parameters and state stay. `batch` has the elements of the network's input, `labels`
    /// one class a sample, as whole numbers. The call blocks.
    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()>;
}

/// The facet of a runner that computes in another process, which alone can tell how long a run took.
pub trait Remote {
    /// Computes `iterations` times and returns what the other process says of the time of each. The
    /// caller holds that against its own clock.
    fn claim(&mut self, scope: Scope, iterations: u64) -> Result<Claim>;

    /// Waits until the other process takes no more time from other runners: until threads that spin for
    /// more work are asleep.
    fn settle(&mut self);
}

/// The facet of a runner whose runs consist of operations.
pub trait Parts {
    /// Computes once, operation by operation: each has ended before the next one begins. `after` hears of
    /// each when it has ended.
    fn run_in_parts(&mut self, after: &mut dyn FnMut(&Part)) -> Result<()>;

    /// From now on a run computes only the kernels that go by the tuned parameters of this name
    /// ([`Tunable::part`](super::tunable::Tunable::part)), on what the last whole run left; none brings
    /// whole runs back. The results of a narrowed run are of no use, its time is. `Error::Unsupported`
    /// where no kernel goes by tuned parameters.
    fn narrow(&mut self, parameters: Option<&str>) -> Result<()>;
}

/// A part of a run: one operation of a training step.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// What it does, such as `linear-forward`.
    pub operation: String,
    /// Seconds by the device's own clock, where it has one.
    pub device_s: Option<f64>,
    /// Nominal FLOP of its products.
    pub flop_count: u64,
}
