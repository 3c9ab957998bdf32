//! Convolutions of tensors that stay in blocks of channels (layout.rs), as networks keep them from layer to
//! layer. Filters lie as they do everywhere and are copied in every run: they change with every step
//! of a training.
//!
//! Vectors run along channels. Of a pixel there is always a whole block of them side by side, so that
//! pads, strides and dilations cost nothing but a look at a table: pixels are read where they lie,
//! and what a tap reads outside of the image is left out.
//!
//! ```text
//! for each part of pixels and output channels, in parallel               plan.rs
//!   for some channels and taps, for some panels of output channels       their filters: copied   filters.rs
//!     for some tiles of pixels               where they read and write   places.rs
//!       for a panel, for a tile              6 pixels x 4 vectors of the output: in registers   kernel.rs
//! ```

mod engine;
mod filters;
mod kernel;
mod layout;
mod places;
mod plan;
#[cfg(test)]
mod tests;
mod wgrad;

use super::Prepared;
use super::gather::Gather;
use crate::backend::cpu::simd::Isa;
use crate::error::{Error, Result};
use crate::terms::Conv;
use engine::Engine;
pub use layout::Blocks;

/// (x, f) -> y.
pub fn fprop(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    forward(Isa::best(), threads, conv, scratch_limit)
}

/// (dy, f) -> dx.
pub fn dgrad(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    backward(Isa::best(), threads, conv, scratch_limit)
}

/// (dy, x) -> the filters' gradient.
pub fn wgrad(threads: usize, conv: &Conv, scratch_limit: u64) -> Result<Box<dyn Prepared>> {
    to_filters(Isa::best(), threads, conv, scratch_limit)
}

fn forward(isa: Isa, threads: usize, conv: &Conv, limit: u64) -> Result<Box<dyn Prepared>> {
    let [x, y] = blocks(isa, conv)?;
    Ok(Box::new(Engine::new(isa, threads, Gather::fprop(conv), [x, y], limit)))
}

fn backward(isa: Isa, threads: usize, conv: &Conv, limit: u64) -> Result<Box<dyn Prepared>> {
    let [x, y] = blocks(isa, conv)?;
    Ok(Box::new(Engine::new(isa, threads, Gather::dgrad(conv), [y, x], limit)))
}

fn to_filters(isa: Isa, threads: usize, conv: &Conv, limit: u64) -> Result<Box<dyn Prepared>> {
    let layouts = blocks(isa, conv)?;
    Ok(Box::new(wgrad::Engine::new(isa, threads, conv, layouts, limit)))
}

/// The layouts of x and y, of one image's channels of all groups.
fn blocks(isa: Isa, conv: &Conv) -> Result<[Blocks; 2]> {
    let lanes = isa.lanes();
    let is_whole = |channels: usize| channels.is_multiple_of(lanes);
    if conv.groups > 1 && !(is_whole(conv.group_c()) && is_whole(conv.group_k())) {
        let (c, k) = (conv.group_c(), conv.group_k());
        return Err(Error::Unsupported(format!(
            "groups of {c} and {k} channels don't fill blocks of {lanes}"
        )));
    }
    let x = Blocks::new(conv.n, conv.c, conv.h * conv.w, lanes);
    Ok([x, Blocks::new(conv.n, conv.k, conv.p() * conv.q(), lanes)])
}
