//! The ground floor: the nouns that every room shares. Each is written, read and compared here only.
//!
//! | file | holds |
//! | --- | --- |
//! | `baseline.rs` | who stands for the CPU |
//! | `conditions.rs` | what a timed run includes, and the state of the caches before it |
//! | `conv.rs` | sizes of a convolution and what follows from them |
//! | `device.rs` | kinds and names of devices |
//! | `dtype.rs` | what numbers are stored and computed in |
//! | `family.rs` | lines through the shapes of a workload |
//! | `key.rs` | the identities of a case and of a row |
//! | `reuse.rs` | from how many runs on the same data on a device is worth its transfers |
//! | `role.rs` | what workloads and implementations are for |
//! | `shape.rs` | axes and the sizes along them |
//! | `verdict.rs` | what a ratio says, and from which size on a device wins |
//! | `word.rs` | terms that are one word each |

mod baseline;
mod conditions;
pub mod conv;
mod device;
mod dtype;
mod family;
mod key;
mod reuse;
mod role;
mod shape;
mod verdict;
mod word;

pub use baseline::Baseline;
pub use conditions::{Cache, Scope};
pub use conv::{Conv, Window};
pub use device::{DeviceId, DeviceKind};
pub use dtype::{Dtype, Format, Formats};
pub use family::Family;
pub use key::{CaseKey, Cased, Keyed, RowKey};
pub(crate) use key::{cased, keyed};
pub use reuse::{BreakEven, reused_s};
pub use role::{Engine, Role};
pub use shape::{Axis, Shape};
pub use verdict::{Crossover, FloorKind, Verdict};
pub(crate) use word::words;
