//! What a runner can do besides where its runs are steps of a training.

use crate::error::Result;

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
