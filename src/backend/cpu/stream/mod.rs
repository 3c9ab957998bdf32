//! The STREAM kernels (McCalpin) and the dot product of BabelStream: what main memory gives and takes.
//!
//! Stores come in two kinds. Ordinary ones read a line of the output into the caches before they
//! write it; those of maps with `NT` go past the caches, which saves that read: triad
//! moves three arrays instead of four. The bytes of a rate are the same for both, as in STREAM.
//!
//! Every thread has one stretch of the arrays, so that results don't depend on who was faster.

mod stretch;
#[cfg(test)]
mod tests;

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Pool;
use super::aligned::{LINE, LINE_BYTES};
use super::share::Each;
use super::simd::Isa;
use crate::terms::Shape;
pub use stretch::{Copied, Map, Scaled, Sum, Triad};
use stretch::{DotStretch, MapStretch};

/// Fewer floats than this for each of two threads come faster from one: to start and to wait for
/// the other takes 4 us.
const LEAST: usize = 48 << 10;

/// Computes a map of whole arrays, past the caches if `NT`, which needs [`has_nt`].
pub fn map<M: Map, const NT: bool>(pool: &Pool, _: &Shape, inputs: &[&[f32]], out: &mut [f32]) {
    map_by::<M, NT>(Isa::best(), pool, inputs, out);
}

/// `out[0] = a . b`.
pub fn dot(pool: &Pool, _: &Shape, inputs: &[&[f32]], out: &mut [f32]) {
    out[0] = sum_of_products(Isa::best(), pool, inputs[0], inputs[1]);
}

/// Whether this CPU's stores can go past the caches. Where they can't, maps with `NT` store as the
/// others do.
pub fn has_nt() -> bool {
    Isa::best().has_nt()
}

/// [`map`] with these instructions, on as many threads as are worth it. A map of one input takes it
/// twice. Panics unless inputs and output are equally long and the CPU has the instructions.
fn map_by<M: Map, const NT: bool>(isa: Isa, pool: &Pool, inputs: &[&[f32]], out: &mut [f32]) {
    let (a, b) = (inputs[0], inputs[inputs.len() - 1]);
    assert!(isa.is_available());
    assert!(a.len() == out.len() && b.len() == out.len());
    let stretches = Stretches::of(out, pool);
    let out = Each::new(out);
    stretches.each(pool, |_, stretch| {
        // SAFETY: stretches are disjoint, so this one is nobody else's.
        let out = unsafe { out.part(stretch.start, stretch.len()) };
        let (a, b) = (&a[stretch.clone()], &b[stretch]);
        // SAFETY: checked above that the CPU has the instructions; a map asks for nothing else.
        unsafe { isa.run(MapStretch::<M, NT> { a, b, out, map: PhantomData }) };
    });
}

/// a . b, to the bit the same for the same number of threads. Panics unless both are equally long and the
/// CPU has the instructions.
fn sum_of_products(isa: Isa, pool: &Pool, a: &[f32], b: &[f32]) -> f32 {
    assert!(isa.is_available());
    assert_eq!(a.len(), b.len());
    let stretches = Stretches::of(a, pool);
    // Doubles as bits: every thread has its own to set.
    let sums: Vec<AtomicU64> = (0..stretches.count).map(|_| AtomicU64::new(0)).collect();
    stretches.each(pool, |i, stretch| {
        let (a, b, mut sum) = (&a[stretch.clone()], &b[stretch], 0.0);
        // SAFETY: checked above that the CPU has the instructions; a product asks for nothing else.
        unsafe { isa.run(DotStretch { a, b, sum: &mut sum }) };
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

    /// Runs `work(index, stretch)` for all.
    fn each(&self, pool: &Pool, work: impl Fn(usize, Range<usize>) + Sync) {
        let work = |i| work(i, self.edge(i)..self.edge(i + 1));
        pool.each(self.count, work);
    }
}
