//! x -> V: the transform of tiles of the input.

use std::ops::Range;

use super::cells::Cells;
use super::plan::Winograd;
use super::problem::Problem;
use super::tile::{MOST, Tile};
use crate::backend::cpu::simd::{Routine, Vector, prefetch};

/// Channels to prefetch ahead: their rows lie too far apart for the hardware to foresee.
const AHEAD: usize = 2;

/// Transforms some channels of a vector of cells: `[position][channel][tile]`, tiles in lanes.
///
/// # Safety
/// To run it: `x` is the input of the problem, from which the cells come; the channels are some of its own.
/// `to` is aligned to vectors. For each position and each channel, as far apart as the plan says, the vectors
/// of the cells' tiles may be written there.
pub(super) struct Input<'a, F> {
    pub of: &'a Winograd<F>,
    /// The input.
    pub x: &'a [f32],
    pub cells: &'a Cells,
    pub channels: Range<usize>,
    pub to: *mut f32,
}

impl<F: Tile> Routine for Input<'_, F> {
    #[inline(always)]
    #[expect(clippy::needless_range_loop, reason = "rows are of two tiles, and not all are used")]
    unsafe fn run<V: Vector>(self) {
        let Winograd { problem, plan, .. } = self.of;
        let position = plan.tile_position();
        // [tile][row][column], transformed along rows.
        // SAFETY: the caller's.
        let mut half = unsafe { [[[V::splat(0.0); MOST]; MOST]; 2] };
        for (i, channel) in self.channels.clone().enumerate() {
            let plane = self.x.as_ptr().wrapping_add(channel * problem.h * problem.w);
            // SAFETY: the caller's.
            unsafe {
                for row in 0..F::T {
                    let pixels = self.row::<V>(plane, row);
                    for tile in 0..F::SPLIT {
                        let mut d = pixels;
                        d[..F::T].copy_from_slice(&pixels[tile * F::M..][..F::T]);
                        half[tile][row] = F::input(d);
                    }
                }
                for (tile, half) in half.iter().enumerate().take(F::SPLIT) {
                    let to = self.to.add(i * plan.row + tile * V::LANES);
                    for column in 0..F::T {
                        let mut d = [V::splat(0.0); MOST];
                        for (d, half) in d.iter_mut().zip(half) {
                            *d = half[column];
                        }
                        for (row, v) in F::input(d).into_iter().enumerate().take(F::T) {
                            v.store(to.add((row * F::T + column) * position));
                        }
                    }
                }
            }
        }
    }
}

impl<F> Input<'_, F> {
    /// The six columns of a row of the cells, with zeros outside the image.
    ///
    /// # Safety
    /// That of running it holds; `plane` is a channel of the first image.
    #[inline(always)]
    unsafe fn row<V: Vector>(&self, plane: *const f32, row: usize) -> [V; MOST] {
        let Problem { h, w, .. } = self.of.problem;
        // SAFETY: lanes that are in a run's mask lie inside the image in its rows; others are not read.
        unsafe {
            let (mut near, mut far) = ([V::splat(0.0); 4], [V::splat(0.0); 4]);
            for strip in 0..4 {
                for run in self.cells.strip(strip) {
                    let is_inside = row >= run.first_row && row < run.end_row;
                    let all = if is_inside { u32::MAX } else { 0 };
                    let from = plane.wrapping_offset(run.input + (row * w) as isize);
                    let next = from.wrapping_add(AHEAD * h * w);
                    prefetch(next);
                    // The last float of its far columns.
                    prefetch(next.wrapping_add(V::LANES + 3));
                    near[strip] = near[strip].load_masked(from, run.near & all);
                    far[strip] = far[strip].load_masked(from.wrapping_add(4), run.far & all);
                }
            }
            let ([a, b, c, d], [e, f, ..]) = (V::transpose_quads(near), V::transpose_quads(far));
            [a, b, c, d, e, f]
        }
    }
}
