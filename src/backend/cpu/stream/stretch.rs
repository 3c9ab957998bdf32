//! What a thread does with its stretch of the arrays.

use std::marker::PhantomData;

use super::{LINE, LINE_BYTES};
use crate::backend::cpu::simd::{Arithmetic, Routine, Vector, store_fence};
use crate::workload::SCALAR;

/// Floats of one turn of a loop: four cache lines of each array.
const STEP: usize = 4 * LINE;

/// Sums that a product keeps side by side, so that it needn't wait for one addition to end before the
/// next.
const SUMS: usize = 8;

/// Floats of a product that are added up in single precision. What comes of them is added in double, which
/// keeps errors as small as those of a short product.
const SINGLE: usize = 1 << 15;

/// How an element of the output comes from those of the inputs.
pub trait Map {
    /// # Safety
    /// As of [`Arithmetic::load`], for each pointer.
    unsafe fn at<V: Vector>(a: *const f32, b: *const f32) -> V;
}

/// `out = a`.
pub struct Copied;
/// `out = 3 a`.
pub struct Scaled;
/// `out = a + b`.
pub struct Sum;
/// `out = a + 3 b`.
pub struct Triad;

impl Map for Copied {
    #[inline(always)]
    unsafe fn at<V: Vector>(a: *const f32, _: *const f32) -> V {
        // SAFETY: the caller's.
        unsafe { V::load(a) }
    }
}

impl Map for Scaled {
    #[inline(always)]
    unsafe fn at<V: Vector>(a: *const f32, _: *const f32) -> V {
        // SAFETY: the caller's.
        unsafe { V::load(a).mul(V::splat(SCALAR)) }
    }
}

impl Map for Sum {
    #[inline(always)]
    unsafe fn at<V: Vector>(a: *const f32, b: *const f32) -> V {
        // SAFETY: the caller's.
        unsafe { V::load(a).add(V::load(b)) }
    }
}

impl Map for Triad {
    #[inline(always)]
    unsafe fn at<V: Vector>(a: *const f32, b: *const f32) -> V {
        // SAFETY: the caller's.
        unsafe { V::load(a).add(V::load(b).mul(V::splat(SCALAR))) }
    }
}

/// A map of a stretch, past the caches if `NT`.
pub(super) struct MapStretch<'a, M, const NT: bool> {
    pub a: &'a [f32],
    pub b: &'a [f32],
    pub out: &'a mut [f32],
    pub map: PhantomData<M>,
}

impl<M: Map, const NT: bool> Routine for MapStretch<'_, M, NT> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let len = self.out.len();
        assert!(self.a.len() == len && self.b.len() == len);
        let (a, b, out) = (self.a.as_ptr(), self.b.as_ptr(), self.out.as_mut_ptr());
        // SAFETY: one float of each, for i < len, which all three have.
        let one = |i| unsafe { M::at::<[f32; 1]>(a.add(i), b.add(i)).store(out.add(i)) };
        let head = out.align_offset(LINE_BYTES).min(len);
        (0..head).for_each(one);
        let mut next = head;
        while len - next >= STEP {
            for v in 0..STEP / V::LANES {
                let i = next + v * V::LANES;
                // SAFETY: floats i .. i + LANES <= next + STEP <= len of each; behind the head, all
                // of `out` that are a multiple of LANES away are aligned.
                unsafe {
                    let x = M::at::<V>(a.add(i), b.add(i));
                    if NT { x.store_nt(out.add(i)) } else { x.store(out.add(i)) }
                }
            }
            next += STEP;
        }
        (next..len).for_each(one);
        if NT {
            store_fence();
        }
    }
}

/// The product of a stretch.
pub(super) struct DotStretch<'a> {
    pub a: &'a [f32],
    pub b: &'a [f32],
    pub sum: &'a mut f64,
}

impl Routine for DotStretch<'_> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let head = self.a.as_ptr().align_offset(LINE_BYTES).min(self.a.len());
        let (a_head, a) = self.a.split_at(head);
        let (b_head, b) = self.b.split_at(head);
        let mut sum = one_by_one(a_head, b_head);
        // A loop, no closure: intrinsics only become instructions where all is inlined for certain.
        for (a, b) in a.chunks(SINGLE).zip(b.chunks(SINGLE)) {
            // SAFETY: the caller's.
            sum += unsafe { short::<V>(a, b) };
        }
        *self.sum = sum;
    }
}

/// The product of up to `SINGLE` floats.
///
/// # Safety
/// The CPU has the vector's instructions.
#[inline(always)]
unsafe fn short<V: Vector>(a: &[f32], b: &[f32]) -> f64 {
    assert_eq!(a.len(), b.len());
    let step = SUMS * V::LANES;
    let whole = a.len() / step * step;
    // SAFETY: the CPU has the instructions; the loads end at `whole`, which is at most the length
    // of both; `lanes` is longer than any vector.
    let lanes = unsafe {
        let mut sums = [V::splat(0.0); SUMS];
        for next in (0..whole).step_by(step) {
            for (s, sum) in sums.iter_mut().enumerate() {
                let i = next + s * V::LANES;
                let product = V::load(a.as_ptr().add(i)).mul(V::load(b.as_ptr().add(i)));
                *sum = sum.add(product);
            }
        }
        let mut lanes = Lanes([0.0; LINE]);
        let [s0, s1, s2, s3, s4, s5, s6, s7] = sums;
        let all = s0.add(s1).add(s2.add(s3)).add(s4.add(s5).add(s6.add(s7)));
        all.store(lanes.0.as_mut_ptr());
        lanes.0
    };
    lanes.iter().map(|x| f64::from(*x)).sum::<f64>() + one_by_one(&a[whole..], &b[whole..])
}

/// A vector on its way to memory.
#[repr(align(64))]
struct Lanes([f32; LINE]);

fn one_by_one(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}
