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

/// A convolution made ready for its sizes: tables are built, scratch is held.
pub(super) trait Prepared {
    /// Computes `out` from the operands `a` and `b` on the threads of `pool`. `out` may hold anything
    /// before. Panics unless all three have the lengths of the convolution's tensors.
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]);
    /// Memory that is held beside the tensors, in bytes.
    fn scratch_bytes(&self) -> u64;
    /// Whether it works slower because its scratch was limited.
    fn is_reduced(&self) -> bool;
    /// The algorithm that the bound of its errors goes by.
    fn algorithm(&self) -> Algorithm;
}

/// Makes a convolution ready for a number of threads, with at most so many bytes of scratch where that
/// is possible at all. `Error::Unsupported` where it does not serve these sizes.
pub type Prepare = fn(usize, &Conv, u64) -> Result<Box<dyn Prepared>>;

/// The forward pass: (x, filters) -> y.
pub fn fprop(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    Ok(direct::fprop(Isa::best(), threads, conv, scratch_limit))
}

/// The data gradient: (dy, filters) -> dx.
pub fn dgrad(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    Ok(direct::dgrad(Isa::best(), threads, conv, scratch_limit))
}

/// The filters' gradient: (dy, x) -> dw.
pub fn wgrad(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    Ok(wgrad::wgrad(Isa::best(), threads, conv, scratch_limit))
}
