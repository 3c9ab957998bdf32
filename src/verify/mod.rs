//! No proof, no number: every runner's results are checked before it may have a time.
//!
//! | file | holds |
//! | --- | --- |
//! | `bounded.rs` | workloads whose results are within bounds, on all data |
//! | `errors.rs` | errors against their bounds |
//! | `known.rs` | references that are kept from run to run |
//! | `sums.rs` | workloads whose results are sums |
//! | `training.rs` | training steps, held against the network in f64 |

mod bounded;
mod errors;
mod known;
mod sums;
mod training;

use std::ops::Range;

use crate::backend::Runner;
use crate::error::{Error, Result};
use crate::machine;
use crate::tensor::{self, FENCE, Values, with_values};
use crate::terms::{Dtype, Format, Scope, Shape};
use crate::workload::{Check, Workload};

use bounded::Bounded;
use sums::Sums;
use training::Training;

/// Fewer elements than this are looked at by one thread.
const LEAST_SHARE: usize = 1 << 14;

/// What is left to say of a verified runner.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proof {
    /// Largest error over its bound, of all checked elements; at most 1.
    pub max_error_ratio: f64,
    /// Whether numbers of a network lie so close to a corner that its bound was widened.
    pub is_cornered: bool,
}

/// A workload at a shape with its data and references, which all runners of a case share.
pub struct Problem<'a>(Box<dyn Verify + 'a>);

/// How results of one kind are checked.
trait Verify {
    /// See [`Problem::verify`].
    fn verify(&self, runner: &mut dyn Runner) -> Result<Proof>;

    /// See [`Problem::verify_in`]. Returns the largest error over its bound.
    fn verify_in(&self, _: &mut dyn Runner, scope: Scope) -> Result<f64> {
        Err(Error::Unsupported(format!("nothing is known of results as {}", scope.name())))
    }
}

impl<'a> Problem<'a> {
    /// Makes the data and, where they are kept, the references.
    pub fn new(
        workload: &'a dyn Workload,
        shape: &'a Shape,
        dtype: Dtype,
        seed: u64,
    ) -> Problem<'a> {
        Problem(match workload.check() {
            Check::ExactSums(sums) => Box::new(Sums::new(workload, sums, shape, dtype, seed)),
            Check::Bounded(bounded) => {
                Box::new(Bounded::new(workload, bounded, shape, dtype, seed))
            }
            Check::Network(network) => Box::new(Training::new(workload, network, shape, seed)),
        })
    }

    /// Bytes of host memory that a problem holds.
    pub fn footprint_bytes(workload: &dyn Workload, shape: &Shape, dtype: Dtype) -> u64 {
        let formats = workload.formats(dtype);
        match workload.check() {
            Check::ExactSums(sums) => Sums::footprint_bytes(workload, sums, shape, formats),
            Check::Bounded(_) => Bounded::footprint_bytes(workload, shape, formats),
            Check::Network(network) => Training::footprint_bytes(network, shape),
        }
    }

    /// Checks a runner in every scope of its workload, whichever will be timed: fences on the device
    /// show in one, missing transfers in another. Leaves the measured data loaded. A result that is not
    /// right is [`Error::Wrong`].
    pub fn verify(&self, runner: &mut dyn Runner) -> Result<Proof> {
        self.0.verify(runner)
    }

    /// Checks a verified runner in one more scope, on the measured data, which are loaded, and adds what was found to
    /// its proof.
    pub fn verify_in(
        &self,
        runner: &mut dyn Runner,
        scope: Scope,
        proof: &mut Proof,
    ) -> Result<()> {
        proof.max_error_ratio = proof.max_error_ratio.max(self.0.verify_in(runner, scope)?);
        Ok(())
    }
}

/// The scopes in which a runner computes in its own ways: the first alone where all are the same run.
fn scopes(workload: &dyn Workload, runner: &dyn Runner) -> &'static [Scope] {
    let all = workload.scopes();
    if runner.moves_nothing() { &all[..all.len().min(1)] } else { all }
}

/// What `look` finds in parts of `0..length`, in order: they are shared out over the cores, `least` at least
/// to each.
fn on_all_cores<T: Send>(
    length: usize,
    least: usize,
    look: impl Fn(Range<usize>) -> T + Sync,
) -> Vec<T> {
    let share = length.div_ceil(machine::cores()).max(least);
    let parts = (0..length).step_by(share).map(|first| first..(first + share).min(length));
    if length <= share { parts.map(look).collect() } else { machine::share_out(parts, look) }
}

/// One run into poisoned memory, on the operands that were loaded. Returns the output of `length` elements after
/// a look at fences and operands.
fn computed(runner: &mut dyn Runner, scope: Scope, length: usize) -> Result<Values<'_>> {
    runner.poison(scope)?;
    if let Some(training) = runner.training() {
        training.restore()?;
    }
    runner.run(scope)?;
    if let Some(number) = runner.overwritten()? {
        return Err(Error::wrong(format!("overwrote operand {number}")));
    }
    unfenced(runner.output(scope)?, length)
}

/// A result of `length` elements without its fences, which must be whole.
fn unfenced(output: Values<'_>, length: usize) -> Result<Values<'_>> {
    if output.len() != length + 2 * FENCE {
        let found = output.len().saturating_sub(2 * FENCE);
        return Err(Error::wrong(format!("the result has {found} elements, not {length}")));
    }
    if let Some(place) = with_values!(output, values => tensor::broken_fence(values)) {
        let what = format!("wrote outside the result, at element {place} of {length}");
        return Err(Error::wrong(what));
    }
    Ok(output.slice(FENCE..FENCE + length))
}

/// Most that sums of `k` terms in a format may lose on average, relative to the root of the sum of the
/// squared terms.
fn likely_share(k: u64, accumulator: Format) -> f64 {
    8.0 * accumulator.unit_roundoff() * (k as f64).sqrt()
}
