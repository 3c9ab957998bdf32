//! No verdict, no number: every runner's results are checked before it may have a time.
//!
//! Two modes. Up to 2^27 multiply-adds the whole result on small integers must equal the reference
//! exactly, and the whole result on the measured data must lie within the componentwise bound
//! gamma(K + 2) |A||B| (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1).
//! Above that, integers are checked through the workload's linear form with vectors of signs
//! (Freivalds 1979, exact in integer arithmetic), and the measured data at sampled elements. In both
//! the checked elements together must lie within 8 u sqrt(K) in the relative L2 norm, which is what
//! rejects reduced precision.

use crate::backend::Runner;
use crate::error::Error;
use crate::tensor::{self, Data, FENCE, Stream};
use crate::workload::{Reference, Scope, Shape, Workload};

/// Above this many multiply-adds the reference is sampled.
const WHOLE_LIMIT: u64 = 1 << 27;

/// Vectors of signs.
const SIGN_VECTORS: u64 = 5;

/// Elements that are sampled.
const PROBES: usize = 512;

/// Largest small integer; smaller where the sum would pass 2^24, up to which f32 is exact.
const MOST_INTEGER: u64 = 8;

/// Unit roundoff of f32.
const U: f64 = 1.0 / (1u64 << 24) as f64;

/// Smallest normal f32: a device may flush what lies below.
const TINY: f64 = f32::MIN_POSITIVE as f64;

/// What is left to say of a verified runner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verdict {
    /// Largest error over its bound, of all checked elements; at most 1.
    pub max_error_ratio: f64,
}

/// Why a runner gets no verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Wrong {
    /// One line on what is wrong.
    pub what: String,
    /// Largest error over its bound that was seen, where it came to that.
    pub error_ratio: Option<f64>,
}

impl From<String> for Wrong {
    fn from(what: String) -> Wrong {
        Wrong { what, error_ratio: None }
    }
}

/// How a verification ends where it gives no verdict.
#[derive(Debug)]
pub enum Rejection {
    /// The runner did not compute.
    Refused(Error),
    /// It computed something wrong.
    Wrong(Wrong),
}

impl From<Error> for Rejection {
    fn from(error: Error) -> Rejection {
        Rejection::Refused(error)
    }
}

impl From<Wrong> for Rejection {
    fn from(wrong: Wrong) -> Rejection {
        Rejection::Wrong(wrong)
    }
}

impl From<String> for Rejection {
    fn from(what: String) -> Rejection {
        Rejection::Wrong(what.into())
    }
}

/// A workload at a shape with its data and references, which all runners of a case share.
pub struct Problem<'a> {
    workload: &'a dyn Workload,
    shape: &'a Shape,
    seed: u64,
    measured: Vec<Vec<f32>>,
    integers: Vec<Vec<f32>>,
    whole: Option<Whole>,
}

/// References of all elements.
struct Whole {
    integers: Vec<f64>,
    measured: Reference,
}

