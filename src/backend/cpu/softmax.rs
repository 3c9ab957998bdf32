//! Softmax over rows: the largest element is looked for first, exponentials are computed once, and kept in
//! the caches until their sum is known.

use super::Pool;
use super::rows::{self, Added, Function, Larger, Meanwhile, Place, Step, across, fold};
use super::simd::Vector;
use super::train::math;
use crate::terms::Shape;

/// y = exp(x - most) / sum of exp(x - most), row by row.
pub fn native(pool: &Pool, shape: &Shape, inputs: &[&[f32]], out: &mut [f32]) {
    rows::each(pool, shape, inputs[0], out, &Softmax);
}

#[derive(Clone, Copy)]
struct Softmax;

impl Function for Softmax {
    /// 1 / the sum of the exponentials, which are kept.
    type Whole = f32;

    #[inline(always)]
    unsafe fn read<V: Vector>(
        &self,
        x: &[f32],
        kept: &mut [f32],
        meanwhile: &mut Meanwhile<'_, Self>,
    ) -> f32 {
        // SAFETY: the caller's.
        unsafe {
            let most = across::<V, Larger>(fold(x.len(), Largest { x }));
            let exponentials = Exponentials { x, most, kept, meanwhile };
            1.0 / across::<V, Added>(fold(x.len(), exponentials))
        }
    }

    #[inline(always)]
    unsafe fn result<V: Vector>(
        &self,
        _: &[f32],
        kept: &[f32],
        scale: f32,
        place: impl Place,
    ) -> V {
        // SAFETY: the caller's.
        unsafe { place.load::<V>(kept, 0.0).mul(V::splat(scale)) }
    }
}

struct Largest<'a> {
    x: &'a [f32],
}

impl Step for Largest<'_> {
    const START: f32 = f32::NEG_INFINITY;

    #[inline(always)]
    unsafe fn add<V: Vector>(&mut self, most: V, place: impl Place) -> V {
        // SAFETY: the caller's.
        unsafe { most.max(place.load(self.x, Self::START)) }
    }
}

/// Their sum, and they themselves to be kept.
struct Exponentials<'a, 'b> {
    x: &'a [f32],
    most: f32,
    kept: &'a mut [f32],
    meanwhile: &'a mut Meanwhile<'b, Softmax>,
}

impl Step for Exponentials<'_, '_> {
    const START: f32 = 0.0;

    #[inline(always)]
    unsafe fn add<V: Vector>(&mut self, sum: V, place: impl Place) -> V {
        // SAFETY: the caller's; `kept` has the row's length.
        unsafe {
            let x: V = place.load(self.x, f32::NEG_INFINITY);
            self.meanwhile.at::<V>(place);
            place.store(math::exp_of(x.sub(V::splat(self.most))), self.kept);
            sum.add(place.load(self.kept, 0.0))
        }
    }
}
