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

use std::ops::Range;

use super::rows::{self, AXES};
use super::{Bounded, Bounds, Check, Entry, Host, Preset, Work, Workload};
use crate::tensor::{Data, Tensor};
use crate::terms::{Axis, Formats, Shape};

/// See the module.
pub struct Softmax;

/// FLOP of an element: a comparison, a difference, an exponential, an addition, a division.
const FLOP: u64 = 5;

/// Roundoffs of an exponential, and of a division.
const EXP: f64 = 6.0;
const DIVISION: f64 = 6.0;

/// What an element may be in place of a smaller one: exponentials may stop at the smallest normal number,
/// or a little above it.
const FLUSHED: f64 = 4.0 * f32::MIN_POSITIVE as f64;

impl Workload for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn axes(&self) -> &'static [Axis] {
        AXES
    }

    fn work(&self, shape: &Shape) -> Work {
        let elements = rows::elements(shape);
        let flop = elements.saturating_mul(FLOP);
        Work { flop_count: flop, flop_exact: flop, elements_moved: elements.saturating_mul(2) }
    }

    fn check(&self) -> Check<'_> {
        Check::Bounded(self)
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        vec![rows::elements(shape) as usize]
    }

    fn output(&self, shape: &Shape) -> usize {
        rows::elements(shape) as usize
    }

    fn preset(&self, preset: Preset, _: &Host) -> Vec<Entry> {
        rows::preset(preset)
    }

    fn awkward_shapes(&self) -> Vec<Shape> {
        rows::awkward_shapes()
    }

    fn label(&self, shape: &Shape) -> String {
        rows::label(shape)
    }
}

impl Bounded for Softmax {
    fn rows(&self, shape: &Shape) -> (usize, usize) {
        (shape.size("rows"), shape.size("columns"))
    }

    fn bounds(
        &self,
        shape: &Shape,
        inputs: &[Tensor],
        formats: Formats,
        rows: Range<usize>,
    ) -> Bounds {
        let columns = shape.size("columns");
        let mut bounds = Bounds::default();
        for row in rows {
            let at = row * columns..(row + 1) * columns;
            let x: Vec<f64> = at.map(|i| inputs[0].get(i)).collect();
            let most = x.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let exponentials: Vec<f64> = x.iter().map(|x| (x - most).exp()).collect();
            let sum: f64 = exponentials.iter().sum();
            let terms = x.iter().zip(&exponentials);
            let moved = terms.map(|(x, e)| (most - x) * e).sum::<f64>() / sum;
            for (x, e) in x.iter().zip(&exponentials) {
                let (value, distance) = (e / sum, most - x);
                let roundings = distance + moved + 2.0 * EXP + (columns - 1) as f64 + DIVISION;
                bounds.value.push(value);
                bounds.error.push(value * formats.accumulator.gamma(roundings) + FLUSHED);
                bounds.magnitude.push(value * (1.0 + distance + moved));
            }
        }
        bounds
    }

    /// Whole numbers of which some have exponentials that f32 can't hold, and rows of equal numbers.
    fn further_data(&self, seed: u64) -> Vec<Data> {
        vec![Data::Integers { seed, most: 120 }, Data::Around { seed, centre: 100.0, spread: 0.0 }]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Dtype;

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
