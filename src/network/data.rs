//! Initial parameters and mini-batches, from the counter-based generator: the same numbers everywhere.

use super::graph::{Graph, Init};
use crate::tensor::Generator;

/// Tensor number of the first mini-batch; its labels and the next ones follow.
const FIRST_BATCH: u64 = 1_000_000;

/// Every parameter before the first step, in declaration order.
pub fn initial(graph: &Graph, seed: u64) -> Vec<Vec<f32>> {
    let one = |(number, parameter): (usize, &super::Parameter)| match parameter.init {
        Init::Ones => vec![1.0; parameter.len()],
        Init::Zeros => vec![0.0; parameter.len()],
        Init::Uniform { fan_in } => {
            let bound = (1.0 / (fan_in as f64).sqrt()) as f32;
            uniform(seed, number as u64, parameter.len(), bound)
        }
    };
    graph.parameters.iter().enumerate().map(one).collect()
}

/// The mini-batch of a step, of unit variance. Steps count from 0.
pub fn batch(graph: &Graph, seed: u64, step: u64) -> Vec<f32> {
    let bound = 3f64.sqrt() as f32;
    uniform(seed, FIRST_BATCH + 2 * step, graph.values[graph.input()].len(), bound)
}

/// The labels of that mini-batch: whole numbers below the number of classes.
pub fn labels(graph: &Graph, seed: u64, step: u64) -> Vec<f32> {
    let stream = Generator::new(seed, FIRST_BATCH + 2 * step + 1);
    (0..graph.batch() as u64).map(|i| stream.below(i, graph.classes()) as f32).collect()
}

fn uniform(seed: u64, tensor: u64, len: usize, bound: f32) -> Vec<f32> {
    let stream = Generator::new(seed, tensor);
    (0..len as u64).map(|i| stream.uniform(i, bound)).collect()
}
