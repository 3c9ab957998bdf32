//! Packing of operands, and the memory that they live in then.

use std::cell::RefCell;
use std::thread::LocalKey;

use super::kernel::Sizes;
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::simd::{Routine, Vector, prefetch, transpose};

/// Rows of an operand to prefetch ahead: they may lie a page apart each, too far for the hardware to
/// foresee them.
pub(super) const AHEAD: usize = 8;

thread_local! {
    /// Kept between calls: a run neither allocates nor touches new pages once it is warm.
    pub(super) static SCRATCH: Scratch = const { RefCell::new(Vec::new()) };
}

/// Floats that a thread keeps between tasks.
pub type Scratch = RefCell<Vec<f32>>;

/// Hands `work` this thread's scratch, split in two of the given lengths, each on a cache line of
/// its own. It holds what the last user left.
pub fn with_scratch(
    scratch: &'static LocalKey<Scratch>,
    [first, second]: [usize; 2],
    work: impl FnOnce(&mut [f32], &mut [f32]),
) {
    scratch.with_borrow_mut(|all| {
        let first_lines = first.next_multiple_of(LINE);
        let need = LINE + first_lines + second;
        if all.len() < need {
            // Not `resize`: that would copy what nobody reads again.
            *all = vec![0.0; need];
        }
        // Only speed depends on the alignment, so a failure to find it does no harm.
        let start = all.as_ptr().align_offset(4 * LINE).min(LINE);
        let (front, back) = all[start..].split_at_mut(first_lines);
        work(&mut front[..first], &mut back[..second]);
    });
}

/// Floats from one packed panel of a to the next: `[k][mr]` and a cache line, which also keeps
/// panels from all starting in the same set of the cache.
pub(super) const fn panel_of_a(mr: usize, k: usize) -> usize {
    mr * k + LINE
}

/// Packs `rows` rows of op(a), which is stored k x m, its rows `a_row` floats apart: panels
/// `[rows / MR][k][MR]`, [`panel_of_a`] floats apart. Panics unless the slices hold them.
pub(super) struct PackA<'a> {
    pub a: &'a [f32],
    pub a_row: usize,
    pub k: usize,
    pub rows: usize,
    pub to: &'a mut [f32],
}

impl Routine for PackA<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        for p in 0..self.k {
            let from = &self.a[p * self.a_row..][..self.rows];
            let ahead = from.as_ptr().wrapping_add(AHEAD * self.a_row);
            (0..self.rows).step_by(LINE).for_each(|i| prefetch(ahead.wrapping_add(i)));
            let (whole, rest) = from.split_at(self.rows / V::MR * V::MR);
            let mut panels = self.to.chunks_mut(panel_of_a(V::MR, self.k));
            for (from, panel) in whole.chunks_exact(V::MR).zip(&mut panels) {
                panel[p * V::MR..][..V::MR].copy_from_slice(from);
            }
            if !rest.is_empty()
                && let Some(panel) = panels.next()
            {
                panel[p * V::MR..][..rest.len()].copy_from_slice(rest);
            }
        }
    }
}

/// Packs one panel `[k][nr]` from b stored k x n, rows `b_row` apart, with zeros right of `columns`.
pub(super) fn pack_b(b: &[f32], b_row: usize, k: usize, columns: usize, nr: usize, to: &mut [f32]) {
    for (p, to) in to.chunks_exact_mut(nr).take(k).enumerate() {
        let from = &b[p * b_row..][..columns];
        let ahead = from.as_ptr().wrapping_add(AHEAD * b_row);
        (0..columns).step_by(LINE).for_each(|j| prefetch(ahead.wrapping_add(j)));
        to[..columns].copy_from_slice(from);
        to[columns..].fill(0.0);
    }
}

/// Packs one panel `[k][NR]` from b stored n x k, its rows `b_row` floats apart, by transposing squares in
/// registers. What lies in the panel right of `columns` may hold anything: it reaches no element of c.
/// Panics unless the slices hold them.
pub(super) struct PackTransposedB<'a> {
    pub b: &'a [f32],
    pub b_row: usize,
    pub k: usize,
    pub columns: usize,
    pub to: &'a mut [f32],
}

impl Routine for PackTransposedB<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let PackTransposedB { b, b_row, k, columns, to } = self;
        assert!((1..=V::NR).contains(&columns) && k > 0);
        assert!((columns - 1) * b_row + k <= b.len() && k * V::NR <= to.len());
        for j in (0..columns).step_by(V::LANES) {
            let rows = V::LANES.min(columns - j);
            for p in (0..k).step_by(V::LANES) {
                let from = b[j * b_row + p..].as_ptr();
                let (depth, to) = (V::LANES.min(k - p), to[p * V::NR + j..].as_mut_ptr());
                // SAFETY: the caller's; floats p .. p + depth <= k of rows of b up to columns - 1; p + depth
                // <= k, and j + LANES <= NR as NR is a multiple of LANES.
                unsafe {
                    let ahead = V::LANES * b_row;
                    transpose::<V>((from, b_row), (rows, depth), (to, V::NR), ahead);
                }
            }
        }
    }
}
