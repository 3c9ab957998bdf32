//! M -> y: the transform of sums of products into outputs.

use super::cells::Cells;
use super::tile::{F2, F4, MOST, Tile};
use crate::backend::cpu::simd::prefetch;
use crate::backend::cpu::simd::{Routine, Vector};

/// Filters to prefetch ahead: their planes lie too far apart for the hardware to foresee.
const AHEAD: usize = 2;

/// Transforms the sums of a vector of cells, `[position][filter][tile]` with tiles in lanes, into the outputs of
/// some filters.
///
/// # Safety
/// To run it: `from` is aligned to vectors. For each position, which lie `position` floats apart, and each
/// filter, which lie `filter` floats apart, the vectors of the cells' tiles may be read there. Both distances
/// are multiples of a vector. `y` is the channel of the first of these filters in the first image of the
/// output of the problem that the cells come from, and nothing else refers to these cells of it.
pub(super) struct Output<'a> {
    /// Rows of the outputs of a tile: 2 or 4.
    pub m: usize,
    pub from: *const f32,
    /// Floats from one position to the next.
    pub position: usize,
    /// Floats from one filter to the next.
    pub filter: usize,
    /// The number of filters, which are channels of the output.
    pub filters: usize,
    pub cells: &'a Cells,
    pub y: *mut f32,
    /// Floats from one channel of the output to the next.
    pub plane: usize,
    /// Floats from one row of the output to the next.
    pub row: usize,
}

impl Routine for Output<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's.
        unsafe { if self.m == 2 { self.transform::<V, F2>() } else { self.transform::<V, F4>() } }
    }
}

impl Output<'_> {
    /// Does it by the transforms `F`.
    ///
    /// # Safety
    /// That of running it holds.
    #[inline(always)]
    unsafe fn transform<V: Vector, F: Tile>(&self) {
        // SAFETY: the caller's.
        let zero = unsafe { V::splat(0.0) };
        // Columns of the cells, by row; of a tile, the same halfway.
        let (mut rows, mut half) = ([[zero; 4]; 4], [[zero; MOST]; 4]);
        for filter in 0..self.filters {
            let y = self.y.wrapping_add(filter * self.plane);
            // SAFETY: the caller's.
            unsafe {
                for tile in 0..F::SPLIT {
                    let from = self.from.add(filter * self.filter + tile * V::LANES);
                    for column in 0..F::T {
                        let mut sums = [zero; MOST];
                        for (row, sum) in sums.iter_mut().enumerate().take(F::T) {
                            *sum = V::load(from.add((row * F::T + column) * self.position));
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

    /// Writes what lies inside the image of a row of the cells.
    ///
    /// # Safety
    /// That of running it holds; `y` is a filter's channel in the first image.
    #[inline(always)]
    unsafe fn write<V: Vector>(&self, y: *mut f32, row: usize, strips: [V; 4]) {
        for (strip, outputs) in strips.into_iter().enumerate() {
            for run in self.cells.strip(strip).iter().filter(|run| row < run.rows) {
                let to = y.wrapping_offset(run.output + (row * self.row) as isize);
                let next = to.wrapping_add(AHEAD * self.plane);
                prefetch(next);
                prefetch(next.wrapping_add(V::LANES - 1));
                // SAFETY: lanes that are in a run's mask lie inside the image in its rows; others are
                // not written.
                unsafe { outputs.store_masked(to, run.columns) }
            }
        }
    }
}
