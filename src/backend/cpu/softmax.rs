//! Softmax over rows: the largest element is looked for first, exponentials are computed once, and kept in
//! the caches until their sum is known.

use super::Pool;
use super::rows::{self, Function, Next, Place, across, fold};
use super::simd::Vector;
use super::train::math;
use crate::terms::Shape;

/// y = exp(x - most) / sum of exp(x - most), row by row.
pub fn native(pool: &Pool, shape: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    rows::each(pool, shape, &inputs[0], out, &Softmax);
}

struct Softmax;

impl Function for Softmax {
    /// 1 / the sum of the exponentials, which are kept.
    type Whole = f32;

    #[inline(always)]
    unsafe fn read<V: Vector>(&self, x: &[f32], kept: &mut [f32], next: Next) -> f32 {
        const LEAST: f32 = f32::NEG_INFINITY;
        // SAFETY: the caller's; places are of this row.
        unsafe {
            let larger = |most: V, place: Place| most.max(place.load(x, LEAST));
            let most = fold(x.len(), LEAST, larger);
            let larger = |x, y| if y > x { y } else { x };
            let most = V::splat(across(most, |a, b| a.max(b), larger));
            let add = |sum: V, place: Place| {
                next.ask(place);
                place.store(math::exp_of(place.load::<V>(x, LEAST).sub(most)), kept);
                sum.add(place.load(kept, 0.0))
            };
            1.0 / across(fold(x.len(), 0.0, add), |a, b| a.add(b), |x, y| x + y)
        }
    }

    #[inline(always)]
    unsafe fn result<V: Vector>(&self, _: &[f32], kept: &[f32], scale: f32, place: Place) -> V {
        // SAFETY: the caller's.
        unsafe { place.load::<V>(kept, 0.0).mul(V::splat(scale)) }
    }
}
