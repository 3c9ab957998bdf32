//! The loops round the micro-kernel, and how c is shared out over threads.

use super::Pool;
use super::kernel::{self, B, KC_TRANSPOSED_A, Sizes, Tile};
use super::pack::{PackA, PackTransposedB, panel_of_a, with_scratch};
use crate::backend::cpu::simd::{Routine, Vector, prefetch};

/// Sizes of a product and how its operands are stored: a is m x k (k x m when `ta`), b is k x n
/// (n x k when `tb`), c is m x n; row-major, rows `lda`, `ldb` and `ldc` apart.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub ta: bool,
    pub tb: bool,
    pub lda: usize,
    pub ldb: usize,
    pub ldc: usize,
    /// Whether the product is added to c. Else c is only written.
    pub add: bool,
}

impl Product {
    /// Of dense operands, into a c that may hold anything.
    pub fn dense([m, n, k]: [usize; 3], ta: bool, tb: bool) -> Product {
        let (lda, ldb) = (if ta { m } else { k }, if tb { k } else { n });
        Product { m, n, k, ta, tb, lda, ldb, ldc: n, add: false }
    }

    /// Panics unless all that is read and written lies inside slices of these lengths.
    fn check(&self, a: usize, b: usize, c: usize) {
        let (m, n, k) = (self.m, self.n, self.k);
        let fits = |rows: usize, columns: usize, row: usize, len: usize| {
            columns <= row && (rows - 1) * row + columns <= len
        };
        assert!(if self.ta { fits(k, m, self.lda, a) } else { fits(m, k, self.lda, a) });
        assert!(if self.tb { fits(n, k, self.ldb, b) } else { fits(k, n, self.ldb, b) });
        assert!(fits(m, n, self.ldc, c));
    }
}

/// What is done to each finished piece of a row of c: its row, its first column, the piece.
pub type Finish<'a> = &'a (dyn Fn(usize, usize, &mut [f32]) + Sync);

/// How a product is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Steps over k are this deep, but for the last.
    pub kc: usize,
    /// Rows and columns of blocks of c. A block is a task.
    pub grid: (usize, usize),
}

/// Blocks are at most this high, so that threads finish together.
const MOST_ROWS: usize = 1024;

/// Rows of a, stored k x m, that are packed at a time.
const ROWS_PACKED: usize = 192;

/// Up to this many panels of b, a stored k x m is read where it lies: packing it would not pay.
const DIRECT: usize = 4;

/// But not where its rows are a multiple of this many floats apart: they would fall into the same
/// sets of the cache.
const SAME_SET: usize = 256;

impl Plan {
    pub(super) fn of<V: Vector>(p: &Product, threads: usize) -> Plan {
        // Steps of equal depth, and the widest block whose packed b still fits.
        let most = if p.ta { KC_TRANSPOSED_A } else { V::KC };
        let kc = p.k.div_ceil(p.k.div_ceil(most));
        let panels = p.n.div_ceil(V::NR);
        let fitting = (V::PACKED_B / kc / V::NR).max(1);
        // Two blocks a thread balance best, and none should be flatter than some tiles.
        let least = panels.div_ceil(fitting);
        let rows = (2 * threads).div_ceil(least).min(p.m.div_ceil(64));
        let rows = rows.max(p.m.div_ceil(MOST_ROWS));
        // Panels are shared out evenly: the number of columns that makes the longest thread
        // shortest.
        let most = panels.min(2 * least + threads).max(least);
        let longest = |columns: &usize| {
            let share = panels.div_ceil(*columns);
            (rows * panels.div_ceil(share)).div_ceil(threads) * share
        };
        let columns = (least..=most).min_by_key(longest).unwrap_or(least);
        Plan { kc, grid: (rows, columns) }
    }
}

/// A part of the rows or columns of c.
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Part `index` of `parts` even ones, in whole units. May be empty.
    fn share(length: usize, unit: usize, parts: usize, index: usize) -> Span {
        let units = length.div_ceil(unit);
        let edge = |i: usize| (units * i / parts * unit).min(length);
        Span { start: edge(index), end: edge(index + 1) }
    }

    fn len(self) -> usize {
        self.end - self.start
    }
}

/// c, shared by tasks that each write their own block of it.
struct Output {
    start: *mut f32,
    len: usize,
    /// Floats from one row to the next.
    row: usize,
}

// SAFETY: tasks write disjoint blocks through it, and the borrow it was made from outlives them:
// `Pool::each` waits for all of them.
unsafe impl Sync for Output {}

impl Output {
    /// Where `rows` x `columns` elements begin. Panics unless they lie inside.
    fn tile(&self, (i, rows): (usize, usize), (j, columns): (usize, usize)) -> *mut f32 {
        assert!(j + columns <= self.row && (i + rows - 1) * self.row + j + columns <= self.len);
        self.start.wrapping_add(i * self.row + j)
    }
}

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
    type Output = ();

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
        let output = Output { start: c.as_mut_ptr(), len: c.len(), row: p.ldc };
        let (rows, columns) = plan.grid;
        let task = |task: usize| {
            let i = Span::share(p.m, V::MR, rows, task / columns);
            let j = Span::share(p.n, V::NR, columns, task % columns);
            if i.len() == 0 || j.len() == 0 {
                return;
            }
            let width = j.len().next_multiple_of(V::NR);
            let height = if p.ta { i.len().min(ROWS_PACKED).div_ceil(V::MR) } else { 0 };
            with_scratch(
                width * plan.kc,
                height * panel_of_a(V::MR, plan.kc),
                |packed_b, packed_a| {
                    // SAFETY: the caller vouches for the CPU. The spans of different tasks differ in i or
                    // in j, and parts of one length are disjoint, so no other task writes this block.
                    unsafe {
                        block::<V>(
                            p,
                            plan.kc,
                            (a, b, &output),
                            (i, j),
                            (packed_a, packed_b),
                            finish,
                        )
                    };
                },
            );
        };
        match pool {
            Some(pool) => pool.each(rows * columns, task),
            None => (0..rows * columns).for_each(task),
        }
    }
}

