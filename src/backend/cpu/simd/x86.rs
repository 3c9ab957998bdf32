//! The vectors of x86: AVX-512, and AVX2 with FMA.

use std::arch::x86_64::*;

use super::vector::arithmetic;
use super::{Arithmetic, Routine, TABLE, Table, Vector};

arithmetic!(__m512, f32: _mm512_set1_ps _mm512_loadu_ps _mm512_storeu_ps _mm512_add_ps _mm512_sub_ps
    _mm512_mul_ps _mm512_fmadd_ps);
arithmetic!(__m512d, f64: _mm512_set1_pd _mm512_loadu_pd _mm512_storeu_pd _mm512_add_pd _mm512_sub_pd
    _mm512_mul_pd _mm512_fmadd_pd);
arithmetic!(__m256, f32: _mm256_set1_ps _mm256_loadu_ps _mm256_storeu_ps _mm256_add_ps _mm256_sub_ps
    _mm256_mul_ps _mm256_fmadd_ps);
arithmetic!(__m256d, f64: _mm256_set1_pd _mm256_loadu_pd _mm256_storeu_pd _mm256_add_pd _mm256_sub_pd
    _mm256_mul_pd _mm256_fmadd_pd);

impl Vector for __m512 {
    type Doubles = __m512d;

    const REGISTERS: usize = 32;
    const HAS_MASKS: bool = true;
    const HAS_NT: bool = true;
    const HAS_TABLES: bool = true;

    fn is_available() -> bool {
        is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512dq")
            && is_x86_feature_detected!("avx512vl")
    }

    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl")]
    unsafe fn call<R: Routine>(routine: R) {
        // SAFETY: the caller's.
        unsafe { routine.run::<Self>() }
    }

    #[inline(always)]
    unsafe fn load_masked(self, from: *const f32, mask: u32) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_mask_loadu_ps(self, mask as __mmask16, from) }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: u32) {
        // SAFETY: the caller's.
        unsafe { _mm512_mask_storeu_ps(to, mask as __mmask16, self) }
    }

    #[inline(always)]
    unsafe fn store_nt(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm512_stream_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm512_max_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn plus_bits<const SHIFT: i32>(self, n: Self) -> Self {
        // SAFETY: the caller's.
        unsafe {
            let shifted = _mm512_sllv_epi32(_mm512_castps_si512(n), _mm512_set1_epi32(SHIFT));
            _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(self), shifted))
        }
    }

    #[inline(always)]
    unsafe fn look_up(self, table: &Table) -> Self {
        // SAFETY: the caller's; a table has two vectors.
        unsafe {
            let (low, high) =
                (Self::load(table.0.as_ptr()), Self::load(table.0.as_ptr().add(TABLE / 2)));
            _mm512_permutex2var_ps(low, _mm512_castps_si512(self), high)
        }
    }

    #[inline(always)]
    unsafe fn exchanged<const BY: usize>(self) -> Self {
        // SAFETY: the caller's.
        unsafe {
            match BY {
                1 => _mm512_permute_ps::<0xb1>(self),
                2 => _mm512_permute_ps::<0x4e>(self),
                4 => _mm512_shuffle_f32x4::<0xb1>(self, self),
                _ => _mm512_shuffle_f32x4::<0x4e>(self, self),
            }
        }
    }

    #[inline(always)]
    unsafe fn even(self, high: Self) -> Self {
        // SAFETY: the caller's.
        unsafe {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            _mm512_permutex2var_ps(self, even, high)
        }
    }

    #[inline(always)]
    unsafe fn twice(self) -> (Self, Self) {
        // SAFETY: the caller's.
        unsafe {
            let low = _mm512_setr_epi32(0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
            let high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
            (_mm512_permutexvar_ps(low, self), _mm512_permutexvar_ps(high, self))
        }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self]) {
        let y: &mut [Self; 16] = rows.try_into().expect("a square of vectors");
        // SAFETY: the caller's.
        unsafe {
            let x = quads(y);
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
        }
    }

    #[inline(always)]
    unsafe fn transpose_quads([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        // SAFETY: the caller's.
        unsafe {
            let ab01 = _mm512_castps_pd(_mm512_unpacklo_ps(a, b));
            let ab23 = _mm512_castps_pd(_mm512_unpackhi_ps(a, b));
            let cd01 = _mm512_castps_pd(_mm512_unpacklo_ps(c, d));
            let cd23 = _mm512_castps_pd(_mm512_unpackhi_ps(c, d));
            [
                _mm512_castpd_ps(_mm512_unpacklo_pd(ab01, cd01)),
                _mm512_castpd_ps(_mm512_unpackhi_pd(ab01, cd01)),
                _mm512_castpd_ps(_mm512_unpacklo_pd(ab23, cd23)),
                _mm512_castpd_ps(_mm512_unpackhi_pd(ab23, cd23)),
            ]
        }
    }
}

