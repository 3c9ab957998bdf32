//! Our own convolutions for the CPU, in all three passes.
//!
//! | file | holds |
//! | --- | --- |
//! | `direct/` | forward pass and data gradient as sums over taps |
//! | `wgrad/` | the gradient of the filters |
//! | `winograd/` | forward pass and data gradient of 3 x 3 filters by Winograd's algorithm |
//! | `engine.rs` | the loop that all of them share: rounds of tasks on the threads of a pool |

mod direct;
mod engine;
#[cfg(test)]
mod tests;
mod wgrad;
pub mod winograd;

use super::Pool;
use super::simd::Isa;
use crate::error::Result;
use crate::terms::Conv;
use crate::workload::Algorithm;
pub use direct::{dgrad, fprop};
pub use wgrad::wgrad;

/// What a convolution may use.
#[derive(Clone, Copy, Debug)]
pub struct Means {
    /// The CPU must have these instructions.
    pub isa: Isa,
    pub threads: usize,
    /// The most bytes beside the tensors, where it is possible at all with so few.
    pub scratch_limit: u64,
}

/// Makes a convolution ready. Panics unless the CPU has the instructions; `Error::Unsupported` where it does
/// not serve these sizes.
pub type Prepare = fn(Means, &Conv) -> Result<Prepared>;

/// A convolution made ready for its sizes: tables are built, scratch is held.
pub struct Prepared {
    run: Box<Run>,
    /// Memory that is held beside the tensors, in bytes.
    pub scratch_bytes: u64,
    /// Whether it works slower because its scratch was limited.
    pub is_reduced: bool,
    /// The algorithm that the bound of its errors goes by.
    pub algorithm: Algorithm,
}

/// See [`Prepared::run`].
type Run = dyn FnMut(&Pool, &[f32], &[f32], &mut [f32]);

impl Prepared {
    /// Computes `out` from the operands `a` and `b` on the threads of `pool`. `out` may hold anything
    /// before. Panics unless all three have the lengths of the convolution's tensors.
    pub fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        (self.run)(pool, a, b, out);
    }
}
