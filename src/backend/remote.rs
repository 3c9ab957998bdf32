//! What a runner can do besides where it computes in another process.

use super::Claim;
use crate::error::Result;
use crate::terms::Scope;

/// The facet of a runner that computes in another process, which alone can tell how long a run took.
pub trait Remote {
    /// Computes `iterations` times and returns what the other process says of the time of each. The
    /// caller holds that against its own clock.
    fn claim(&mut self, scope: Scope, iterations: u64) -> Result<Claim>;

    /// Waits until the other process takes no more time from other runners: until threads that spin for
    /// more work are asleep.
    fn settle(&mut self);
}
