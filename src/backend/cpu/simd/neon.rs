//! The vectors of aarch64.

use std::arch::aarch64::*;

use super::vector::arithmetic;
use super::{Arithmetic, Vector};

arithmetic!(float32x4_t, f32: vdupq_n_f32 vld1q_f32 vst1q_f32 vaddq_f32 vsubq_f32 vmulq_f32 fmadd_f32);
arithmetic!(float64x2_t, f64: vdupq_n_f64 vld1q_f64 vst1q_f64 vaddq_f64 vsubq_f64 vmulq_f64 fmadd_f64);

/// a b + c, the operands in the order of x86.
#[inline(always)]
unsafe fn fmadd_f32(a: float32x4_t, b: float32x4_t, c: float32x4_t) -> float32x4_t {
    // SAFETY: the caller's.
    unsafe { vfmaq_f32(c, a, b) }
}

/// a b + c, the operands in the order of x86.
#[inline(always)]
unsafe fn fmadd_f64(a: float64x2_t, b: float64x2_t, c: float64x2_t) -> float64x2_t {
    // SAFETY: the caller's.
    unsafe { vfmaq_f64(c, a, b) }
}

// Arm's store past the caches, stnp, has no intrinsic.
impl Vector for float32x4_t {
    type Doubles = float64x2_t;

    const REGISTERS: usize = 32;

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
    unsafe fn store_masked(self, to: *mut f32, mask: u32) {
        // SAFETY: the caller's; an array has the vector's size.
        unsafe {
            let mut lanes = [0.0; 4];
            vst1q_f32(lanes.as_mut_ptr(), self);
            lanes.store_masked(to, mask);
        }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { vmaxq_f32(self, other) }
    }

    #[inline(always)]
    unsafe fn plus_bits<const SHIFT: i32>(self, n: Self) -> Self {
        // SAFETY: the caller's.
        unsafe {
            let shifted = vshlq_n_s32::<SHIFT>(vreinterpretq_s32_f32(n));
            vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(self), shifted))
        }
    }

    #[inline(always)]
    unsafe fn exchanged<const BY: usize>(self) -> Self {
        // SAFETY: the caller's.
        unsafe { if BY == 1 { vrev64q_f32(self) } else { vextq_f32::<2>(self, self) } }
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
