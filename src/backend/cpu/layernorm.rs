//! Layer norm over rows, in two passes for the moments and one for the result; only the first of them waits
//! for memory.

use super::Pool;
use super::rows::{self, Function, Next, Parts, Place, across, fold};
use super::simd::Vector;
use super::train::Moments;
use crate::network::NORM_EPS;
use crate::terms::Shape;

/// y = (x - mean) / sqrt(variance + eps) gamma + beta, row by row, of inputs x, gamma, beta.
pub fn native(pool: &Pool, shape: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    let [x, gamma, beta] = inputs else { unreachable!("the workload has three inputs") };
    assert!([gamma, beta].iter().all(|row| row.len() == shape.size("columns")));
    rows::each(pool, shape, x, out, &LayerNorm { gamma, beta });
}

struct LayerNorm<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
}

impl Function for LayerNorm<'_> {
    type Whole = Moments;

    #[inline(always)]
    unsafe fn read<V: Vector>(&self, x: &[f32], _: &mut [f32], next: Next) -> Moments {
        let n = x.len() as f64;
        // SAFETY: the caller's; places are of this row.
        unsafe {
            let total = |parts: Parts<V>| f64::from(across(parts, |a, b| a.add(b), |x, y| x + y));
            let add = |sum: V, place: Place| sum.add(place.load(x, 0.0));
            let mean = (total(fold(x.len(), 0.0, add)) / n) as f32;
            let add_square = |sum: V, place: Place| {
                next.ask(place);
                let d = place.load::<V>(x, mean).sub(V::splat(mean));
                sum.add_product(d, d)
            };
            let variance = total(fold(x.len(), 0.0, add_square)) / n;
            Moments::of_variance(mean, variance, NORM_EPS)
        }
    }

    #[inline(always)]
    unsafe fn result<V: Vector>(
        &self,
        x: &[f32],
        _: &[f32],
        Moments { mean, inv_std }: Moments,
        place: Place,
    ) -> V {
        // SAFETY: the caller's; `native` looked that gamma and beta have a row's length.
        unsafe {
            let load = |row: &[f32]| place.load::<V>(row, 0.0);
            let x_hat = load(x).sub(V::splat(mean)).mul(V::splat(inv_std));
            load(self.beta).add_product(load(self.gamma), x_hat)
        }
    }
}
