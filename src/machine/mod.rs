//! Facts of this computer and its devices.
//!
//! | file | holds |
//! | --- | --- |
//! | `computer.rs` | the computer as a run finds it |
//! | `device.rs` | the facts of a device |
//! | `system.rs` | what the operating system tells of CPU and memory |
//! | `caches.rs` | levels of caches |
//! | `cores.rs` | which cores to compute on, and holding threads to them |
//! | `state.rs` | what slows a CPU down unseen |
//! | `moment.rs` | moments in UTC |

mod caches;
mod computer;
mod cores;
mod device;
mod moment;
mod state;
mod system;

pub use caches::{CacheLevel, caches, last_cache_bytes, reached_bytes};
pub use computer::Machine;
#[cfg(test)]
pub(crate) use cores::allowed_cores;
pub use cores::{choose_cores, restrict_thread};
pub use device::DeviceEntry;
pub use moment::{Moment, utc_now};
pub use system::{CpuFacts, cpu_facts, free_memory_bytes, host_name};
