//! What the blocking knows of a micro-kernel: the seam between loops and instructions.

/// A micro-kernel: multiplies up to `MR` rows of a with up to `NR` columns of b, with the sums in
/// registers, and packs operands in the order in which it reads them.
pub(super) trait Kernel {
    /// Rows of a register tile.
    const MR: usize;
    /// Columns of a register tile.
    const NR: usize;
    /// Most of k per step. Deep steps read and write c less often, wide blocks of b read a less
    /// often; `PACKED_B` is shared out between the two.
    const KC: usize;
    /// The same where a is stored k x m: it is packed once for every block of columns, which makes
    /// wide blocks pay.
    const KC_TRANSPOSED_A: usize;
    /// Floats of packed b in a block: half of the second-level cache of the CPUs it is made for.
    const PACKED_B: usize;

    /// Computes one tile.
    ///
    /// # Safety
    /// The CPU has the kernel's instructions. For every row r < `tile.rows`, the `tile.columns`
    /// floats from `tile.c + r tile.c_row` on may be written, and nothing else refers to them
    /// during the call.
    unsafe fn multiply(tile: Tile<'_>);

    /// Packs `rows` rows of op(a), which is stored k x m, its rows `a_row` apart: panels
    /// `[rows / MR][k][MR]`, `pack::panel_of_a` floats apart.
    ///
    /// # Safety
    /// The CPU has the kernel's instructions.
    unsafe fn pack_a(a: &[f32], a_row: usize, k: usize, rows: usize, to: &mut [f32]);

    /// Packs one panel `[k][NR]` from b stored n x k, its rows `b_row` apart. What lies in the panel
    /// right of `columns` may hold anything: it reaches no element of c.
    ///
    /// # Safety
    /// The CPU has the kernel's instructions.
    unsafe fn pack_transposed_b(b: &[f32], b_row: usize, k: usize, columns: usize, to: &mut [f32]);
}

/// One register tile: c (+)= a b, with a of rows x k and b of k x columns, all at least 1.
pub(super) struct Tile<'a> {
    pub rows: usize,
    pub columns: usize,
    pub k: usize,
    /// Element (r, p) at `r a_row + p a_column`.
    pub a: &'a [f32],
    pub a_row: usize,
    pub a_column: usize,
    pub b: B<'a>,
    /// Element (r, j) at `r c_row + j`.
    pub c: *mut f32,
    pub c_row: usize,
    /// Whether to add to c: after the first step over k. Else c is only written.
    pub add: bool,
    /// What is read after this tile, to be prefetched a cache line at a time. Never dereferenced, so
    /// it may point anywhere.
    pub next: *const f32,
    /// Lines for every 16 steps over k.
    pub next_rows: usize,
    /// Floats from one of these lines to the next.
    pub next_row: usize,
    /// Floats by which they move on after 16 steps.
    pub next_step: usize,
}

/// A panel of b.
pub(super) enum B<'a> {
    /// `[k][NR]`.
    Packed(&'a [f32]),
    /// As stored, rows `row` apart; to be packed on the way.
    Stored { from: &'a [f32], row: usize, pack: &'a mut [f32] },
}

impl Tile<'_> {
    /// Panics unless everything that a kernel with tiles of `mr` x `nr` reads or packs lies inside
    /// the slices. Once a tile, so it costs nothing.
    #[inline]
    pub(super) fn check(&self, mr: usize, nr: usize) {
        let Tile { rows, columns, k, .. } = *self;
        assert!((1..=mr).contains(&rows) && (1..=nr).contains(&columns) && k > 0);
        assert!((rows - 1) * self.a_row + (k - 1) * self.a_column < self.a.len());
        match &self.b {
            B::Packed(panel) => assert!(k * nr <= panel.len()),
            B::Stored { from, row, pack } => {
                assert!((k - 1) * row + columns <= from.len() && k * nr <= pack.len());
            }
        }
    }
}
