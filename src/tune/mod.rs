//! The tuner: searches kernel parameters on the real device, and keeps what is best.
//!
//! | file | holds |
//! | --- | --- |
//! | `search.rs` | the search: seeds, a random sample, steps from the best, a last race |
//! | `walk.rs` | points of a space: random ones, neighbours |
//! | `bench.rs` | builds, verifies and times points in a child process, with limits |
//! | `child.rs` | the child |
//! | `deny_list.rs` | points that hang or crash a device, never tried again |

mod bench;
mod child;
mod deny_list;
mod search;
#[cfg(test)]
mod tests;
mod walk;

pub use bench::{Bench, Limits};
pub use child::answer_if_asked;
pub use deny_list::DenyList;
pub use search::{Evaluator, Progress, Rejection, Search, Trial, Watcher};