impl<'a> Problem<'a> {
    /// Makes the data and, for small problems, the references.
    pub fn new(workload: &'a dyn Workload, shape: &'a Shape, seed: u64) -> Problem<'a> {
        let fill = |data: Data| -> Vec<Vec<f32>> {
            let lengths = workload.inputs(shape);
            lengths.iter().enumerate().map(|(t, len)| data.fill(t as u64, *len)).collect()
        };
        let measured = fill(Data::Random(seed));
        let integers = fill(integers(workload.reduction(shape), seed));
        let whole = is_whole(workload, shape).then(|| Whole {
            integers: workload.reference(shape, &integers, None).value,
            measured: workload.reference(shape, &measured, None),
        });
        Problem { workload, shape, seed, measured, integers, whole }
    }

    /// Bytes of host memory that a problem holds.
    pub fn footprint_bytes(workload: &dyn Workload, shape: &Shape) -> u64 {
        let inputs: usize = workload.inputs(shape).iter().sum();
        // Whole references are three f64 an element; checking keeps a copy of operands and result.
        let reference = if is_whole(workload, shape) { 24 } else { 0 };
        (8 * inputs + (reference + 8) * workload.output(shape) + 4 * inputs) as u64
    }

    /// Checks a runner in every scope of its workload, whichever will be timed: fences on the device
    /// show in one, missing transfers in another. Leaves the measured data loaded.
    pub fn verify(&self, runner: &mut dyn Runner) -> Result<Verdict, Rejection> {
        let scopes = self.workload.scopes();
        runner.load(&self.integers)?;
        let integers = integers(self.workload.reduction(self.shape), self.seed);
        for scope in scopes {
            let output = self.computed(runner, *scope, integers)?;
            self.check_integers(&output)?;
        }
        runner.load(&self.measured)?;
        let mut worst = 0.0f64;
        for scope in scopes {
            let output = self.computed(runner, *scope, Data::Random(self.seed))?;
            worst = worst.max(self.check_measured(&output, runner.details().tile)?);
        }
        Ok(Verdict { max_error_ratio: worst })
    }

    /// One run into poisoned memory. Returns the output after a look at fences and operands.
    fn computed(
        &self,
        runner: &mut dyn Runner,
        scope: Scope,
        data: Data,
    ) -> Result<Vec<f32>, Rejection> {
        runner.poison(scope)?;
        runner.run(scope)?;
        let mut output = runner.output(scope)?;
        let length = self.workload.output(self.shape);
        if output.len() != length + 2 * FENCE {
            let found = output.len().saturating_sub(2 * FENCE);
            return Err(format!("the result has {found} elements, not {length}").into());
        }
        if let Some(place) = tensor::broken_fence(&output) {
            let what = format!("wrote outside the result, at element {place} of {length}");
            return Err(what.into());
        }
        for (number, input) in runner.inputs()?.iter().enumerate() {
            if let Some(place) = data.first_difference(number as u64, input) {
                return Err(format!("overwrote operand {number} at element {place}").into());
            }
        }
        output.truncate(FENCE + length);
        Ok(output.split_off(FENCE))
    }

    fn check_integers(&self, output: &[f32]) -> Result<(), String> {
        if let Some(whole) = &self.whole {
            let wrong = output.iter().zip(&whole.integers).position(|(o, r)| f64::from(*o) != *r);
            return match wrong {
                None => Ok(()),
                Some(i) => Err(format!(
                    "on small integers element {i} is {}, not {}",
                    output[i], whole.integers[i]
                )),
            };
        }
        (0..SIGN_VECTORS).try_for_each(|vector| {
            let signs = Stream::new(self.seed, 0x51_6e50 + vector);
            self.workload.residue(self.shape, &self.integers, output, signs)
        })
    }

    /// Largest error over bound of the measured data.
    fn check_measured(&self, output: &[f32], tile: (usize, usize)) -> Result<f64, Wrong> {
        if let Some(whole) = &self.whole {
            let all = output.iter().copied().enumerate();
            return self.check_elements(all, &whole.measured);
        }
        let at = self.workload.probes(self.shape, tile, PROBES);
        let reference = self.workload.reference(self.shape, &self.measured, Some(&at));
        self.check_elements(at.iter().map(|i| (*i, output[*i])), &reference)
    }

    fn check_elements(
        &self,
        elements: impl Iterator<Item = (usize, f32)>,
        reference: &Reference,
    ) -> Result<f64, Wrong> {
        let k = self.workload.reduction(self.shape) as f64;
        let bound = Bound::new(k);
        let (mut worst, mut error_squares, mut squares) = (0.0f64, 0.0f64, 0.0f64);
        let references = reference.value.iter().zip(&reference.magnitude);
        for ((i, found), (value, magnitude)) in elements.zip(references) {
            let error = (f64::from(found) - value).abs();
            let ratio = error / bound.of(*magnitude);
            if ratio.is_nan() || ratio > 1.0 {
                let times = crate::units::ratio(ratio);
                return Err(Wrong {
                    what: format!(
                        "element {i} is {found}, not {value:.9}: {times} its error bound"
                    ),
                    error_ratio: Some(ratio).filter(|r| r.is_finite()),
                });
            }
            worst = worst.max(ratio);
            error_squares += error * error;
            squares += value * value;
        }
        let l2 = (error_squares / squares.max(TINY)).sqrt();
        let allowed = 8.0 * U * k.sqrt();
        if l2.is_nan() || l2 > allowed {
            let what = format!(
                "the result is less exact than f32: relative L2 error {l2:.1e}, at most {allowed:.1e}"
            );
            return Err(Wrong { what, error_ratio: Some(worst) });
        }
        Ok(worst)
    }
}

/// gamma(K + 2), and what flushing subnormal terms may cost.
struct Bound {
    gamma: f64,
    flushed: f64,
}

impl Bound {
    fn new(k: f64) -> Bound {
        let n = (k + 2.0) * U;
        Bound { gamma: n / (1.0 - n), flushed: 2.0 * k * TINY }
    }

    fn of(&self, magnitude: f64) -> f64 {
        self.gamma * magnitude + self.flushed
    }
}

fn is_whole(workload: &dyn Workload, shape: &Shape) -> bool {
    workload.work(shape).flop_count / 2 <= WHOLE_LIMIT
}

/// The largest small integers whose sums of `k` products stay below 2^24; from 2^24 on, +-1 (and 0).
fn integers(k: u64, seed: u64) -> Data {
    let most = (1..=MOST_INTEGER).rev().find(|m| k.saturating_mul(m * m) < 1 << 24).unwrap_or(1);
    Data::Integers { seed: seed ^ 0x1276, most }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integer_sums_stay_exact() {
        for (k, most) in [(1, 8), (262_143, 8), (262_144, 7), (1 << 23, 1), (1 << 30, 1)] {
            assert_eq!(integers(k, 0), Data::Integers { seed: 0x1276, most }, "{k}");
        }
    }

    #[test]
    fn the_bound_is_gamma() {
        let bound = Bound::new(1.0);
        assert!((bound.of(1.0) / U - 3.0).abs() < 1e-5);
    }
}
