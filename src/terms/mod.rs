//! The ground floor: the nouns that every room shares. Each is written, read and compared here only.
//!
//! | file | holds |
//! | --- | --- |
//! | `conditions.rs` | what a timed run includes, and the state of the caches before it |
//! | `conv.rs` | sizes of a convolution and what follows from them |
//! | `device.rs` | kinds and names of devices |
//! | `dtype.rs` | what numbers are stored and computed in |
//! | `shape.rs` | axes and the sizes along them |

mod conditions;
pub mod conv;
mod device;
mod dtype;
mod shape;

pub use conditions::{Cache, Scope};
pub use conv::{Conv, Line};
pub use device::DeviceKind;
pub use dtype::Dtype;
pub use shape::{Axis, Shape};
