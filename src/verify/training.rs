//! Training steps, held against the same network in f64.
//!
//! Loss and each gradient must lie within 8 u sqrt(K) of the reference in the relative L2 norm, K the
//! longest sum of the step; the loss, which is a mean of differences, relative to the sizes of both of their
//! terms. Parameters must be what the optimiser's formula makes of the runner's own
//! gradients, within 4 ulp and 1e-5 of the learning rate. A runner that goes on from where it is takes a
//! second step, whose parameters are held to the formula too: the first one says nothing of the state
//! that an optimiser keeps, which was zero. Every scope begins from the restored state, so that a runner
//! that forgets to bring it back shows in the second.
//!
//! A gradient below 2^-8 of all gradients together is held to that share of them instead: one that is
//! zero but for rounding, as of a scale which a later norm takes out again, has nothing to be relative to.
//!
//! A number that lies next to a corner of ReLU, or two rivals of max pooling, may fall on either side by
//! rounding alone, which changes whole gradients. Where the reference has N such numbers among M active
//! ones, bounds grow by 4 sqrt(N / M), and the proof says so.

use std::ops::Range;

use super::known::Subject;
use super::{LEAST_SHARE, Proof, Verify, computed, likely_share, on_all_cores, unfenced};
use crate::backend::Runner;
use crate::error::{Error, Result};
use crate::network::reference::{Corners, Reference};
use crate::network::{self, Graph, Network, Optimizer, Trainer, l2};
use crate::tensor::{Operands, Tensor};
use crate::terms::{Dtype, Format, Scope, Shape};
use crate::workload::Workload;

/// Share of the norm of all gradients below which one has nothing of its own to be relative to.
const NEXT_TO_NOTHING: f64 = 1.0 / 256.0;

/// What stands before the gradients in [`differentiated`].
const FIRST_GRADIENT: usize = 4;

/// A training step in f64 up to its update: the loss, what its error is relative to, how many numbers lie next to
/// a corner among how many active ones, and every gradient in order.
fn differentiated(graph: &Graph, initial: &[Vec<f32>], batch: &[f32], labels: &[f32]) -> Vec<f64> {
    let mut reference = Reference::new(graph.clone(), initial);
    // The reference is memory and refuses nothing.
    let _ = reference.feed(batch, labels).and_then(|()| reference.differentiate());
    let corners = reference.corners();
    let first =
        [reference.loss, reference.loss_magnitude, corners.near as f64, corners.active as f64];
    let gradients = std::mem::take(&mut reference.gradients);
    drop(reference);
    let mut numbers = Vec::with_capacity(FIRST_GRADIENT + graph.parameter_count() as usize);
    numbers.extend(first);
    gradients.into_iter().for_each(|gradient| numbers.extend(gradient));
    numbers
}

/// A training step with its data and what it has to give.
pub struct Training {
    graph: Graph,
    /// Parameters, mini-batch, labels.
    inputs: Operands,
    loss: f64,
    /// What an error of the loss is relative to.
    loss_magnitude: f64,
    /// What [`differentiated`] gave.
    known: Vec<f64>,
    /// Norm of all gradients together.
    norm: f64,
    /// Most that the relative error of loss and gradients may be.
    allowed: f64,
    is_cornered: bool,
}

impl Training {
    /// Makes the data and takes the step in f64, unless what comes out is known.
    pub fn new(workload: &dyn Workload, network: &Network, shape: &Shape, seed: u64) -> Training {
        let graph = (network.graph)(shape);
        let initial = network::initial(&graph, seed);
        let (batch, labels) = (network::batch(&graph, seed, 0), network::labels(&graph, seed, 0));
        let count = FIRST_GRADIENT + graph.parameter_count() as usize;
        let subject = Subject { workload, shape, dtype: Dtype::F32, seed };
        let known = subject.numbers("gradients", count..=count, || {
            differentiated(&graph, &initial, &batch, &labels)
        });
        let (first, gradients) = known.split_at(FIRST_GRADIENT);
        let corners = Corners { near: first[2] as u64, active: first[3] as u64 };
        let inputs = initial.into_iter().chain([batch, labels]).map(Tensor::from);
        Training {
            allowed: likely_share(graph.reduction(), Format::F32) + corners.slack(),
            is_cornered: corners.near > 0,
            loss: first[0],
            loss_magnitude: first[1],
            norm: l2(gradients),
            inputs: inputs.collect::<Vec<_>>().into(),
            known,
            graph,
        }
    }

    /// Bytes of host memory that a problem holds, the reference included.
    pub fn footprint_bytes(network: &Network, shape: &Shape) -> u64 {
        let graph = (network.graph)(shape);
        let input = graph.values[graph.input()].len() as u64;
        // Operands and results of two steps, and copies of both while they are looked at.
        Reference::footprint_bytes(&graph) + 4 * (8 * graph.parameter_count() + 2 * input)
    }

