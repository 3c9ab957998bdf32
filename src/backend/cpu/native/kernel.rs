//! The micro-kernel: multiplies up to `MR` rows of a with up to `NR` columns of b, with the sums in
//! registers.
//!
//! With AVX-512 a tile is 6 x 64: 24 of the 32 registers hold sums, 4 a row of b and one an element of a. A
//! step over k is 24 multiply-adds and 10 loads, of which current CPUs do two each a cycle. With AVX2 it is
//! 6 x 16: 12 of the 16 registers hold sums, 2 a row of b and one an element of a.

use std::array::from_fn;

use super::pack;
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::simd::{MOST_LANES, Routine, Vector, first, prefetch};

/// Most rows of a register tile.
pub const MOST_ROWS: usize = 6;

/// Most of k per step where a is stored k x m: it is packed once for every block of columns, which makes
/// wide blocks pay.
pub(super) const KC_TRANSPOSED_A: usize = 256;

/// Sizes of tiles and blocks with these vectors.
pub trait Sizes: Vector {
    /// Rows of a register tile: fewer in plain Rust with few registers, where a product takes one on its
    /// way to the sum.
    const MR: usize = if Self::REGISTERS < 32 && Self::LANES < 8 { 4 } else { MOST_ROWS };

    /// Vectors of a row of a register tile.
    const VECTORS: usize = if Self::REGISTERS >= 32 { 4 } else { 2 };

    /// Columns of a register tile.
    const NR: usize = Self::VECTORS * Self::LANES;

    /// Most of k per step. Deep steps read and write c less often, wide blocks of b read a less
    /// often; `PACKED_B` is shared out between the two.
    const KC: usize = match Self::LANES {
        16 => 1024,
        8 => 384,
        _ => 256,
    };

    /// Floats of packed b in a block: half of the second-level cache of the CPUs that have such vectors.
    const PACKED_B: usize = match Self::LANES {
        16 => 128 << 10,
        8 => 48 << 10,
        _ => 32 << 10,
    };
}

impl<V: Vector> Sizes for V {}

/// One register tile: c (+)= a b, with a of rows x k and b of k x columns, all at least 1.
pub struct Tile<'a> {
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
    pub ahead: Ahead,
}

/// What is read after a tile, to be prefetched: some cache lines for every 16 steps over k.
pub struct Ahead {
    /// The first of them. Never dereferenced, so it may point anywhere.
    pub start: *const f32,
    pub lines: usize,
    /// Floats from one of these lines to the next.
    pub apart: usize,
    /// Floats by which they move on after 16 steps.
    pub step: usize,
}

impl Ahead {
    /// Nothing, where all is in cache.
    pub const NOTHING: Ahead = Ahead { start: std::ptr::null(), lines: 0, apart: 0, step: 0 };
}

/// A panel of b.
pub enum B<'a> {
    /// `[k][NR]`.
    Packed(&'a [f32]),
    /// As stored, rows `row` apart; to be packed on the way.
    Stored { from: &'a [f32], row: usize, pack: &'a mut [f32] },
}

