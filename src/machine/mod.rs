//! Facts of this computer and its devices.
//!
//! | file | holds |
//! | --- | --- |
//! | `computer.rs` | the computer as a run finds it |
//! | `device.rs` | the facts of a device |
//! | `system.rs` | what the operating system tells of CPU and memory |
//! | `caches.rs` | levels of caches |
//! | `blocking.rs` | whether the `gemm` crate can work with them |
//! | `memory.rs` | how much memory a run may take |
//! | `groups.rs` | what control groups allow |
//! | `cores.rs` | which cores to compute on, and holding threads to them |
//! | `state.rs` | what slows a CPU down unseen |
//! | `workers.rs` | threads for work whose time nobody takes |
//! | `words.rs` | variables and arguments, which need not be UTF-8 |
//! | `kept.rs` | files that are kept from run to run |
//! | `moment.rs` | moments in UTC |

mod blocking;
mod caches;
pub mod children;
mod computer;
mod cores;
mod device;
mod groups;
mod kept;
mod memory;
mod moment;
mod state;
mod system;
mod words;
mod workers;

pub use blocking::gemm_comes_to_an_end;
pub use caches::{CacheLevel, beyond_cache, caches, last_cache_bytes, reached_bytes};
pub use computer::Machine;
#[cfg(test)]
pub(crate) use cores::allowed_cores;
pub use cores::{choose_cores, restrict_thread};
pub use device::DeviceEntry;
pub use kept::{Kept, fnv1a};
pub use memory::{check_room, fitting, free_memory_bytes, give_back, share_heap};
pub use moment::{Moment, utc_now};
pub use system::{CpuFacts, cpu_facts, host_name};
pub use words::{command_line, environment, variable};
pub use workers::{cores, share_out};
