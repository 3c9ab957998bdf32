//! Single numbers that stay single: by themselves the compiler would put them into vectors.

use std::ops::{Add, Mul, Sub};

use crate::backend::cpu::simd::{Arithmetic, Vector};

/// A single or double.
pub(super) trait Number:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// The vector of such numbers that goes with one of singles.
    type Vector<V: Vector>: Arithmetic<Self>;

    fn of(x: f32) -> Self;

    /// Rounded to a single.
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
            std::arch::asm!(
                "/* {0} */",
                inout(xmm_reg) number,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        #[cfg(target_arch = "aarch64")]
        // SAFETY: as above.
        unsafe {
            std::arch::asm!(
                "/* {0:d} */",
                inout(vreg) number,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        number
    }};
}

/// Implements [`Number`] by the type's own operations.
macro_rules! number {
    ($number:ty, $V:ident => $vector:ty) => {
        impl Number for $number {
            type Vector<$V: Vector> = $vector;

            #[inline(always)]
            fn of(x: f32) -> $number {
                x.into()
            }

            #[inline(always)]
            fn single(self) -> f32 {
                self as f32
            }

            #[inline(always)]
            fn fused(self, m: $number, step: $number) -> $number {
                self.mul_add(m, step)
            }

            #[inline(always)]
            fn alone(self) -> $number {
                in_a_register!(self)
            }
        }
    };
}

number!(f32, V => V);
number!(f64, V => V::Doubles);
