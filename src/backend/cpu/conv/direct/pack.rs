//! Copies of blocks of the operands, in the order in which the micro-kernel reads them.

use std::array::from_fn;

use super::correlation::{Filters, Tap};
use super::kernel::NV;
use super::lanes;
use super::vectors::{Place, Segment, Vectors};
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::simd::{Routine, Vector, first, prefetch};

/// Channels ahead of which memory is asked for, as they lie too far apart for the hardware to foresee
/// them: where all that is done is to copy whole vectors, of filters, and elsewhere.
const FAR_AHEAD: usize = 32;
const FILTERS_AHEAD: usize = 16;
const AHEAD: usize = 8;

/// How a panel of filters is copied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum FilterOrder {
    /// `[row][channel][tap]`: forwards, where all of a row lies side by side.
    Rows,
    /// `[channel][row][tap]`: backwards, where all of a channel lies side by side.
    Channels,
    /// `[row][channel][tap]` with the taps of one phase only.
    Picked,
}

/// Copies a panel of filters, or several one behind the other.
#[derive(Clone, Copy)]
pub(super) struct CopyFilters<'a> {
    pub order: FilterOrder,
    pub filters: Filters,
    /// Those taps that `Picked` copies.
    pub taps: &'a [Tap],
    /// The first filter, of the first channel of the block.
    pub from: *const f32,
    pub channels: usize,
    /// Filters, of which a panel has `panel_rows`. Only `Channels` copies more than one panel.
    pub rows: usize,
    pub panel_rows: usize,
    pub to: *mut f32,
    /// Floats from panel to panel.
    pub panel: usize,
    /// Floats from row to row, for `Picked` and `Rows`.
    pub row: usize,
}

impl Routine for CopyFilters<'_> {
    type Output = ();

    /// # Safety
    /// All filters may be read, and all panels written.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Filters { output, channel, taps } = self.filters;
        // SAFETY: the caller's.
        unsafe {
            match self.order {
                FilterOrder::Rows => {
                    for i in 0..self.rows {
                        let from = self.from.wrapping_add(i * output);
                        let to = self.to.wrapping_add(i * self.row);
                        copy_run::<V>(from, to, self.channels * taps, AHEAD * output);
                    }
                }
                FilterOrder::Channels => {
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
                FilterOrder::Picked => {
                    for (i, c) in
                        (0..self.rows).flat_map(|i| (0..self.channels).map(move |c| (i, c)))
                    {
                        let from = self.from.wrapping_add(i * output + c * channel);
                        let to = self.to.wrapping_add(i * self.row + c * self.taps.len());
                        for (t, tap) in self.taps.iter().enumerate() {
                            *to.wrapping_add(t) = *from.wrapping_add(tap.place);
                        }
                    }
                }
            }
        }
    }
}

/// Copies floats side by side, and asks for those that lie `ahead`.
///
/// # Safety
/// They may be read and written, and the CPU has the vector's instructions.
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

/// Copies the pixels that up to [`NV`] vectors read: `[channel][read]` of so many vectors.
#[derive(Clone, Copy)]
pub(super) struct CopySource<'a> {
    pub vectors: &'a Vectors,
    /// First vector and how many.
    pub start: usize,
    pub count: usize,
    /// Which reads.
    pub reads: &'a [usize],
    /// Pixels of the source from lane to lane.
    pub stride: usize,
    /// The first channel of the block, in the first image.
    pub from: *const f32,
    pub channels: usize,
    /// Floats from channel to channel.
    pub plane: usize,
    pub to: *mut f32,
}

impl Routine for CopySource<'_> {
    type Output = ();

    /// # Safety
    /// The lanes of every segment may be read, for every channel, and the panel written.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let to_step = self.reads.len() * NV * V::LANES;
        let places: [Place<'_>; NV] =
            from_fn(|j| self.vectors.get(self.start + j.min(self.count - 1)));
        for (index, read) in self.reads.iter().enumerate() {
            let to = self.to.wrapping_add(index * NV * V::LANES);
            let lists = places.map(|place| place.reads(*read));
            // SAFETY: the caller's.
            unsafe {
                if let Some(starts) = whole(&lists, V::LANES)
                    && self.stride == 1
                    && self.count == NV
                {
                    let from = starts.map(|start| self.from.wrapping_offset(start));
                    copy_whole::<V>(from, self.plane, self.channels, to, to_step);
                    continue;
                }
                for (j, (segments, base)) in lists.into_iter().enumerate().take(self.count) {
                    let from = self.from.wrapping_offset(base);
                    let lanes = Lanes {
                        segments,
                        from,
                        plane: self.plane,
                        channels: self.channels,
                        to: to.wrapping_add(j * V::LANES),
                        to_step,
                    };
                    match self.stride {
                        1 => lanes.copy::<V>(1),
                        2 => lanes.copy::<V>(2),
                        4 => lanes.copy::<V>(4),
                        stride => lanes.copy::<V>(stride),
                    }
                }
            }
        }
    }
}

/// Where vectors start, if the lanes of each lie side by side.
#[inline(always)]
fn whole(lists: &[(&[Segment], isize); NV], lanes: usize) -> Option<[isize; NV]> {
    let mut starts = [0; NV];
    for ((segments, base), start) in lists.iter().zip(&mut starts) {
        match segments {
            [Segment { offset, mask }] if *mask == first(lanes) => *start = base + offset,
            _ => return None,
        }
    }
    Some(starts)
}

/// Whole vectors of each channel.
///
/// # Safety
/// As of [`CopySource`].
#[inline(always)]
unsafe fn copy_whole<V: Vector>(
    from: [*const f32; NV],
    plane: usize,
    channels: usize,
    to: *mut f32,
    to_step: usize,
) {
    for c in 0..channels {
        for (j, from) in from.iter().enumerate() {
            prefetch(from.wrapping_add((c + FAR_AHEAD) * plane));
            // SAFETY: the caller's.
            unsafe {
                let vector = V::load(from.wrapping_add(c * plane));
                vector.store(to.wrapping_add(c * to_step + j * V::LANES));
            }
        }
    }
}

/// One vector of each channel.
struct Lanes<'a> {
    segments: &'a [Segment],
    from: *const f32,
    plane: usize,
    channels: usize,
    to: *mut f32,
    to_step: usize,
}

impl Lanes<'_> {
    /// # Safety
    /// Of this and the one below: as of [`CopySource`].
    #[inline(always)]
    unsafe fn copy<V: Vector>(&self, stride: usize) {
        // SAFETY: the caller's.
        unsafe {
            // Loops over a known number of segments keep their masks in registers.
            match self.segments {
                [] => self.copy_segments::<V>(&[], stride),
                [a] => self.copy_segments::<V>(&[*a], stride),
                [a, b] => self.copy_segments::<V>(&[*a, *b], stride),
                [a, b, c] => self.copy_segments::<V>(&[*a, *b, *c], stride),
                segments => self.copy_segments::<V>(segments, stride),
            }
        }
    }

    // No closures here: only short ones are compiled into their callers, and only there do the
    // intrinsics become instructions.
    #[inline(always)]
    unsafe fn copy_segments<V: Vector>(&self, segments: &[Segment], stride: usize) {
        for c in 0..self.channels {
            let channel = self.from.wrapping_add(c * self.plane);
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
                vector.store(self.to.wrapping_add(c * self.to_step));
            }
        }
    }
}
