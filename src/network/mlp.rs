//! `mlp`: linear layers with ReLU.

use super::{Activation, Graph, Network, Optimizer};
use crate::terms::{Axis, Shape};

/// See the module.
pub const MLP: Network = Network {
    name: "mlp",
    axes: &[
        Axis::up_to("batch", 1 << 16),
        Axis::up_to("inputs", 1 << 18),
        Axis::up_to("width", 1 << 18),
        Axis::up_to("depth", 1 << 10).or(3),
        Axis::up_to("classes", 1 << 16),
    ],
    graph,
};

/// `depth` times a linear layer to `width` with ReLU, then one to `classes`.
fn graph(shape: &Shape) -> Graph {
    let (batch, width) = (shape.size("batch"), shape.size("width"));
    let mut g = Graph::new(&[batch, shape.size("inputs")], Optimizer::SGD);
    let mut x = g.input();
    for k in 0..shape.get("depth") {
        x = g.linear(&format!("hidden{k}"), x, width, Activation::Relu);
    }
    g.head(x, shape.size("classes"))
}
