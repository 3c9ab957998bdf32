//! Our own convolutions for the CPU. The gradient of the filters is in wgrad/.
//!
//! Forwards and back to the input both are the same gather (gather.rs): an output pixel is a sum over taps and channels, each a number
//! of the filters times a pixel of the source. Seen as a product, output channels x pixels = filters x
//! pixels read, the second factor is never written out as a whole: a task copies blocks of it that
//! fit the second-level cache.
//!
//! ```text
//! for each part of pixels and output channels, in parallel             plan.rs
//!   for a block of channels, all taps            pixels they read: copied, [vectors][channel][tap]
//!     for 8 output channels                      their filters: copied, kept in the first-level cache
//!       for 3 vectors of pixels                  8 x 3 vectors of the output: in registers  kernel.rs
//! ```
//!
//! Vectors run along pixels (vectors.rs), so that tensors are read and written as they lie; numbers of
//! the filters are broadcast. What pads and strides do to a vector is worked out beforehand, in
//! segments of lanes. Phases of a gradient with strides that have the same pixels are computed
//! together (pass.rs), from one copy of what they read. Groups of very few channels, as of depthwise
//! convolutions, are summed up directly instead (direct.rs).

mod direct;
mod engine;
mod gather;
mod kernel;
mod lanes;
mod pack;
mod pass;
mod plan;
#[cfg(test)]
mod tests;
mod vectors;
mod wgrad;
pub mod winograd;

use super::Pool;
use super::simd::Isa;
use crate::error::Result;
use crate::terms::Conv;
use crate::workload::Algorithm;
use direct::Direct;
use engine::Engine;
use gather::Gather;

/// A convolution made ready: tables are built, scratch is held.
pub(super) trait Prepared {
    /// Computes once on the threads of `pool`. `out` may hold anything before.
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]);
    /// Memory beside the tensors, in bytes.
    fn scratch_bytes(&self) -> u64;
    /// Whether it works slower because its scratch was limited.
    fn is_reduced(&self) -> bool;
    /// How it comes to its results.
    fn algorithm(&self) -> Algorithm {
        Algorithm::Direct
    }
}

/// Makes a convolution ready for so many threads, with at most so many bytes of scratch where that is
/// possible at all. `Error::Unsupported` where it does not serve these sizes.
pub type Prepare = fn(usize, &Conv, u64) -> Result<Box<dyn Prepared>>;

/// (x, f) -> y.
pub fn fprop(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    Ok(gather(Isa::best(), threads, Gather::fprop(conv), scratch_limit))
}

/// (dy, f) -> dx.
pub fn dgrad(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    Ok(gather(Isa::best(), threads, Gather::dgrad(conv), scratch_limit))
}

/// (dy, x) -> the filters' gradient.
pub fn wgrad(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    Ok(wgrad::wgrad(Isa::best(), threads, conv, scratch_limit))
}

fn gather(isa: Isa, threads: usize, gather: Gather, scratch_limit: u64) -> Box<dyn Prepared> {
    if Direct::suits(&gather) {
        Box::new(Direct::new(isa, threads, gather))
    } else {
        Box::new(Engine::new(isa, threads, gather, scratch_limit))
    }
}
