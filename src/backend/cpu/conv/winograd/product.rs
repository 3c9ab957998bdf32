//! M = U V for each position: the inner loops.

use super::filters::GROUP;
use crate::backend::cpu::simd::{Routine, Vector};

/// Most vectors of tiles that are kept in registers side by side.
const WIDE: usize = 3;

/// Adds up the products of a panel of filters and a block of tiles.
///
/// # Safety
/// Of running it: `u` has `positions` times, `u_position` floats after each other, groups of filters,
/// `u_group` floats after each other, with [`GROUP`] floats for each channel. `v` has as many times,
/// `v_position` floats after each other, rows of `row` floats for each channel; `sums`, `sums_position`
/// floats after each other, such rows for each filter, to the end of the last group. In each row `vectors`
/// vectors are read and written; all are aligned to vectors.
pub(super) struct Product {
    pub positions: usize,
    pub channels: usize,
    pub filters: usize,
    pub vectors: usize,
    pub u: *const f32,
    pub u_position: usize,
    pub u_group: usize,
    pub v: *const f32,
    pub v_position: usize,
    pub row: usize,
    pub sums: *mut f32,
    pub sums_position: usize,
    /// Whether to go on from what the sums hold.
    pub add: bool,
}

impl Routine for Product {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's. As many filters side by side as leave registers for what they are
        // multiplied with: 24 sums of 32 registers, 12 of 16.
        unsafe { if V::REGISTERS == 32 { self.all::<V, 8>() } else { self.all::<V, 4>() } }
    }
}

impl Product {
    /// # Safety
    /// As of running it; `MR` divides [`GROUP`].
    #[inline(always)]
    unsafe fn all<V: Vector, const MR: usize>(&self) {
        for position in 0..self.positions {
            for vector in (0..self.vectors).step_by(WIDE) {
                for filter in (0..self.filters).step_by(MR) {
                    // SAFETY: the caller's.
                    unsafe {
                        let (group, place) = (filter / GROUP, filter % GROUP);
                        let u =
                            self.u.add(position * self.u_position + group * self.u_group + place);
                        let v = self.v.add(position * self.v_position + vector * V::LANES);
                        let sums = self.sums.add(position * self.sums_position);
                        let sums = sums.add(filter * self.row + vector * V::LANES);
                        match self.vectors - vector {
                            1 => self.tile::<V, MR, 1>(u, v, sums),
                            2 => self.tile::<V, MR, 2>(u, v, sums),
                            _ => self.tile::<V, MR, WIDE>(u, v, sums),
                        }
                    }
                }
            }
        }
    }

    /// `MR` filters by `NV` vectors, in registers.
    ///
    /// # Safety
    /// As of running it, for the rows that begin at these places.
    #[inline(always)]
    unsafe fn tile<V: Vector, const MR: usize, const NV: usize>(
        &self,
        mut u: *const f32,
        mut v: *const f32,
        sums: *mut f32,
    ) {
        // SAFETY: the caller's.
        unsafe {
            let mut sum = [[V::splat(0.0); NV]; MR];
            if self.add {
                for (i, row) in sum.iter_mut().enumerate() {
                    for (j, sum) in row.iter_mut().enumerate() {
                        *sum = V::load(sums.add(i * self.row + j * V::LANES));
                    }
                }
            }
            for _ in 0..self.channels {
                let mut tiles = [V::splat(0.0); NV];
                for (j, tile) in tiles.iter_mut().enumerate() {
                    *tile = V::load(v.add(j * V::LANES));
                }
                for (i, row) in sum.iter_mut().enumerate() {
                    let filter = V::splat(*u.add(i));
                    for (sum, tile) in row.iter_mut().zip(tiles) {
                        *sum = sum.add_product(filter, tile);
                    }
                }
                u = u.wrapping_add(GROUP);
                v = v.wrapping_add(self.row);
            }
            for (i, row) in sum.into_iter().enumerate() {
                for (j, sum) in row.into_iter().enumerate() {
                    sum.store(sums.add(i * self.row + j * V::LANES));
                }
            }
        }
    }
}
