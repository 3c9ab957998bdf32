//! Tensors: their values as they lie in memory, the data that operands hold, and the fences round every
//! output.
//!
//! | file | holds |
//! | --- | --- |
//! | `data.rs` | what operands hold |
//! | `fence.rs` | the fences round every output, and the poison between them |
//! | `generator.rs` | the counter-based generator |
//! | `operands.rs` | the operands of a problem, shared |
//! | `values.rs` | the values of a tensor in the format of its dtype |

mod data;
mod fence;
mod generator;
mod operands;
mod values;

pub use data::Data;
pub use fence::{FENCE, broken_fence, fence, fenced};
pub use generator::Generator;
pub use operands::Operands;
pub use values::{Element, Tensor, Values, bytes, bytes_mut};
pub(crate) use values::{with_element, with_values, with_values_mut};
