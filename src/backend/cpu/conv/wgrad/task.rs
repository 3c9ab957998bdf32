//! Work shared out to threads, each with the CPU's instructions.

use std::ops::Range;

use super::tile::Registers;
use crate::backend::cpu::Pool;
#[cfg(target_arch = "aarch64")]
use crate::backend::cpu::simd::F32x4;
#[cfg(target_arch = "x86_64")]
use crate::backend::cpu::simd::{F32x8, F32x16};
use crate::backend::cpu::simd::{Isa, Plain};

/// Something to be compiled for every set of instructions.
pub(super) trait Work {
    /// # Safety
    /// The CPU has the vector's instructions. The body is compiled into its caller.
    unsafe fn run<V: Registers>(self);
}

/// Does a work with these instructions.
///
/// # Safety
/// The CPU has them.
pub(super) unsafe fn with(isa: Isa, work: impl Work) {
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    unsafe fn avx512(work: impl Work) {
        // SAFETY: the function enables the instructions.
        unsafe { work.run::<F32x16>() }
    }
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    unsafe fn avx2(work: impl Work) {
        // SAFETY: the function enables the instructions.
        unsafe { work.run::<F32x8>() }
    }
    // SAFETY: the caller's.
    unsafe {
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => avx512(work),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => avx2(work),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => work.run::<F32x4>(),
            Isa::Portable => work.run::<Plain>(),
        }
    }
}

/// Floats of a vector and vectors of a tile.
pub(super) fn registers(isa: Isa) -> (usize, usize) {
    fn of<V: Registers>() -> (usize, usize) {
        (V::LANES, V::VECTORS)
    }
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => of::<F32x16>(),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => of::<F32x8>(),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => of::<F32x4>(),
        Isa::Portable => of::<Plain>(),
    }
}

/// Does all tasks; a single one at once, where the caller is.
pub(super) fn each(pool: &Pool, tasks: usize, work: impl Fn(usize) + Sync) {
    if tasks == 1 { work(0) } else { pool.each(tasks, work) }
}

/// Part `index` when `whole` things are cut in `parts`.
pub(super) fn part(whole: usize, parts: usize, index: usize) -> Range<usize> {
    whole * index / parts..whole * (index + 1) / parts
}

/// Memory that tasks share, each its own part of it.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub *mut f32);

// SAFETY: the tasks that share it write disjoint parts, and the borrow it was made from outlives
// them: `Pool::each` waits for all of them.
unsafe impl Sync for Shared {}
