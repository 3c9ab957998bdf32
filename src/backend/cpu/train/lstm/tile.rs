//! The recurrent product, a tile at a time: rows times a packed panel, its sums in registers.

use super::GATES;
use crate::backend::cpu::simd::{Isa, MOST_LANES, Vector};

/// Most rows of a tile.
pub(super) const MOST_ROWS: usize = 6;

/// A tile of a product: `rows` rows of a times a panel `[depth][4 LANES]`.
pub(super) struct Tile<'a> {
    /// Rows of `depth` floats, `a_row` floats apart.
    pub(super) a: &'a [f32],
    pub(super) a_row: usize,
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
    assert!((ROWS - 1) * tile.a_row + tile.depth <= tile.a.len());
    assert!(tile.depth * width <= tile.panel.len() && V::LANES <= MOST_LANES);
    // SAFETY: rows of a and of the panel lie inside, as just checked; a row of sums holds four of the
    // longest vectors.
    unsafe {
        let mut sums = [[V::splat(0.0); GATES]; ROWS];
        for k in 0..tile.depth {
            let b = tile.panel.as_ptr().add(k * width);
            let b: [V; GATES] = std::array::from_fn(|v| V::load(b.add(v * V::LANES)));
            for (row, sums) in sums.iter_mut().enumerate() {
                let a = V::splat(*tile.a.as_ptr().add(row * tile.a_row + k));
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

/// Most rows of a tile whose sums, four vectors a row, stay in registers beside a row of the panel.
pub(super) fn most_rows(isa: Isa) -> usize {
    if isa.registers() >= 32 { MOST_ROWS } else { MOST_ROWS / 2 }
}

/// Rows `start..end` in even tiles of at most `most`.
pub(super) fn tiles(start: usize, end: usize, most: usize) -> impl Iterator<Item = (usize, usize)> {
    let (rows, tiles) = (end - start, (end - start).div_ceil(most));
    (0..tiles).map(move |tile| {
        let from = start + rows * tile / tiles;
        (from, start + rows * (tile + 1) / tiles - from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_cover_rows_once() {
        for rows in 1..40 {
            let mut next = 3;
            for (from, count) in tiles(3, 3 + rows, 6) {
                assert_eq!(from, next);
                assert!((1..=6).contains(&count));
                next += count;
            }
            assert_eq!(next, 3 + rows);
        }
    }
}
