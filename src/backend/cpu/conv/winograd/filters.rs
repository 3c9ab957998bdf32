//! f -> U: the transform of filters.

use std::ops::Range;

use super::plan::{GROUP, Winograd};
use super::tile::{MOST, Tile};
use crate::backend::cpu::simd::{Routine, Vector, first, prefetch};

/// Taps of a filter.
const TAPS: usize = 9;

/// Channels to prefetch ahead: their filters lie too far apart for the hardware to foresee.
const AHEAD: usize = 8;

/// Transforms a group of filters for some channels: `[position][channel][GROUP]`. Where the group has fewer
/// filters, the rest is zeros.
///
/// # Safety
/// To run it: `f` holds the filters of the problem. `to` is aligned to vectors, and for each position, as far
/// apart as the plan says, [`GROUP`] floats of each channel may be written there.
pub(super) struct Filters<'a, F> {
    pub of: &'a Winograd<F>,
    /// All filters.
    pub f: &'a [f32],
    /// At most [`GROUP`] output channels.
    pub filters: Range<usize>,
    /// Input channels.
    pub channels: Range<usize>,
    pub to: *mut f32,
}

impl<F: Tile> Routine for Filters<'_, F> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (turned, position) = (self.of.problem.filters.turned, self.of.plan.filter_position());
        for (i, channel) in self.channels.clone().enumerate() {
            for lane in (0..GROUP).step_by(V::LANES) {
                // SAFETY: the caller's.
                unsafe {
                    let taps = self.taps::<V>(channel, lane);
                    let mut half = [[V::splat(0.0); 3]; MOST];
                    for column in 0..3 {
                        let mut g = [V::splat(0.0); 3];
                        for (row, g) in g.iter_mut().enumerate() {
                            let tap = row * 3 + column;
                            *g = taps[if turned { TAPS - 1 - tap } else { tap }];
                        }
                        for (half, g) in half.iter_mut().zip(F::filter(g)) {
                            half[column] = g;
                        }
                    }
                    let to = self.to.add(i * GROUP + lane);
                    for (row, half) in half.into_iter().enumerate().take(F::T) {
                        for (column, u) in F::filter(half).into_iter().enumerate().take(F::T) {
                            u.store(to.add((row * F::T + column) * position));
                        }
                    }
                }
            }
        }
    }
}

impl<F> Filters<'_, F> {
    /// The taps of a channel. Each lane has those of another filter, from number `lane` of the group on.
    ///
    /// # Safety
    /// That of running it holds.
    #[inline(always)]
    unsafe fn taps<V: Vector>(&self, channel: usize, lane: usize) -> [V; TAPS] {
        let order = self.of.problem.filters;
        // SAFETY: the caller's; of a filter no more than its taps are read.
        unsafe {
            let mut taps = [V::splat(0.0); TAPS];
            for start in (0..TAPS).step_by(V::LANES) {
                let count = V::LANES.min(TAPS - start);
                let mut square = [V::splat(0.0); GROUP];
                for (row, k) in square.iter_mut().zip(self.filters.clone().skip(lane)) {
                    let filter = k * order.k + channel * order.c;
                    let from = self.f.as_ptr().add(filter * TAPS + start);
                    *row = row.load_masked(from, first(count));
                    prefetch(from.wrapping_add(AHEAD * order.c * TAPS));
                }
                V::transpose(&mut square[..V::LANES]);
                taps[start..start + count].copy_from_slice(&square[..count]);
            }
            taps
        }
    }
}
