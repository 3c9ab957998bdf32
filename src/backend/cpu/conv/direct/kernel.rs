//! The micro-kernel: a tile of up to eight output channels x up to three vectors of pixels, with the sums
//! in registers. A step over a channel and a tap reads one number of each output channel's filter and the
//! vectors of pixels that they are multiplied with.

use std::array::from_fn;

use super::lanes;
use super::vectors::{Segment, Vectors};
use crate::backend::cpu::aligned::LINE_BYTES;
use crate::backend::cpu::simd::prefetch;
use crate::backend::cpu::simd::{Routine, Vector};

/// The most vectors of pixels in a tile.
pub(super) const NV: usize = 3;

/// The most output channels in a tile, for a CPU of so many vector registers. Their sums, three vectors
/// of pixels and one number fill 32 registers; of 16 the compiler needs some more for itself, or it moves
/// sums about in every step.
pub(super) const fn most_rows(registers: usize) -> usize {
    if registers >= 32 { 8 } else { 3 }
}

/// Where one step reads, in floats from the starts of the copied filters and source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub filter: u32,
    pub source: u32,
}

/// The sums of one tile of the output over some steps.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    /// Output channels, from 1 to [`most_rows`].
    pub rows: usize,
    /// Vectors of pixels, from 1 to [`NV`].
    pub vectors: usize,
    pub steps: &'a [Step],
    /// The copied filter of the first output channel. The next one lies `filter_row` floats on.
    pub filters: *const f32,
    pub filter_row: usize,
    /// The copied source: at each place that a step reads, vectors side by side.
    pub source: *const f32,
    pub output: Output<'a>,
}

/// Where the sums of a tile are written.
#[derive(Clone, Copy)]
pub(super) struct Output<'a> {
    /// The first output channel in the first image. The next channel lies `plane` floats on.
    pub start: *mut f32,
    pub plane: usize,
    /// Floats from `start` to each vector, if the lanes of all of them lie side by side.
    pub whole: Option<[isize; NV]>,
    /// Where the lanes lie if they don't: the vectors of the pass, the number of the tile's first one, and
    /// the number of the phase that is written.
    pub vectors: &'a Vectors,
    pub first: usize,
    pub phase: usize,
    /// Floats from one lane to the next.
    pub step: usize,
    /// Whether sums are added to what the output holds. Else they replace it.
    pub add: bool,
    /// Whether vectors that lie side by side and start on a cache line are written past the caches. The
    /// plane is then a multiple of a line.
    pub stream: bool,
}

impl Routine for Tile<'_> {
    /// # Safety
    /// The CPU has the vector's instructions. For each step, the filters hold a float at its `filter` in
    /// each of the tile's rows, and the source holds the tile's vectors from its `source` on. In each of
    /// the tile's output channels the floats of all lanes of its vectors may be read and written, and
    /// nothing else refers to them during the call.
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
/// That of a tile's `run` holds.
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
/// That of a tile's `run` holds. The tile has `N` vectors and at most `M` rows.
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
    /// Writes vectors whose lanes lie side by side, `places` floats from the start. With `ADD` the sums are
    /// added to what is there, with `STREAM` they are written past the caches.
    ///
    /// # Safety
    /// That of a tile's `run` holds, and with `STREAM` every vector starts on a cache line.
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

    /// Writes vectors by their segments of lanes.
    ///
    /// # Safety
    /// That of a tile's `run` holds.
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
