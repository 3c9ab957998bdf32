//! A training that goes on from step to step, by a runner of a training workload.

use super::{Device, Runner, Task, Training, prepare};
use crate::error::{Error, Result};
use crate::machine;
use crate::network::{self, Graph, Network, Trainer, Trajectory};
use crate::tensor::{FENCE, Tensor};
use crate::terms::{Dtype, Scope, Shape};
use crate::workload;

/// See the module.
pub struct Stepwise<'a> {
    runner: Box<dyn Runner + 'a>,
    /// Elements of each parameter, in declaration order.
    lengths: Vec<usize>,
    /// What to begin with; none once the first mini-batch has come.
    initial: Option<Vec<Vec<f32>>>,
}

impl<'a> Stepwise<'a> {
    /// From the initial parameters of a seed.
    pub fn new(runner: Box<dyn Runner + 'a>, graph: &Graph, seed: u64) -> Stepwise<'a> {
        let lengths = graph.parameters.iter().map(network::Parameter::len).collect();
        Stepwise { runner, lengths, initial: Some(network::initial(graph, seed)) }
    }

    fn training(&mut self) -> Result<&mut dyn Training> {
        let none = || Error::Unsupported("it does not train step by step".to_string());
        self.runner.training().ok_or_else(none)
    }

    /// The output of the last step: loss, gradients, parameters.
    fn output(&mut self) -> Result<Vec<f32>> {
        let parameters = self.lengths.iter().sum::<usize>();
        let output = self.runner.output(Scope::Compute)?;
        if output.len() != 1 + 2 * parameters + 2 * FENCE {
            return Err(Error::device("the result has not the size of a step"));
        }
        Ok(output.f32s()[FENCE..output.len() - FENCE].to_vec())
    }

    fn tensors(&self, values: &[f32]) -> Vec<Vec<f64>> {
        let mut values = values.iter().map(|v| f64::from(*v));
        self.lengths.iter().map(|length| values.by_ref().take(*length).collect()).collect()
    }
}

impl Trainer for Stepwise<'_> {
    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()> {
        if let Some(initial) = self.initial.take() {
            let inputs = initial.into_iter().chain([batch.to_vec(), labels.to_vec()]);
            self.runner.load(&inputs.map(Tensor::from).collect::<Vec<_>>().into())?;
            self.training()?.restore()?;
        }
        // The first one too: who can't go on says so before the first step.
        self.training()?.feed(batch, labels)
    }

    fn step(&mut self) -> Result<()> {
        self.runner.run(Scope::Compute)
    }

    fn loss(&mut self) -> Result<f64> {
        Ok(f64::from(self.output()?[0]))
    }

    fn gradients(&mut self) -> Result<Vec<Vec<f64>>> {
        let output = self.output()?;
        Ok(self.tensors(&output[1..]))
    }

    fn parameters(&mut self) -> Result<Vec<Vec<f64>>> {
        let output = self.output()?;
        Ok(self.tensors(&output[output.len().div_ceil(2)..]))
    }
}

/// What trains a network at a shape on a device, from the initial parameters of a seed.
pub fn trainer<'d>(
    device: &'d dyn Device,
    implementation: &str,
    network: &Network,
    shape: &Shape,
    seed: u64,
) -> Result<Stepwise<'d>> {
    let workload = workload::of_network(network)?;
    let task = Task { workload, shape, dtype: Dtype::F32, implementation, parameters: None };
    machine::check_room(device.footprint_bytes(&task))?;
    Ok(Stepwise::new(prepare(device, &task)?, &(network.graph)(shape), seed))
}

/// Trains on a device as a golden run did.
pub fn retrained(
    device: &dyn Device,
    implementation: &str,
    golden: &Trajectory,
) -> Result<Trajectory> {
    let (network, shape) = golden.setting()?;
    let mut trainer = trainer(device, implementation, &network, &shape, golden.seed)?;
    let steps = golden.losses.len() as u64;
    Trajectory::of(&network, &shape, golden.seed, steps, &mut trainer)
}
