//! The micro-kernel: some channels of a block x some vectors of filters, of one tap, summed up in
//! registers over a box of pixels.

use crate::backend::cpu::simd::{Vector, first, prefetch};

/// Most vectors of a tile. With the sums of four channels, a register for each and one for a number of
/// the channels that is 21 of 32, or 11 of 16: with more the compiler would need some for itself.
pub(super) const fn most_vectors(registers: usize) -> usize {
    registers / 8
}

/// Most channels of a tile of so many vectors: as many as their sums fit, but in halves and quarters of a
/// block.
pub(super) const fn most_channels(registers: usize, vectors: usize) -> usize {
    if registers >= 32 && vectors < 4 { 8 } else { 4 }
}

/// One tile, and the box of pixels it is summed over.
#[derive(Clone, Copy)]
pub(super) struct Tile {
    pub channels: usize,
    pub vectors: usize,
    /// Images, rows and pixels of a row; at least one of each.
    pub size: [usize; 3],
    /// The tile's first channel at what the first pixel sees, and floats from one to the next.
    pub x: *const f32,
    pub x_steps: [usize; 3],
    /// Floats from what a pixel sees to what is to be near soon; none where that is already.
    pub x_ahead: usize,
    /// The first vector's block of dy at the first pixel, and floats from one pixel to the next, and
    /// from block to block.
    pub dy: *const f32,
    pub dy_steps: [usize; 3],
    pub dy_block: usize,
    /// Filters of a block, at most as many as lanes; fewer only in a single vector.
    pub lanes: usize,
    /// The sums to be added to; from channel to channel lie so many floats.
    pub sums: *mut f32,
    pub sums_channel: usize,
}

/// Computes a tile.
///
/// # Safety
/// The CPU has the vector's instructions; a tile has at most [`most_channels`] and [`most_vectors`];
/// from each pixel's place in x there are `channels` floats, from that in dy `lanes` floats of each
/// vector; and the sums may be read and written.
#[inline(always)]
pub(super) unsafe fn multiply<V: Vector>(tile: &Tile) {
    // SAFETY: the caller's.
    unsafe {
        match tile.vectors {
            1 => by_channels::<V, 1>(tile),
            2 => by_channels::<V, 2>(tile),
            3 if most_vectors(V::REGISTERS) > 2 => by_channels::<V, 3>(tile),
            4 if most_vectors(V::REGISTERS) > 2 => by_channels::<V, 4>(tile),
            _ => unreachable!("the registers have no room for more"),
        }
    }
}

/// # Safety
/// As of [`multiply`].
#[inline(always)]
unsafe fn by_channels<V: Vector, const N: usize>(tile: &Tile) {
    // SAFETY: the caller's.
    unsafe {
        match tile.channels {
            1 => sum_up::<V, 1, N>(tile),
            2 => sum_up::<V, 2, N>(tile),
            3 => sum_up::<V, 3, N>(tile),
            4 => sum_up::<V, 4, N>(tile),
            8 if most_channels(V::REGISTERS, N) > 4 => sum_up::<V, 8, N>(tile),
            _ => unreachable!("channels come in steps of these"),
        }
    }
}

/// How many of so many channels the next tile takes.
pub(super) const fn step(channels: usize, most: usize) -> usize {
    match channels {
        1..=3 => channels,
        4..8 => 4,
        _ => most,
    }
}

/// # Safety
/// As of [`multiply`].
#[inline(always)]
unsafe fn sum_up<V: Vector, const M: usize, const N: usize>(tile: &Tile) {
    let [images, rows, pixels] = tile.size;
    let is_whole = N > 1 || tile.lanes == V::LANES;
    // SAFETY: the caller's.
    unsafe {
        let mut sums = [[V::splat(0.0); N]; M];
        for image in 0..images {
            for row in 0..rows {
                let place = |steps: [usize; 3]| image * steps[0] + row * steps[1];
                let mut x = tile.x.wrapping_add(place(tile.x_steps));
                let mut dy = tile.dy.wrapping_add(place(tile.dy_steps));
                for _ in 0..pixels {
                    prefetch(x.wrapping_add(tile.x_ahead));
                    let mut vectors = [V::splat(0.0); N];
                    for (n, vector) in vectors.iter_mut().enumerate() {
                        let from = dy.wrapping_add(n * tile.dy_block);
                        *vector = if is_whole {
                            V::load(from)
                        } else {
                            vector.load_masked(from, first(tile.lanes))
                        };
                    }
                    for (m, sums) in sums.iter_mut().enumerate() {
                        let number = V::splat(*x.wrapping_add(m));
                        for (sum, vector) in sums.iter_mut().zip(vectors) {
                            *sum = sum.add_product(number, vector);
                        }
                    }
                    x = x.wrapping_add(tile.x_steps[2]);
                    dy = dy.wrapping_add(tile.dy_steps[2]);
                }
            }
        }
        for (m, sums) in sums.iter().enumerate() {
            for (n, sum) in sums.iter().enumerate() {
                let to = tile.sums.wrapping_add(m * tile.sums_channel + n * V::LANES);
                sum.add(V::load(to)).store(to);
            }
        }
    }
}
