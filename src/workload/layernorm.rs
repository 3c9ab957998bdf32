//! `layernorm`: y = (x - mean) / sqrt(variance + eps) gamma + beta over each row of x, rows x columns,
//! row-major, dense; gamma and beta have a number a column, the variance is the biased one, eps is 1e-5.
//!
//! The bound of an element, with the unit roundoff u and gamma(k) = k u / (1 - k u) (Higham, "Accuracy and
//! Stability of Numerical Algorithms", sections 1.9, 3.1 and 4.2):
//!
//! * the mean of n numbers, summed in any order, is off by at most M = gamma(n) (mean of |x|);
//! * squares around a mean that is off by d have the mean variance + d^2, and round n + 4 times in all: what
//!   is found lies between (1 - gamma(n + 4)) variance and (1 + gamma(n + 4)) (variance + M^2). That is why
//!   the mean is taken off first; the mean of squares less the square of the mean is off by gamma(n) times
//!   the mean of squares, however small the variance;
//! * 1 / sqrt(variance + eps) is monotonic, so its bounds are those of its argument, and 8 roundings;
//! * what is left is a difference, two products and a sum: 4 roundings of what they give.

use super::Bounds;
use super::rows::RowFunction;
use crate::network::NORM_EPS as EPS;
use crate::tensor::Data;
use crate::terms::Format;

/// See the module.
pub struct LayerNorm;

impl RowFunction for LayerNorm {
    const NAME: &'static str = "layernorm";
    /// An addition for the mean; a difference, a product and an addition for the variance; a product with
    /// the inverse deviation, one with gamma, and the addition of beta.
    const FLOP: u64 = 7;
    const VECTORS: usize = 2;

    fn row(&self, x: &[f64], vectors: &[Vec<f64>], accumulator: Format, bounds: &mut Bounds) {
        let n = x.len() as f64;
        let gamma = |k| accumulator.gamma(k);
        let mean = x.iter().sum::<f64>() / n;
        let mean_magnitude = x.iter().map(|x| x.abs()).sum::<f64>() / n;
        let variance = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
        let inv_std = (variance + EPS).sqrt().recip();
        let mean_error = gamma(n) * mean_magnitude;
        let squares = gamma(n + 4.0);
        let least = (1.0 - squares).max(0.0) * variance;
        let most = (1.0 + squares) * (variance + mean_error.powi(2));
        let largest = (least + EPS).sqrt().recip() * (1.0 + gamma(8.0));
        let smallest = (most + EPS).sqrt().recip() * (1.0 - gamma(8.0));
        let scale_error = (largest - inv_std).max(inv_std - smallest);
        for ((x, weight), b) in x.iter().zip(&vectors[0]).zip(&vectors[1]) {
            let (deviation, w) = ((x - mean).abs(), weight.abs());
            let moved = deviation * scale_error + mean_error * largest;
            let rounded = w * (deviation + mean_error) * largest + b.abs();
            bounds.value.push((x - mean) * inv_std * weight + b);
            bounds.error.push(w * moved + gamma(4.0) * rounded);
            bounds.magnitude.push(w * inv_std * (deviation + mean_magnitude) + b.abs());
        }
    }

    /// Numbers whose mean is so large that the square of it leaves nothing of the variance; numbers so close
    /// to each other that eps is half of what the root is taken of; and rows of equal numbers.
    fn further_data(&self, seed: u64) -> Vec<Data> {
        vec![
            Data::Around { seed, centre: 4096.0, spread: 1.0 },
            Data::Around { seed, centre: 0.0, spread: 2f32.powi(-8) },
            Data::Around { seed, centre: 0.5, spread: 0.0 },
        ]
    }
}

#[cfg(test)]
mod tests;
