//! The highest rate of multiply-adds: chains that wait for nothing but themselves, enough of them
//! side by side in registers to keep every multiplier busy, and no memory in between.
//!
//! A batch is [`CHAINS`] chains of [`LENGTH`] steps `y = y * multiplier + step`. The multiplier is
//! one, which the compiler doesn't know: a chain ends at exactly `start + LENGTH * step` as long as
//! these are small whole numbers, and that tells whether every step was done.

mod vector;

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::{float32x4_t, float64x2_t};
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m256d, __m512, __m512d};
use std::array::from_fn;
use std::hint::black_box;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::Pool;
use crate::terms::Dtype;
use crate::workload::{CHAINS, LENGTH};
#[cfg(any(target_arch = "aarch64", target_arch = "x86_64"))]
use vector::Fused;
#[cfg(not(target_arch = "aarch64"))]
use vector::Separate;
use vector::{Vector, gather, scatter};

/// Vectors that are done after each other, in groups of ten or more: a CPU of two multipliers that
/// takes five cycles for each result needs ten chains.
const VECTORS: usize = 32;

/// Chains of a block: those of that many of the longest vectors.
const BLOCK: usize = 16 * VECTORS;

/// Tasks for each thread: so many that a slow core or an interrupted one takes fewer of them, and
/// the others don't wait for it.
const TASKS: usize = 64;

/// Which numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precision {
    /// Single.
    F32,
    /// Double.
    F64,
}

impl Precision {
    /// That of a dtype, if the CPU has it.
    pub fn of(dtype: Dtype) -> Option<Precision> {
        match dtype {
            Dtype::F32 => Some(Precision::F32),
            Dtype::F64 => Some(Precision::F64),
            Dtype::F16 | Dtype::Bf16 => None,
        }
    }
}

/// Which instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// Vectors of 512 bits.
    Avx512,
    /// Vectors of 256 bits.
    Avx2,
    /// Vectors of 128 bits.
    Neon,
    /// Single numbers: an instruction for each multiply-add on Arm and on x86 with FMA, elsewhere a
    /// multiplication and an addition.
    Scalar,
}

impl Isa {
    /// All, best first.
    #[cfg(test)]
    pub const ALL: [Isa; 4] = [Isa::Avx512, Isa::Avx2, Isa::Neon, Isa::Scalar];

    /// As in names of implementations.
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Avx512 => "avx512",
            Isa::Avx2 => "avx2",
            Isa::Neon => "neon",
            Isa::Scalar => "scalar",
        }
    }

    /// Whether this CPU has the instructions.
    pub fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "aarch64")]
            Isa::Neon => true,
            Isa::Scalar => true,
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// What computes a block. To be called where the CPU has the instructions.
    #[cfg(target_arch = "x86_64")]
    fn kernel(self, precision: Precision) -> Kernel {
        match (self, precision) {
            (Isa::Avx512, Precision::F32) => avx512::<__m512>,
            (Isa::Avx512, Precision::F64) => avx512::<__m512d>,
            (Isa::Avx2, Precision::F32) => avx2::<__m256>,
            (Isa::Avx2, Precision::F64) => avx2::<__m256d>,
            (_, Precision::F32) if is_x86_feature_detected!("fma") => fma::<Fused<f32>>,
            (_, Precision::F64) if is_x86_feature_detected!("fma") => fma::<Fused<f64>>,
            (_, Precision::F32) => block::<Separate<f32>>,
            (_, Precision::F64) => block::<Separate<f64>>,
        }
    }

    /// See the version for x86.
    #[cfg(target_arch = "aarch64")]
    fn kernel(self, precision: Precision) -> Kernel {
        match (self, precision) {
            (Isa::Neon, Precision::F32) => block::<float32x4_t>,
            (Isa::Neon, Precision::F64) => block::<float64x2_t>,
            (_, Precision::F32) => block::<Fused<f32>>,
            (_, Precision::F64) => block::<Fused<f64>>,
        }
    }

    /// See the version for x86.
    #[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
    fn kernel(self, precision: Precision) -> Kernel {
        match precision {
            Precision::F32 => block::<Separate<f32>>,
            Precision::F64 => block::<Separate<f64>>,
        }
    }
}

/// Does `batches` batches on the threads of `pool`, all from the same `start` and `step`; `out` holds
/// how the chains of the last one end. Panics unless the slices hold [`CHAINS`] each and the CPU has
/// the instructions.
pub fn run(
    isa: Isa,
    precision: Precision,
    pool: &Pool,
    batches: usize,
    start: &[f32],
    step: &[f32],
    out: &mut [f32],
) {
    assert!(isa.is_available());
    assert!(start.len() == CHAINS && step.len() == CHAINS && out.len() == CHAINS);
    let kernel = isa.kernel(precision);
    let multiplier = black_box(1.0);
    // The blocks of all batches in one row, those of the same chains side by side.
    let blocks = CHAINS / BLOCK * batches;
    let tasks = blocks.min(TASKS * pool.threads());
    let out = AtomicPtr::new(out.as_mut_ptr());
    pool.each(tasks, |task| {
        for index in blocks * task / tasks..blocks * (task + 1) / tasks {
            let first = index / batches * BLOCK;
            let (start, step) = black_box((&start[first..], &step[first..]));
            let mut end = [0.0; BLOCK];
            // SAFETY: the CPU has the instructions.
            unsafe { kernel(multiplier, start, step, &mut end) };
            black_box(&end);
            if index % batches == batches - 1 {
                // SAFETY: `first + BLOCK <= CHAINS`, which `out` holds; this is the only task that
                // does the last batch of this block; and the borrow of `out` outlives the call.
                let out = unsafe {
                    let to = out.load(Ordering::Relaxed).add(first);
                    std::slice::from_raw_parts_mut(to, BLOCK)
                };
                out.copy_from_slice(&end);
            }
        }
    });
}

