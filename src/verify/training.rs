//! Training steps, held against the same network in f64.
//!
//! Loss and each gradient must lie within 8 u sqrt(K) of the reference in the relative L2 norm, K the
//! longest sum of the step. Parameters must be what the optimiser's formula makes of the runner's own
//! gradients, within 4 ulp and 1e-5 of the learning rate.
//!
//! A gradient below 2^-8 of all gradients together is held to that share of them instead: one that is
//! zero but for rounding, as of a scale which a later norm takes out again, has nothing to be relative to.
//!
//! A number that lies next to a corner of ReLU, or two rivals of max pooling, may fall on either side by
//! rounding alone, which changes whole gradients. Where the reference has N such numbers among M active
//! ones, bounds grow by 4 sqrt(N / M), and the verdict says so.

use super::{Rejection, Verdict, Wrong, allowed_l2, computed};
use crate::backend::Runner;
use crate::network::reference::Reference;
use crate::network::{self, Graph, Network, Optimizer, Trainer};
use crate::workload::{Dtype, Scope, Shape};

/// Share of the norm of all gradients below which one has nothing of its own to be relative to.
const NEXT_TO_NOTHING: f64 = 1.0 / 256.0;

/// A training step with its data and what it has to give.
pub struct Training {
    graph: Graph,
    /// Parameters, mini-batch, labels.
    inputs: Vec<Vec<f32>>,
    loss: f64,
    gradients: Vec<Vec<f64>>,
    /// Norm of all gradients together.
    norm: f64,
    /// Most that the relative error of loss and gradients may be.
    allowed: f64,
    is_cornered: bool,
}

impl Training {
    /// Makes the data and takes the step in f64.
    pub fn new(network: &Network, shape: &Shape, seed: u64) -> Training {
        let graph = (network.graph)(shape);
        let mut inputs = network::initial(&graph, seed);
        let mut reference = Reference::new(graph.clone(), &inputs);
        inputs.push(network::batch(&graph, seed, 0));
        inputs.push(network::labels(&graph, seed, 0));
        let [.., batch, labels] = &inputs[..] else { unreachable!("both were just pushed") };
        // The reference is memory and refuses nothing.
        let _ = reference.feed(batch, labels).and_then(|()| reference.step());
        let corners = reference.corners();
        Training {
            allowed: allowed_l2(graph.reduction(), Dtype::F32) + corners.slack(),
            is_cornered: corners.near > 0,
            loss: reference.loss,
            norm: l2(reference.gradients.iter().flatten()),
            gradients: reference.gradients,
            inputs,
            graph,
        }
    }

    /// Bytes of host memory that a problem holds, the reference included.
    pub fn footprint_bytes(network: &Network, shape: &Shape) -> u64 {
        let graph = (network.graph)(shape);
        let input = graph.values[graph.input()].len() as u64;
        Reference::footprint_bytes(&graph) + 4 * (3 * graph.parameter_count() + input)
    }

    /// Checks a step in both scopes.
    pub fn verify(&self, runner: &mut dyn Runner) -> Result<Verdict, Rejection> {
        runner.load(&self.inputs)?;
        let mut worst = 0.0f64;
        for scope in [Scope::Compute, Scope::EndToEnd] {
            let parameters = self.graph.parameter_count() as usize;
            let output = computed(runner, scope, 1 + 2 * parameters, |number, input| {
                let own = &self.inputs[number];
                own.iter().zip(input).position(|(a, b)| a.to_bits() != b.to_bits())
            })?;
            worst = worst.max(self.check(&output)?);
        }
        Ok(Verdict { max_error_ratio: worst, is_cornered: self.is_cornered })
    }

    /// The largest error over its bound.
    fn check(&self, output: &[f32]) -> Result<f64, Wrong> {
        let loss = f64::from(output[0]);
        let mut worst = self.share("the loss", (loss - self.loss).abs(), self.loss.abs())?;
        let names = self.graph.parameters.iter().map(|p| &p.name);
        let (gradients, parameters) = output[1..].split_at((output.len() - 1) / 2);
        let mut at = 0;
        for ((name, expected), initial) in names.zip(&self.gradients).zip(&self.inputs) {
            let range = at..at + expected.len();
            let (gradient, after) = (&gradients[range.clone()], &parameters[range]);
            let what = format!("the gradient of {name}");
            let error = gradient.iter().zip(expected).map(|(g, e)| (f64::from(*g) - e).powi(2));
            let size = l2(expected).max(NEXT_TO_NOTHING * self.norm);
            worst = worst.max(self.share(&what, error.sum::<f64>().sqrt(), size)?);
            worst = worst.max(self.check_update(name, initial, gradient, after)?);
            at += expected.len();
        }
        Ok(worst)
    }

    /// An error in the L2 norm as a share of what is allowed.
    fn share(&self, what: &str, error: f64, size: f64) -> Result<f64, Wrong> {
        if error == 0.0 {
            return Ok(0.0);
        }
        let ratio = error / size / self.allowed;
        if ratio <= 1.0 {
            return Ok(ratio);
        }
        let (relative, allowed) = (error / size, self.allowed);
        Err(Wrong {
            what: format!("{what} is off by {relative:.1e} of its norm, at most {allowed:.1e}"),
            error_ratio: Some(ratio).filter(|ratio| ratio.is_finite()),
        })
    }

    /// Parameters after the step, from the runner's own gradients.
    fn check_update(
        &self,
        name: &str,
        initial: &[f32],
        gradients: &[f32],
        after: &[f32],
    ) -> Result<f64, Wrong> {
        let optimizer: Optimizer = self.graph.optimizer;
        let mut worst = 0.0f64;
        for (i, ((before, g), found)) in initial.iter().zip(gradients).zip(after).enumerate() {
            let mut expected = f64::from(*before);
            optimizer.update(1, f64::from(*g), &mut expected, &mut [0.0; 2]);
            let ulp = f64::from(f32::EPSILON) * expected.abs();
            let bound = 4.0 * ulp + 1e-5 * optimizer.lr();
            let ratio = (f64::from(*found) - expected).abs() / bound;
            if ratio.is_nan() || ratio > 1.0 {
                return Err(Wrong {
                    what: format!(
                        "{name} is {found} at element {i} after the step, not {expected:.9}"
                    ),
                    error_ratio: Some(ratio).filter(|ratio| ratio.is_finite()),
                });
            }
            worst = worst.max(ratio);
        }
        Ok(worst)
    }
}

/// The root of the sum of squares.
fn l2<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().map(|v| v * v).sum::<f64>().sqrt()
}
