//! The micro-kernel: `rows` output channels x up to three vectors of pixels, with the sums in
//! registers. A step reads one number of each filter and three vectors of the source.

use std::array::from_fn;

use super::lanes;
use super::vectors::{Segment, Vectors};
use crate::backend::cpu::aligned::LINE_BYTES;
use crate::backend::cpu::simd::prefetch;
use crate::backend::cpu::simd::{Routine, Vector};

/// Most vectors of pixels in a tile.
pub(super) const NV: usize = 3;

/// Most output channels in a tile. Their sums, three vectors and one number fill the registers; of 16
/// the compiler needs some more for itself, or it moves sums about in every step.
pub(super) const fn most_rows(registers: usize) -> usize {
    if registers >= 32 { 8 } else { 3 }
}

/// What one step reads, in floats from the start of filters and source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub filter: u32,
    pub source: u32,
}

/// One tile of the output.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub rows: usize,
    pub vectors: usize,
    pub steps: &'a [Step],
    /// The first output channel's filter; the next one lies `filter_row` floats on.
    pub filters: *const f32,
    pub filter_row: usize,
    /// Vectors side by side.
    pub source: *const f32,
    pub output: Output<'a>,
}

/// Where a tile is written.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    /// The first output channel; the next one lies `plane` floats on.
    pub start: *mut f32,
    pub plane: usize,
    /// Where the vectors start, if all their lanes lie side by side.
    pub whole: Option<[isize; NV]>,
    /// All vectors, the first of the tile, and their phase, for those that don't.
    pub vectors: &'a Vectors,
    pub first: usize,
    pub phase: usize,
    /// Floats from lane to lane.
    pub step: usize,
    /// Whether to add to what is there, instead of only writing.
    pub add: bool,
    /// Whether whole vectors that start on a cache line are written past the caches; the plane is then
    /// one of whole lines.
    pub stream: bool,
}

impl Routine for Tile<'_> {
    type Output = ();

    /// # Safety
    /// Every step's numbers lie inside filters and source, for each row and vector; and every lane of
    /// the segments in the output, for each row, which nothing else refers to during the call.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's; there are at most `rows` filters.
        unsafe {
            match self.rows {
                1 => by_vectors::<V, 1>(self),
                2 => by_vectors::<V, 2>(self),
                3 => by_vectors::<V, 3>(self),
                4 => by_vectors::<V, 4>(self),
                _ => by_vectors::<V, 8>(self),
            }
        }
    }
}

/// # Safety
/// As of a tile's `run`.
#[inline(always)]
unsafe fn by_vectors<V: Vector, const M: usize>(tile: Tile<'_>) {
    // SAFETY: the caller's.
    unsafe {
        match tile.vectors {
            1 => multiply_add::<V, M, 1>(tile),
            2 => multiply_add::<V, M, 2>(tile),
            _ => multiply_add::<V, M, 3>(tile),
        }
    }
}

/// # Safety
/// As of a tile's `run`. The tile has `N` vectors and at most `M` rows.
#[inline(always)]
unsafe fn multiply_add<V: Vector, const M: usize, const N: usize>(tile: Tile<'_>) {
    // Rows that don't exist repeat the last one, and are never written.
    let row: [usize; M] = from_fn(|i| i.min(tile.rows - 1) * tile.filter_row);
    let Output { start, plane, whole, add, stream, .. } = tile.output;
    let places = whole.unwrap_or_default();
    if whole.is_some() && !stream {
        for (i, place) in (0..tile.rows).flat_map(|i| places[..N].iter().map(move |p| (i, p))) {
            prefetch(start.wrapping_offset(*place).wrapping_add(i * plane));
        }
    }
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; M];
        for step in tile.steps {
            let filters = tile.filters.wrapping_add(step.filter as usize);
            let source = tile.source.wrapping_add(step.source as usize);
            let mut pixels = [V::splat(0.0); N];
            for (j, pixels) in pixels.iter_mut().enumerate() {
                *pixels = V::load(source.wrapping_add(j * V::LANES));
            }
            for (sums, row) in sums.iter_mut().zip(row) {
                let filter = V::splat(*filters.wrapping_add(row));
                for (sum, pixels) in sums.iter_mut().zip(pixels) {
                    *sum = sum.add_product(filter, pixels);
                }
            }
        }
        if whole.is_none() {
            // A copy in memory: the loop above then keeps its sums in registers.
            let sums: [[V; N]; M] = from_fn(|i| sums[i]);
            return tile.output.write_segments(&sums, tile.rows);
        }
        let aligned =
            places.iter().all(|place| start.wrapping_offset(*place).addr() % LINE_BYTES == 0);
        match (add, stream && aligned) {
            (true, _) => tile.output.write_whole::<V, M, N, true, false>(&sums, tile.rows, places),
            (_, true) => tile.output.write_whole::<V, M, N, false, true>(&sums, tile.rows, places),
            _ => tile.output.write_whole::<V, M, N, false, false>(&sums, tile.rows, places),
        }
    }
}

impl Output<'_> {
    /// Writes vectors whose lanes lie side by side.
    ///
    /// # Safety
    /// As of a tile's `run`.
    #[inline(always)]
    unsafe fn write_whole<
        V: Vector,
        const M: usize,
        const N: usize,
        const ADD: bool,
        const STREAM: bool,
    >(
        &self,
        sums: &[[V; N]; M],
        rows: usize,
        places: [isize; NV],
    ) {
        for (i, sums) in sums.iter().enumerate() {
            // Not `take`: a known number of turns keeps the sums in registers.
            if i < rows {
                for (sum, place) in sums.iter().zip(places) {
                    let to = self.start.wrapping_offset(place).wrapping_add(i * self.plane);
                    // SAFETY: the caller's.
                    unsafe {
                        match (ADD, STREAM) {
                            (true, _) => sum.add(V::load(to)).store(to),
                            (_, true) => sum.store_nt(to),
                            _ => sum.store(to),
                        }
                    }
                }
            }
        }
    }

    /// Writes the lanes of every segment.
    ///
    /// # Safety
    /// As of a tile's `run`.
    #[inline(always)]
    unsafe fn write_segments<V: Vector, const N: usize>(&self, sums: &[[V; N]], rows: usize) {
        for j in 0..N {
            let (segments, base) = self.vectors.get(self.first + j).writes(self.phase);
            for Segment { offset, mask } in segments {
                let to = self.start.wrapping_offset(base + offset);
                for (i, sums) in sums.iter().enumerate().take(rows) {
                    // SAFETY: the caller's.
                    unsafe {
                        let to = to.wrapping_add(i * self.plane);
                        lanes::write(sums[j], to, *mask, self.step, self.add)
                    };
                }
            }
        }
    }
}
