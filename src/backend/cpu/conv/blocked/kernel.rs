//! The micro-kernel: up to six pixels x some vectors of output channels, with the sums in registers.
//! A step reads a number of each pixel and a vector of filters for each of theirs.

use super::places::{PIXELS, Reads};
use crate::backend::cpu::simd::{Vector, Work, first, prefetch};

/// Most vectors of a tile. Their sums, a register for each and one for a number of the pixels are 29
/// of 32, or 15 of 16.
pub(super) const fn most_vectors(registers: usize) -> usize {
    registers / 8
}

/// What a tap reads outside of the source.
static NOWHERE: [f32; 16] = [0.0; 16];

/// One tile of the output.
#[derive(Clone, Copy)]
pub(super) struct Tile<'a> {
    pub pixels: usize,
    pub vectors: usize,
    /// Taps that read something, with where each pixel does.
    pub taps: &'a [Reads],
    /// The first block of source channels, and floats from block to block.
    pub source: *const f32,
    pub source_block: usize,
    /// Blocks of source channels, the channels of each and of the last.
    pub blocks: usize,
    pub channels: usize,
    pub last: usize,
    /// Floats from here to where the next tile reads.
    pub ahead: usize,
    /// `[block][tap][channel][vectors]`, and how many taps there are in it.
    pub filters: *const f32,
    pub filter_taps: usize,
    /// The first vector's block of output channels, and floats from block to block.
    pub output: *mut f32,
    pub output_block: usize,
    /// By pixel, from there on.
    pub writes: [isize; PIXELS],
    /// Channels of a block of the output, at most as many as lanes.
    pub lanes: usize,
    /// Whether to add to what is there, instead of only writing.
    pub add: bool,
    /// Whether to write past the caches; all vectors then start on a cache line.
    pub stream: bool,
}

impl Work for Tile<'_> {
    /// # Safety
    /// There is at least one pixel and vector, at most [`PIXELS`] and as many as [`most_vectors`]
    /// says. From where a tap reads, unless that is negative, `channels` floats may be read of each
    /// block, `last` of the last; and of the filters what their layout says. From where a pixel is written
    /// `lanes` floats may be written, and read if `add`, for every vector, which nothing else refers
    /// to during the call.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let wide = most_vectors(V::REGISTERS) > 2;
        // SAFETY: the caller's.
        unsafe {
            match self.vectors {
                1 => by_pixels::<V, 1>(self),
                2 => by_pixels::<V, 2>(self),
                3 if wide => by_pixels::<V, 3>(self),
                4 if wide => by_pixels::<V, 4>(self),
                _ => unreachable!("the registers have no room for more"),
            }
        }
    }
}

/// # Safety
/// As of a tile's `run`.
#[inline(always)]
unsafe fn by_pixels<V: Vector, const N: usize>(tile: Tile<'_>) {
    // SAFETY: the caller's.
    unsafe {
        match tile.pixels {
            1 => sum_up::<V, 1, N>(tile),
            2 => sum_up::<V, 2, N>(tile),
            3 | 4 => sum_up::<V, 4, N>(tile),
            _ => sum_up::<V, PIXELS, N>(tile),
        }
    }
}

/// # Safety
/// As of a tile's `run`, which has `N` vectors and at most `M` pixels. Pixels that don't exist repeat
/// the last one, and are never written.
#[inline(always)]
unsafe fn sum_up<V: Vector, const M: usize, const N: usize>(tile: Tile<'_>) {
    // SAFETY: the caller's. Outside of the source there are as many zeros as lanes at the most.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; M];
        for block in 0..tile.blocks {
            let source = tile.source.wrapping_add(block * tile.source_block);
            let channels = if block + 1 == tile.blocks { tile.last } else { tile.channels };
            for tap in tile.taps {
                let mut pixels = [NOWHERE.as_ptr(); M];
                for (pixel, place) in pixels.iter_mut().zip(tap.places) {
                    if place >= 0 {
                        *pixel = source.wrapping_offset(place);
                        prefetch(pixel.wrapping_add(tile.ahead));
                    }
                }
                let index = block * tile.filter_taps + tap.tap;
                let mut filters = tile.filters.wrapping_add(index * tile.channels * N * V::LANES);
                for channel in 0..channels {
                    let mut vectors = [V::splat(0.0); N];
                    for (n, vector) in vectors.iter_mut().enumerate() {
                        *vector = V::load(filters.wrapping_add(n * V::LANES));
                    }
                    for (sums, pixel) in sums.iter_mut().zip(pixels) {
                        let number = V::splat(*pixel.wrapping_add(channel));
                        for (sum, vector) in sums.iter_mut().zip(vectors) {
                            *sum = sum.add_product(number, vector);
                        }
                    }
                    filters = filters.wrapping_add(N * V::LANES);
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            // Not `take`: a known number of turns keeps the sums in registers.
            if m < tile.pixels {
                for (n, sum) in sums.iter().enumerate() {
                    let to = tile.output.wrapping_offset(tile.writes[m]);
                    let to = to.wrapping_add(n * tile.output_block);
                    if tile.lanes < V::LANES {
                        let mask = first(tile.lanes);
                        let before = V::splat(0.0);
                        let before = if tile.add { before.load_masked(to, mask) } else { before };
                        sum.add(before).store_masked(to, mask);
                    } else if tile.add {
                        sum.add(V::load(to)).store(to);
                    } else if tile.stream {
                        sum.stream(to);
                    } else {
                        sum.store(to);
                    }
                }
            }
        }
    }
}
