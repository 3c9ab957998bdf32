//! The micro-kernel: a tile of the product, whose sums stay in registers over all pixels of a chunk.

use crate::backend::cpu::simd::Vector;

/// Rows of a tile.
pub(super) const ROWS: usize = 6;

/// The most vectors side by side in a tile, for a CPU of so many vector registers: 4 of 32, 2 of 16. The sums
/// of six rows, the vectors of a pixel and one number of a row then take 29 registers, or 15.
pub(super) const fn most_vectors(registers: usize) -> usize {
    registers / 8
}

/// What tiles are computed from, and where their sums go: a block of rows, tile after tile.
#[derive(Clone, Copy)]
pub(super) struct Tiles {
    /// The number of pixels to sum over.
    pub pixels: usize,
    /// For each pixel, the floats from the first pixel to it in the operand that makes rows.
    pub offsets: *const usize,
    /// The operand that makes rows, at the first pixel and the block's first row.
    pub from: *const f32,
    /// For each row, the floats from `from` to it.
    pub rows: *const usize,
    /// The packed columns: `[pixels][vectors]`.
    pub panel: *const f32,
    /// The sums: `[rows][vectors]`.
    pub sums: *mut f32,
    /// Whether the sums are added to what `sums` holds. Else they replace it.
    pub add: bool,
}

/// Computes the tiles of `rows` rows and `vectors` vectors.
///
/// # Safety
/// The CPU has the vector's instructions; `vectors` is 1 to [`most_vectors`]. [`Tiles::offsets`] has `pixels`
/// elements and [`Tiles::rows`] has `rows` of them; a float may be read at the sum of any two of these from
/// [`Tiles::from`] on. [`Tiles::panel`] has `vectors` vectors for each pixel, and [`Tiles::sums`] as many for
/// each row, which may be written, and read if [`Tiles::add`] is set.
#[inline(always)]
pub(super) unsafe fn multiply<V: Vector>(mut tiles: Tiles, rows: usize, vectors: usize) {
    for row in (0..rows).step_by(ROWS) {
        let count = ROWS.min(rows - row);
        // SAFETY: the caller's.
        unsafe {
            match vectors {
                1 => by_rows::<V, 1>(tiles, count),
                2 => by_rows::<V, 2>(tiles, count),
                3 if most_vectors(V::REGISTERS) > 2 => by_rows::<V, 3>(tiles, count),
                4 if most_vectors(V::REGISTERS) > 2 => by_rows::<V, 4>(tiles, count),
                _ => unreachable!("the registers have no room for more"),
            }
            tiles.rows = tiles.rows.add(count);
            tiles.sums = tiles.sums.add(count * vectors * V::LANES);
        }
    }
}

/// The first tile, with a known number of vectors.
///
/// # Safety
/// That of [`multiply`] holds.
#[inline(always)]
unsafe fn by_rows<V: Vector, const VECTORS: usize>(tile: Tiles, rows: usize) {
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

/// The first tile, with a known number of rows and vectors.
///
/// # Safety
/// That of [`multiply`] holds.
#[inline(always)]
unsafe fn sum_up<V: Vector, const ROWS: usize, const VECTORS: usize>(tile: Tiles) {
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
