//! What a vector does.

use super::{MOST_LANES, Routine};

/// Numbers of a table.
pub(in super::super) const TABLE: usize = 32;

/// A table for [`Vector::look_up`].
#[repr(align(64))]
pub(in super::super) struct Table(pub [f32; TABLE]);

/// Numbers side by side and their arithmetic, lane by lane. The methods are compiled into their callers,
/// and those into [`Vector::call`], which enables the instructions: only there does an intrinsic become
/// one instruction.
///
/// # Safety
/// Of every method: the CPU has the vector's instructions. `load` reads and `store` writes `LANES` numbers
/// from an address on that is aligned as one of them is.
pub(in super::super) trait Arithmetic<T>: Copy {
    /// Numbers of a vector.
    const LANES: usize;

    /// The same number in every lane.
    unsafe fn splat(x: T) -> Self;

    /// The numbers at `from`.
    unsafe fn load(from: *const T) -> Self;

    /// Writes all lanes.
    unsafe fn store(self, to: *mut T);

    unsafe fn add(self, other: Self) -> Self;

    unsafe fn sub(self, other: Self) -> Self;

    unsafe fn mul(self, other: Self) -> Self;

    /// `self + a * b`, rounded once where there is an instruction for it.
    unsafe fn add_product(self, a: Self, b: Self) -> Self;
}

/// A vector of floats. Masks have one bit a lane, the lowest for lane 0; bits from `LANES` on are ignored.
///
/// # Safety
/// Of every method but `is_available`: the CPU has the vector's instructions. Methods with a mask touch no
/// float whose bit is not set, the others `LANES` floats, from an address on that is aligned as a float is;
/// that of `store_nt` is a multiple of the vector's size.
pub(in super::super) trait Vector: Arithmetic<f32> {
    /// Doubles with the same instructions.
    type Doubles: Arithmetic<f64>;

    /// How many vectors the CPU holds at once.
    const REGISTERS: usize;

    /// Whether a mask costs nothing.
    const HAS_MASKS: bool = false;

    /// Whether `store_nt` goes past the caches.
    const HAS_NT: bool = false;

    /// Whether `add_product` rounds once.
    const IS_FUSED: bool = true;

    /// Whether `look_up` is one instruction.
    const HAS_TABLES: bool = false;

    /// Whether this CPU has the vector's instructions, as every CPU of its architecture where nothing else is said.
    fn is_available() -> bool {
        true
    }

    /// Runs a routine on this vector, in a function of its own that is compiled for the vector's
    /// instructions.
    ///
    /// # Safety
    /// All holds that the routine itself asks for.
    unsafe fn call<R: Routine>(routine: R) {
        // SAFETY: the caller's.
        unsafe { routine.run::<Self>() }
    }

    /// The floats at `from` where the mask has a bit, else those of `self`.
    unsafe fn load_masked(self, from: *const f32, mask: u32) -> Self;

    /// Writes the lanes that have a bit in the mask.
    unsafe fn store_masked(self, to: *mut f32, mask: u32);

    /// Writes all lanes past the caches (a non-temporal store), where there is an instruction for it.
    #[inline(always)]
    unsafe fn store_nt(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { self.store(to) }
    }

    /// The larger of each two lanes; where one is no number, that of `other`, or no number (Arm).
    unsafe fn max(self, other: Self) -> Self;

    /// The bits of each lane plus those of `n`, shifted to the left: by 23, which is where exponents begin, it is
    /// a lane times 2^n, the number n being that in the lowest 8 bits, if the exponent bears it.
    unsafe fn plus_bits<const SHIFT: i32>(self, n: Self) -> Self;

    /// The number in the table that the lowest five bits of each lane tell.
    #[inline(always)]
    unsafe fn look_up(self, table: &Table) -> Self {
        // SAFETY: the caller's; no vector has more lanes.
        unsafe {
            let mut lanes = [0.0f32; MOST_LANES];
            self.store(lanes.as_mut_ptr());
            for lane in &mut lanes {
                *lane = table.0[lane.to_bits() as usize % TABLE];
            }
            Self::load(lanes.as_ptr())
        }
    }

    /// Each lane with the one taken in for which their numbers differ by `BY`, a power of 2 below `LANES`.
    unsafe fn exchanged<const BY: usize>(self) -> Self;

    /// The lanes of even number of `self`, then those of `high`.
    unsafe fn even(self, high: Self) -> Self;

    /// Every lane twice side by side: the lower half of `self`, then the upper half.
    unsafe fn twice(self) -> (Self, Self);

    /// Transposes the square of `LANES` vectors in `rows`, of which there are just as many.
    unsafe fn transpose(rows: &mut [Self]);

    /// Transposes each of the squares of 4 x 4 that lie side by side in `rows`.
    unsafe fn transpose_quads(rows: [Self; 4]) -> [Self; 4];
}

/// Implements [`Arithmetic`] by intrinsics, in the order of its methods; the last one is `c + a b` of
/// `(a, b, c)`.
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
macro_rules! arithmetic {
    ($vector:ty, $number:ty: $splat:ident $load:ident $store:ident $add:ident $sub:ident $mul:ident
     $fmadd:ident) => {
        impl Arithmetic<$number> for $vector {
            const LANES: usize = size_of::<$vector>() / size_of::<$number>();

            #[inline(always)]
            unsafe fn splat(x: $number) -> Self {
                // SAFETY: the caller's.
                unsafe { $splat(x) }
            }

            #[inline(always)]
            unsafe fn load(from: *const $number) -> Self {
                // SAFETY: the caller's.
                unsafe { $load(from) }
            }

            #[inline(always)]
            unsafe fn store(self, to: *mut $number) {
                // SAFETY: the caller's.
                unsafe { $store(to, self) }
            }

            #[inline(always)]
            unsafe fn add(self, other: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $add(self, other) }
            }

            #[inline(always)]
            unsafe fn sub(self, other: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $sub(self, other) }
            }

            #[inline(always)]
            unsafe fn mul(self, other: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $mul(self, other) }
            }

            #[inline(always)]
            unsafe fn add_product(self, a: Self, b: Self) -> Self {
                // SAFETY: the caller's.
                unsafe { $fmadd(a, b, self) }
            }
        }
    };
}
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
pub(super) use arithmetic;
