//! The micro-kernel in plain Rust, for CPUs without one of their own: arrays of constant size, which
//! the compiler keeps in vector registers. Tiles fit 16 registers of 4 floats, or the 32 of aarch64.

use std::array::from_fn;

use super::kernel::{B, Kernel, Tile};
use super::pack;

const MR: usize = if cfg!(target_arch = "aarch64") { 6 } else { 4 };
const NR: usize = if cfg!(target_arch = "aarch64") { 16 } else { 8 };

/// See the module.
pub(super) struct Portable;

impl Kernel for Portable {
    const MR: usize = MR;
    const NR: usize = NR;
    const KC: usize = 256;
    const KC_TRANSPOSED_A: usize = 256;
    const PACKED_B: usize = 32 << 10;

    unsafe fn multiply(mut tile: Tile<'_>) {
        tile.check(MR, NR);
        if let B::Stored { from, row, pack } = tile.b {
            pack::pack_b(from, row, tile.k, tile.columns, NR, pack);
            tile.b = B::Packed(pack);
        }
        let B::Packed(b) = tile.b else { return };
        let sums = products(&tile, b);
        for (r, sums) in sums.iter().enumerate().take(tile.rows) {
            // SAFETY: as of the trait: the columns of this row are ours. Floats of any kind may be
            // referred to, and without `add` they are not read.
            let c = unsafe {
                let row = tile.c.add(r * tile.c_row);
                std::slice::from_raw_parts_mut(row, tile.columns)
            };
            for (c, sum) in c.iter_mut().zip(sums) {
                *c = if tile.add { *c + sum } else { *sum };
            }
        }
    }

    unsafe fn pack_a(a: &[f32], a_row: usize, k: usize, rows: usize, to: &mut [f32]) {
        pack::pack_a::<MR>(a, a_row, k, rows, to);
    }

    unsafe fn pack_transposed_b(b: &[f32], b_row: usize, k: usize, columns: usize, to: &mut [f32]) {
        pack::pack_transposed_b(b, b_row, k, columns, NR, to);
    }
}

/// The products of all rows with the packed panel `b`. Rows past the last repeat it.
#[inline]
fn products(tile: &Tile<'_>, b: &[f32]) -> [[f32; NR]; MR] {
    let rows: [&[f32]; MR] = from_fn(|r| &tile.a[r.min(tile.rows - 1) * tile.a_row..]);
    let mut sums = [[0.0; NR]; MR];
    for (p, b) in b.as_chunks::<NR>().0.iter().enumerate().take(tile.k) {
        for (a, sums) in rows.iter().zip(&mut sums) {
            // SAFETY: element (r, p) of a, for a row of the tile: `Tile::check` found it inside.
            let a = unsafe { *a.get_unchecked(p * tile.a_column) };
            for (sum, b) in sums.iter_mut().zip(b) {
                *sum = multiply_add(a, *b, *sum);
            }
        }
    }
    sums
}

/// a b + c, fused where that is an instruction and not a function.
#[inline(always)]
fn multiply_add(a: f32, b: f32, c: f32) -> f32 {
    if cfg!(any(target_arch = "aarch64", target_feature = "fma")) {
        a.mul_add(b, c)
    } else {
        a * b + c
    }
}
