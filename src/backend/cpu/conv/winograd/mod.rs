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
//! goes through the first. `plan.rs` chooses sizes, `tasks.rs` has the loops.
//!
//! The data gradient is a convolution too: of dy with each filter turned round and the channels' roles
//! swapped (problem.rs).

mod cells;
mod filters;
mod input;
mod output;
mod plan;
mod problem;
mod product;
mod tasks;
#[cfg(test)]
mod tests;
mod tile;

use super::Prepared;
use super::engine::Engine;
use crate::backend::cpu::simd::Isa;
use crate::error::Result;
use crate::terms::Conv;
use problem::Problem;
use tasks::Winograd;

/// (x, filters) -> y by tiles of `M` x `M` outputs, 2 or 4.
pub fn fprop<const M: usize>(
    threads: usize,
    conv: &Conv,
    scratch_limit: u64,
) -> Result<Box<dyn Prepared>> {
    prepare(Isa::best(), threads, Problem::fprop(M, conv), scratch_limit)
}

/// (dy, filters) -> dx by tiles of `M` x `M` outputs, 2 or 4.
pub fn dgrad<const M: usize>(
    threads: usize,
    conv: &Conv,
    scratch_limit: u64,
) -> Result<Box<dyn Prepared>> {
    prepare(Isa::best(), threads, Problem::dgrad(M, conv), scratch_limit)
}

fn prepare(
    isa: Isa,
    threads: usize,
    problem: Result<Problem>,
    scratch_limit: u64,
) -> Result<Box<dyn Prepared>> {
    Ok(Box::new(Engine::new(Winograd::new(isa, threads, problem?, scratch_limit))))
}
