//! f -> U: filters, transformed.

use std::ops::Range;

use super::problem::FilterOrder;
use super::tile::{F2, F4, MOST, Tile};
use crate::backend::cpu::simd::{Vector, Work};

/// Filters of a group, side by side in memory: a multiple of every vector's lanes.
pub(super) const GROUP: usize = 16;

/// Channels whose taps are gathered at once.
const BATCH: usize = 16;

/// Transforms a group of filters, or what there is of it, for some channels.
///
/// # Safety
/// Of running it: at `to`, aligned to vectors, [`GROUP`] floats for each channel may be written, for each
/// position, `position` floats after each other, which is a multiple of a vector.
pub(super) struct Filters<'a> {
    pub m: usize,
    pub f: &'a [f32],
    pub order: FilterOrder,
    pub filters: Range<usize>,
    pub channels: Range<usize>,
    pub to: *mut f32,
    pub position: usize,
}

/// [channel][tap][filter].
#[repr(align(64))]
struct Taps([[[f32; GROUP]; 9]; BATCH]);

impl Work for Filters<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's.
        unsafe { if self.m == 2 { self.transform::<V, F2>() } else { self.transform::<V, F4>() } }
    }
}

impl Filters<'_> {
    /// # Safety
    /// As of running it.
    #[inline(always)]
    unsafe fn transform<V: Vector, F: Tile>(&self) {
        let mut taps = Taps([[[0.0; GROUP]; 9]; BATCH]);
        for start in self.channels.clone().step_by(BATCH) {
            let channels = start..self.channels.end.min(start + BATCH);
            self.gather(channels.clone(), &mut taps);
            for (taps, channel) in taps.0.iter().zip(channels) {
                for lane in (0..GROUP).step_by(V::LANES) {
                    // SAFETY: the caller's; a row of taps has GROUP floats.
                    unsafe {
                        let mut half = [[V::splat(0.0); 3]; MOST];
                        for column in 0..3 {
                            let mut g = [V::splat(0.0); 3];
                            for (row, g) in g.iter_mut().enumerate() {
                                *g = V::load(taps[row * 3 + column].as_ptr().add(lane));
                            }
                            for (half, g) in half.iter_mut().zip(F::filter(g)) {
                                half[column] = g;
                            }
                        }
                        let to = self.to.add((channel - self.channels.start) * GROUP + lane);
                        for (row, half) in half.into_iter().enumerate().take(F::T) {
                            for (column, u) in F::filter(half).into_iter().enumerate().take(F::T) {
                                u.store(to.add((row * F::T + column) * self.position));
                            }
                        }
                    }
                }
            }
        }
    }

    /// The taps of up to [`BATCH`] channels.
    #[inline(always)]
    fn gather(&self, channels: Range<usize>, to: &mut Taps) {
        for (lane, k) in self.filters.clone().enumerate() {
            for (to, c) in to.0.iter_mut().zip(channels.clone()) {
                let filter = &self.f[(k * self.order.k + c * self.order.c) * 9..][..9];
                for (tap, x) in filter.iter().enumerate() {
                    to[if self.order.turned { 8 - tap } else { tap }][lane] = *x;
                }
            }
        }
    }
}
