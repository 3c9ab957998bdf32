//! M = U V for each position: the inner loops.

use super::plan::{GROUP, Plan};
use crate::backend::cpu::simd::{Routine, Vector};

/// The most vectors of tiles side by side that are kept in registers.
const WIDE: usize = 3;

/// Adds up, for each position, the products of a panel of filters and a block of tiles over channels.
///
/// # Safety
/// To run it: for each position, `u` has the groups of the filters, each of [`GROUP`] floats for each channel;
/// `v` has a row for each channel; and `sums` has such a row for each filter up to the end of the last group,
/// which may be written, and read if `add`. The first `vectors` vectors of each row are used. All three are
/// aligned to vectors, and positions, groups and rows as far apart as the plan says.
pub(super) struct Product<'a> {
    pub plan: &'a Plan,
    pub channels: usize,
    pub filters: usize,
    /// Vectors of tiles.
    pub vectors: usize,
    /// Transformed filters: `[position][group][channel][GROUP]`.
    pub u: *const f32,
    /// Transformed tiles: `[position][channel][tile]`.
    pub v: *const f32,
    /// The sums: `[position][filter][tile]`.
    pub sums: *mut f32,
    /// Whether to go on from what the sums hold. Else they are only written.
    pub add: bool,
}

impl Routine for Product<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's. As many filters side by side as leave registers for what they are
        // multiplied with: 24 sums of 32 registers, 12 of 16.
        unsafe { if V::REGISTERS == 32 { self.all::<V, 8>() } else { self.all::<V, 4>() } }
    }
}

impl Product<'_> {
    /// Goes through all tiles of `MR` filters.
    ///
    /// # Safety
    /// That of running it holds; `MR` divides [`GROUP`].
    #[inline(always)]
    unsafe fn all<V: Vector, const MR: usize>(&self) {
        let (plan, u_group) = (self.plan, self.plan.group());
        let [u_position, v_position, sums_position] =
            [plan.filter_position(), plan.tile_position(), plan.sum_position()];
        for position in 0..plan.positions {
            for vector in (0..self.vectors).step_by(WIDE) {
                for filter in (0..self.filters).step_by(MR) {
                    // SAFETY: the caller's.
                    unsafe {
                        let (group, place) = (filter / GROUP, filter % GROUP);
                        let u = self.u.add(position * u_position + group * u_group + place);
                        let v = self.v.add(position * v_position + vector * V::LANES);
                        let sums = self.sums.add(position * sums_position);
                        let sums = sums.add(filter * plan.row + vector * V::LANES);
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

    /// Adds up `MR` filters by `NV` vectors, whose sums are in registers.
    ///
    /// # Safety
    /// That of running it holds, for the filters, the tiles and the sums that begin at these places.
    #[inline(always)]
    unsafe fn tile<V: Vector, const MR: usize, const NV: usize>(
        &self,
        mut u: *const f32,
        mut v: *const f32,
        sums: *mut f32,
    ) {
        let row_len = self.plan.row;
        // SAFETY: the caller's.
        unsafe {
            let mut sum = [[V::splat(0.0); NV]; MR];
            if self.add {
                for (i, row) in sum.iter_mut().enumerate() {
                    for (j, sum) in row.iter_mut().enumerate() {
                        *sum = V::load(sums.add(i * row_len + j * V::LANES));
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
                v = v.wrapping_add(row_len);
            }
            for (i, row) in sum.into_iter().enumerate() {
                for (j, sum) in row.into_iter().enumerate() {
                    sum.store(sums.add(i * row_len + j * V::LANES));
                }
            }
        }
    }
}
