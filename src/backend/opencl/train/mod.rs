//! Training steps on OpenCL: all launches are prepared once, and a step only enqueues them.
//!
//! | file | holds |
//! | --- | --- |
//! | `runner.rs` | the runner: steps, poison, fences |
//! | `memory.rs` | tensors on the device |
//! | `launches.rs` | programs and prepared launches |

mod launches;
mod memory;
mod runner;

pub use runner::train;
