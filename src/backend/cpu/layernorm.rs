//! Layer norm over rows, by the moments that training steps use.

use super::Pool;
use super::rows::{self, Function, Out};
use super::simd::Vector;
use super::train::Moments;
use crate::network::NORM_EPS;
use crate::terms::Shape;

/// y = (x - mean) / sqrt(variance + eps) gamma + beta, row by row, of inputs x, gamma, beta.
pub fn native(pool: &Pool, shape: &Shape, inputs: &[Vec<f32>], out: &mut [f32]) {
    let [x, gamma, beta] = inputs else { unreachable!("the workload has three inputs") };
    rows::each(pool, shape, x, out, &LayerNorm { gamma, beta });
}

struct LayerNorm<'a> {
    gamma: &'a [f32],
    beta: &'a [f32],
}

impl Function for LayerNorm<'_> {
    #[inline(always)]
    unsafe fn row<V: Vector>(&self, x: &[f32], _: &mut [f32], out: Out<'_>) {
        let moments = Moments::of(x, NORM_EPS);
        let term = |[x, gamma, beta]: [f32; 3]| gamma * moments.normalised(x) + beta;
        // SAFETY: the caller's.
        unsafe { out.write::<V, 3>([x, self.gamma, self.beta], term) };
    }
}
