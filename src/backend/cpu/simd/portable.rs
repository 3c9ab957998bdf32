//! Vectors in plain Rust: arrays, which the compiler keeps in whatever registers there are.

use std::array::from_fn;
use std::ops::{Add, Mul, Sub};

use super::{Arithmetic, Vector};

impl<T, const N: usize> Arithmetic<T> for [T; N]
where
    T: Copy + Add<Output = T> + Sub<Output = T> + Mul<Output = T>,
{
    const LANES: usize = N;

    #[inline(always)]
    unsafe fn splat(x: T) -> Self {
        [x; N]
    }

    #[inline(always)]
    unsafe fn load(from: *const T) -> Self {
        // SAFETY: as of the trait; an array is aligned as its elements are.
        unsafe { *from.cast() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut T) {
        // SAFETY: as of the trait; an array is aligned as its elements are.
        unsafe { *to.cast() = self }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        from_fn(|i| self[i] + other[i])
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        from_fn(|i| self[i] - other[i])
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        from_fn(|i| self[i] * other[i])
    }

    #[inline(always)]
    unsafe fn add_product(self, a: Self, b: Self) -> Self {
        from_fn(|i| self[i] + a[i] * b[i])
    }
}

impl<const N: usize> Vector for [f32; N] {
    type Doubles = [f64; N];

    const REGISTERS: usize = 16;
    const IS_FUSED: bool = false;

    #[inline(always)]
    unsafe fn load_masked(self, from: *const f32, mask: u32) -> Self {
        // SAFETY: as of the trait: lanes with a bit may be read.
        from_fn(|i| if mask >> i & 1 == 1 { unsafe { *from.wrapping_add(i) } } else { self[i] })
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: u32) {
        for (i, x) in self.into_iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1) {
            // SAFETY: as of the trait: lanes with a bit may be written.
            unsafe { *to.wrapping_add(i) = x }
        }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        from_fn(|i| if self[i] > other[i] { self[i] } else { other[i] })
    }

    #[inline(always)]
    unsafe fn plus_bits<const SHIFT: i32>(self, n: Self) -> Self {
        from_fn(|i| f32::from_bits(self[i].to_bits().wrapping_add(n[i].to_bits() << SHIFT)))
    }

    #[inline(always)]
    unsafe fn exchanged<const BY: usize>(self) -> Self {
        from_fn(|i| self[i ^ BY])
    }

    #[inline(always)]
    unsafe fn even(self, high: Self) -> Self {
        from_fn(|i| if 2 * i < N { self[2 * i] } else { high[2 * i - N] })
    }

    #[inline(always)]
    unsafe fn twice(self) -> (Self, Self) {
        (from_fn(|i| self[i / 2]), from_fn(|i| self[(N + i) / 2]))
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self]) {
        let old: [Self; N] = from_fn(|i| rows[i]);
        for (i, row) in rows.iter_mut().enumerate() {
            *row = from_fn(|j| old[j][i]);
        }
    }

    #[inline(always)]
    unsafe fn transpose_quads(rows: [Self; 4]) -> [Self; 4] {
        from_fn(|i| from_fn(|lane| rows[lane % 4][lane / 4 * 4 + i]))
    }
}
