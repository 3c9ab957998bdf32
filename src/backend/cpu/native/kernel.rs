//! What the blocking knows of a micro-kernel.

/// One register tile.
pub struct Tile {
    pub k: usize,
    pub a: *const f32,
    pub a_row: usize,
    pub a_column: usize,
    pub b: *const f32,
    pub b_row: usize,
    pub pack: *mut f32,
    pub c: *mut f32,
    pub c_row: usize,
    pub columns: usize,
    pub add: bool,
    pub next: *const f32,
    pub next_rows: usize,
}

/// A micro-kernel.
pub trait Kernel {
    const MR: usize;
    const NR: usize;
    /// Floats of packed b that a task keeps in the second-level cache.
    const PACKED_B: usize;
    /// tbd
    /// # Safety
    unsafe fn multiply(rows: usize, tile: &Tile);
    /// tbd
    /// # Safety
    unsafe fn pack_transposed(b: *const f32, b_row: usize, k: usize, columns: usize, to: *mut f32);
    /// # Safety
    unsafe fn pack_a(a: *const f32, lda: usize, k: usize, rows: usize, to: *mut f32, end: *const f32);
}
