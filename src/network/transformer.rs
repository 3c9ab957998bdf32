//! `transformer`: pre-norm encoder blocks; the mean over the sequence is classified.

use super::{Activation, Graph, Network, Optimizer};
use crate::workload::{Axis, Shape};

/// See the module.
pub const TRANSFORMER: Network = Network {
    name: "transformer",
    axes: &[
        Axis::size("batch"),
        Axis::size("seq"),
        Axis::size("d_model"),
        Axis::optional("heads", 1, 1),
        Axis::optional("layers", 2, 1),
        Axis::size("classes"),
    ],
    graph,
};

/// Each block: x += out(attention(norm1 x)), then x += down(gelu(up(norm2 x))).
fn graph(shape: &Shape) -> Graph {
    let (heads, d) = (shape.size("heads"), shape.size("d_model"));
    let mut g = Graph::new(&[shape.size("batch"), shape.size("seq"), d], Optimizer::ADAM);
    let mut x = g.input();
    for block in 0..shape.get("layers") {
        let name = |layer: &str| format!("block{block}.{layer}");
        let normed = g.layer_norm(&name("norm1"), x);
        let qkv = g.linear(&name("qkv"), normed, 3 * d, Activation::None);
        let heads = g.attention(&name("attention"), qkv, heads);
        x = g.linear_onto(&name("out"), heads, x);
        let normed = g.layer_norm(&name("norm2"), x);
        let up = g.linear(&name("up"), normed, 4 * d, Activation::Gelu);
        x = g.linear_onto(&name("down"), up, x);
    }
    let mean = g.mean_over_seq("mean", x);
    g.head(mean, shape.size("classes"))
}
