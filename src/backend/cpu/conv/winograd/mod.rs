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

use super::{Means, Prepared, engine};
use crate::error::Result;
use crate::terms::Conv;
use plan::{Plan, Winograd};
use problem::Problem;
use tile::{F2, F4};

/// (x, filters) -> y by tiles of `M` x `M` outputs, 2 or 4. See [`Prepare`](super::Prepare).
pub fn fprop<const M: usize>(means: Means, conv: &Conv) -> Result<Prepared> {
    Ok(prepare(means, Problem::fprop(M, conv)?))
}

/// (dy, filters) -> dx by tiles of `M` x `M` outputs, 2 or 4. See [`Prepare`](super::Prepare).
pub fn dgrad<const M: usize>(means: Means, conv: &Conv) -> Result<Prepared> {
    Ok(prepare(means, Problem::dgrad(M, conv)?))
}

fn prepare(Means { isa, threads, scratch_limit }: Means, problem: Problem) -> Prepared {
    let limit = usize::try_from(scratch_limit / 4).unwrap_or(usize::MAX);
    let plan = Plan::new(&problem, isa, threads, limit);
    let is_reduced = plan != Plan::new(&problem, isa, threads, usize::MAX);
    match problem.m {
        2 => engine::prepare(isa, Winograd::<F2>::new(problem, plan), is_reduced),
        _ => engine::prepare(isa, Winograd::<F4>::new(problem, plan), is_reduced),
    }
}