impl Tile<'_> {
    /// Panics unless everything that a kernel with tiles of `mr` x `nr` reads or packs lies inside
    /// the slices. Once a tile, so it costs nothing.
    #[inline]
    fn check(&self, mr: usize, nr: usize) {
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

/// Computes one tile.
///
/// # Safety
/// The CPU has the vector's instructions. For every row r < `tile.rows`, the `tile.columns` floats from
/// `tile.c + r tile.c_row` on may be written, and nothing else refers to them during the call.
pub unsafe fn multiply<V: Vector>(mut tile: Tile<'_>) {
    tile.check(V::MR, V::NR);
    if tile.columns < V::NR
        && let B::Stored { from, row, pack } = tile.b
    {
        pack::pack_b(from, row, tile.k, tile.columns, V::NR, pack);
        tile.b = B::Packed(pack);
    }
    let vectors = tile.columns.div_ceil(V::LANES);
    let is_stored = matches!(tile.b, B::Stored { .. });
    // SAFETY: the caller's; `check` holds, also for a panel that was packed since; the columns of a
    // stored panel are whole, and as many vectors as are named.
    unsafe {
        match vectors {
            1 => by_rows::<V, 1, false>(&mut tile),
            2 if V::VECTORS > 2 => by_rows::<V, 2, false>(&mut tile),
            3 if V::VECTORS > 2 => by_rows::<V, 3, false>(&mut tile),
            _ if V::VECTORS > 2 && is_stored => by_rows::<V, 4, true>(&mut tile),
            _ if V::VECTORS > 2 => by_rows::<V, 4, false>(&mut tile),
            _ if is_stored => by_rows::<V, 2, true>(&mut tile),
            _ => by_rows::<V, 2, false>(&mut tile),
        }
    }
}

/// # Safety
/// As of [`MultiplyAdd`], but for its rows.
unsafe fn by_rows<V: Vector, const NV: usize, const PACK: bool>(tile: &mut Tile<'_>) {
    // SAFETY: the caller's, and the number of rows is the tile's.
    unsafe {
        match tile.rows {
            1 => V::call(MultiplyAdd::<1, NV, PACK>(tile)),
            2 => V::call(MultiplyAdd::<2, NV, PACK>(tile)),
            3 => V::call(MultiplyAdd::<3, NV, PACK>(tile)),
            4 => V::call(MultiplyAdd::<4, NV, PACK>(tile)),
            5 => V::call(MultiplyAdd::<5, NV, PACK>(tile)),
            _ => V::call(MultiplyAdd::<MOST_ROWS, NV, PACK>(tile)),
        }
    }
}

/// One tile of `ROWS` rows and `NV` vectors, the last of which may be partly outside; its b is stored and
/// of whole vectors if `PACK`, else packed.
///
/// To run it is safe where [`multiply`] is, `Tile::check` holds, `ROWS` is the tile's rows, `NV` its
/// columns in vectors, rounded up, and `PACK` what it says.
struct MultiplyAdd<'t, 'a, const ROWS: usize, const NV: usize, const PACK: bool>(&'t mut Tile<'a>);

impl<const ROWS: usize, const NV: usize, const PACK: bool> Routine
    for MultiplyAdd<'_, '_, ROWS, NV, PACK>
{
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let tile = self.0;
        let (mut b, b_row, mut to) = match &mut tile.b {
            B::Packed(panel) => (panel.as_ptr(), V::NR, std::ptr::null_mut()),
            B::Stored { from, row, pack } => (from.as_ptr(), *row, pack.as_mut_ptr()),
        };
        for r in 0..ROWS {
            for j in (0..NV * V::LANES).step_by(LINE) {
                prefetch(tile.c.wrapping_add(r * tile.c_row + j));
            }
        }
        let mut a: [*const f32; ROWS] = from_fn(|r| tile.a.as_ptr().wrapping_add(r * tile.a_row));
        // SAFETY: the caller's.
        let zero = unsafe { V::splat(0.0) };
        let mut sums = [[zero; NV]; ROWS];
        let mut next = tile.ahead.start;
        let mut left = tile.k;
        while left > 0 {
            // A cache line of every row that is read next, as often as one is used up.
            for r in 0..tile.ahead.lines {
                prefetch(next.wrapping_add(r * tile.ahead.apart));
            }
            next = next.wrapping_add(tile.ahead.step);
            let steps = left.min(LINE);
            left -= steps;
            for _ in 0..steps {
                let mut bv = [zero; NV];
                for (v, bv) in bv.iter_mut().enumerate() {
                    let from = b.wrapping_add(v * V::LANES);
                    // SAFETY: this is step p < k. Packed, a whole row p of [k][NR] lies in the panel, and
                    // NV LANES <= NR. Stored, `check` has (k - 1) row + columns floats, and the columns are
                    // NV LANES; row p of `pack` lies inside as that of a packed panel does.
                    unsafe {
                        *bv = V::load(from);
                        if PACK {
                            if (v * V::LANES).is_multiple_of(LINE) {
                                prefetch(from.wrapping_add(pack::AHEAD * b_row));
                            }
                            bv.store(to.wrapping_add(v * V::LANES));
                        }
                    }
                }
                for (a, sums) in a.iter_mut().zip(&mut sums) {
                    // SAFETY: element (r, p) of a, which `check` found inside; the caller's.
                    unsafe {
                        let av = V::splat(**a);
                        for (sum, bv) in sums.iter_mut().zip(&bv) {
                            *sum = sum.add_product(av, *bv);
                        }
                    }
                    *a = a.wrapping_add(tile.a_column);
                }
                b = b.wrapping_add(b_row);
                to = to.wrapping_add(if PACK { V::NR } else { 0 });
            }
        }
        for (r, sums) in sums.iter().enumerate() {
            let c = tile.c.wrapping_add(r * tile.c_row);
            // SAFETY: row r of c may be used as far as the columns go. Unless `add`, c is not read.
            unsafe { put(c, sums, tile.columns, tile.add) };
        }
    }
}

/// Writes the sums of a row to `columns` floats of c, or adds them to what is there.
///
/// # Safety
/// The CPU has the vector's instructions, and so many floats may be written and, with `add`, read. They
/// are more than `NV - 1` vectors and at most `NV`.
#[inline(always)]
unsafe fn put<V: Vector, const NV: usize>(c: *mut f32, sums: &[V; NV], columns: usize, add: bool) {
    let in_last = columns - V::LANES * (NV - 1);
    for (v, sum) in sums.iter().enumerate() {
        let c = c.wrapping_add(v * V::LANES);
        // SAFETY: all vectors but the last lie inside, and the mask ends the last one.
        unsafe {
            if v + 1 < NV || in_last == V::LANES {
                let sum = if add { V::load(c).add(*sum) } else { *sum };
                sum.store(c);
            } else if V::HAS_MASKS {
                let mask = first(in_last);
                let before = V::splat(0.0);
                let before = if add { before.load_masked(c, mask) } else { before };
                before.add(*sum).store_masked(c, mask);
            } else {
                let mut lanes = [0.0; MOST_LANES];
                sum.store(lanes.as_mut_ptr());
                put_some(c, &lanes[..in_last], add);
            }
        }
    }
}

/// Writes some floats to c, or adds them to what is there. A call of its own keeps this loop out of those
/// over vectors, which stay in registers only where they are unrolled.
///
/// # Safety
/// As many floats from `c` on may be written and, with `add`, read.
#[inline(never)]
unsafe fn put_some(c: *mut f32, sums: &[f32], add: bool) {
    for (j, sum) in sums.iter().enumerate() {
        let c = c.wrapping_add(j);
        // SAFETY: the caller's.
        unsafe { *c = if add { *c + sum } else { *sum } };
    }
}
