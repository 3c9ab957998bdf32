//! M -> y: the transform of sums of products into outputs.

use super::cells::Cells;
use super::plan::Winograd;
use super::tile::{MOST, Tile};
use crate::backend::cpu::simd::{Routine, Vector, prefetch};

/// Filters to prefetch ahead: their planes lie too far apart for the hardware to foresee.
const AHEAD: usize = 2;

/// Transforms the sums of a vector of cells, `[position][filter][tile]` with tiles in lanes, into the outputs of
/// some filters.
///
/// # Safety
/// To run it: `from` is aligned to vectors. For each position and each filter, as far apart as the plan says,
/// the vectors of the cells' tiles may be read there. `y` is the channel of the first of these filters in the
/// first image of the output of the problem that the cells come from, and nothing else refers to these cells
/// of it.
pub(super) struct Output<'a, F> {
    pub of: &'a Winograd<F>,
    pub from: *const f32,
    /// The number of filters, which are channels of the output.
    pub filters: usize,
    pub cells: &'a Cells,
    pub y: *mut f32,
}

impl<F: Tile> Routine for Output<'_, F> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Winograd { problem, plan, .. } = self.of;
        let position = plan.sum_position();
        // SAFETY: the caller's.
        let zero = unsafe { V::splat(0.0) };
        // Columns of the cells, by row; of a tile, the same halfway.
        let (mut rows, mut half) = ([[zero; 4]; 4], [[zero; MOST]; 4]);
        for filter in 0..self.filters {
            let y = self.y.wrapping_add(filter * problem.plane());
            // SAFETY: the caller's.
            unsafe {
                for tile in 0..F::SPLIT {
                    let from = self.from.add(filter * plan.row + tile * V::LANES);
                    for column in 0..F::T {
                        let mut sums = [zero; MOST];
                        for (row, sum) in sums.iter_mut().enumerate().take(F::T) {
                            *sum = V::load(from.add((row * F::T + column) * position));
                        }
                        for (half, sum) in half.iter_mut().zip(F::output(sums)) {
                            half[column] = sum;
                        }
                    }
                    for (row, half) in rows.iter_mut().zip(half).take(F::M) {
                        let outputs = F::output(half);
                        row[tile * F::M..][..F::M].copy_from_slice(&outputs[..F::M]);
                    }
                }
                for (i, columns) in rows.into_iter().enumerate().take(F::M) {
                    self.write(y, i, V::transpose_quads(columns));
                }
            }
        }
    }
}

impl<F> Output<'_, F> {
    /// Writes what lies inside the image of a row of the cells.
    ///
    /// # Safety
    /// That of running it holds; `y` is a filter's channel in the first image.
    #[inline(always)]
    unsafe fn write<V: Vector>(&self, y: *mut f32, row: usize, strips: [V; 4]) {
        let problem = &self.of.problem;
        for (strip, outputs) in strips.into_iter().enumerate() {
            for run in self.cells.strip(strip).iter().filter(|run| row < run.rows) {
                let to = y.wrapping_offset(run.output + (row * problem.q) as isize);
                let next = to.wrapping_add(AHEAD * problem.plane());
                prefetch(next);
                prefetch(next.wrapping_add(V::LANES - 1));
                // SAFETY: lanes that are in a run's mask lie inside the image in its rows; others are
                // not written.
                unsafe { outputs.store_masked(to, run.columns) }
            }
        }
    }
}
