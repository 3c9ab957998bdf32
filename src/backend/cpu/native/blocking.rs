//! The loops round the micro-kernel, and how c is shared out over threads.

use super::Pool;
use super::kernel::{B, Kernel, Tile};
use super::pack::{panel_of_a, with_scratch};
use crate::backend::cpu::simd::prefetch;

/// Sizes of a product and how its operands are stored: a is m x k (k x m when `ta`), b is k x n
/// (n x k when `tb`), c is m x n; row-major, dense.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub ta: bool,
    pub tb: bool,
}

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
    pub(super) fn of<K: Kernel>(p: &Product, threads: usize) -> Plan {
        // Steps of equal depth, and the widest block whose packed b still fits.
        let most = if p.ta { K::KC_TRANSPOSED_A } else { K::KC };
        let kc = p.k.div_ceil(p.k.div_ceil(most));
        let panels = p.n.div_ceil(K::NR);
        let fitting = (K::PACKED_B / kc / K::NR).max(1);
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
        assert!(j + columns <= self.row && (i + rows) * self.row <= self.len);
        self.start.wrapping_add(i * self.row + j)
    }
}

/// c = op(a) op(b). Panics unless the slices have the product's sizes.
///
/// # Safety
/// The CPU has the kernel's instructions.
pub(super) unsafe fn multiply<K: Kernel>(
    pool: &Pool,
    p: &Product,
    a: &[f32],
    b: &[f32],
    c: &mut [f32],
) {
    assert!(a.len() == p.m * p.k && b.len() == p.k * p.n && c.len() == p.m * p.n);
    if c.is_empty() || p.k == 0 {
        return c.fill(0.0);
    }
    let plan = Plan::of::<K>(p, pool.threads());
    let output = Output { start: c.as_mut_ptr(), len: c.len(), row: p.n };
    let (rows, columns) = plan.grid;
    pool.each(rows * columns, |task| {
        let i = Span::share(p.m, K::MR, rows, task / columns);
        let j = Span::share(p.n, K::NR, columns, task % columns);
        if i.len() == 0 || j.len() == 0 {
            return;
        }
        let width = j.len().next_multiple_of(K::NR);
        let height = if p.ta { i.len().min(ROWS_PACKED).div_ceil(K::MR) } else { 0 };
        with_scratch(width * plan.kc, height * panel_of_a(K::MR, plan.kc), |packed_b, packed_a| {
            // SAFETY: the caller vouches for the CPU. The spans of different tasks differ in i or
            // in j, and parts of one length are disjoint, so no other task writes this block.
            unsafe { block::<K>(p, plan.kc, (a, b, &output), (i, j), (packed_a, packed_b)) };
        });
    });
}

/// Computes one block of c: rows `i`, columns `j`.
///
/// # Safety
/// The CPU has the kernel's instructions, and nothing else refers to the block during the call.
unsafe fn block<K: Kernel>(
    p: &Product,
    kc: usize,
    (a, b, c): (&[f32], &[f32], &Output),
    (i, j): (Span, Span),
    (packed_a, packed_b): (&mut [f32], &mut [f32]),
) {
    let (mr, nr) = (K::MR, K::NR);
    let panels = j.len().div_ceil(nr);
    let columns = |q: usize| (j.len() - q * nr).min(nr);
    for p0 in (0..p.k).step_by(kc) {
        let kc = kc.min(p.k - p0);
        if p.tb {
            for (q, to) in packed_b.chunks_exact_mut(kc * nr).take(panels).enumerate() {
                let from = &b[(j.start + q * nr) * p.k + p0..];
                // SAFETY: the caller vouches for the CPU.
                unsafe { K::pack_transposed_b(from, p.k, kc, columns(q), to) };
            }
        }
        let group = if p.ta { ROWS_PACKED / mr * mr } else { i.len() };
        for i0 in (i.start..i.end).step_by(group) {
            let i1 = (i0 + group).min(i.end);
            let direct = p.ta && panels <= DIRECT && !p.m.is_multiple_of(SAME_SET);
            if p.ta && !direct {
                let from = &a[p0 * p.m + i0..];
                // SAFETY: the caller vouches for the CPU.
                unsafe { K::pack_a(from, p.m, kc, i1 - i0, packed_a) };
            }
            // What is packed after this group, prefetched row by row in as many portions as there are
            // tiles: packing itself would wait for most of it.
            let (next_p, next_i) = if i1 < i.end { (p0, i1) } else { (p0 + kc, i.start) };
            let next_group = a.as_ptr().wrapping_add(next_p * p.m + next_i);
            let tiles = (i1 - i0).div_ceil(mr) * panels;
            let mut tiles_done = 0;
            for r in (i0..i1).step_by(mr) {
                let rows = mr.min(i1 - r);
                let (a, a_row, a_column) = if direct {
                    (&a[p0 * p.m + r..], 1, p.m)
                } else if p.ta {
                    (&packed_a[(r - i0) / mr * panel_of_a(mr, kc)..], 1, mr)
                } else {
                    (&a[r * p.k + p0..], p.k, 1)
                };
                // The rows after these, or of the next step over k: prefetched in as many portions
                // as there are panels. What is packed is in cache.
                let ahead =
                    if r + mr < i.end { mr * p.k } else { kc.wrapping_sub((r - i.start) * p.k) };
                let portion = mr.div_ceil(panels);
                for q in 0..panels {
                    if p.ta && !direct {
                        for p1 in tiles_done * kc / tiles..(tiles_done + 1) * kc / tiles {
                            let row = next_group.wrapping_add(p1 * p.m);
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
                            let from = &b[p0 * p.n + j.start + q * nr..];
                            B::Stored { from, row: p.n, pack: panel }
                        } else {
                            B::Packed(panel)
                        },
                        c: c.tile((r, rows), (j.start + q * nr, columns(q))),
                        c_row: p.n,
                        add: p0 > 0,
                        next_step: if direct { 16 * p.m } else { 16 },
                        next_row: if p.ta { p.m } else { p.k },
                        next: if direct {
                            a.as_ptr().wrapping_add(mr + 5 + q * 16usize.div_ceil(panels) * p.m)
                        } else {
                            a.as_ptr().wrapping_add(ahead).wrapping_add(skipped * p.k)
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
                    unsafe { K::multiply(tile) };
                }
            }
        }
    }
}
