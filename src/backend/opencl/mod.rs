//! OpenCL devices: kernels from `kernels/`, parameters from `kernels/tuned/`.
//!
//! | file | holds |
//! | --- | --- |
//! | `backend.rs` | OpenCL among the backends |
//! | `discover.rs` `info.rs` `class.rs` | which devices there are, their facts and their classes |
//! | `probe.rs` `check.rs` | trying the drivers in a child process |
//! | `device.rs` | a device with its context and queues |
//! | `implementations.rs` | which implementations it has |
//! | `sources.rs` | the kernels in OpenCL C |
//! | `buffer.rs` `program.rs` `kernel.rs` `flush.rs` | memory, programs, kernels, emptying the caches |
//! | `runner.rs` | a recipe, prepared |
//! | `transfer.rs` `launch.rs` `train/` | what is no recipe |

pub mod backend;
mod buffer;
mod check;
mod class;
mod device;
mod discover;
mod flush;
mod implementations;
mod info;
mod kernel;
mod launch;
mod probe;
mod program;
mod runner;
mod sources;
mod train;
mod transfer;

pub use sources::KERNELS;

/// First part of the ids of all devices.
const PREFIX: &str = "opencl";
