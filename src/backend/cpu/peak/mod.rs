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
use block::{BLOCK, Block, Fused, Separate, Step, Vectors};
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

/// Which numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Single.
    F32,
    /// Double.
    F64,
}

impl Precision {
    /// That of a dtype, if the CPU has it.
    pub fn of(dtype: Dtype) -> Option<Precision> {
        match dtype {
            Dtype::F32 => Some(Precision::F32),
            Dtype::F64 => Some(Precision::F64),
            Dtype::F16 | Dtype::Bf16 => None,
        }
    }
}

/// Does `batches` batches on the threads of `pool`, all from the same `start` and `step`; `out` holds
/// how the chains of the last one end. Without vectors ([`Isa::Portable`]) chains are of single numbers.
/// Panics unless the slices hold [`CHAINS`] each and the CPU has the instructions.
pub fn run(
    isa: Isa,
    precision: Precision,
    pool: &Pool,
    batches: usize,
    start: &[f32],
    step: &[f32],
    out: &mut [f32],
) {
    assert!(isa.is_available());
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
            // SAFETY: checked above that the CPU has the instructions.
            unsafe { compute(isa, precision, Block { multiplier, start, step, end: &mut end }) };
            black_box(&end);
            if index % batches == batches - 1 {
                // SAFETY: this is the only task that does the last batch of this block.
                unsafe { out.part(first, BLOCK) }.copy_from_slice(&end);
            }
        }
    });
}

/// Computes the ends of a block's chains.
///
/// # Safety
/// The CPU has the instructions.
unsafe fn compute(isa: Isa, precision: Precision, block: Block<'_>) {
    let is_fused = FUSED != Isa::Portable && FUSED.is_available();
    // SAFETY: the caller's, and as just asked; a block asks for nothing else.
    unsafe {
        match (isa, precision) {
            (Isa::Portable, Precision::F32) if is_fused => {
                FUSED.run(Scalars::<f32, Fused>::new(block))
            }
            (Isa::Portable, Precision::F64) if is_fused => {
                FUSED.run(Scalars::<f64, Fused>::new(block))
            }
            (Isa::Portable, Precision::F32) => isa.run(Scalars::<f32, Separate>::new(block)),
            (Isa::Portable, Precision::F64) => isa.run(Scalars::<f64, Separate>::new(block)),
            (_, Precision::F32) => isa.run(Singles(block)),
            (_, Precision::F64) => isa.run(Doubles(block)),
        }
    }
}

/// A block in vectors of singles.
struct Singles<'a>(Block<'a>);

impl Routine for Singles<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's.
        unsafe { self.0.compute::<f32, V, Vectors>() }
    }
}

/// A block in vectors of doubles.
struct Doubles<'a>(Block<'a>);

impl Routine for Doubles<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's.
        unsafe { self.0.compute::<f64, V::Doubles, Vectors>() }
    }
}

/// A block in single numbers, whichever vectors there are.
struct Scalars<'a, T, S>(Block<'a>, PhantomData<(T, S)>);

impl<'a, T, S> Scalars<'a, T, S> {
    fn new(block: Block<'a>) -> Self {
        Scalars(block, PhantomData)
    }
}

impl<T: Number, S: Step<T, [T; 1]>> Routine for Scalars<'_, T, S> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's.
        unsafe { self.0.compute::<T, [T; 1], S>() }
    }
}
