//! The recurrent product, a tile at a time: rows times a packed panel, its sums in registers.

use std::ops::Range;

use super::GATES;
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::{MOST_LANES, Vector};

/// Most rows of a tile.
pub(super) const MOST_ROWS: usize = 6;

/// A tile of a product: `rows` rows of a times a panel `[depth][4 LANES]`.
pub(super) struct Tile<'a> {
    /// Rows of `depth` floats.
    pub(super) a: &'a [f32],
    pub(super) depth: usize,
    pub(super) panel: &'a [f32],
    pub(super) rows: usize,
    /// The results, whose rows have room for the longest vectors: the first 4 LANES of a row are written.
    pub(super) sums: &'a mut [[f32; GATES * MOST_LANES]; MOST_ROWS],
}

/// Computes a tile of `ROWS` rows. Panics unless the slices hold it.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
pub(super) unsafe fn multiply<V: Vector, const ROWS: usize>(tile: &mut Tile<'_>) {
    let width = GATES * V::LANES;
    assert!(ROWS * tile.depth <= tile.a.len());
    assert!(tile.depth * width <= tile.panel.len() && V::LANES <= MOST_LANES);
    // SAFETY: rows of a and of the panel lie inside, as just checked; a row of sums holds four of the
    // longest vectors.
    unsafe {
        let mut sums = [[V::splat(0.0); GATES]; ROWS];
        for k in 0..tile.depth {
            let b = tile.panel.as_ptr().add(k * width);
            let b: [V; GATES] = std::array::from_fn(|v| V::load(b.add(v * V::LANES)));
            for (row, sums) in sums.iter_mut().enumerate() {
                let a = V::splat(*tile.a.as_ptr().add(row * tile.depth + k));
                for (sum, b) in sums.iter_mut().zip(b) {
                    *sum = sum.add_product(a, b);
                }
            }
        }
        for (to, sums) in tile.sums.iter_mut().zip(sums) {
            for (v, sum) in sums.into_iter().enumerate() {
                sum.store(to.as_mut_ptr().add(v * V::LANES));
            }
        }
    }
}

/// Computes a tile of up to [`MOST_ROWS`] rows. Panics unless the slices hold it.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
pub(super) unsafe fn multiply_rows<V: Vector>(tile: &mut Tile<'_>) {
    // SAFETY: the caller's.
    unsafe {
        match tile.rows {
            1 => multiply::<V, 1>(tile),
            2 => multiply::<V, 2>(tile),
            3 => multiply::<V, 3>(tile),
            4 => multiply::<V, 4>(tile),
            5 => multiply::<V, 5>(tile),
            _ => multiply::<V, 6>(tile),
        }
    }
}

/// Some rows in even tiles, of at most as many rows as have their sums, four vectors each, in registers
/// beside a row of the panel.
pub(super) fn tiles<V: Vector>(rows: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    even_tiles(rows, if V::REGISTERS >= 32 { MOST_ROWS } else { MOST_ROWS / 2 })
}

/// Some rows in even tiles of at most `most`.
fn even_tiles(rows: Range<usize>, most: usize) -> impl Iterator<Item = Range<usize>> {
    let tiles = rows.len().div_ceil(most);
    (0..tiles).map(move |tile| {
        let part = even_part(rows.len(), tiles, tile);
        rows.start + part.start..rows.start + part.end
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_rows_once() {
        for rows in 1..40 {
            let mut next = 3;
            for tile in even_tiles(3..3 + rows, 6) {
                assert_eq!(tile.start, next);
                assert!((1..=6).contains(&tile.len()));
                next = tile.end;
            }
            assert_eq!(next, 3 + rows);
        }
    }
}
