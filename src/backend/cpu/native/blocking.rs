//! The loops round the micro-kernel, and how c is shared out over threads.

use std::ops::Range;

use super::Pool;
use super::kernel::{self, Ahead, B, Sizes, Tile};
use super::pack::{PackA, PackTransposedB, SCRATCH, panel_of_a, with_scratch};
use super::plan::{Plan, Product};
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::share::{Each, even_part_of_units};
use crate::backend::cpu::simd::{Routine, Vector, prefetch};

/// What is done to each finished piece of a row of c: its row, its first column, the piece.
pub type Finish<'a> = &'a (dyn Fn(usize, usize, &mut [f32]) + Sync);

/// Rows of a, stored k x m, that are packed at a time.
const ROWS_PACKED: usize = 192;

/// Up to this many panels of b, a stored k x m is read where it lies: packing it would not pay.
const DIRECT: usize = 4;

/// But not where its rows are a multiple of this many floats apart: they would fall into the same
/// sets of the cache.
const SAME_SET: usize = 256;

/// c = op(a) op(b), or c += that, on all threads of `pool` or, without one, on this thread alone.
/// Panics unless the slices hold what the product reaches.
pub(super) struct Multiply<'a> {
    pub pool: Option<&'a Pool>,
    pub product: &'a Product,
    pub operands: (&'a [f32], &'a [f32]),
    pub c: &'a mut [f32],
    pub finish: Option<Finish<'a>>,
}

impl Routine for Multiply<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Multiply { pool, product: p, operands: (a, b), c, finish } = self;
        if p.m == 0 || p.n == 0 {
            return;
        }
        if p.k == 0 {
            assert!(p.n <= p.ldc && (p.m - 1) * p.ldc + p.n <= c.len());
            for (i, row) in c.chunks_mut(p.ldc).take(p.m).enumerate() {
                if !p.add {
                    row[..p.n].fill(0.0);
                }
                finish.iter().for_each(|finish| finish(i, 0, &mut row[..p.n]));
            }
            return;
        }
        p.check(a.len(), b.len(), c.len());
        let plan = Plan::of::<V>(p, pool.map_or(1, Pool::threads));
        let c = &Each::new(c);
        let (rows, columns) = plan.grid;
        let task = |task: usize| {
            let i = even_part_of_units(p.m, V::MR, rows, task / columns);
            let j = even_part_of_units(p.n, V::NR, columns, task % columns);
            if i.is_empty() || j.is_empty() {
                return;
            }
            let width = j.len().next_multiple_of(V::NR);
            let height = if p.ta { i.len().min(ROWS_PACKED).div_ceil(V::MR) } else { 0 };
            let block = Block { product: p, a, b, c, i, j, finish };
            let lengths = [width * plan.kc, height * panel_of_a(V::MR, plan.kc)];
            with_scratch(&SCRATCH, lengths, |packed_b, packed_a| {
                // SAFETY: the caller vouches for the CPU. The spans of different tasks differ in i or
                // in j, and parts of one length are disjoint, so no other task writes this block.
                unsafe { block.compute::<V>(plan.kc, packed_a, packed_b) };
            });
        };
        match pool {
            Some(pool) => pool.each(rows * columns, task),
            None => (0..rows * columns).for_each(task),
        }
    }
}

/// A block of c, rows `i` and columns `j`, with the operands of the whole product.
struct Block<'a> {
    product: &'a Product,
    a: &'a [f32],
    b: &'a [f32],
    c: &'a Each<'a, f32>,
    i: Range<usize>,
    j: Range<usize>,
    finish: Option<Finish<'a>>,
}

/// How the micro-kernel reads a.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// Stored m x k, where it lies: a stream a row.
    Rows,
    /// Stored k x m, where it lies.
    Columns,
    /// Stored k x m, packed.
    Packed,
}

