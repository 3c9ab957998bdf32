//! Our own sgemm for the CPU: c = op(a) op(b), row-major f32, any m, n, k.
//!
//! The structure is that of GotoBLAS and BLIS with one level less. Every task owns a block of c and
//! needs no other task: no barrier, and every thread packs what it reads itself.
//!
//! ```text
//! for each block of c, mb x nb, in parallel                            blocking.rs
//!   for kc of k                     kc x nb of b: packed, kept in the second-level cache
//!     for mr rows of the block      mr x kc of a: kept in the first-level cache
//!       for nr columns of them      mr x nr of c: in registers         kernel_*.rs
//! ```
//!
//! What is packed (pack.rs)
//! - b, always: panels `[nb / nr][kc][nr]`, so that a panel is read front to back. Stored k x n, it is
//!   packed by the micro-kernel itself while that multiplies the first rows, which hides the cost;
//!   stored n x k, by transposing squares in registers.
//! - a, only where it is stored k x m: panels `[rows / mr][kc][mr]`. Stored m x k, the micro-kernel
//!   reads it where it is, as one stream a row.
//!
//! A [`Kernel`](kernel::Kernel) is a micro-kernel with its sizes. There is one for AVX-512, one for
//! AVX2 with FMA and one in plain Rust for every other CPU; the best that the CPU has is taken.

mod blocking;
mod kernel;
#[cfg(target_arch = "x86_64")]
mod kernel_avx2;
#[cfg(target_arch = "x86_64")]
mod kernel_avx512;
mod kernel_portable;
mod pack;
#[cfg(test)]
mod tests;

use half::bf16;

use super::Pool;
use crate::terms::Shape;
pub use blocking::{Finish, Product};

/// Which micro-kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Path {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Portable,
}

impl Path {
    /// All, best first.
    pub const ALL: &[Path] = &[
        #[cfg(target_arch = "x86_64")]
        Path::Avx512,
        #[cfg(target_arch = "x86_64")]
        Path::Avx2,
        Path::Portable,
    ];

    /// Whether this CPU has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Path::Portable => true,
        }
    }

    /// The best of this CPU.
    pub fn best() -> Path {
        Path::ALL.iter().copied().find(|path| path.is_available()).unwrap_or(Path::Portable)
    }

    /// c = op(a) op(b), or c += that, on the threads of `pool`. Panics unless the slices hold what the
    /// product reaches and the CPU has the path.
    pub fn multiply(self, pool: &Pool, product: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
        self.run(Some(pool), product, (a, b), c, None);
    }

    /// The same, with something done to each piece of a row of c as soon as it is there.
    pub fn multiply_then(
        self,
        pool: &Pool,
        product: &Product,
        (a, b): (&[f32], &[f32]),
        c: &mut [f32],
        finish: Finish<'_>,
    ) {
        self.run(Some(pool), product, (a, b), c, Some(finish));
    }

    /// The same on this thread alone, which may be one of a pool's that computes a task.
    pub fn multiply_here(self, product: &Product, a: &[f32], b: &[f32], c: &mut [f32]) {
        self.run(None, product, (a, b), c, None);
    }

    fn run(
        self,
        pool: Option<&Pool>,
        product: &Product,
        operands: (&[f32], &[f32]),
        c: &mut [f32],
        finish: Option<Finish<'_>>,
    ) {
        assert!(self.is_available());
        // SAFETY: just checked that the CPU has what the kernel needs.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Path::Avx512 => {
                    blocking::multiply::<kernel_avx512::Avx512>(pool, product, operands, c, finish);
                }
                #[cfg(target_arch = "x86_64")]
                Path::Avx2 => {
                    blocking::multiply::<kernel_avx2::Avx2>(pool, product, operands, c, finish);
                }
                Path::Portable => {
                    blocking::multiply::<kernel_portable::Portable>(
                        pool, product, operands, c, finish,
                    );
                }
            }
        }
    }
}

/// The engine of this module, on the threads of `pool`.
pub fn gemm(pool: &Pool, shape: &Shape, inputs: &[Vec<f32>], c: &mut [f32]) {
    let sizes = ["m", "n", "k"].map(|axis| shape.size(axis));
    let product = Product::dense(sizes, shape.get("ta") == 1, shape.get("tb") == 1);
    Path::best().multiply(pool, &product, &inputs[0], &inputs[1], c);
}

/// The same of operands in bf16, with f32 sums that are rounded when they are stored.
pub fn gemm_bf16(pool: &Pool, shape: &Shape, inputs: &[Vec<bf16>], c: &mut [bf16]) {
    let wide = |operand: &Vec<bf16>| operand.iter().map(|v| v.to_f32()).collect::<Vec<f32>>();
    let mut sums = vec![0.0; c.len()];
    gemm(pool, shape, &[wide(&inputs[0]), wide(&inputs[1])], &mut sums);
    c.iter_mut().zip(sums).for_each(|(c, sum)| *c = bf16::from_f32(sum));
}