/// Computes one block of c: rows `i`, columns `j`.
///
/// # Safety
/// The CPU has the vector's instructions, and nothing else refers to the block during the call.
unsafe fn block<V: Vector>(
    p: &Product,
    kc: usize,
    (a, b, c): (&[f32], &[f32], &Output),
    (i, j): (Span, Span),
    (packed_a, packed_b): (&mut [f32], &mut [f32]),
    finish: Option<Finish<'_>>,
) {
    let (mr, nr) = (V::MR, V::NR);
    let panels = j.len().div_ceil(nr);
    let columns = |q: usize| (j.len() - q * nr).min(nr);
    for p0 in (0..p.k).step_by(kc) {
        let kc = kc.min(p.k - p0);
        if p.tb {
            for (q, to) in packed_b.chunks_exact_mut(kc * nr).take(panels).enumerate() {
                let from = &b[(j.start + q * nr) * p.ldb + p0..];
                // SAFETY: the caller vouches for the CPU.
                unsafe {
                    V::call(PackTransposedB {
                        b: from,
                        b_row: p.ldb,
                        k: kc,
                        columns: columns(q),
                        to,
                    });
                }
            }
        }
        let group = if p.ta { ROWS_PACKED / mr * mr } else { i.len() };
        for i0 in (i.start..i.end).step_by(group) {
            let i1 = (i0 + group).min(i.end);
            let direct = p.ta && panels <= DIRECT && !p.lda.is_multiple_of(SAME_SET);
            if p.ta && !direct {
                let from = &a[p0 * p.lda + i0..];
                // SAFETY: the caller vouches for the CPU.
                unsafe {
                    V::call(PackA { a: from, a_row: p.lda, k: kc, rows: i1 - i0, to: packed_a });
                }
            }
            // What is packed after this group, prefetched row by row in as many portions as there are
            // tiles: packing itself would wait for most of it.
            let (next_p, next_i) = if i1 < i.end { (p0, i1) } else { (p0 + kc, i.start) };
            let next_group = a.as_ptr().wrapping_add(next_p * p.lda + next_i);
            let tiles = (i1 - i0).div_ceil(mr) * panels;
            let mut tiles_done = 0;
            for r in (i0..i1).step_by(mr) {
                let rows = mr.min(i1 - r);
                let (a, a_row, a_column) = if direct {
                    (&a[p0 * p.lda + r..], 1, p.lda)
                } else if p.ta {
                    (&packed_a[(r - i0) / mr * panel_of_a(mr, kc)..], 1, mr)
                } else {
                    (&a[r * p.lda + p0..], p.lda, 1)
                };
                // The rows after these, or of the next step over k: prefetched in as many portions
                // as there are panels. What is packed is in cache.
                let ahead = if r + mr < i.end {
                    mr * p.lda
                } else {
                    kc.wrapping_sub((r - i.start) * p.lda)
                };
                let portion = mr.div_ceil(panels);
                for q in 0..panels {
                    if p.ta && !direct {
                        for p1 in tiles_done * kc / tiles..(tiles_done + 1) * kc / tiles {
                            let row = next_group.wrapping_add(p1 * p.lda);
                            (0..group).step_by(16).for_each(|l| prefetch(row.wrapping_add(l)));
                        }
                        tiles_done += 1;
                    }
                    let panel = &mut packed_b[q * nr * kc..][..nr * kc];
                    let first = r == i.start && !p.tb;
                    let skipped = (q * portion).min(mr);
                    let tile = Tile {
                        rows,
                        columns: columns(q),
                        k: kc,
                        a,
                        a_row,
                        a_column,
                        b: if first {
                            let from = &b[p0 * p.ldb + j.start + q * nr..];
                            B::Stored { from, row: p.ldb, pack: panel }
                        } else {
                            B::Packed(panel)
                        },
                        c: c.tile((r, rows), (j.start + q * nr, columns(q))),
                        c_row: p.ldc,
                        add: p.add || p0 > 0,
                        next_step: if direct { 16 * p.lda } else { 16 },
                        next_row: p.lda,
                        next: if direct {
                            a.as_ptr().wrapping_add(mr + 5 + q * 16usize.div_ceil(panels) * p.lda)
                        } else {
                            a.as_ptr().wrapping_add(ahead).wrapping_add(skipped * p.lda)
                        },
                        next_rows: if direct {
                            16usize.div_ceil(panels)
                        } else if p.ta {
                            0
                        } else {
                            portion.min(mr - skipped)
                        },
                    };
                    // SAFETY: the caller vouches for the CPU, and for the block: the tile lies in
                    // it, as r + rows <= i.end and q nr + columns(q) <= j.len().
                    unsafe { kernel::multiply::<V>(tile) };
                }
                if let Some(finish) = finish.filter(|_| p0 + kc == p.k) {
                    for row in r..r + rows {
                        let piece = c.tile((row, 1), (j.start, j.len()));
                        // SAFETY: a row of this block, which nothing else refers to; `tile` found it
                        // inside, and every tile has written its part.
                        finish(row, j.start, unsafe {
                            std::slice::from_raw_parts_mut(piece, j.len())
                        });
                    }
                }
            }
        }
    }
}
