//! `lstm`: one layer over a sequence; the last hidden state is classified.

use super::{Graph, Network, Optimizer};
use crate::terms::{Axis, Shape};

/// See the module.
pub const LSTM: Network = Network {
    name: "lstm",
    axes: &[
        Axis::up_to("batch", 1 << 14),
        Axis::up_to("seq", 1 << 14),
        Axis::up_to("hidden", 1 << 16),
        Axis::up_to("classes", 1 << 16),
    ],
    graph,
};

fn graph(shape: &Shape) -> Graph {
    let input = [shape.size("seq"), shape.size("batch"), shape.size("hidden")];
    let mut g = Graph::new(&input, Optimizer::SGD);
    let x = g.input();
    let last = g.lstm("lstm", x);
    g.head(last, shape.size("classes"))
}
