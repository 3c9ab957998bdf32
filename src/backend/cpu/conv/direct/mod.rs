//! Forward convolution and data gradient, as sums over taps: the direct algorithm.
//!
//! Both are a correlation (correlation.rs): an output pixel is a sum over taps and channels, each a
//! number of the filters times a pixel of the source. Seen as a product, output channels x pixels =
//! filters x pixels read, the second factor is never written out as a whole: a task copies blocks of it
//! that fit the second-level cache.
//!
//! ```text
//! for each part of pixels and output channels, in parallel             plan.rs, passes.rs
//!   for a block of channels, all taps            pixels they read: copied, [vectors][channel][tap]
//!     for 8 output channels                      their filters: copied, kept in the first-level cache
//!       for 3 vectors of pixels                  8 x 3 vectors of the output: in registers  kernel.rs
//! ```
//!
//! Vectors run along pixels (vectors.rs), so that tensors are read and written as they lie; numbers of
//! the filters are broadcast. What pads and strides do to a vector is worked out beforehand, in
//! segments of lanes. Phases of a gradient with strides that have the same pixels are computed
//! together (pass.rs), from one copy of what they read. Groups of very few channels, as of depthwise
//! convolutions, are summed up without copies instead (depthwise.rs).

mod correlation;
mod depthwise;
mod kernel;
mod lanes;
mod pack;
mod pass;
mod passes;
mod plan;
mod vectors;

use super::{Means, Prepared, engine};
use crate::error::Result;
use crate::terms::Conv;
use correlation::Correlation;
use depthwise::Depthwise;
use passes::Passes;

/// The forward pass: (x, filters) -> y. See [`Prepare`](super::Prepare).
pub fn fprop(means: Means, conv: &Conv) -> Result<Prepared> {
    Ok(prepare(means, Correlation::fprop(conv)))
}

/// The data gradient: (dy, filters) -> dx. See [`Prepare`](super::Prepare).
pub fn dgrad(means: Means, conv: &Conv) -> Result<Prepared> {
    Ok(prepare(means, Correlation::dgrad(conv)))
}

fn prepare(means: Means, correlation: Correlation) -> Prepared {
    if Depthwise::suits(&correlation) {
        return engine::prepare(means.isa, Depthwise::new(means, correlation), false);
    }
    let passes = Passes::new(means, correlation);
    let is_reduced = passes.is_reduced();
    engine::prepare(means.isa, passes, is_reduced)
}