impl Block<'_> {
    /// How many panels of NR columns there are; the last may be narrower.
    fn panels<V: Vector>(&self) -> usize {
        self.j.len().div_ceil(V::NR)
    }

    /// Where `rows` x `columns` elements of c begin. Panics unless they lie inside.
    fn tile(&self, (i, rows): (usize, usize), (j, columns): (usize, usize)) -> *mut f32 {
        let row = self.product.ldc;
        assert!(j + columns <= row && (i + rows - 1) * row + j + columns <= self.c.len());
        self.c.at(i * row + j)
    }

    /// First column of a panel, and how many it has.
    fn panel<V: Vector>(&self, panel: usize) -> (usize, usize) {
        let start = self.j.start + panel * V::NR;
        (start, (self.j.end - start).min(V::NR))
    }

    /// Most rows of a group: those of a that are packed at a time, or all.
    fn group_rows<V: Vector>(&self) -> usize {
        if self.product.ta { ROWS_PACKED / V::MR * V::MR } else { self.i.len() }
    }

    fn reading<V: Vector>(&self) -> Reading {
        let p = self.product;
        match p.ta {
            false => Reading::Rows,
            true if self.panels::<V>() <= DIRECT && !p.lda.is_multiple_of(SAME_SET) => {
                Reading::Columns
            }
            true => Reading::Packed,
        }
    }

    /// Computes the block in steps of `kc` over k.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and nothing else refers to the block during the call.
    unsafe fn compute<V: Vector>(&self, kc: usize, packed_a: &mut [f32], packed_b: &mut [f32]) {
        let p = self.product;
        let group = self.group_rows::<V>();
        for start in (0..p.k).step_by(kc) {
            let k = start..(start + kc).min(p.k);
            if p.tb {
                let panels = packed_b.chunks_exact_mut(k.len() * V::NR).take(self.panels::<V>());
                for (q, to) in panels.enumerate() {
                    let (column, columns) = self.panel::<V>(q);
                    let b = &self.b[column * p.ldb + k.start..];
                    // SAFETY: the caller vouches for the CPU.
                    unsafe {
                        V::call(PackTransposedB { b, b_row: p.ldb, k: k.len(), columns, to });
                    }
                }
            }
            for start in self.i.clone().step_by(group) {
                let rows = start..(start + group).min(self.i.end);
                // SAFETY: the caller's.
                unsafe { self.group::<V>(&k, &rows, packed_a, packed_b) };
            }
        }
    }

    /// One step over k for a group of rows.
    ///
    /// # Safety
    /// As of [`Block::compute`].
    unsafe fn group<V: Vector>(
        &self,
        k: &Range<usize>,
        rows: &Range<usize>,
        packed_a: &mut [f32],
        packed_b: &mut [f32],
    ) {
        let (p, kc, mr) = (self.product, k.len(), V::MR);
        let (reading, panels) = (self.reading::<V>(), self.panels::<V>());
        if reading == Reading::Packed {
            let a = &self.a[k.start * p.lda + rows.start..];
            // SAFETY: the caller vouches for the CPU.
            unsafe { V::call(PackA { a, a_row: p.lda, k: kc, rows: rows.len(), to: packed_a }) };
        }
        let tiles = rows.len().div_ceil(mr) * panels;
        let mut tiles_done = 0;
        for r in rows.clone().step_by(mr) {
            let height = mr.min(rows.end - r);
            let (a, a_row, a_column) = match reading {
                Reading::Rows => (&self.a[r * p.lda + k.start..], p.lda, 1),
                Reading::Columns => (&self.a[k.start * p.lda + r..], 1, p.lda),
                Reading::Packed => (&packed_a[(r - rows.start) / mr * panel_of_a(mr, kc)..], 1, mr),
            };
            for q in 0..panels {
                if reading == Reading::Packed {
                    let part = tiles_done * kc / tiles..(tiles_done + 1) * kc / tiles;
                    self.prefetch_group::<V>(k, rows, part);
                    tiles_done += 1;
                }
                let (column, columns) = self.panel::<V>(q);
                let panel = &mut packed_b[q * V::NR * kc..][..V::NR * kc];
                let b = if r == self.i.start && !p.tb {
                    let from = &self.b[k.start * p.ldb + column..];
                    B::Stored { from, row: p.ldb, pack: panel }
                } else {
                    B::Packed(panel)
                };
                let tile = Tile {
                    rows: height,
                    columns,
                    k: kc,
                    a,
                    a_row,
                    a_column,
                    b,
                    c: self.tile((r, height), (column, columns)),
                    c_row: p.ldc,
                    add: p.add || k.start > 0,
                    ahead: self.ahead::<V>(reading, a, (k, r), q),
                };
                // SAFETY: the caller vouches for the CPU, and for the block: the tile lies in it, as r +
                // height <= i.end and column + columns <= j.end.
                unsafe { kernel::multiply::<V>(tile) };
            }
            if k.end == p.k {
                // SAFETY: the caller vouches for the block, and every tile has written its part.
                unsafe { self.finish_rows(r, height) };
            }
        }
    }

    /// What a tile prefetches for those after it.
    fn ahead<V: Vector>(
        &self,
        reading: Reading,
        a: &[f32],
        (k, r): (&Range<usize>, usize),
        panel: usize,
    ) -> Ahead {
        let (lda, mr, panels) = (self.product.lda, V::MR, self.panels::<V>());
        match reading {
            Reading::Packed => Ahead::NOTHING,
            Reading::Columns => {
                let lines = LINE.div_ceil(panels);
                let start = a.as_ptr().wrapping_add(mr + 5 + panel * lines * lda);
                Ahead { start, lines, apart: lda, step: LINE * lda }
            }
            // The rows after these, or of the next step over k, in as many portions as there are panels.
            Reading::Rows => {
                let ahead = if r + mr < self.i.end {
                    mr * lda
                } else {
                    k.len().wrapping_sub((r - self.i.start) * lda)
                };
                let portion = mr.div_ceil(panels);
                let skipped = (panel * portion).min(mr);
                let start = a.as_ptr().wrapping_add(ahead).wrapping_add(skipped * lda);
                Ahead { start, lines: portion.min(mr - skipped), apart: lda, step: LINE }
            }
        }
    }

    /// Prefetches a part of what is packed after a group, rows of k x m: packing itself would wait for most
    /// of it.
    fn prefetch_group<V: Vector>(&self, k: &Range<usize>, rows: &Range<usize>, part: Range<usize>) {
        let (lda, group) = (self.product.lda, self.group_rows::<V>());
        let (k, i) =
            if rows.end < self.i.end { (k.start, rows.end) } else { (k.end, self.i.start) };
        for row in part {
            let row = self.a.as_ptr().wrapping_add((k + row) * lda + i);
            (0..group).step_by(LINE).for_each(|l| prefetch(row.wrapping_add(l)));
        }
    }

    /// Hands finished rows on.
    ///
    /// # Safety
    /// The rows are written, and nothing else refers to them.
    unsafe fn finish_rows(&self, start: usize, rows: usize) {
        let Some(finish) = self.finish else { return };
        for row in start..start + rows {
            let piece = self.tile((row, 1), (self.j.start, self.j.len()));
            // SAFETY: a row of this block, which the caller vouches for; `tile` found it inside.
            let piece = unsafe { std::slice::from_raw_parts_mut(piece, self.j.len()) };
            finish(row, self.j.start, piece);
        }
    }
}
