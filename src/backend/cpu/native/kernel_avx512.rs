//! The micro-kernel for AVX-512: 6 x 64, 24 accumulators and 4 vectors of b in 32 registers.

use std::arch::x86_64::*;

use super::kernel::{Kernel, Tile};

/// Floats of a vector.
const LANES: usize = 16;

/// 6 x 64.
pub struct Avx512;

impl Kernel for Avx512 {
    const MR: usize = 6;
    const NR: usize = 4 * LANES;
    const PACKED_B: usize = 128 << 10;

    unsafe fn multiply(rows: usize, tile: &Tile) {
        let vectors = tile.columns.div_ceil(LANES);
        macro_rules! by_rows {
            ($nv:literal, $pack:literal) => {
                match rows {
                    1 => multiply::<1, $nv, $pack>(tile),
                    2 => multiply::<2, $nv, $pack>(tile),
                    3 => multiply::<3, $nv, $pack>(tile),
                    4 => multiply::<4, $nv, $pack>(tile),
                    5 => multiply::<5, $nv, $pack>(tile),
                    _ => multiply::<6, $nv, $pack>(tile),
                }
            };
        }
        // SAFETY: tbd
        unsafe {
            match (vectors, tile.pack.is_null()) {
                (1, true) => by_rows!(1, false),
                (2, true) => by_rows!(2, false),
                (3, true) => by_rows!(3, false),
                (_, true) => by_rows!(4, false),
                (1, false) => by_rows!(1, true),
                (2, false) => by_rows!(2, true),
                (3, false) => by_rows!(3, true),
                (_, false) => by_rows!(4, true),
            }
        }
    }

    unsafe fn pack_transposed(b: *const f32, b_row: usize, k: usize, columns: usize, to: *mut f32) {
        // SAFETY: tbd
        unsafe { pack_transposed(b, b_row, k, columns, to) }
    }
    unsafe fn pack_a(a: *const f32, lda: usize, k: usize, rows: usize, to: *mut f32, end: *const f32) {
        // SAFETY: tbd
        unsafe { pack_a(a, lda, k, rows, to, end) }
    }
}

#[target_feature(enable = "avx512f")]
unsafe fn multiply<const MR: usize, const NV: usize, const PACK: bool>(t: &Tile) {
    // SAFETY: tbd
    unsafe {
        const NR: usize = Avx512::NR;
        let rest = t.columns - LANES * (NV - 1);
        let mask = (0xffff_u32 >> (LANES - rest)) as __mmask16;
        for r in 0..MR {
            for v in 0..NV {
                _mm_prefetch::<_MM_HINT_T0>(t.c.add(r * t.c_row + v * LANES).cast());
            }
        }
        let rows: [*const f32; MR] = std::array::from_fn(|r| t.a.add(r * t.a_row));
        let mut acc = [[_mm512_setzero_ps(); NV]; MR];
        let mut at = 0;
        let mut b = t.b;
        let mut to = t.pack;
        let mut left = t.k;
        let mut next = t.next;
        while left > 0 {
            for r in 0..t.next_rows {
                _mm_prefetch::<_MM_HINT_T0>(next.wrapping_add(r * t.a_row).cast());
            }
            next = next.wrapping_add(LANES);
            let chunk = left.min(LANES);
            left -= chunk;
            for _ in 0..chunk {
                let mut bv = [_mm512_setzero_ps(); NV];
                for v in 0..NV {
                    let from = b.add(v * LANES);
                    if PACK {
                        _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(8 * t.b_row).cast());
                        bv[v] = if v + 1 == NV {
                            _mm512_maskz_loadu_ps(mask, from)
                        } else {
                            _mm512_loadu_ps(from)
                        };
                        _mm512_store_ps(to.add(v * LANES), bv[v]);
                    } else {
                        bv[v] = _mm512_load_ps(from);
                    }
                }
                for r in 0..MR {
                    let av = _mm512_set1_ps(*rows[r].add(at));
                    for v in 0..NV {
                        acc[r][v] = _mm512_fmadd_ps(av, bv[v], acc[r][v]);
                    }
                }
                at += t.a_column;
                if PACK {
                    b = b.add(t.b_row);
                    to = to.add(NR);
                } else {
                    b = b.add(NR);
                }
            }
        }
        for r in 0..MR {
            for v in 0..NV {
                let c = t.c.add(r * t.c_row + v * LANES);
                let mut sum = acc[r][v];
                if v + 1 == NV && rest < LANES {
                    if t.add {
                        sum = _mm512_add_ps(sum, _mm512_maskz_loadu_ps(mask, c));
                    }
                    _mm512_mask_storeu_ps(c, mask, sum);
                } else {
                    if t.add {
                        sum = _mm512_add_ps(sum, _mm512_loadu_ps(c));
                    }
                    _mm512_storeu_ps(c, sum);
                }
            }
        }
    }
}

