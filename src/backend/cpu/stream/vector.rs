//! Vectors of floats: the seam between the kernels and the instructions.

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::*;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::array::from_fn;

/// Some floats side by side. The methods are compiled into their callers, and those into a function
/// that enables the instructions: only there does an intrinsic become one.
///
/// # Safety
/// Of every method: the CPU has the vector's instructions. `load` reads and the stores write `LANES`
/// floats; addresses are multiples of four bytes for `load`, of the vector's size for the stores.
pub(super) trait Vector: Copy {
    /// How many.
    const LANES: usize;
    unsafe fn splat(x: f32) -> Self;
    unsafe fn load(from: *const f32) -> Self;
    unsafe fn store(self, to: *mut f32);
    /// Stores past the caches where there is an instruction for it.
    unsafe fn stream(self, to: *mut f32);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn mul(self, other: Self) -> Self;
}

/// In plain Rust.
impl<const N: usize> Vector for [f32; N] {
    const LANES: usize = N;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        [x; N]
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: as of the trait; an array is aligned as its elements are.
        unsafe { *from.cast() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: as of the trait; an array is aligned as its elements are.
        unsafe { *to.cast() = self }
    }

    #[inline(always)]
    unsafe fn stream(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { self.store(to) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        from_fn(|i| self[i] + other[i])
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        from_fn(|i| self[i] * other[i])
    }
}

/// A vector by the intrinsics for `splat load store stream add mul`.
macro_rules! intrinsics {
    ($vector:ty: $splat:ident $load:ident $store:ident $stream:ident $add:ident $mul:ident) => {
        impl Vector for $vector {
            const LANES: usize = size_of::<$vector>() / size_of::<f32>();

            #[inline(always)]
            unsafe fn splat(x: f32) -> Self {
                // SAFETY: the caller's.
                unsafe { $splat(x) }
            }

            #[inline(always)]
            unsafe fn load(from: *const f32) -> Self {
                // SAFETY: the caller's.
                unsafe { $load(from) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut f32) {
                // SAFETY: the caller's.
                unsafe { $store(to, self) }
            }

            #[inline(always)]
            unsafe fn stream(self, to: *mut f32) {
                // SAFETY: the caller's.
                unsafe { $stream(to, self) }
            }

            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $add(self, other) }
            }

            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $mul(self, other) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
intrinsics!(__m512: _mm512_set1_ps _mm512_loadu_ps _mm512_store_ps _mm512_stream_ps _mm512_add_ps
    _mm512_mul_ps);
#[cfg(target_arch = "x86_64")]
intrinsics!(__m256: _mm256_set1_ps _mm256_loadu_ps _mm256_store_ps _mm256_stream_ps _mm256_add_ps
    _mm256_mul_ps);
// Arm's store past the caches, stnp, has no intrinsic.
#[cfg(target_arch = "aarch64")]
intrinsics!(float32x4_t: vdupq_n_f32 vld1q_f32 vst1q_f32 vst1q_f32 vaddq_f32 vmulq_f32);

/// Makes stores past the caches visible to other threads before anything stored later.
#[inline(always)]
pub(super) fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: SSE is part of x86-64.
    unsafe {
        _mm_sfence();
    }
}
