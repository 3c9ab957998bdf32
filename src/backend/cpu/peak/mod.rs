//! The highest rate of multiply-adds: chains that wait for nothing but themselves, enough of them
//! side by side in registers to keep every multiplier busy, and no memory in between.
//!
//! A batch is [`CHAINS`] chains of [`LENGTH`] steps `y = y * multiplier + step`. The multiplier is
//! one, which the compiler doesn't know: a chain ends at exactly `start + LENGTH * step` as long as
//! these are small whole numbers, and that tells whether every step was done.

mod block;
mod number;
#[cfg(test)]
mod tests;

use std::hint::black_box;
use std::marker::PhantomData;

use super::Pool;
use super::share::{Each, even_part};
use super::simd::{Isa, Routine, Vector};
use crate::terms::Dtype;
use crate::workload::CHAINS;
use block::{BLOCK, Block, Scalars, Step, Vectors};
use number::Number;

/// Tasks for each thread: so many that a slow core or an interrupted one takes fewer of them, and
/// the others don't wait for it.
const TASKS: usize = 64;

/// What has instructions for a multiply-add of one number: a CPU with vectors.
#[cfg(target_arch = "x86_64")]
const FUSED: Isa = Isa::Avx2;
#[cfg(target_arch = "aarch64")]
const FUSED: Isa = Isa::Neon;
#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
const FUSED: Isa = Isa::Portable;

/// Whether there are chains of numbers of this type.
pub fn serves(dtype: Dtype) -> bool {
    matches!(dtype, Dtype::F32 | Dtype::F64)
}

/// Does `batches` batches on the threads of `pool`, all from the same `start` and `step`; `out` holds
/// how the chains of the last one end. Without vectors ([`Isa::Portable`]) chains are of single numbers.
/// Panics unless the slices hold [`CHAINS`] each, the CPU has the instructions, and there are chains of
/// this dtype.
pub fn run(
    isa: Isa,
    dtype: Dtype,
    pool: &Pool,
    batches: usize,
    start: &[f32],
    step: &[f32],
    out: &mut [f32],
) {
    assert!(isa.is_available() && serves(dtype));
    assert!(start.len() == CHAINS && step.len() == CHAINS && out.len() == CHAINS);
    let multiplier = black_box(1.0);
    // The blocks of all batches in one row, those of the same chains side by side.
    let blocks = CHAINS / BLOCK * batches;
    let tasks = blocks.min(TASKS * pool.threads());
    let out = Each::new(out);
    pool.each(tasks, |task| {
        for index in even_part(blocks, tasks, task) {
            let first = index / batches * BLOCK;
            let (start, step) = black_box((&start[first..], &step[first..]));
            let mut end = [0.0; BLOCK];
            let block = Block { multiplier, start, step, end: &mut end };
            // SAFETY: checked above that the CPU has the instructions.
            unsafe {
                match dtype {
                    Dtype::F64 => compute::<f64>(isa, block),
                    _ => compute::<f32>(isa, block),
                }
            }
            black_box(&end);
            if index % batches == batches - 1 {
                // SAFETY: this is the only task that does the last batch of this block.
                unsafe { out.part(first, BLOCK) }.copy_from_slice(&end);
            }
        }
    });
}

/// Computes the ends of a block's chains, in numbers of type `T`.
///
/// # Safety
/// The CPU has the instructions.
unsafe fn compute<T: Number>(isa: Isa, block: Block<'_>) {
    // SAFETY: the caller's, and as just asked; a block asks for nothing else.
    unsafe {
        if isa != Isa::Portable {
            isa.run(Chains::<T, Vectors>::new(block));
        } else if FUSED != Isa::Portable && FUSED.is_available() {
            FUSED.run(Chains::<T, Scalars<true>>::new(block));
        } else {
            isa.run(Chains::<T, Scalars<false>>::new(block));
        }
    }
}

/// A block in numbers of type `T`, by steps of one kind.
struct Chains<'a, T, S>(Block<'a>, PhantomData<(T, S)>);

impl<'a, T, S> Chains<'a, T, S> {
    fn new(block: Block<'a>) -> Self {
        Chains(block, PhantomData)
    }
}

impl<T: Number, S: Step<T>> Routine for Chains<'_, T, S> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's.
        unsafe { self.0.compute::<T, V, S>() }
    }
}
