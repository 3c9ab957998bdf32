//! Filters in the order in which the micro-kernel reads them, with output channels along vectors.

use std::ops::Range;

use super::super::gather::Filters;
use crate::backend::cpu::simd::{Vector, Work, first, prefetch};

/// Lanes of the widest CPU: room for a square of vectors on the stack.
const MOST_LANES: usize = 16;

/// Floats to prefetch ahead of a row that is read: the rows lie too far apart for the hardware to
/// foresee all of them.
const AHEAD: usize = 32;

/// Copies the filters of some vectors of output channels: `[block][tap][channel][vectors]`.
#[derive(Clone, Copy)]
pub(super) struct CopyFilters<'a> {
    pub filters: Filters,
    /// The first output channel of the vectors and the first channel of the blocks.
    pub from: *const f32,
    pub outputs: usize,
    pub vectors: usize,
    /// Source channels, and how many make a block.
    pub channels: usize,
    pub block: usize,
    /// By tap of a pair of channels: where it goes, if it is copied.
    pub slots: &'a [Option<u32>],
    /// How many are copied.
    pub taps: usize,
    pub to: *mut f32,
}

impl Work for CopyFilters<'_> {
    /// # Safety
    /// There are `outputs` output channels, at most as many as lanes of the vectors, and `channels`
    /// source channels to be read; and the copy, of whole blocks, may be written.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's.
        unsafe {
            for v in 0..self.vectors {
                let outputs = self.outputs.saturating_sub(v * V::LANES).min(V::LANES);
                let from = self.from.wrapping_add(v * V::LANES * self.filters.output);
                let to = self.to.wrapping_add(v * V::LANES);
                if self.filters.output == 1 {
                    self.copy::<V>(from, outputs, to);
                } else if self.filters.channel == self.filters.taps {
                    // All of a filter lies side by side.
                    self.transpose::<V>(from, outputs, 0..self.channels, to);
                } else {
                    for c in 0..self.channels {
                        let from = from.wrapping_add(c * self.filters.channel);
                        self.transpose::<V>(from, outputs, c..c + 1, to);
                    }
                }
            }
        }
    }
}

impl CopyFilters<'_> {
    /// Where a number of a filter goes.
    #[inline(always)]
    fn place<V: Vector>(&self, channel: usize, slot: u32) -> usize {
        let (block, lane) = (channel / self.block, channel % self.block);
        ((block * self.taps + slot as usize) * self.block + lane) * self.vectors * V::LANES
    }

    /// Output channels that lie side by side, of one tap.
    ///
    /// # Safety
    /// As of `run`, of one vector.
    #[inline(always)]
    unsafe fn copy<V: Vector>(&self, from: *const f32, outputs: usize, to: *mut f32) {
        for c in 0..self.channels {
            let from = from.wrapping_add(c * self.filters.channel);
            prefetch(from.wrapping_add(AHEAD / 2 * self.filters.channel));
            // SAFETY: the caller's.
            unsafe {
                let vector = V::splat(0.0).load_masked(from, first(outputs));
                vector.store(to.wrapping_add(self.place::<V>(c, 0)));
            }
        }
    }

    /// The taps of some channels, which lie side by side from `from` on in each output channel.
    ///
    /// # Safety
    /// As of `run`, of one vector.
    #[inline(always)]
    unsafe fn transpose<V: Vector>(
        &self,
        from: *const f32,
        outputs: usize,
        channels: Range<usize>,
        to: *mut f32,
    ) {
        let len = channels.len() * self.filters.taps;
        let (mut channel, mut tap) = (channels.start, 0);
        for start in (0..len).step_by(V::LANES) {
            let columns = (len - start).min(V::LANES);
            // SAFETY: the caller's.
            unsafe {
                let mut square = [V::splat(0.0); MOST_LANES];
                let square = &mut square[..V::LANES];
                for (row, line) in square.iter_mut().enumerate().take(outputs) {
                    let from = from.wrapping_add(row * self.filters.output + start);
                    prefetch(from.wrapping_add(AHEAD));
                    *line = if columns == V::LANES {
                        V::load(from)
                    } else {
                        line.load_masked(from, first(columns))
                    };
                }
                V::transpose(square);
                for line in square.iter().take(columns) {
                    if let Some(slot) = self.slots[tap] {
                        line.store(to.wrapping_add(self.place::<V>(channel, slot)));
                    }
                    tap += 1;
                    if tap == self.filters.taps {
                        (channel, tap) = (channel + 1, 0);
                    }
                }
            }
        }
    }
}
