//! Vectors of f32: the seam between our kernels and the CPU's instructions. A kernel is written once,
//! generic over [`Vector`], and compiled once for each [`Isa`].

#[cfg(target_arch = "aarch64")]
mod neon;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

#[cfg(test)]
mod tests;

#[cfg(target_arch = "aarch64")]
pub(super) use std::arch::aarch64::float32x4_t as F32x4;
#[cfg(target_arch = "x86_64")]
#[allow(unused_imports)]
pub(super) use std::arch::x86_64::{__m256 as F32x8, __m512 as F32x16};

/// A vector in plain Rust, for CPUs without one of their own.
pub(super) type Plain = [f32; 4];

/// Which instructions a kernel is compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// AVX-512 F, BW, DQ and VL.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// AVX2 with FMA.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// What every aarch64 has.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// Plain Rust.
    Portable,
}

impl Isa {
    /// All, best first.
    pub const ALL: &[Isa] = &[
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2,
        #[cfg(target_arch = "aarch64")]
        Isa::Neon,
        Isa::Portable,
    ];

    /// Whether this CPU has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => true,
            Isa::Portable => true,
        }
    }

    /// Those of this CPU, best first.
    pub fn available() -> impl Iterator<Item = Isa> {
        Isa::ALL.iter().copied().filter(|isa| isa.is_available())
    }

    /// The best of this CPU.
    pub fn best() -> Isa {
        Isa::available().next().unwrap_or(Isa::Portable)
    }
}

/// What is to be computed with vectors, whichever they are.
pub(super) trait Work {
    /// Computes it. To be compiled into its caller.
    ///
    /// # Safety
    /// The CPU has the vector's instructions; and what the work itself asks for.
    unsafe fn run<V: Vector>(self);
}

impl Isa {
    /// Does a work with the vectors of these instructions.
    ///
    /// # Safety
    /// They are available; and what the work itself asks for.
    pub(super) unsafe fn run<W: Work>(self, work: W) {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
        unsafe fn avx512<W: Work>(work: W) {
            // SAFETY: the caller's.
            unsafe { work.run::<F32x16>() }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2<W: Work>(work: W) {
            // SAFETY: the caller's.
            unsafe { work.run::<F32x8>() }
        }
        // SAFETY: the caller's.
        unsafe {
            match self {
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

    /// Does work in plain Rust, compiled for these instructions where it is inlined, as closures are:
    /// the compiler makes vectors of its loops.
    pub(super) fn vectorise(self, work: impl FnOnce()) {
        struct Plainly<F>(F);
        impl<F: FnOnce()> Work for Plainly<F> {
            #[inline(always)]
            unsafe fn run<V: Vector>(self) {
                (self.0)();
            }
        }
        debug_assert!(self.is_available());
        // SAFETY: one of this CPU's, as every `Isa` is that comes from `available` or `best`; the work
        // asks for nothing.
        unsafe { self.run(Plainly(work)) }
    }

    /// Lanes of a vector.
    pub(super) const fn lanes(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => F32x16::LANES,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => F32x8::LANES,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => F32x4::LANES,
            Isa::Portable => Plain::LANES,
        }
    }

    /// Vectors that the CPU holds at once.
    pub(super) const fn registers(self) -> usize {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => F32x16::REGISTERS,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => F32x8::REGISTERS,
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => F32x4::REGISTERS,
            Isa::Portable => Plain::REGISTERS,
        }
    }
}

/// Some floats side by side. The methods are compiled into their callers, and those into a function
/// that enables the instructions: only there does an intrinsic become one.
///
/// A mask has one bit a lane, the lowest for lane 0; bits from `LANES` on are ignored.
///
/// # Safety
/// Of every method: the CPU has the vector's instructions. Addresses are those of floats, `stream`'s a
/// multiple of the vector's size. `load` reads and the stores write `LANES` floats; those with a mask
/// touch no float whose bit is not set.
pub(super) trait Vector: Copy {
    /// How many.
    const LANES: usize;

    /// How many of them the CPU holds at once.
    const REGISTERS: usize;

    /// The same number in every lane.
    unsafe fn splat(x: f32) -> Self;

    /// The floats at `from`.
    unsafe fn load(from: *const f32) -> Self;

    /// The floats at `from` where the mask has a bit, else those of `self`.
    unsafe fn load_masked(self, from: *const f32, mask: u32) -> Self;

    /// Writes all lanes.
    unsafe fn store(self, to: *mut f32);

    /// Writes the lanes that have a bit in the mask.
    unsafe fn store_masked(self, to: *mut f32, mask: u32);

    /// Writes all lanes past the caches, where there is an instruction for it.
    unsafe fn stream(self, to: *mut f32);

    unsafe fn add(self, other: Self) -> Self;

    unsafe fn sub(self, other: Self) -> Self;

    unsafe fn mul(self, other: Self) -> Self;

    /// `self + a * b`, rounded once where there is an instruction for it.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;

    /// The lanes of even number of `self`, then those of `high`.
    unsafe fn even(self, high: Self) -> Self;

    /// Every lane twice side by side: the lower half of `self`, then the upper half.
    unsafe fn twice(self) -> (Self, Self);

    /// Transposes the square of `LANES` vectors in `rows`, of which there are just as many.
    unsafe fn transpose(rows: &mut [Self]);

    /// Transposes each of the squares of 4 x 4 that lie side by side in `rows`.
    unsafe fn transpose_quads(rows: [Self; 4]) -> [Self; 4];
}

/// Makes what was streamed visible to other threads before anything stored later.
#[inline(always)]
pub(super) fn fence() {
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
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64, and a prefetch never faults.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}
