//! The micro-kernel for AVX-512: 6 x 64, which takes 24 of the 32 registers for sums, 4 for a row of
//! b and one for an element of a. A step over k is 24 multiply-adds and 10 loads, of which current
//! CPUs do two each a cycle.

use std::arch::x86_64::*;
use std::array::from_fn;

use super::kernel::{B, Kernel, Tile};
use super::pack;
use crate::backend::cpu::simd::prefetch;

/// Floats of a vector.
const LANES: usize = 16;
const MR: usize = 6;
const NR: usize = 4 * LANES;

/// The mask of a whole vector.
const ALL: __mmask16 = 0xffff;

/// See the module.
pub(super) struct Avx512;

impl Kernel for Avx512 {
    const MR: usize = MR;
    const NR: usize = NR;
    const KC: usize = 1024;
    const KC_TRANSPOSED_A: usize = 256;
    const PACKED_B: usize = 128 << 10;

    unsafe fn multiply(tile: Tile<'_>) {
        tile.check(MR, NR);
        // SAFETY: as of the trait; `check` holds, and rows and vectors are those of the tile.
        unsafe {
            match tile.columns.div_ceil(LANES) {
                1 => by_rows::<1>(tile),
                2 => by_rows::<2>(tile),
                3 => by_rows::<3>(tile),
                _ => by_rows::<4>(tile),
            }
        }
    }

    unsafe fn pack_a(a: &[f32], a_row: usize, k: usize, rows: usize, to: &mut [f32]) {
        #[target_feature(enable = "avx512f")]
        fn vectorised(a: &[f32], a_row: usize, k: usize, rows: usize, to: &mut [f32]) {
            pack::pack_a::<MR>(a, a_row, k, rows, to);
        }
        // SAFETY: as of the trait.
        unsafe { vectorised(a, a_row, k, rows, to) }
    }

    unsafe fn pack_transposed_b(b: &[f32], b_row: usize, k: usize, columns: usize, to: &mut [f32]) {
        assert!((1..=NR).contains(&columns) && k > 0);
        assert!((columns - 1) * b_row + k <= b.len() && k * NR <= to.len());
        // SAFETY: as of the trait, and as just checked.
        unsafe { pack_transposed_b(b, b_row, k, columns, to) }
    }
}

/// # Safety
/// As of `multiply_add`.
unsafe fn by_rows<const NV: usize>(tile: Tile<'_>) {
    // SAFETY: the caller's, and the number of rows is the tile's.
    unsafe {
        match (tile.rows, matches!(tile.b, B::Stored { .. })) {
            (1, false) => multiply_add::<1, NV, false>(tile),
            (2, false) => multiply_add::<2, NV, false>(tile),
            (3, false) => multiply_add::<3, NV, false>(tile),
            (4, false) => multiply_add::<4, NV, false>(tile),
            (5, false) => multiply_add::<5, NV, false>(tile),
            (_, false) => multiply_add::<6, NV, false>(tile),
            (1, true) => multiply_add::<1, NV, true>(tile),
            (2, true) => multiply_add::<2, NV, true>(tile),
            (3, true) => multiply_add::<3, NV, true>(tile),
            (4, true) => multiply_add::<4, NV, true>(tile),
            (5, true) => multiply_add::<5, NV, true>(tile),
            (_, true) => multiply_add::<6, NV, true>(tile),
        }
    }
}

