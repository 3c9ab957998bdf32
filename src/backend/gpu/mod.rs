//! What any API for GPUs can use: recipes of kernels, their tuned parameters, the geometry of their tiles.
//! Nothing here knows an API.
//!
//! | file | holds |
//! | --- | --- |
//! | `recipe.rs` | how a task is computed: kernels, launches, arguments |
//! | `kernels.rs` | the texts of kernels, which each API has in its own language |
//! | `target.rs` | what recipes know of a device, and what it can hold |
//! | `implementations.rs` | which recipes there are for a workload |
//! | `geometry.rs` | tiles and panels of products |
//! | `gemm.rs` `gemv.rs` `conv/` `rows.rs` `stream.rs` `peak.rs` `launch.rs` | recipes |
//! | `train/` | the plan of training steps |
//! | `tuned/` | parameters: defaults of classes of devices, what searches found |
//! | `tunables/` | what is searched |

mod conv;
mod gemm;
mod gemv;
mod geometry;
mod implementations;
mod kernels;
pub(super) mod launch;
mod peak;
pub(super) mod recipe;
mod rows;
mod stream;
mod target;
pub(super) mod train;
pub(super) mod tunables;
pub(super) mod tuned;

pub use implementations::builds;
pub(super) use implementations::{Make, recipes};
pub use kernels::Kernels;
pub use recipe::Build;
pub(super) use target::Target;
