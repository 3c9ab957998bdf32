//! Winograd's minimal filtering for filters of 3 x 3 (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015): F(2x2, 3x3) and F(4x4, 3x3). With d a tile of the input and
//! g a filter, a tile of m x m outputs is `A^T [sum over c of (G g G^T) * (B^T d B)] A`: per channel
//! (m + 2)^2 products, its positions, in place of 9 m^2.
//!
//! ```text
//! filters  f -> U   [panel of filters][position][group of 16][c][16]          filters.rs
//! input    x -> V   [block of tiles][position][c][tile]                       input.rs
//! product  M[position][k][tile] = sum over c of U V, position by position     product.rs
//! output   M -> y                                                             output.rs
//! ```
//!
//! Lanes of vectors are tiles, of several rows and images where an image is small; `cells.rs` tells
//! where those of a vector lie. Whichever of U and V is smaller is made first by all threads, for all
//! of them; each task then makes a part of the other for itself, which never leaves its cache, and
//! goes through the first. `plan.rs` chooses sizes, `engine.rs` has the loops.
//!
//! The gradient of the input is a convolution too: of dy with each filter turned round and the
//! channels' roles swapped.

mod cells;
mod engine;
mod filters;
mod input;
mod output;
mod plan;
mod problem;
mod product;
#[cfg(test)]
mod tests;
mod tile;

use super::Prepared;
use crate::backend::cpu::simd::Isa;
use crate::error::{Error, Result};
use crate::terms::Conv;
use engine::Engine;
use problem::Problem;

/// (x, f) -> y by tiles of `M` x `M` outputs, 2 or 4.
pub fn fprop<const M: usize>(
    threads: usize,
    conv: &Conv,
    scratch_limit: u64,
) -> Result<Box<dyn Prepared>> {
    forward(M, Isa::best(), threads, conv, scratch_limit)
}

/// (dy, f) -> dx by tiles of `M` x `M` outputs, 2 or 4.
pub fn dgrad<const M: usize>(
    threads: usize,
    conv: &Conv,
    scratch_limit: u64,
) -> Result<Box<dyn Prepared>> {
    backward(M, Isa::best(), threads, conv, scratch_limit)
}

fn forward(
    m: usize,
    isa: Isa,
    threads: usize,
    conv: &Conv,
    scratch_limit: u64,
) -> Result<Box<dyn Prepared>> {
    check(conv)?;
    Ok(Box::new(Engine::new(isa, threads, Problem::fprop(m, conv), scratch_limit)))
}

fn backward(
    m: usize,
    isa: Isa,
    threads: usize,
    conv: &Conv,
    scratch_limit: u64,
) -> Result<Box<dyn Prepared>> {
    check(conv)?;
    Ok(Box::new(Engine::new(isa, threads, Problem::dgrad(m, conv), scratch_limit)))
}

fn check(conv: &Conv) -> Result<()> {
    let plain = conv.stride == [1; 2] && conv.dilation == [1; 2] && conv.groups == 1;
    if !plain || (conv.r, conv.s) != (3, 3) {
        let what = "winograd takes 3 x 3 filters without stride, dilation and groups";
        return Err(Error::Unsupported(what.into()));
    }
    if conv.pad.iter().any(|pad| *pad > 2) {
        return Err(Error::Unsupported("winograd takes pads of at most 2".into()));
    }
    Ok(())
}