/// One tile of `ROWS` rows and `NV` vectors, the last of which may be partly outside.
///
/// # Safety
/// As of `Kernel::multiply`; `Tile::check` holds; `ROWS` is the tile's rows, `NV` its columns in
/// vectors, rounded up; `PACK` is whether its b is stored.
#[target_feature(enable = "avx512f")]
unsafe fn multiply_add<const ROWS: usize, const NV: usize, const PACK: bool>(mut tile: Tile<'_>) {
    let (mut b, b_row, mut to) = match &mut tile.b {
        B::Packed(panel) => (panel.as_ptr(), NR, std::ptr::null_mut()),
        B::Stored { from, row, pack } => (from.as_ptr(), *row, pack.as_mut_ptr()),
    };
    let in_last = tile.columns - LANES * (NV - 1);
    let mask = ALL >> (LANES - in_last);
    for r in 0..ROWS {
        for v in 0..NV {
            prefetch(tile.c.wrapping_add(r * tile.c_row + v * LANES));
        }
    }
    let mut a: [*const f32; ROWS] = from_fn(|r| tile.a.as_ptr().wrapping_add(r * tile.a_row));
    let mut sums = [[_mm512_setzero_ps(); NV]; ROWS];
    let mut next = tile.next;
    let mut left = tile.k;
    while left > 0 {
        // A cache line of every row that is read next, as often as one is used up.
        for r in 0..tile.next_rows {
            prefetch(next.wrapping_add(r * tile.next_row));
        }
        next = next.wrapping_add(tile.next_step);
        let steps = left.min(LANES);
        left -= steps;
        for _ in 0..steps {
            let mut bv = [_mm512_setzero_ps(); NV];
            for (v, bv) in bv.iter_mut().enumerate() {
                let from = b.wrapping_add(v * LANES);
                // SAFETY: this is step p < k. Packed, a whole row p of [k][NR] lies in the panel,
                // and NV LANES <= NR. Stored, `check` has (k - 1) row + columns floats: all vectors
                // but the last lie within the columns, and the mask ends the last one there. Row p
                // of `pack` lies inside as that of a packed panel does.
                unsafe {
                    if PACK {
                        prefetch(from.wrapping_add(pack::AHEAD * b_row));
                        let mask = if v + 1 == NV { mask } else { ALL };
                        *bv = _mm512_maskz_loadu_ps(mask, from);
                        _mm512_storeu_ps(to.wrapping_add(v * LANES), *bv);
                    } else {
                        *bv = _mm512_loadu_ps(from);
                    }
                }
            }
            for (a, sums) in a.iter_mut().zip(&mut sums) {
                // SAFETY: element (r, p) of a, which `check` found inside.
                let av = _mm512_set1_ps(unsafe { **a });
                for (sum, bv) in sums.iter_mut().zip(&bv) {
                    *sum = _mm512_fmadd_ps(av, *bv, *sum);
                }
                *a = a.wrapping_add(tile.a_column);
            }
            b = b.wrapping_add(if PACK { b_row } else { NR });
            if PACK {
                to = to.wrapping_add(NR);
            }
        }
    }
    for (r, sums) in sums.iter().enumerate() {
        for (v, sum) in sums.iter().enumerate() {
            let c = tile.c.wrapping_add(r * tile.c_row + v * LANES);
            let mask = if v + 1 == NV { mask } else { ALL };
            // SAFETY: row r of c may be used as far as the columns go, which is where the mask
            // ends the last vector. Unless `add`, c is not read.
            unsafe {
                let before =
                    if tile.add { _mm512_maskz_loadu_ps(mask, c) } else { _mm512_setzero_ps() };
                _mm512_mask_storeu_ps(c, mask, _mm512_add_ps(before, *sum));
            }
        }
    }
}

/// # Safety
/// The CPU has AVX-512; 0 < columns <= NR, k > 0; b holds (columns - 1) b_row + k floats, `to` holds
/// k NR.
#[target_feature(enable = "avx512f")]
unsafe fn pack_transposed_b(b: &[f32], b_row: usize, k: usize, columns: usize, to: &mut [f32]) {
    for j in (0..columns).step_by(LANES) {
        for p in (0..k).step_by(LANES) {
            let depth = LANES.min(k - p);
            let mask = ALL >> (LANES - depth);
            let mut square: [__m512; LANES] = from_fn(|r| {
                // Past the last column, that once more: what it is doesn't matter.
                let column = (j + r).min(columns - 1);
                // SAFETY: floats p .. p + depth <= k of a row of b up to columns - 1.
                unsafe {
                    let row = b.as_ptr().add(column * b_row + p);
                    prefetch(row.wrapping_add(LANES * b_row));
                    _mm512_maskz_loadu_ps(mask, row)
                }
            });
            transpose(&mut square);
            for (r, row) in square.iter().enumerate() {
                if r < depth {
                    // SAFETY: p + r < k, and j + LANES <= NR as NR is a multiple of LANES.
                    unsafe { _mm512_storeu_ps(to.as_mut_ptr().add((p + r) * NR + j), *row) };
                }
            }
        }
    }
}

/// Transposes 16 x 16: pairs, then fours, within 128 bits, then these quarters.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(x: &mut [__m512; 16]) {
    let mut y = *x;
    for i in (0..16).step_by(2) {
        y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    for i in (0..16).step_by(4) {
        x[i] = _mm512_shuffle_ps::<0x44>(y[i], y[i + 2]);
        x[i + 1] = _mm512_shuffle_ps::<0xee>(y[i], y[i + 2]);
        x[i + 2] = _mm512_shuffle_ps::<0x44>(y[i + 1], y[i + 3]);
        x[i + 3] = _mm512_shuffle_ps::<0xee>(y[i + 1], y[i + 3]);
    }
    // Quarter l of x[i + c] now holds column 4 l + c of rows i .. i + 4.
    for c in 0..4 {
        let even_top = _mm512_shuffle_f32x4::<0x88>(x[c], x[4 + c]);
        let odd_top = _mm512_shuffle_f32x4::<0xdd>(x[c], x[4 + c]);
        let even_bottom = _mm512_shuffle_f32x4::<0x88>(x[8 + c], x[12 + c]);
        let odd_bottom = _mm512_shuffle_f32x4::<0xdd>(x[8 + c], x[12 + c]);
        y[c] = _mm512_shuffle_f32x4::<0x88>(even_top, even_bottom);
        y[4 + c] = _mm512_shuffle_f32x4::<0x88>(odd_top, odd_bottom);
        y[8 + c] = _mm512_shuffle_f32x4::<0xdd>(even_top, even_bottom);
        y[12 + c] = _mm512_shuffle_f32x4::<0xdd>(odd_top, odd_bottom);
    }
    *x = y;
}
