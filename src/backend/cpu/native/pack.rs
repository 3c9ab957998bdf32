//! Packing that needs no special instructions, and the memory that packed operands live in.

use std::cell::RefCell;

use crate::backend::cpu::simd::prefetch;

/// Floats of a cache line.
const LINE: usize = 16;

/// Rows of an operand to prefetch ahead: they may lie a page apart each, too far for the hardware to
/// foresee them.
pub(super) const AHEAD: usize = 8;

thread_local! {
    /// Kept between calls: a run neither allocates nor touches new pages once it is warm.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Hands `work` this thread's scratch, split in two of the given lengths, each on a cache line of
/// its own. It holds what the last user left.
pub(super) fn with_scratch(first: usize, second: usize, work: impl FnOnce(&mut [f32], &mut [f32])) {
    SCRATCH.with_borrow_mut(|all| {
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

/// `Kernel::pack_a`.
pub(super) fn pack_a<const MR: usize>(
    a: &[f32],
    a_row: usize,
    k: usize,
    rows: usize,
    to: &mut [f32],
) {
    for p in 0..k {
        let from = &a[p * a_row..][..rows];
        let ahead = from.as_ptr().wrapping_add(AHEAD * a_row);
        (0..rows).step_by(LINE).for_each(|i| prefetch(ahead.wrapping_add(i)));
        let (whole, rest) = from.as_chunks::<MR>();
        let mut panels = to.chunks_mut(panel_of_a(MR, k));
        for (from, panel) in whole.iter().zip(&mut panels) {
            panel[p * MR..][..MR].copy_from_slice(from);
        }
        if !rest.is_empty()
            && let Some(panel) = panels.next()
        {
            panel[p * MR..][..rest.len()].copy_from_slice(rest);
        }
    }
}

/// Packs one panel `[k][nr]` from b stored k x n, rows `b_row` apart, with zeros right of `columns`.
pub(super) fn pack_b(b: &[f32], b_row: usize, k: usize, columns: usize, nr: usize, to: &mut [f32]) {
    for (p, to) in to.chunks_exact_mut(nr).take(k).enumerate() {
        let from = &b[p * b_row..][..columns];
        prefetch(from.as_ptr().wrapping_add(AHEAD * b_row));
        to[..columns].copy_from_slice(from);
        to[columns..].fill(0.0);
    }
}

/// `Kernel::pack_transposed_b`, element by element.
pub(super) fn pack_transposed_b(
    b: &[f32],
    b_row: usize,
    k: usize,
    columns: usize,
    nr: usize,
    to: &mut [f32],
) {
    // One cache line of each row of b at a time, so that the part written stays in cache.
    for p0 in (0..k).step_by(LINE) {
        let p1 = (p0 + LINE).min(k);
        for j in 0..columns {
            let from = &b[j * b_row..][p0..p1];
            for (to, value) in to[p0 * nr..].chunks_mut(nr).zip(from) {
                to[j] = *value;
            }
        }
    }
}
