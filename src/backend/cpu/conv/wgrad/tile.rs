//! The micro-kernel: a tile of the product that stays in registers over all pixels of a chunk.

use crate::backend::cpu::simd::Vector;

/// Rows of a tile.
pub(super) const ROWS: usize = 6;

/// Most vectors side by side in a tile. Their sums, a register for each and one for a number of the
/// rows are 29 of 32, or 15 of 16.
pub(super) const fn most_vectors(registers: usize) -> usize {
    registers / 8
}

/// What a tile is computed from.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    /// Pixels to sum over.
    pub pixels: usize,
    /// Where each pixel is in the operand that makes rows, from where its first is.
    pub offsets: *const usize,
    /// The operand that makes rows at its first pixel.
    pub from: *const f32,
    /// Where each row is, from `from`.
    pub rows: *const usize,
    /// Columns: `[pixels][vectors]`.
    pub panel: *const f32,
    /// The sums: `[rows][vectors]`.
    pub sums: *mut f32,
    /// Whether to add to what `sums` holds.
    pub add: bool,
}

/// Computes a tile of `rows` rows and `vectors` vectors.
///
/// # Safety
/// The CPU has the vector's instructions; `rows` is 1 to [`ROWS`], `vectors` 1 to
/// [`most_vectors`];
/// `offsets` has `pixels` elements, `Tile::rows` has `rows` of them, and the sum of any of these two
/// is a float's place from `from`; `panel` has `pixels` and `sums` has `rows` times the vectors, and
/// `sums` may be written, and read if `add`.
#[inline(always)]
pub(super) unsafe fn multiply<V: Vector>(tile: Tile, rows: usize, vectors: usize) {
    // SAFETY: the caller's.
    unsafe {
        match vectors {
            1 => by_rows::<V, 1>(tile, rows),
            2 => by_rows::<V, 2>(tile, rows),
            3 if most_vectors(V::REGISTERS) > 2 => by_rows::<V, 3>(tile, rows),
            4 if most_vectors(V::REGISTERS) > 2 => by_rows::<V, 4>(tile, rows),
            _ => unreachable!("the registers have no room for more"),
        }
    }
}

#[inline(always)]
unsafe fn by_rows<V: Vector, const VECTORS: usize>(tile: Tile, rows: usize) {
    // SAFETY: the caller's.
    unsafe {
        match rows {
            1 => sum_up::<V, 1, VECTORS>(tile),
            2 => sum_up::<V, 2, VECTORS>(tile),
            3 => sum_up::<V, 3, VECTORS>(tile),
            4 => sum_up::<V, 4, VECTORS>(tile),
            5 => sum_up::<V, 5, VECTORS>(tile),
            _ => sum_up::<V, ROWS, VECTORS>(tile),
        }
    }
}

#[inline(always)]
unsafe fn sum_up<V: Vector, const ROWS: usize, const VECTORS: usize>(tile: Tile) {
    // SAFETY: the caller's: pixel p < pixels and row r < ROWS give a place from `from`, vector v of
    // pixel p lies in the panel, that of row r in the sums.
    unsafe {
        let mut sums = [[V::splat(0.0); VECTORS]; ROWS];
        let mut rows = [tile.from; ROWS];
        for (r, row) in rows.iter_mut().enumerate() {
            *row = tile.from.add(*tile.rows.add(r));
        }
        let mut panel = tile.panel;
        for p in 0..tile.pixels {
            let offset = *tile.offsets.add(p);
            let mut columns = [V::splat(0.0); VECTORS];
            for (v, column) in columns.iter_mut().enumerate() {
                *column = V::load(panel.add(v * V::LANES));
            }
            for (row, sums) in rows.iter().zip(&mut sums) {
                let number = V::splat(*row.add(offset));
                for (sum, column) in sums.iter_mut().zip(&columns) {
                    *sum = sum.add_product(number, *column);
                }
            }
            panel = panel.add(VECTORS * V::LANES);
        }
        for (r, row) in sums.iter().enumerate() {
            for (v, sum) in row.iter().enumerate() {
                let to = tile.sums.add((r * VECTORS + v) * V::LANES);
                if tile.add { sum.add(V::load(to)).store(to) } else { sum.store(to) }
            }
        }
    }
}
