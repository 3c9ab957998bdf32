//! Our own sgemm for the CPU: c = op(a) op(b), row-major f32, any m, n, k.
//!
//! The structure is that of GotoBLAS and BLIS with one level less. Every task owns a block of c and
//! needs no other task: no barrier, and every thread packs what it reads itself.
//!
//! ```text
//! for each block of c, mb x nb, in parallel                            blocking.rs, plan.rs
//!   for kc of k                     kc x nb of b: packed, kept in the second-level cache
//!     for mr rows of the block      mr x kc of a: kept in the first-level cache
//!       for nr columns of them      mr x nr of c: in registers         kernel.rs
//! ```
//!
//! What is packed (pack.rs)
//! - b, always: panels `[nb / nr][kc][nr]`, so that a panel is read front to back. Stored k x n, it is
//!   packed by the micro-kernel itself while that multiplies the first rows, which hides the cost;
//!   stored n x k, by transposing squares in registers.
//! - a, only where it is stored k x m: panels `[rows / mr][kc][mr]`. Stored m x k, the micro-kernel
//!   reads it where it is, as one stream a row.
//!
//! All of it is generic over [`Vector`](super::simd::Vector); sizes of tiles and blocks go by the vector
//! ([`kernel::Sizes`]).

mod blocking;
pub mod kernel;
mod pack;
mod plan;
#[cfg(test)]
mod tests;

use half::bf16;

use super::Pool;
use super::batch::each_product;
use super::simd::Isa;
use crate::terms::Shape;
pub use blocking::Finish;
use blocking::Multiply;
pub use pack::{Scratch, with_scratch};
pub use plan::Product;

/// c = op(a) op(b), or c += that, on the threads of `pool` or, without one, on this thread alone, which may be
/// one of a pool's that computes a task. Each piece of a row of c is finished as soon as it is there. Panics
/// unless the slices hold what the product reaches and the CPU has the instructions.
pub fn multiply(
    isa: Isa,
    pool: Option<&Pool>,
    product: &Product,
    operands: (&[f32], &[f32]),
    c: &mut [f32],
    finish: Option<Finish<'_>>,
) {
    assert!(isa.is_available());
    // SAFETY: just checked that the CPU has the instructions; a product asks for nothing else.
    unsafe { isa.run(Multiply { pool, product, operands, c, finish }) }
}

/// The engine of this module, on the threads of `pool`.
pub fn gemm(pool: &Pool, shape: &Shape, inputs: &[&[f32]], c: &mut [f32]) {
    let (isa, product) = (Isa::best(), Product::of(shape));
    each_product(pool, shape, inputs, c, |pool, [a, b], c| {
        multiply(isa, pool, &product, (a, b), c, None);
    });
}

/// The same of operands in bf16, with f32 sums that are rounded when they are stored.
pub fn gemm_bf16(pool: &Pool, shape: &Shape, inputs: &[&[bf16]], c: &mut [bf16]) {
    let wide = |operand: &[bf16]| operand.iter().map(|v| v.to_f32()).collect::<Vec<f32>>();
    let mut sums = vec![0.0; c.len()];
    gemm(pool, shape, &[&wide(inputs[0]), &wide(inputs[1])], &mut sums);
    c.iter_mut().zip(sums).for_each(|(c, sum)| *c = bf16::from_f32(sum));
}
