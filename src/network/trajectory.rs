//! Several steps in a row on fresh mini-batches, and what is told of them: the form of golden runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::graph::Graph;
use super::{Network, data};
use crate::error::Result;
use crate::terms::Shape;

/// What trains a network from its initial parameters on.
pub trait Trainer {
    /// Takes the next mini-batch and its labels.
    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()>;

    /// One step.
    fn step(&mut self) -> Result<()>;

    /// The loss of the last step, of before its update.
    fn loss(&mut self) -> Result<f64>;

    /// The gradients of the last step, in declaration order.
    fn gradients(&mut self) -> Result<Vec<Vec<f64>>>;

    /// The parameters now, in declaration order.
    fn parameters(&mut self) -> Result<Vec<Vec<f64>>>;
}

/// What a parameter is after the last step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parameters {
    /// Its sizes.
    pub shape: Vec<usize>,
    /// The sum of its elements.
    pub sum: f64,
    /// The root of the sum of their squares.
    pub l2: f64,
}

/// See the module.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trajectory {
    /// Which network.
    pub network: String,
    /// Its axes with their values.
    pub axes: BTreeMap<String, u64>,
    /// Seed of parameters and data.
    pub seed: u64,
    /// `sgd` or `adam`.
    pub optimizer: String,
    /// Loss of every step, of before its update.
    pub losses: Vec<f64>,
    /// L2 norm of every gradient before the first update, by parameter.
    pub gradient_l2_step0: BTreeMap<String, f64>,
    /// The parameters after the last step.
    pub parameters_after: BTreeMap<String, Parameters>,
}

impl Trajectory {
    /// Trains for `steps` steps.
    pub fn of(
        network: &Network,
        shape: &Shape,
        seed: u64,
        steps: u64,
        trainer: &mut dyn Trainer,
    ) -> Result<Trajectory> {
        let graph = (network.graph)(shape);
        let mut losses = Vec::new();
        let mut gradients = Vec::new();
        for step in 0..steps {
            trainer.feed(&data::batch(&graph, seed, step), &data::labels(&graph, seed, step))?;
            trainer.step()?;
            losses.push(trainer.loss()?);
            if step == 0 {
                gradients = trainer.gradients()?;
            }
        }
        let after = trainer.parameters()?;
        let axes = shape.values().map(|(name, value)| (name.to_string(), value));
        Ok(Trajectory {
            network: network.name.to_string(),
            axes: axes.collect(),
            seed,
            optimizer: graph.optimizer.name().to_string(),
            losses,
            gradient_l2_step0: named(&graph, gradients.iter().map(l2)),
            parameters_after: named(
                &graph,
                graph.parameters.iter().zip(&after).map(|(p, w)| Parameters {
                    shape: p.dims.clone(),
                    sum: w.iter().sum(),
                    l2: l2(w),
                }),
            ),
        })
    }
}

fn named<T>(graph: &Graph, values: impl Iterator<Item = T>) -> BTreeMap<String, T> {
    graph.parameters.iter().map(|p| p.name.clone()).zip(values).collect()
}

/// The root of the sum of squares.
pub fn l2<'a>(values: impl IntoIterator<Item = &'a f64>) -> f64 {
    values.into_iter().map(|v| v * v).sum::<f64>().sqrt()
}

/// How far two trajectories may be apart, as shares of the number itself; of the sum of n elements, as a
/// share of their norm times the root of n: sums cancel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// Of losses and of norms of gradients.
    pub step: f64,
    /// Of norms of parameters, and of their sums.
    pub parameter: f64,
    /// Norm and sum of a `qkv.bias`. That of the keys has no effect on the loss, so its gradient is
    /// rounding noise, by which Adam moves it.
    pub key_bias: [f64; 2],
}

impl Tolerance {
    /// What binary32 may cost: ten orders of summation moved losses by up to 5.4e-7 and norms by up to
    /// 1.9e-6, while the smallest mistake tried (a layer norm with eps 1e-6) moves a gradient by 6e-6.
    pub const F32: Tolerance = Tolerance { step: 5e-6, parameter: 1e-5, key_bias: [3e-4, 5e-4] };

    /// The same for everything.
    pub const fn exact(share: f64) -> Tolerance {
        Tolerance { step: share, parameter: share, key_bias: [share; 2] }
    }
}

impl Trajectory {
    /// The largest difference as a share of what is accepted, and where it is. More than 1 is too far.
    pub fn distance(&self, golden: &Trajectory, accepted: Tolerance) -> (f64, String) {
        let mut worst = (0.0f64, String::new());
        let mut look = |share: f64, what: String| {
            // No number is further away than any, and stays so.
            if !worst.0.is_nan() && (share.is_nan() || share > worst.0) {
                worst = (share, what);
            }
        };
        let relative = |a: f64, b: f64| (a - b).abs() / b.abs().max(f64::MIN_POSITIVE);
        for (step, (found, expected)) in self.losses.iter().zip(&golden.losses).enumerate() {
            look(relative(*found, *expected) / accepted.step, format!("loss of step {step}"));
        }
        for (name, expected) in &golden.gradient_l2_step0 {
            let found = self.gradient_l2_step0.get(name).copied().unwrap_or(f64::NAN);
            look(relative(found, *expected) / accepted.step, format!("gradient of {name}"));
        }
        for (name, expected) in &golden.parameters_after {
            let Some(found) = self.parameters_after.get(name) else {
                look(f64::NAN, format!("{name} is missing"));
                continue;
            };
            let (norm, sum) = match name.ends_with("qkv.bias") {
                true => (accepted.key_bias[0], accepted.key_bias[1]),
                false => (accepted.parameter, accepted.parameter),
            };
            let n = expected.shape.iter().product::<usize>() as f64;
            let apart = (found.sum - expected.sum).abs() / (expected.l2 * n.sqrt());
            look(relative(found.l2, expected.l2) / norm, format!("norm of {name}"));
            look(apart / sum, format!("sum of {name}"));
        }
        if self.losses.len() != golden.losses.len() {
            look(f64::NAN, "number of steps".to_string());
        }
        worst
    }
}

/// Golden trajectories, as they are stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trajectories {
    /// One for each training.
    pub cases: Vec<Trajectory>,
}

/// What PyTorch computes in f64 for eight small trainings.
pub fn golden() -> Vec<Trajectory> {
    const TEXT: &str = include_str!("../../tests/golden/trajectories.json");
    serde_json::from_str::<Trajectories>(TEXT).map(|all| all.cases).unwrap_or_default()
}

impl Trajectory {
    /// The network and the shape that it belongs to.
    pub fn setting(&self) -> Result<(Network, Shape)> {
        let network = super::find(&self.network)?;
        let values: Vec<u64> = network
            .axes
            .iter()
            .map(|axis| self.axes.get(axis.name).copied().unwrap_or(1))
            .collect();
        Ok((network, Shape::of(network.axes, &values)))
    }
}
