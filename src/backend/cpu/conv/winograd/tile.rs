//! The transforms in one direction, for vectors of any kind. Two of them, one in each direction, make
//! the transform of a tile. What is rounded on the way, and how often, is what the bound of errors
//! counts (`workload/conv/winograd.rs`).

use crate::backend::cpu::simd::Vector;

/// The most rows, and columns, of a tile's input.
pub(super) const MOST: usize = 6;

/// F(m, 3), the transforms in one direction. Of an array of inputs or products the first m + 2 vectors mean
/// something, of an array of outputs the first m.
///
/// # Safety
/// Of every method: the CPU has the vector's instructions.
pub(super) trait Tile: Sync {
    /// Outputs of a tile in one direction, m.
    const M: usize;
    /// Inputs of a tile in one direction, m + 2.
    const T: usize = Self::M + 2;
    /// Tiles side by side in a cell.
    const SPLIT: usize = super::problem::WIDE / Self::M;

    /// `B^T d`: the transform of inputs.
    unsafe fn input<V: Vector>(d: [V; MOST]) -> [V; MOST];

    /// `G g`: the transform of filters.
    unsafe fn filter<V: Vector>(g: [V; 3]) -> [V; MOST];

    /// `A^T m`: the transform of sums of products into outputs.
    unsafe fn output<V: Vector>(m: [V; MOST]) -> [V; 4];
}

/// F(2, 3), by the points 0, 1, -1 and infinity.
pub(super) struct F2;

impl Tile for F2 {
    const M: usize = 2;

    #[inline(always)]
    unsafe fn input<V: Vector>(d: [V; MOST]) -> [V; MOST] {
        // SAFETY: the caller's.
        unsafe { [d[0].sub(d[2]), d[1].add(d[2]), d[2].sub(d[1]), d[1].sub(d[3]), d[4], d[5]] }
    }

    #[inline(always)]
    unsafe fn filter<V: Vector>(g: [V; 3]) -> [V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let half = V::splat(0.5);
            let (outer, inner) = (g[0].add(g[2]).mul(half), g[1].mul(half));
            [g[0], outer.add(inner), outer.sub(inner), g[2], g[0], g[0]]
        }
    }

    #[inline(always)]
    unsafe fn output<V: Vector>(m: [V; MOST]) -> [V; 4] {
        // SAFETY: the caller's.
        unsafe { [m[0].add(m[1]).add(m[2]), m[1].sub(m[2]).sub(m[3]), m[2], m[3]] }
    }
}

/// F(4, 3), by the points 0, 1, -1, 2, -2 and infinity.
pub(super) struct F4;

impl Tile for F4 {
    const M: usize = 4;

    #[inline(always)]
    unsafe fn input<V: Vector>(d: [V; MOST]) -> [V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let (two, four, minus_two) = (V::splat(2.0), V::splat(4.0), V::splat(-2.0));
            let (minus_four, minus_five) = (V::splat(-4.0), V::splat(-5.0));
            let (even, odd) =
                (d[4].add_product(minus_four, d[2]), d[3].add_product(minus_four, d[1]));
            let (even_two, odd_two) = (d[4].sub(d[2]), d[3].sub(d[1]));
            [
                d[4].add_product(minus_five, d[2]).add_product(four, d[0]),
                even.add(odd),
                even.sub(odd),
                even_two.add_product(two, odd_two),
                even_two.add_product(minus_two, odd_two),
                d[5].add_product(minus_five, d[3]).add_product(four, d[1]),
            ]
        }
    }

    #[inline(always)]
    unsafe fn filter<V: Vector>(g: [V; 3]) -> [V; MOST] {
        // SAFETY: the caller's.
        unsafe {
            let (sixth, twelfth) = (V::splat(1.0 / 6.0), V::splat(1.0 / 12.0));
            let outer = g[0].add(g[2]).mul(V::splat(-1.0 / 6.0));
            let inner = g[1].mul(sixth);
            let outer_two = g[0].mul(V::splat(1.0 / 24.0)).add_product(sixth, g[2]);
            let inner_two = g[1].mul(twelfth);
            [
                g[0].mul(V::splat(0.25)),
                outer.sub(inner),
                outer.add(inner),
                outer_two.add(inner_two),
                outer_two.sub(inner_two),
                g[2],
            ]
        }
    }

    #[inline(always)]
    unsafe fn output<V: Vector>(m: [V; MOST]) -> [V; 4] {
        // SAFETY: the caller's.
        unsafe {
            let (two, four, eight) = (V::splat(2.0), V::splat(4.0), V::splat(8.0));
            let (sum, difference) = (m[1].add(m[2]), m[1].sub(m[2]));
            let (sum_two, difference_two) = (m[3].add(m[4]), m[3].sub(m[4]));
            [
                m[0].add(sum).add(sum_two),
                difference.add_product(two, difference_two),
                sum.add_product(four, sum_two),
                difference.add_product(eight, difference_two).add(m[5]),
            ]
        }
    }
}
