//! M -> y: sums of products, transformed into outputs.

use super::cells::Cells;
use super::tile::{F2, F4, MOST, Tile};
use crate::backend::cpu::simd::prefetch;
use crate::backend::cpu::simd::{Routine, Vector};

/// Filters to prefetch ahead: their planes lie too far apart for the hardware to foresee.
const AHEAD: usize = 2;

/// Transforms some filters' sums of a vector of cells.
///
/// # Safety
/// Of running it: `from`, aligned to vectors, has the vectors of each position, `position` floats after
/// each other: for each filter, `filter` floats after each other, those of the cells' tiles. Both steps
/// are multiples of a vector. At `y` lies the output of the problem that the cells come from, of planes
/// of so many floats and rows of `row`, from the first of these filters on; nobody else accesses these
/// cells of it.
pub(super) struct Output<'a> {
    pub m: usize,
    pub from: *const f32,
    pub position: usize,
    pub filter: usize,
    pub filters: usize,
    pub cells: &'a Cells,
    pub y: *mut f32,
    pub plane: usize,
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
    /// # Safety
    /// As of running it.
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

    /// Writes what is inside the image of a row of the cells.
    ///
    /// # Safety
    /// As of running it; `y` is the plane of a filter.
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