/// The rows of a square, with each of its squares of 4 x 4 transposed: what is left of a transpose is to
/// exchange quarters of 128 bits.
#[inline(always)]
unsafe fn quads<V: Vector, const N: usize>(rows: &[V; N]) -> [V; N] {
    let mut all = *rows;
    for quad in all.as_chunks_mut::<4>().0 {
        // SAFETY: the caller's.
        *quad = unsafe { V::transpose_quads(*quad) };
    }
    all
}

/// Lanes with all bits set where the mask has one.
#[inline(always)]
unsafe fn lanes(mask: u32) -> __m256i {
    // SAFETY: the caller's.
    unsafe {
        let bits = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
        let chosen = _mm256_and_si256(_mm256_set1_epi32(mask as i32), bits);
        _mm256_cmpeq_epi32(chosen, bits)
    }
}

impl Vector for __m256 {
    type Doubles = __m256d;

    const REGISTERS: usize = 16;
    const HAS_NT: bool = true;

    fn is_available() -> bool {
        is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")
    }

    #[target_feature(enable = "avx2,fma")]
    unsafe fn call<R: Routine>(routine: R) {
        // SAFETY: the caller's.
        unsafe { routine.run::<Self>() }
    }

    #[inline(always)]
    unsafe fn load_masked(self, from: *const f32, mask: u32) -> Self {
        // SAFETY: the caller's.
        unsafe {
            let lanes = lanes(mask);
            let loaded = _mm256_maskload_ps(from, lanes);
            _mm256_blendv_ps(self, loaded, _mm256_castsi256_ps(lanes))
        }
    }

    #[inline(always)]
    unsafe fn store_masked(self, to: *mut f32, mask: u32) {
        // SAFETY: the caller's.
        unsafe { _mm256_maskstore_ps(to, lanes(mask), self) }
    }

    #[inline(always)]
    unsafe fn store_nt(self, to: *mut f32) {
        // SAFETY: the caller's.
        unsafe { _mm256_stream_ps(to, self) }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: the caller's.
        unsafe { _mm256_max_ps(self, other) }
    }

    #[inline(always)]
    unsafe fn plus_bits<const SHIFT: i32>(self, n: Self) -> Self {
        // SAFETY: the caller's.
        unsafe {
            let shifted = _mm256_slli_epi32::<SHIFT>(_mm256_castps_si256(n));
            _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(self), shifted))
        }
    }

    #[inline(always)]
    unsafe fn exchanged<const BY: usize>(self) -> Self {
        // SAFETY: the caller's.
        unsafe {
            match BY {
                1 => _mm256_permute_ps::<0xb1>(self),
                2 => _mm256_permute_ps::<0x4e>(self),
                _ => _mm256_permute2f128_ps::<0x01>(self, self),
            }
        }
    }

    #[inline(always)]
    unsafe fn even(self, high: Self) -> Self {
        // SAFETY: the caller's.
        unsafe {
            // Within halves: the quarters come out as 0 2 1 3.
            let halves = _mm256_castps_pd(_mm256_shuffle_ps::<0x88>(self, high));
            _mm256_castpd_ps(_mm256_permute4x64_pd::<0xd8>(halves))
        }
    }

    #[inline(always)]
    unsafe fn twice(self) -> (Self, Self) {
        // SAFETY: the caller's.
        unsafe {
            let (low, high) = (_mm256_unpacklo_ps(self, self), _mm256_unpackhi_ps(self, self));
            let first = _mm256_permute2f128_ps::<0x20>(low, high);
            (first, _mm256_permute2f128_ps::<0x31>(low, high))
        }
    }

    #[inline(always)]
    unsafe fn transpose(rows: &mut [Self]) {
        let y: &mut [Self; 8] = rows.try_into().expect("a square of vectors");
        // SAFETY: the caller's.
        unsafe {
            let x = quads(y);
            for i in 0..4 {
                y[i] = _mm256_permute2f128_ps::<0x20>(x[i], x[i + 4]);
                y[i + 4] = _mm256_permute2f128_ps::<0x31>(x[i], x[i + 4]);
            }
        }
    }

    #[inline(always)]
    unsafe fn transpose_quads([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        // SAFETY: the caller's.
        unsafe {
            let ab01 = _mm256_castps_pd(_mm256_unpacklo_ps(a, b));
            let ab23 = _mm256_castps_pd(_mm256_unpackhi_ps(a, b));
            let cd01 = _mm256_castps_pd(_mm256_unpacklo_ps(c, d));
            let cd23 = _mm256_castps_pd(_mm256_unpackhi_ps(c, d));
            [
                _mm256_castpd_ps(_mm256_unpacklo_pd(ab01, cd01)),
                _mm256_castpd_ps(_mm256_unpackhi_pd(ab01, cd01)),
                _mm256_castpd_ps(_mm256_unpacklo_pd(ab23, cd23)),
                _mm256_castpd_ps(_mm256_unpackhi_pd(ab23, cd23)),
            ]
        }
    }
}
