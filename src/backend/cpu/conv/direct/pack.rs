//! Copies of blocks of the filters and the source, in the order in which the micro-kernel reads them.

use std::array::from_fn;

use super::correlation::Filters;
use super::kernel::NV;
use super::lanes;
use super::vectors::{Place, Segment, Vectors, whole};
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::simd::{Routine, Vector, first, prefetch};

/// Channels to prefetch ahead, as they lie too far apart for the hardware to foresee them: where whole
/// vectors of pixels are copied and nothing else is done.
const FAR_AHEAD: usize = 32;

/// Channels to prefetch ahead where filters are copied channel by channel.
const FILTERS_AHEAD: usize = 16;

/// Channels, or rows of filters, to prefetch ahead elsewhere.
const AHEAD: usize = 8;

/// Copies filters of a block of channels, in panels of `panel_rows` rows (output channels) one behind the
/// other: `[row][channel][tap]` where filters lie by output channel, else `[channel][row][tap]`.
#[derive(Clone, Copy)]
pub(super) struct CopyFilters {
    pub filters: Filters,
    /// The filter of the first row and the first channel of the block.
    pub from: *const f32,
    pub channels: usize,
    /// Output channels: of one panel where filters lie by output channel.
    pub rows: usize,
    pub panel_rows: usize,
    pub to: *mut f32,
    /// Floats from one copied panel to the next.
    pub panel: usize,
    /// Floats from one copied row to the next, where filters lie by output channel.
    pub row: usize,
}

impl Routine for CopyFilters {
    /// # Safety
    /// The CPU has the vector's instructions. From `from` on, the taps of `rows` output channels and
    /// `channels` source channels may be read, which lie as `filters` says; from `to` on, the panels of all
    /// rows may be written, each with room for its rows, channels and taps in this order.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Filters { output, channel, taps } = self.filters;
        // SAFETY: the caller's.
        unsafe {
            if self.filters.by_output() {
                for i in 0..self.rows {
                    let from = self.from.wrapping_add(i * output);
                    let to = self.to.wrapping_add(i * self.row);
                    copy_run::<V>(from, to, self.channels * taps, AHEAD * output);
                }
                return;
            }
            let (whole, len) = (self.rows / self.panel_rows, self.panel_rows * taps);
            let rest = self.rows % self.panel_rows * taps;
            for c in 0..self.channels {
                let from = self.from.wrapping_add(c * channel);
                let to = self.to.wrapping_add(c * self.panel_rows * taps);
                for panel in 0..whole {
                    let from = from.wrapping_add(panel * len);
                    let to = to.wrapping_add(panel * self.panel);
                    copy_run::<V>(from, to, len, FILTERS_AHEAD * channel);
                }
                let from = from.wrapping_add(whole * len);
                let to = to.wrapping_add(whole * self.panel);
                copy_run::<V>(from, to, rest, FILTERS_AHEAD * channel);
            }
        }
    }
}

/// Copies `len` floats side by side, and prefetches as many from `ahead` floats further on.
///
/// # Safety
/// From `from` on `len` floats may be read and from `to` on written, and the CPU has the vector's
/// instructions.
#[inline(always)]
unsafe fn copy_run<V: Vector>(from: *const f32, to: *mut f32, len: usize, ahead: usize) {
    let whole = len / V::LANES * V::LANES;
    for i in (0..len).step_by(LINE) {
        prefetch(from.wrapping_add(ahead + i));
    }
    // SAFETY: the caller's.
    unsafe {
        for i in (0..whole).step_by(V::LANES) {
            V::load(from.wrapping_add(i)).store(to.wrapping_add(i));
        }
        if whole < len {
            let rest = first(len - whole);
            let last = V::splat(0.0).load_masked(from.wrapping_add(whole), rest);
            last.store_masked(to.wrapping_add(whole), rest);
        }
    }
}

/// Copies what up to [`NV`] vectors of pixels read of a block of channels: `[channel][read]`, each of [`NV`]
/// vectors.
#[derive(Clone, Copy)]
pub(super) struct CopySource<'a> {
    pub vectors: &'a Vectors,
    /// The number of the first vector, and how many there are.
    pub start: usize,
    pub count: usize,
    /// The numbers of the reads, as [`Vectors`] counts them.
    pub reads: &'a [usize],
    /// Floats of the source from one lane to the next.
    pub stride: usize,
    /// The first channel of the block, in the first image.
    pub from: *const f32,
    pub channels: usize,
    /// Floats from one channel of the source to the next.
    pub plane: usize,
    pub to: *mut f32,
}

