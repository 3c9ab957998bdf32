//! The vectors of aarch64.

use std::arch::aarch64::*;

use super::Vector;

impl Vector for float32x4_t {
    const LANES: usize = 4;
    const REGISTERS: usize = 32;

    #[inline(always)]
    unsafe fn splat(x: f32) -> Self {
        // SAFETY: the caller's.
        unsafe { vdupq_n_f32(x) }
    }

    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self {
        // SAFETY: the caller's.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn load_masked(self, from: *const f32, mask: u32) -> Self {
        // SAFETY: the caller's; an array has the vector's size.
        unsafe {
            let mut lanes = [0.0; 4];
            vst1q_f32(lanes.as_mut_ptr(), self);
            vld1q_f32(lanes.load_masked(from, mask).as_ptr())
        }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { vst1q_f32(to, self) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: u32) {
        // SAFETY: the caller's; an array has the vector's size.
        unsafe {
            let mut lanes = [0.0; 4];
            vst1q_f32(lanes.as_mut_ptr(), self);
            lanes.store_masked(to, mask);
        }
    }

    // Arm's store past the caches, stnp, has no intrinsic.
    #[inline(always)]
    unsafe fn stream(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { vst1q_f32(to, self) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { vaddq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { vsubq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { vmulq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { vfmaq_f32(self, a, b) }
    }

    #[inline(always)]
    unsafe fn even(self, high: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { vuzp1q_f32(self, high) }
    }

    #[inline(always)]
    unsafe fn twice(self) -> (Self, Self) {
        // SAFETY: the caller's.
        unsafe { (vzip1q_f32(self, self), vzip2q_f32(self, self)) }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self]) {
        let rows: &mut [Self; 4] = rows.try_into().expect("a square of vectors");
        // SAFETY: the caller's.
        unsafe {
            let pairs = |x: Self, y: Self| {
                (vreinterpretq_f64_f32(vtrn1q_f32(x, y)), vreinterpretq_f64_f32(vtrn2q_f32(x, y)))
            };
            let (even_top, odd_top) = pairs(rows[0], rows[1]);
            let (even_bottom, odd_bottom) = pairs(rows[2], rows[3]);
            *rows = [
                vreinterpretq_f32_f64(vtrn1q_f64(even_top, even_bottom)),
                vreinterpretq_f32_f64(vtrn1q_f64(odd_top, odd_bottom)),
                vreinterpretq_f32_f64(vtrn2q_f64(even_top, even_bottom)),
                vreinterpretq_f32_f64(vtrn2q_f64(odd_top, odd_bottom)),
            ];
        }
    }

    #[inline(always)]
    unsafe fn transpose_quads(mut rows: [Self; 4]) -> [Self; 4] {
        // SAFETY: the caller's; a quad is all of the vector.
        unsafe { Self::transpose(&mut rows) };
        rows
    }
}
