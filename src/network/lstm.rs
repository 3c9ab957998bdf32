//! `lstm`: one layer over a sequence; the last hidden state is classified.

use super::{Graph, Network, Optimizer};
use crate::workload::{Axis, Shape};

/// See the module.
pub const LSTM: Network = Network {
    name: "lstm",
    axes: &[Axis::size("batch"), Axis::size("seq"), Axis::size("hidden"), Axis::size("classes")],
    graph,
};

fn graph(shape: &Shape) -> Graph {
    let input = [shape.size("seq"), shape.size("batch"), shape.size("hidden")];
    let mut g = Graph::new(&input, Optimizer::SGD);
    let x = g.input();
    let last = g.lstm("lstm", x);
    g.head(last, shape.size("classes"))
}
