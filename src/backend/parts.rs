//! What a runner can do besides where its runs consist of operations that can be told apart.

use crate::error::Result;

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
