//! Vectors of numbers: the seam between chains and instructions.

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::*;
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
use std::arch::asm;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;
use std::ops::{Add, Mul};

/// Numbers side by side in a register.
///
/// # Safety
/// A vector is `LANES` numbers and nothing else, and any numbers make a vector.
pub(super) unsafe trait Vector: Copy {
    type Number: Number;
    /// How many, at most 16.
    const LANES: usize = size_of::<Self>() / size_of::<Self::Number>();

    /// `self * m + step`.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    unsafe fn multiply_add(self, m: Self, step: Self) -> Self;
}

/// A vector from the first of the floats.
#[inline(always)]
pub(super) fn gather<V: Vector>(from: &[f32]) -> V {
    let mut numbers = [V::Number::of(0.0); 16];
    for (number, float) in numbers.iter_mut().zip(&from[..V::LANES]) {
        *number = V::Number::of(*float);
    }
    // SAFETY: of the trait, a vector is made of `LANES` numbers, of which there are 16 or fewer.
    unsafe { numbers.as_ptr().cast::<V>().read_unaligned() }
}

/// The numbers of a vector, rounded to floats.
#[inline(always)]
pub(super) fn scatter<V: Vector>(vector: V, to: &mut [f32]) {
    let mut numbers = [V::Number::of(0.0); 16];
    // SAFETY: of the trait, a vector is `LANES` numbers, for which there is space.
    unsafe { numbers.as_mut_ptr().cast::<V>().write_unaligned(vector) };
    for (float, number) in to[..V::LANES].iter_mut().zip(numbers) {
        *float = number.single();
    }
}

#[cfg(target_arch = "x86_64")]
// SAFETY: 16 floats.
unsafe impl Vector for __m512 {
    type Number = f32;

    #[inline(always)]
    unsafe fn multiply_add(self, m: Self, step: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_fmadd_ps(self, m, step) }
    }
}

#[cfg(target_arch = "x86_64")]
// SAFETY: 8 doubles.
unsafe impl Vector for __m512d {
    type Number = f64;

    #[inline(always)]
    unsafe fn multiply_add(self, m: Self, step: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_fmadd_pd(self, m, step) }
    }
}

#[cfg(target_arch = "x86_64")]
// SAFETY: 8 floats.
unsafe impl Vector for __m256 {
    type Number = f32;

    #[inline(always)]
    unsafe fn multiply_add(self, m: Self, step: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm256_fmadd_ps(self, m, step) }
    }
}

#[cfg(target_arch = "x86_64")]
// SAFETY: 4 doubles.
unsafe impl Vector for __m256d {
    type Number = f64;

    #[inline(always)]
    unsafe fn multiply_add(self, m: Self, step: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm256_fmadd_pd(self, m, step) }
    }
}

// Arm's vectors are only added to: a chain goes through the sum, `m * step + self`. The multiplier
// is one, so that is the same number.

#[cfg(target_arch = "aarch64")]
// SAFETY: 4 floats.
unsafe impl Vector for float32x4_t {
    type Number = f32;

    #[inline(always)]
    unsafe fn multiply_add(self, m: Self, step: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { vfmaq_f32(self, m, step) }
    }
}

#[cfg(target_arch = "aarch64")]
// SAFETY: 2 doubles.
unsafe impl Vector for float64x2_t {
    type Number = f64;

    #[inline(always)]
    unsafe fn multiply_add(self, m: Self, step: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { vfmaq_f64(self, m, step) }
    }
}

/// One number, by one instruction.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[cfg_attr(not(any(target_arch = "aarch64", target_arch = "x86_64")), expect(dead_code))]
pub(super) struct Fused<T>(T);

// SAFETY: a number.
unsafe impl<T: Number> Vector for Fused<T> {
    type Number = T;

    #[inline(always)]
    unsafe fn multiply_add(self, m: Self, step: Self) -> Self {
        Fused(self.0.fused(m.0, step.0).alone())
    }
}

/// One number, by a multiplication and an addition.
#[derive(Clone, Copy)]
#[repr(transparent)]
#[cfg_attr(target_arch = "aarch64", expect(dead_code))]
pub(super) struct Separate<T>(T);

// SAFETY: a number.
unsafe impl<T: Number> Vector for Separate<T> {
    type Number = T;

    #[inline(always)]
    unsafe fn multiply_add(self, m: Self, step: Self) -> Self {
        Separate((self.0 * m.0 + step.0).alone())
    }
}

/// A single or double.
pub(super) trait Number: Copy + Add<Output = Self> + Mul<Output = Self> {
    fn of(x: f32) -> Self;
    fn single(self) -> f32;
    /// `self * m + step`, rounded once.
    fn fused(self, m: Self, step: Self) -> Self;
    /// The same, which the compiler can't put into a vector with others.
    fn alone(self) -> Self;
}

/// A number, of which the compiler only knows that it is in a register now.
macro_rules! in_a_register {
    ($number:expr) => {{
        #[allow(unused_mut)]
        let mut number = $number;
        #[cfg(target_arch = "x86_64")]
        // SAFETY: no instruction at all.
        unsafe {
            asm!("/* {0} */", inout(xmm_reg) number, options(pure, nomem, nostack, preserves_flags));
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above.
        unsafe {
            asm!("/* {0:d} */", inout(vreg) number, options(pure, nomem, nostack, preserves_flags));
        }
        number
    }};
}

impl Number for f32 {
    #[inline(always)]
    fn of(x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn single(self) -> f32 {
        self
    }

    #[inline(always)]
    fn fused(self, m: f32, step: f32) -> f32 {
        self.mul_add(m, step)
    }

    #[inline(always)]
    fn alone(self) -> f32 {
        in_a_register!(self)
    }
}

impl Number for f64 {
    #[inline(always)]
    fn of(x: f32) -> f64 {
        f64::from(x)
    }

    #[inline(always)]
    fn single(self) -> f32 {
        self as f32
    }

    #[inline(always)]
    fn fused(self, m: f64, step: f64) -> f64 {
        self.mul_add(m, step)
    }

    #[inline(always)]
    fn alone(self) -> f64 {
        in_a_register!(self)
    }
}
