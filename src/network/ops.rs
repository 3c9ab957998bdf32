//! What a device has to offer to train a network, and the order of a step.

use super::graph::Graph;
use super::layer::Direction;
use crate::error::Result;

/// The operations of one training step over one graph, on tensors that stay where they are computed. A
/// device may return before an operation has ended, as long as the next one sees its results: nothing
/// inside a step is waited for.
///
/// Before a step, the parameters and the mini-batch with its labels are there. Gradients of values are
/// kept as [`super::Node::activation`] and [`super::Node::gradient`] say.
pub trait Ops {
    /// Computes y of layer number `layer`, and what its backward pass will want to know.
    fn forward(&mut self, layer: usize) -> Result<()>;

    /// The mean softmax cross-entropy of the logits, and their gradient.
    fn loss(&mut self) -> Result<()>;

    /// Computes the gradients of the layer's parameters and, where the graph needs it, of its x.
    fn backward(&mut self, layer: usize) -> Result<()>;

    /// Moves every parameter by its gradient. `step` counts from 1.
    fn update(&mut self, step: u64) -> Result<()>;
}

/// An operation of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// A layer's pass.
    Layer(usize, Direction),
    /// Loss and its gradient.
    Loss,
    /// The optimiser.
    Update,
}

impl Operation {
    /// Those of a step, in order.
    pub fn all(graph: &Graph) -> impl Iterator<Item = Operation> + use<> {
        let layers = graph.layers.len();
        let forward = (0..layers).map(|layer| Operation::Layer(layer, Direction::Forward));
        let backward = (0..layers).rev().map(|layer| Operation::Layer(layer, Direction::Backward));
        forward.chain([Operation::Loss]).chain(backward).chain([Operation::Update])
    }

    /// What it is called in a breakdown.
    pub fn name(self, graph: &Graph) -> String {
        match self {
            Operation::Layer(layer, direction) => {
                let direction = match direction {
                    Direction::Forward => "forward",
                    Direction::Backward => "backward",
                };
                format!("{}-{direction}", graph.layers[layer].name())
            }
            Operation::Loss => "loss".to_string(),
            Operation::Update => format!("update-{}", graph.optimizer.name()),
        }
    }

    /// FLOP of its products.
    pub fn flop(self, graph: &Graph) -> u64 {
        match self {
            Operation::Layer(layer, direction) => graph.layers[layer].flop(graph, direction),
            Operation::Loss | Operation::Update => 0,
        }
    }

    /// Does it.
    pub fn run(self, ops: &mut (impl Ops + ?Sized), step: u64) -> Result<()> {
        match self {
            Operation::Layer(layer, Direction::Forward) => ops.forward(layer),
            Operation::Layer(layer, Direction::Backward) => ops.backward(layer),
            Operation::Loss => ops.loss(),
            Operation::Update => ops.update(step),
        }
    }
}

/// One step: forward, loss, backward, update. `number` counts from 1.
pub fn step(ops: &mut (impl Ops + ?Sized), graph: &Graph, number: u64) -> Result<()> {
    Operation::all(graph).try_for_each(|operation| operation.run(ops, number))
}
