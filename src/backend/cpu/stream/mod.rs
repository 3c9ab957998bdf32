//! The STREAM kernels (McCalpin) and the dot product of BabelStream: what main memory gives and takes.
//!
//! Stores come in two kinds. Ordinary ones read a line of the output into the caches before they
//! write it; those of the functions named `_nt` go past the caches, which saves that read: triad
//! moves three arrays instead of four. The bytes of a rate are the same for both, as in STREAM.
//!
//! Every thread has one stretch of the arrays, so that results don't depend on who was faster.

#[cfg(test)]
mod tests;
mod vector;
mod work;

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::{__m256, __m512};
use std::ops::Range;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::Pool;
use crate::terms::Shape;
use work::{Copied, DotWork, Map, MapWork, Scaled, Sum, Triad, Work};

/// A cache line, in bytes and in floats.
const LINE_BYTES: usize = 64;
const LINE: usize = LINE_BYTES / size_of::<f32>();

/// Fewer floats than this for each of two threads come faster from one: to start and to wait for
/// the other takes 4 us.
const LEAST: usize = 48 << 10;

/// `out = a`.
pub fn copy(pool: &Pool, _: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    map::<Copied, false>(Path::best(), pool, inputs, out);
}

/// `out = 3 a`.
pub fn scale(pool: &Pool, _: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    map::<Scaled, false>(Path::best(), pool, inputs, out);
}

/// `out = a + b`.
pub fn add(pool: &Pool, _: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    map::<Sum, false>(Path::best(), pool, inputs, out);
}

/// `out = a + 3 b`.
pub fn triad(pool: &Pool, _: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    map::<Triad, false>(Path::best(), pool, inputs, out);
}

/// `out[0] = a . b`.
pub fn dot(pool: &Pool, _: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    out[0] = sum_of_products(Path::best(), pool, &inputs[0], &inputs[1]);
}

/// [`copy`] past the caches; see [`has_nt`].
pub fn copy_nt(pool: &Pool, _: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    map::<Copied, true>(Path::best(), pool, inputs, out);
}

/// [`scale`] past the caches; see [`has_nt`].
pub fn scale_nt(pool: &Pool, _: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    map::<Scaled, true>(Path::best(), pool, inputs, out);
}

/// [`add`] past the caches; see [`has_nt`].
pub fn add_nt(pool: &Pool, _: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    map::<Sum, true>(Path::best(), pool, inputs, out);
}

/// [`triad`] past the caches; see [`has_nt`].
pub fn triad_nt(pool: &Pool, _: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    map::<Triad, true>(Path::best(), pool, inputs, out);
}

/// Whether this CPU's stores can go past the caches. Where they can't, the functions named `_nt`
/// store as the others do.
pub fn has_nt() -> bool {
    Path::best().has_nt()
}

/// Which instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    #[cfg(target_arch = "aarch64")]
    Neon,
    Portable,
}

impl Path {
    /// All, best first.
    const ALL: &[Path] = &[
        #[cfg(target_arch = "x86_64")]
        Path::Avx512,
        #[cfg(target_arch = "x86_64")]
        Path::Avx2,
        #[cfg(target_arch = "aarch64")]
        Path::Neon,
        Path::Portable,
    ];

    /// Whether this CPU has the instructions.
    fn is_available(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 => is_x86_feature_detected!("avx512f"),
            #[cfg(target_arch = "x86_64")]
            Path::Avx2 => is_x86_feature_detected!("avx2"),
            #[cfg(target_arch = "aarch64")]
            Path::Neon => true,
            Path::Portable => true,
        }
    }

    fn best() -> Path {
        Path::ALL.iter().copied().find(|path| path.is_available()).unwrap_or(Path::Portable)
    }

    fn has_nt(self) -> bool {
        match self {
            #[cfg(target_arch = "x86_64")]
            Path::Avx512 | Path::Avx2 => true,
            #[cfg(target_arch = "aarch64")]
            Path::Neon => false,
            Path::Portable => false,
        }
    }

    /// Does a work with this path's vectors. Panics unless the CPU has them.
    fn run<W: Work>(self, work: W) -> W::Result {
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        unsafe fn avx512<W: Work>(work: W) -> W::Result {
            // SAFETY: the caller's.
            unsafe { work.run::<__m512>() }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2")]
        unsafe fn avx2<W: Work>(work: W) -> W::Result {
            // SAFETY: the caller's.
            unsafe { work.run::<__m256>() }
        }
        assert!(self.is_available());
        // SAFETY: just checked that the CPU has the vector's instructions.
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Path::Avx512 => avx512(work),
                #[cfg(target_arch = "x86_64")]
                Path::Avx2 => avx2(work),
                #[cfg(target_arch = "aarch64")]
                Path::Neon => work.run::<std::arch::aarch64::float32x4_t>(),
                Path::Portable => work.run::<[f32; 4]>(),
            }
        }
    }
}

/// Computes a map of all, on as many threads as are worth it. A map of one input takes it twice.
fn map<M: Map, const NT: bool>(path: Path, pool: &Pool, inputs: &[Vec<f32>], out: &mut [f32]) {
    let (a, b) = (&inputs[0][..], &inputs[inputs.len() - 1][..]);
    assert!(a.len() == out.len() && b.len() == out.len());
    let stretches = Stretches::of(out, pool);
    let out = AtomicPtr::new(out.as_mut_ptr());
    stretches.each(pool, |_, stretch| {
        let out = out.load(Ordering::Relaxed);
        // SAFETY: stretches lie inside the slice and are disjoint, and the borrow of it outlives
        // the call: so this one is nobody else's.
        let out = unsafe { std::slice::from_raw_parts_mut(out.add(stretch.start), stretch.len()) };
        let (a, b) = (&a[stretch.clone()], &b[stretch]);
        path.run(MapWork::<M, NT>::new(a, b, out));
    });
}

/// a . b, to the bit the same for the same number of threads.
fn sum_of_products(path: Path, pool: &Pool, a: &[f32], b: &[f32]) -> f32 {
    assert_eq!(a.len(), b.len());
    let stretches = Stretches::of(a, pool);
    // Doubles as bits: every thread has its own to set.
    let sums: Vec<AtomicU64> = (0..stretches.count).map(|_| AtomicU64::new(0)).collect();
    stretches.each(pool, |i, stretch| {
        let sum = path.run(DotWork { a: &a[stretch.clone()], b: &b[stretch] });
        sums[i].store(sum.to_bits(), Ordering::Relaxed);
    });
    sums.iter().map(|sum| f64::from_bits(sum.load(Ordering::Relaxed))).sum::<f64>() as f32
}

/// The parts of an array: one for each thread, divided where cache lines are.
struct Stretches {
    len: usize,
    /// Floats before the first line that starts inside.
    head: usize,
    count: usize,
}

impl Stretches {
    fn of(array: &[f32], pool: &Pool) -> Stretches {
        let len = array.len();
        let head = array.as_ptr().align_offset(LINE_BYTES).min(len);
        Stretches { len, head, count: (len / LEAST).clamp(1, pool.threads()) }
    }

    fn edge(&self, index: usize) -> usize {
        let lines = (self.len - self.head).div_ceil(LINE);
        if index == 0 { 0 } else { (self.head + lines * index / self.count * LINE).min(self.len) }
    }

    /// Runs `work(index, stretch)` for all; a single one where the caller is.
    fn each(&self, pool: &Pool, work: impl Fn(usize, Range<usize>) + Sync) {
        let work = |i| work(i, self.edge(i)..self.edge(i + 1));
        if self.count == 1 { work(0) } else { pool.each(self.count, work) }
    }
}
