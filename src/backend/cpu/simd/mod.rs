//! Vectors: the one seam between our kernels and the CPU's instructions. A kernel is a [`Routine`], written
//! once over any [`Vector`] and compiled once for each [`Isa`].
//!
//! | file | holds |
//! | --- | --- |
//! | `isa.rs` | the sets of instructions: which the CPU has, and how a routine gets to its vectors |
//! | `vector.rs` | what a vector does |
//! | `x86.rs` `neon.rs` `portable.rs` | the vectors |
//! | `square.rs` | squares in memory, transposed |
//!
//! [`Arithmetic`] is for numbers of any kind, and [`Vector::Doubles`] the vector of doubles with the same
//! instructions. Operands of fewer bits become lanes when they are loaded: a way to load is all that
//! another type of operand needs.

mod isa;
#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
mod square;
#[cfg(test)]
mod tests;
mod vector;
#[cfg(target_arch = "x86_64")]
mod x86;

pub use isa::Isa;
pub(super) use isa::Routine;
pub(super) use square::transpose;
pub(super) use vector::{Arithmetic, TABLE, Table, Vector};

/// Floats of the longest vector.
pub(super) const MOST_LANES: usize = 16;

/// Makes what [`Vector::store_nt`] wrote visible to other threads before anything stored later.
#[inline(always)]
pub(super) fn store_fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

/// The mask of the first `lanes` lanes, at most 16.
pub(super) const fn first(lanes: usize) -> u32 {
    (1 << lanes) - 1
}

/// Asks for the cache line at `at`, which may lie anywhere.
#[inline(always)]
pub(super) fn prefetch(at: *const f32) {
    ask::<3>(at);
}

/// [`prefetch`] into the second cache, where the first has no room.
#[inline(always)]
pub(super) fn prefetch_second(at: *const f32) {
    ask::<2>(at);
}

/// A prefetch by a hint of x86: 3 (`_MM_HINT_T0`) into the first cache, 2 (`_MM_HINT_T1`) into the second.
#[inline(always)]
fn ask<const HINT: i32>(at: *const f32) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64, and a prefetch never faults.
    unsafe {
        std::arch::x86_64::_mm_prefetch::<HINT>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