#[target_feature(enable = "avx512f")]
unsafe fn pack_transposed(b: *const f32, b_row: usize, k: usize, columns: usize, to: *mut f32) {
    // SAFETY: tbd
    unsafe {
        for j in (0..columns).step_by(LANES) {
            let mut p = 0;
            while p < k {
                let deep = (k - p).min(LANES);
                let mask = (0xffff_u32 >> (LANES - deep)) as __mmask16;
                let mut x = [_mm512_setzero_ps(); 16];
                for r in 0..16 {
                    let row = b.add((j + r).min(columns - 1) * b_row + p);
                    x[r] = _mm512_maskz_loadu_ps(mask, row);
                }
                transpose(&mut x);
                let d = to.add(p * Avx512::NR + j);
                if deep == LANES {
                    for r in 0..16 {
                        _mm512_store_ps(d.add(r * Avx512::NR), x[r]);
                    }
                } else {
                    for (r, row) in x.iter().enumerate().take(deep) {
                        _mm512_store_ps(d.add(r * Avx512::NR), *row);
                    }
                }
                p += LANES;
            }
        }
    }
}

/// Transposes 16 x 16.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(x: &mut [__m512; 16]) {
    let mut y = *x;
    for i in 0..8 {
        y[2 * i] = _mm512_unpacklo_ps(x[2 * i], x[2 * i + 1]);
        y[2 * i + 1] = _mm512_unpackhi_ps(x[2 * i], x[2 * i + 1]);
    }
    for i in 0..4 {
        x[4 * i] = _mm512_shuffle_ps::<0x44>(y[4 * i], y[4 * i + 2]);
        x[4 * i + 1] = _mm512_shuffle_ps::<0xee>(y[4 * i], y[4 * i + 2]);
        x[4 * i + 2] = _mm512_shuffle_ps::<0x44>(y[4 * i + 1], y[4 * i + 3]);
        x[4 * i + 3] = _mm512_shuffle_ps::<0xee>(y[4 * i + 1], y[4 * i + 3]);
    }
    // x[4 i + c] now holds, in its lane of 128 bits l, column 4 l + c of rows 4 i .. 4 i + 3.
    for c in 0..4 {
        let lo = _mm512_shuffle_f32x4::<0x88>(x[c], x[4 + c]);
        let hi = _mm512_shuffle_f32x4::<0xdd>(x[c], x[4 + c]);
        let lo2 = _mm512_shuffle_f32x4::<0x88>(x[8 + c], x[12 + c]);
        let hi2 = _mm512_shuffle_f32x4::<0xdd>(x[8 + c], x[12 + c]);
        y[c] = _mm512_shuffle_f32x4::<0x88>(lo, lo2);
        y[8 + c] = _mm512_shuffle_f32x4::<0xdd>(lo, lo2);
        y[4 + c] = _mm512_shuffle_f32x4::<0x88>(hi, hi2);
        y[12 + c] = _mm512_shuffle_f32x4::<0xdd>(hi, hi2);
    }
    *x = y;
}

#[target_feature(enable = "avx512f")]
unsafe fn pack_a(a: *const f32, lda: usize, k: usize, rows: usize, to: *mut f32, end: *const f32) {
    // SAFETY: tbd
    unsafe { super::pack::pack_a::<6, 8>(a, lda, k, rows, to, end) }
}