    /// The largest error over its bound.
    fn check(&self, output: &[f32]) -> Result<f64> {
        let loss = f64::from(output[0]);
        let mut worst = self.share("the loss", (loss - self.loss).abs(), self.loss_magnitude)?;
        let mut at = FIRST_GRADIENT;
        for ((name, gradient, after), initial) in self.parts(output).zip(self.inputs.iter()) {
            let expected = &self.known[at..at + gradient.len()];
            at += gradient.len();
            let what = format!("the gradient of {name}");
            let squares = |part: Range<usize>| -> [f64; 2] {
                let pairs = gradient[part.clone()].iter().zip(&expected[part]);
                pairs.fold([0.0; 2], |[error, size], (g, e)| {
                    [error + (f64::from(*g) - e).powi(2), size + e * e]
                })
            };
            let squares = on_all_cores(gradient.len(), LEAST_SHARE, squares);
            let norm = |i: usize| squares.iter().map(|part| part[i]).sum::<f64>().sqrt();
            let size = norm(1).max(NEXT_TO_NOTHING * self.norm);
            worst = worst.max(self.share(&what, norm(0), size)?);
            worst = worst.max(self.check_update(name, &[gradient], initial.f32s(), after)?);
        }
        Ok(worst)
    }

    /// The parameters after a second step, which went on from where the first one ended.
    fn check_second(&self, first: &[f32], second: &[f32]) -> Result<f64> {
        let mut worst = 0.0f64;
        for ((name, g1, w1), (_, g2, w2)) in self.parts(first).zip(self.parts(second)) {
            worst = worst.max(self.check_update(name, &[g1, g2], w1, w2)?);
        }
        Ok(worst)
    }

    /// Name, gradient and new value of every parameter in the output of a step.
    fn parts<'o>(&self, output: &'o [f32]) -> impl Iterator<Item = (&str, &'o [f32], &'o [f32])> {
        let (gradients, parameters) = output[1..].split_at((output.len() - 1) / 2);
        let mut at = 0;
        self.graph.parameters.iter().map(move |parameter| {
            let range = at..at + parameter.len();
            at = range.end;
            (parameter.name.as_str(), &gradients[range.clone()], &parameters[range])
        })
    }

    /// An error in the L2 norm as a share of what is allowed.
    fn share(&self, what: &str, error: f64, size: f64) -> Result<f64> {
        if error == 0.0 {
            return Ok(0.0);
        }
        let ratio = error / size / self.allowed;
        if ratio <= 1.0 {
            return Ok(ratio);
        }
        let (relative, allowed) = (error / size, self.allowed);
        let what = format!("{what} is off by {relative:.1e} of its norm, at most {allowed:.1e}");
        Err(Error::beyond(what, ratio))
    }

    /// Parameters after a step, from what they were before it and the runner's own gradients of all
    /// steps so far.
    fn check_update(
        &self,
        name: &str,
        gradients: &[&[f32]],
        before: &[f32],
        after: &[f32],
    ) -> Result<f64> {
        let parts = on_all_cores(before.len(), LEAST_SHARE, |part| {
            self.check_update_of(name, gradients, before, after, part)
        });
        parts.into_iter().try_fold(0.0, |worst: f64, part| Ok(worst.max(part?)))
    }

    /// [`Training::check_update`] of some elements.
    fn check_update_of(
        &self,
        name: &str,
        gradients: &[&[f32]],
        before: &[f32],
        after: &[f32],
        part: Range<usize>,
    ) -> Result<f64> {
        let optimizer: Optimizer = self.graph.optimizer;
        let steps: Vec<_> = (1..=gradients.len() as u64).map(|n| optimizer.step(n)).collect();
        let mut worst = 0.0f64;
        for i in part {
            let (before, found) = (before[i], after[i]);
            let (mut expected, mut state) = (0.0, [0.0; 2]);
            for (step, gradient) in steps.iter().zip(gradients) {
                // The state is what all gradients have made of it, the parameter what it was.
                expected = f64::from(before);
                step.update(f64::from(gradient[i]), &mut expected, &mut state);
            }
            let ulp = f64::from(f32::EPSILON) * expected.abs();
            let bound = 4.0 * ulp + 1e-5 * optimizer.lr();
            let ratio = (f64::from(found) - expected).abs() / bound;
            if ratio.is_nan() || ratio > 1.0 {
                let which = if gradients.len() == 1 { "the step" } else { "a second step" };
                let what =
                    format!("{name} is {found} at element {i} after {which}, not {expected:.9}");
                return Err(Error::beyond(what, ratio));
            }
            worst = worst.max(ratio);
        }
        Ok(worst)
    }
}

impl Verify for Training {
    /// Checks a step in both scopes, and a second one after the first.
    fn verify(&self, runner: &mut dyn Runner) -> Result<Proof> {
        runner.load(&self.inputs)?;
        let length = 1 + 2 * self.graph.parameter_count() as usize;
        let first = computed(runner, Scope::Compute, length)?.f32s().to_vec();
        let mut worst = self.check(&first)?;
        if runner.training().is_some() {
            runner.run(Scope::Compute)?;
            let second = unfenced(runner.output(Scope::Compute)?, length)?;
            worst = worst.max(self.check_second(&first, second.f32s())?);
        }
        drop(first);
        worst = worst.max(self.check(computed(runner, Scope::EndToEnd, length)?.f32s())?);
        // What was looked at is forgotten, which is much for a large network.
        runner.training().map_or(Ok(()), |training| training.restore())?;
        Ok(Proof { max_error_ratio: worst, is_cornered: self.is_cornered })
    }
}
