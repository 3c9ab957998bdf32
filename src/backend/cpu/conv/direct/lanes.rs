//! Lanes of a vector that lie apart in memory.

use crate::backend::cpu::simd::{MOST_LANES, Vector};

/// A vector whose lane i is the float at `from + i stride` where bit i of the mask is set, and zero where
/// it is not.
///
/// # Safety
/// The floats of all lanes in the mask may be read, and the CPU has the vector's instructions.
#[inline(always)]
pub(super) unsafe fn read<V: Vector>(from: *const f32, mask: u32, stride: usize) -> V {
    // SAFETY: the caller's. Every other lane of the two vectors, none else, is in the spread masks.
    unsafe {
        let zero = V::splat(0.0);
        match stride {
            1 => zero.load_masked(from, mask),
            2 => {
                let low = zero.load_masked(from, spread(mask));
                let mask = spread(mask >> (V::LANES / 2));
                low.even(zero.load_masked(from.wrapping_add(V::LANES), mask))
            }
            _ => {
                let mut lanes = [0.0; MOST_LANES];
                for (lane, to) in lanes.iter_mut().enumerate().take(V::LANES) {
                    if mask >> lane & 1 == 1 {
                        *to = *from.wrapping_add(lane * stride);
                    }
                }
                V::load(lanes.as_ptr())
            }
        }
    }
}

/// Writes lane i to the float at `to + i step` where bit i of the mask is set, or with `add` adds it to
/// what is there.
///
/// # Safety
/// The floats of all lanes in the mask may be written, and read if `add`; and the CPU has the vector's
/// instructions.
#[inline(always)]
pub(super) unsafe fn write<V: Vector>(sum: V, to: *mut f32, mask: u32, step: usize, add: bool) {
    // SAFETY: the caller's. Every other lane of the two vectors, none else, is in the spread masks.
    unsafe {
        match step {
            1 => write_masked(sum, to, mask, add),
            2 => {
                let (low, high) = sum.twice();
                write_masked(low, to, spread(mask), add);
                let mask = spread(mask >> (V::LANES / 2));
                write_masked(high, to.wrapping_add(V::LANES), mask, add);
            }
            _ => {
                let mut lanes = [0.0; MOST_LANES];
                sum.store(lanes.as_mut_ptr());
                for (lane, sum) in lanes.iter().enumerate().take(V::LANES) {
                    if mask >> lane & 1 == 1 {
                        let to = to.wrapping_add(lane * step);
                        *to = if add { *to + sum } else { *sum };
                    }
                }
            }
        }
    }
}

/// [`write`] to floats side by side.
///
/// # Safety
/// That of [`write`] holds.
#[inline(always)]
unsafe fn write_masked<V: Vector>(sum: V, to: *mut f32, mask: u32, add: bool) {
    // SAFETY: the caller's.
    unsafe {
        if mask != 0 {
            let sum = if add { V::splat(0.0).load_masked(to, mask).add(sum) } else { sum };
            sum.store_masked(to, mask);
        }
    }
}

/// A mask whose bit 2 i is bit i of `mask`, for the lowest eight.
#[inline(always)]
fn spread(mask: u32) -> u32 {
    let low = mask & 0xff;
    let quads = (low | low << 4) & 0x0f0f;
    let pairs = (quads | quads << 2) & 0x3333;
    (pairs | pairs << 1) & 0x5555
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_spread_to_every_other_bit() {
        for mask in 0..256u32 {
            let expected: u32 = (0..8).map(|i| (mask >> i & 1) << (2 * i)).sum();
            assert_eq!(spread(mask), expected);
            assert_eq!(spread(mask | 0xff00), expected);
        }
    }
}
