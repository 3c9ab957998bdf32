//! `transformer`: pre-norm encoder blocks; the mean over the sequence is classified.

use super::{Activation, Graph, Network, Optimizer};
use crate::terms::{Axis, Shape};

/// See the module.
pub const TRANSFORMER: Network = Network {
    name: "transformer",
    axes: &[
        Axis::up_to("batch", 1 << 14),
        Axis::up_to("seq", 1 << 14),
        Axis::up_to("d_model", 1 << 14).in_steps_of(64),
        Axis::up_to("heads", 1 << 8).or(1),
        Axis::up_to("layers", 1 << 8).or(2),
        Axis::up_to("classes", 1 << 16),
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
        let heads = g.attention(qkv, heads);
        x = g.linear_onto(&name("out"), heads, x);
        let normed = g.layer_norm(&name("norm2"), x);
        let up = g.linear(&name("up"), normed, 4 * d, Activation::Gelu);
        x = g.linear_onto(&name("down"), up, x);
    }
    let mean = g.mean_over_seq(x);
    g.head(mean, shape.size("classes"))
}
