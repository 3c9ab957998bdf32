//! `softmax`: y = exp(x - most) / sum of exp(x - most) over each row of x, rows x columns, row-major, dense;
//! most is the largest element of the row.
//!
//! The bound of an element follows Blanchard, Higham and Higham, "Accurately computing the log-sum-exp and
//! softmax functions" (IMA Journal of Numerical Analysis 41, 2021), section 4. With the unit roundoff u:
//!
//! * x - most is rounded, which changes its exponential by |x - most| u, relatively;
//! * an exponential is within 3 ulp, which is 6 u, as OpenCL C asks of `exp` (section 7.4 of its
//!   specification);
//! * a sum of n positive terms in any order is within gamma(n - 1) of it (Higham, "Accuracy and Stability of
//!   Numerical Algorithms", section 4.2), and moves with its terms: by the mean of their errors, weighted by
//!   their sizes;
//! * a division is within 2.5 ulp there, as is a reciprocal, and a product behind that rounds once more: 6 u.
//!
//! What is smaller than a few of the smallest normal numbers may be flushed to zero, or stop there.

use super::Bounds;
use super::rows::RowFunction;
use crate::tensor::Data;
use crate::terms::Format;

/// See the module.
pub struct Softmax;

/// Roundoffs of an exponential, and of a division.
const EXP: f64 = 6.0;
const DIVISION: f64 = 6.0;

/// What an element may be in place of a smaller one: exponentials may stop at the smallest normal number,
/// or a little above it.
const FLUSHED: f64 = 4.0 * f32::MIN_POSITIVE as f64;

impl RowFunction for Softmax {
    const NAME: &'static str = "softmax";
    /// A comparison, a difference, an exponential, an addition, a division.
    const FLOP: u64 = 5;
    const VECTORS: usize = 0;

    fn row(&self, x: &[f64], _: &[Vec<f64>], accumulator: Format, bounds: &mut Bounds) {
        let n = x.len() as f64;
        let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let exponentials: Vec<f64> = x.iter().map(|x| (x - most).exp()).collect();
        let sum: f64 = exponentials.iter().sum();
        let terms = x.iter().zip(&exponentials);
        let moved = terms.map(|(x, e)| (most - x) * e).sum::<f64>() / sum;
        for (x, e) in x.iter().zip(&exponentials) {
            let (value, distance) = (e / sum, most - x);
            let roundings = distance + moved + 2.0 * EXP + (n - 1.0) + DIVISION;
            bounds.value.push(value);
            bounds.error.push(value * accumulator.gamma(roundings) + FLUSHED);
            bounds.magnitude.push(value * (1.0 + distance + moved));
        }
    }

    /// Whole numbers of which some have exponentials that f32 can't hold, and rows of equal numbers.
    fn further_data(&self, seed: u64) -> Vec<Data> {
        vec![Data::Integers { seed, most: 120 }, Data::Around { seed, centre: 100.0, spread: 0.0 }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Tensor;
    use crate::terms::Dtype;
    use crate::workload::{Bounded, Workload};

    #[test]
    fn a_row_by_hand() {
        let shape = Softmax.shape("rows=2,columns=3").unwrap();
        let x = Tensor::from(vec![0.0, 0.0, 0.0, 1.0, 1001.0, 1.0]);
        let bounds = Softmax.bounds(&shape, &[x], Dtype::F32.formats(), 0..2);
        let third = 1.0 / 3.0;
        assert_eq!(bounds.value, [third, third, third, 0.0, 1.0, 0.0]);
        // Three terms: 2 additions, 12 for two exponentials, 6 for the division.
        let u = 2f64.powi(-24);
        assert!((bounds.error[0] / (third * u) - 20.0).abs() < 1e-4, "{}", bounds.error[0]);
        assert!(bounds.error[3] == FLUSHED);
    }

    #[test]
    fn work_is_counted_by_the_element() {
        let shape = Softmax.shape("rows=10,columns=100").unwrap();
        let work = Softmax.work(&shape);
        assert_eq!((work.flop_count, work.elements_moved), (5000, 2000));
    }
}