impl Routine for CopySource<'_> {
    /// # Safety
    /// The CPU has the vector's instructions. In each of `channels` channels from `from` on, the floats of all
    /// lanes in the vectors' segments of these reads may be read. At `to` there is room for [`NV`] vectors of
    /// each channel and read.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let places: [Place<'_>; NV] =
            from_fn(|j| self.vectors.get(self.start + j.min(self.count - 1)));
        for (index, read) in self.reads.iter().enumerate() {
            let to = self.to.wrapping_add(index * NV * V::LANES);
            let lists = places.map(|place| place.reads(*read));
            // SAFETY: the caller's.
            unsafe {
                if let [Some(a), Some(b), Some(c)] = lists.map(|list| whole(list, V::LANES))
                    && self.stride == 1
                    && self.count == NV
                {
                    let from = [a, b, c].map(|start| self.from.wrapping_offset(start));
                    self.copy_whole::<V>(from, to);
                    continue;
                }
                for (j, (segments, base)) in lists.into_iter().enumerate().take(self.count) {
                    let from = self.from.wrapping_offset(base);
                    let to = to.wrapping_add(j * V::LANES);
                    match self.stride {
                        1 => self.copy::<V>(segments, from, to, 1),
                        2 => self.copy::<V>(segments, from, to, 2),
                        stride => self.copy::<V>(segments, from, to, stride),
                    }
                }
            }
        }
    }
}

impl CopySource<'_> {
    /// Floats from what is copied of one channel to what is copied of the next.
    fn channel_len<V: Vector>(&self) -> usize {
        self.reads.len() * NV * V::LANES
    }

    /// Copies [`NV`] vectors of each channel whose lanes lie side by side, the first channel's from `from` on.
    ///
    /// # Safety
    /// That of running it holds, as for the functions below.
    #[inline(always)]
    unsafe fn copy_whole<V: Vector>(&self, from: [*const f32; NV], to: *mut f32) {
        let len = self.channel_len::<V>();
        for c in 0..self.channels {
            for (j, from) in from.iter().enumerate() {
                prefetch(from.wrapping_add((c + FAR_AHEAD) * self.plane));
                // SAFETY: the caller's.
                unsafe {
                    let vector = V::load(from.wrapping_add(c * self.plane));
                    vector.store(to.wrapping_add(c * len + j * V::LANES));
                }
            }
        }
    }

    /// Copies one vector of each channel by its segments of lanes, which lie `stride` floats apart. The first
    /// channel of the block lies at `from`, at the vector's batch of images.
    ///
    /// # Safety
    /// See [`CopySource::copy_whole`].
    #[inline(always)]
    unsafe fn copy<V: Vector>(
        &self,
        segments: &[Segment],
        from: *const f32,
        to: *mut f32,
        stride: usize,
    ) {
        // SAFETY: the caller's.
        unsafe {
            // Loops over a known number of segments keep their masks in registers.
            match segments {
                [] => self.copy_segments::<V>(&[], from, to, stride),
                [a] => self.copy_segments::<V>(&[*a], from, to, stride),
                [a, b] => self.copy_segments::<V>(&[*a, *b], from, to, stride),
                [a, b, c] => self.copy_segments::<V>(&[*a, *b, *c], from, to, stride),
                segments => self.copy_segments::<V>(segments, from, to, stride),
            }
        }
    }

    // No closures here: only short ones are compiled into their callers, and only there do the
    // intrinsics become instructions.
    #[inline(always)]
    unsafe fn copy_segments<V: Vector>(
        &self,
        segments: &[Segment],
        from: *const f32,
        to: *mut f32,
        stride: usize,
    ) {
        let len = self.channel_len::<V>();
        for c in 0..self.channels {
            let channel = from.wrapping_add(c * self.plane);
            // SAFETY: the caller's. Segments have no lane in common, and where one has none it is zero.
            unsafe {
                let mut vector = V::splat(0.0);
                for segment in segments {
                    let from = channel.wrapping_offset(segment.offset);
                    if self.channels > AHEAD {
                        prefetch(from.wrapping_add(AHEAD * self.plane));
                        prefetch(from.wrapping_add(AHEAD * self.plane + (stride - 1) * V::LANES));
                    }
                    if stride == 1 {
                        vector = vector.load_masked(from, segment.mask);
                    } else {
                        vector = vector.add(lanes::read(from, segment.mask, stride));
                    }
                }
                vector.store(to.wrapping_add(c * len));
            }
        }
    }
}
