//! Layer norm over rows, in two passes for the moments and one for the result; only the first of them waits
//! for memory.

use super::Pool;
use super::rows::{self, Added, Function, Meanwhile, Place, Step, across, fold};
use super::simd::Vector;
use super::train::Moments;
use crate::network::NORM_EPS;
use crate::terms::Shape;

/// y = (x - mean) / sqrt(variance + eps) gamma + beta, row by row, of inputs x, gamma, beta.
pub fn native(pool: &Pool, shape: &Shape, inputs: &[&[f32]], out: &mut [f32]) {
    let [x, gamma, beta] = inputs else { unreachable!("the workload has three inputs") };
    assert!([gamma, beta].iter().all(|row| row.len() == shape.size("columns")));
    rows::each(pool, shape, x, out, &LayerNorm { gamma, beta });
}

#[derive(Clone, Copy)]
struct LayerNorm<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
}

impl Function for LayerNorm<'_> {
    type Whole = Moments;

    #[inline(always)]
    unsafe fn read<V: Vector>(
        &self,
        x: &[f32],
        _: &mut [f32],
        meanwhile: &mut Meanwhile<'_, Self>,
    ) -> Moments {
        let n = x.len() as f64;
        // SAFETY: the caller's.
        unsafe {
            let sum = across::<V, Added>(fold(x.len(), Sum { x }));
            let mean = (f64::from(sum) / n) as f32;
            let squares = across::<V, Added>(fold(x.len(), Squares { x, mean, meanwhile }));
            let variance = f64::from(squares) / n;
            Moments::of_variance(mean, variance, NORM_EPS)
        }
    }

    #[inline(always)]
    unsafe fn result<V: Vector>(
        &self,
        x: &[f32],
        _: &[f32],
        Moments { mean, inv_std }: Moments,
        place: impl Place,
    ) -> V {
        // SAFETY: the caller's; `native` looked that gamma and beta have a row's length.
        unsafe {
            let load = |row: &[f32]| place.load::<V>(row, 0.0);
            let x_hat = load(x).sub(V::splat(mean)).mul(V::splat(inv_std));
            load(self.beta).add_product(load(self.gamma), x_hat)
        }
    }
}

struct Sum<'a> {
    x: &'a [f32],
}

impl Step for Sum<'_> {
    const START: f32 = 0.0;

    #[inline(always)]
    unsafe fn add<V: Vector>(&mut self, sum: V, place: impl Place) -> V {
        // SAFETY: the caller's.
        unsafe { sum.add(place.load(self.x, 0.0)) }
    }
}

/// The sum of squares of the distances from the mean.
struct Squares<'a, 'b, 'c> {
    x: &'a [f32],
    mean: f32,
    meanwhile: &'a mut Meanwhile<'b, LayerNorm<'c>>,
}

impl Step for Squares<'_, '_, '_> {
    const START: f32 = 0.0;

    #[inline(always)]
    unsafe fn add<V: Vector>(&mut self, sum: V, place: impl Place) -> V {
        // SAFETY: the caller's.
        unsafe {
            let x = place.load::<V>(self.x, self.mean);
            self.meanwhile.at::<V>(place);
            let d = x.sub(V::splat(self.mean));
            sum.add_product(d, d)
        }
    }
}
