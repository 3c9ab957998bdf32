//! The micro-kernel for AVX2 with FMA: 6 x 16, which takes 12 of the 16 registers for sums, 2 for a
//! row of b and one for an element of a.

use std::arch::x86_64::*;
use std::array::from_fn;

use super::kernel::{B, Kernel, Tile};
use super::pack;
use crate::backend::cpu::simd::prefetch;

/// Floats of a vector.
const LANES: usize = 8;
const MR: usize = 6;
const NR: usize = 2 * LANES;

/// See the module.
pub(super) struct Avx2;

impl Kernel for Avx2 {
    const MR: usize = MR;
    const NR: usize = NR;
    const KC: usize = 384;
    const KC_TRANSPOSED_A: usize = 256;
    const PACKED_B: usize = 48 << 10;

    unsafe fn multiply(mut tile: Tile<'_>) {
        tile.check(MR, NR);
        if let B::Stored { from, row, pack } = tile.b {
            pack::pack_b(from, row, tile.k, tile.columns, NR, pack);
            tile.b = B::Packed(pack);
        }
        let B::Packed(b) = tile.b else { return };
        // SAFETY: as of the trait; `check` holds, which has k NR floats in packed and unpacked
        // panels alike; the number of rows is the tile's.
        unsafe {
            match tile.rows {
                1 => multiply_add::<1>(&tile, b),
                2 => multiply_add::<2>(&tile, b),
                3 => multiply_add::<3>(&tile, b),
                4 => multiply_add::<4>(&tile, b),
                5 => multiply_add::<5>(&tile, b),
                _ => multiply_add::<6>(&tile, b),
            }
        }
    }

    unsafe fn pack_a(a: &[f32], a_row: usize, k: usize, rows: usize, to: &mut [f32]) {
        #[target_feature(enable = "avx2")]
        fn vectorised(a: &[f32], a_row: usize, k: usize, rows: usize, to: &mut [f32]) {
            pack::pack_a::<MR>(a, a_row, k, rows, to);
        }
        // SAFETY: as of the trait.
        unsafe { vectorised(a, a_row, k, rows, to) }
    }

    unsafe fn pack_transposed_b(b: &[f32], b_row: usize, k: usize, columns: usize, to: &mut [f32]) {
        let whole = columns / LANES * LANES;
        let deep = k / LANES * LANES;
        if whole > 0 {
            assert!((whole - 1) * b_row + deep <= b.len() && deep * NR <= to.len() && whole <= NR);
            // SAFETY: as of the trait, and as just checked.
            unsafe { pack_transposed_b(b, b_row, deep, whole, to) };
            // What is left below ..
            pack::pack_transposed_b(&b[deep..], b_row, k - deep, whole, NR, &mut to[deep * NR..]);
        }
        if whole < columns {
            // .. and to the right.
            let (b, to) = (&b[whole * b_row..], &mut to[whole..]);
            pack::pack_transposed_b(b, b_row, k, columns - whole, NR, to);
        }
    }
}

/// One tile of `ROWS` rows, on the packed panel `b`.
///
/// # Safety
/// As of `Kernel::multiply`; `Tile::check` holds; `ROWS` is the tile's rows; `b` holds k NR floats.
#[target_feature(enable = "avx2,fma")]
unsafe fn multiply_add<const ROWS: usize>(tile: &Tile<'_>, b: &[f32]) {
    for r in 0..ROWS {
        prefetch(tile.c.wrapping_add(r * tile.c_row));
    }
    let mut a: [*const f32; ROWS] = from_fn(|r| tile.a.as_ptr().wrapping_add(r * tile.a_row));
    let mut b = b.as_ptr();
    let mut sums = [[_mm256_setzero_ps(); 2]; ROWS];
    for _ in 0..tile.k {
        // SAFETY: row p < k of the panel [k][NR].
        let bv = unsafe { [_mm256_loadu_ps(b), _mm256_loadu_ps(b.add(LANES))] };
        for (a, sums) in a.iter_mut().zip(&mut sums) {
            // SAFETY: element (r, p) of a, which `check` found inside.
            let av = _mm256_set1_ps(unsafe { **a });
            for (sum, bv) in sums.iter_mut().zip(&bv) {
                *sum = _mm256_fmadd_ps(av, *bv, *sum);
            }
            *a = a.wrapping_add(tile.a_column);
        }
        b = b.wrapping_add(NR);
    }
    for (r, sums) in sums.iter().enumerate() {
        let c = tile.c.wrapping_add(r * tile.c_row);
        // SAFETY: row r of c may be used as far as the columns go: all NR, or as many elements of
        // a row put down elsewhere. Unless `add`, c is not read.
        unsafe {
            if tile.columns == NR {
                for (v, sum) in sums.iter().enumerate() {
                    let c = c.add(v * LANES);
                    let before = if tile.add { _mm256_loadu_ps(c) } else { _mm256_setzero_ps() };
                    _mm256_storeu_ps(c, _mm256_add_ps(before, *sum));
                }
            } else {
                let mut row = [0.0_f32; NR];
                _mm256_storeu_ps(row.as_mut_ptr(), sums[0]);
                _mm256_storeu_ps(row.as_mut_ptr().add(LANES), sums[1]);
                for (j, sum) in row.iter().enumerate().take(tile.columns) {
                    let before = if tile.add { *c.add(j) } else { 0.0 };
                    *c.add(j) = before + sum;
                }
            }
        }
    }
}

/// # Safety
/// The CPU has AVX2; k and columns <= NR are multiples of LANES; b holds (columns - 1) b_row + k
/// floats, `to` holds k NR.
#[target_feature(enable = "avx2")]
unsafe fn pack_transposed_b(b: &[f32], b_row: usize, k: usize, columns: usize, to: &mut [f32]) {
    for j in (0..columns).step_by(LANES) {
        for p in (0..k).step_by(LANES) {
            // SAFETY: floats p .. p + LANES <= k of a row of b below columns.
            let rows: [__m256; LANES] =
                from_fn(|r| unsafe { _mm256_loadu_ps(b.as_ptr().add((j + r) * b_row + p)) });
            for (r, row) in transposed(rows).iter().enumerate() {
                // SAFETY: p + r < k and j + LANES <= NR.
                unsafe { _mm256_storeu_ps(to.as_mut_ptr().add((p + r) * NR + j), *row) };
            }
        }
    }
}

/// Transposes 8 x 8: pairs, then fours, within 128 bits, then these halves.
#[inline]
#[target_feature(enable = "avx2")]
fn transposed(mut x: [__m256; 8]) -> [__m256; 8] {
    let mut y = x;
    for i in (0..8).step_by(2) {
        y[i] = _mm256_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm256_unpackhi_ps(x[i], x[i + 1]);
    }
    for i in (0..8).step_by(4) {
        x[i] = _mm256_shuffle_ps::<0x44>(y[i], y[i + 2]);
        x[i + 1] = _mm256_shuffle_ps::<0xee>(y[i], y[i + 2]);
        x[i + 2] = _mm256_shuffle_ps::<0x44>(y[i + 1], y[i + 3]);
        x[i + 3] = _mm256_shuffle_ps::<0xee>(y[i + 1], y[i + 3]);
    }
    for c in 0..4 {
        y[c] = _mm256_permute2f128_ps::<0x20>(x[c], x[4 + c]);
        y[4 + c] = _mm256_permute2f128_ps::<0x31>(x[c], x[4 + c]);
    }
    y
}