/// Computes a block's ends from a multiplier, starts and steps.
///
/// # Safety
/// The CPU has the instructions.
type Kernel = unsafe fn(f32, &[f32], &[f32], &mut [f32; BLOCK]);

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512<V: Vector>(m: f32, start: &[f32], step: &[f32], end: &mut [f32; BLOCK]) {
    // SAFETY: the caller's.
    unsafe { block::<V>(m, start, step, end) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<V: Vector>(m: f32, start: &[f32], step: &[f32], end: &mut [f32; BLOCK]) {
    // SAFETY: the caller's.
    unsafe { block::<V>(m, start, step, end) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "fma")]
unsafe fn fma<V: Vector>(m: f32, start: &[f32], step: &[f32], end: &mut [f32; BLOCK]) {
    // SAFETY: the caller's.
    unsafe { block::<V>(m, start, step, end) }
}

/// A [`Kernel`]. Compiled into those above, which enable the vector's instructions.
#[inline(always)]
unsafe fn block<V: Vector>(m: f32, start: &[f32], step: &[f32], end: &mut [f32; BLOCK]) {
    for first in (0..BLOCK).step_by(VECTORS * V::LANES) {
        let (start, step, end) = (&start[first..], &step[first..], &mut end[first..]);
        // SAFETY: the caller's.
        unsafe {
            if cfg!(target_arch = "aarch64") {
                group::<V, 16>(0, m, start, step, end);
                group::<V, 16>(16, m, start, step, end);
            } else {
                group::<V, 11>(0, m, start, step, end);
                group::<V, 11>(11, m, start, step, end);
                group::<V, 10>(22, m, start, step, end);
            }
        }
    }
}

/// The chains of vectors `first .. first + N`, side by side in registers.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn group<V: Vector, const N: usize>(
    first: usize,
    m: f32,
    start: &[f32],
    step: &[f32],
    end: &mut [f32],
) {
    let floats = first * V::LANES..(first + N) * V::LANES;
    let m: V = gather(&[m; 16]);
    let load = |from: &[f32]| -> [V; N] { from_fn(|i| gather(&from[i * V::LANES..])) };
    let steps = load(&step[floats.clone()]);
    let mut chains = load(&start[floats.clone()]);
    for _ in 0..LENGTH {
        for (chain, step) in chains.iter_mut().zip(read_again(&steps)) {
            // SAFETY: the caller's.
            *chain = unsafe { chain.multiply_add(m, *step) };
        }
    }
    for (chain, end) in chains.iter().zip(end[floats].chunks_mut(V::LANES)) {
        scatter(*chain, end);
    }
}

/// The same, of which the compiler doesn't know what it holds. With 16 registers there is no space
/// for steps beside the chains: a multiply-add can read its step from memory at no cost, but the
/// compiler would keep some steps in registers and move chains in and out instead.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn read_again<T>(steps: &T) -> &T {
    let mut at = std::ptr::from_ref(steps);
    // SAFETY: no instruction at all.
    unsafe {
        std::arch::asm!("/* {0} */", inout(reg) at, options(readonly, nostack, preserves_flags));
    }
    // SAFETY: still the pointer made from the reference.
    unsafe { &*at }
}

/// Elsewhere there are registers enough.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
fn read_again<T>(steps: &T) -> &T {
    steps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_does_every_step() {
        let start: Vec<f32> = (0..CHAINS).map(|i| (i % 1013) as f32 - 500.0).collect();
        let step: Vec<f32> = (0..CHAINS).map(|i| (i % 17) as f32 - 8.0).collect();
        let wanted: Vec<f32> =
            start.iter().zip(&step).map(|(start, step)| start + LENGTH as f32 * step).collect();
        for threads in [1, 2, 3] {
            let pool = Pool::new(&vec![0; threads]);
            for isa in Isa::ALL.into_iter().filter(|isa| isa.is_available()) {
                for precision in [Precision::F32, Precision::F64] {
                    for batches in [1, 3] {
                        // Fences round the output.
                        let mut fenced = vec![f32::NAN; 64 + CHAINS + 64];
                        let out = &mut fenced[64..64 + CHAINS];
                        run(isa, precision, &pool, batches, &start, &step, out);
                        let wrong = out.iter().zip(&wanted).position(|(got, want)| got != want);
                        assert_eq!(wrong, None, "{isa:?} {precision:?} {batches}");
                        let (before, behind) = (&fenced[..64], &fenced[64 + CHAINS..]);
                        assert!(before.iter().chain(behind).all(|x| x.is_nan()));
                    }
                }
            }
        }
    }

    #[test]
    fn there_is_always_a_path() {
        assert!(Isa::ALL.into_iter().any(Isa::is_available));
    }
}
