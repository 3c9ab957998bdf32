//! The four networks.

use super::{Activation, Graph, Network, Optimizer};
use crate::terms::{Axis, Shape};

/// Linear layers with ReLU: `depth` times to `width`, then one to `classes`.
pub const MLP: Network = Network {
    name: "mlp",
    axes: &[
        Axis::up_to("batch", 1 << 16),
        Axis::up_to("inputs", 1 << 18),
        Axis::up_to("width", 1 << 18),
        Axis::up_to("depth", 1 << 10).or(3),
        Axis::up_to("classes", 1 << 16),
    ],
    graph: mlp,
};

fn mlp(shape: &Shape) -> Graph {
    let (batch, width) = (shape.size("batch"), shape.size("width"));
    let mut g = Graph::new(&[batch, shape.size("inputs")], Optimizer::SGD);
    let mut x = g.input();
    for k in 0..shape.get("depth") {
        x = g.linear(&format!("hidden{k}"), x, width, Activation::Relu);
    }
    g.head(x, shape.size("classes"))
}

/// 3 x 3 convolutions, channels 3 to c, c to c, c to 2 c, 2 c to 4 c; each is followed by batch norm and
/// ReLU, the last three then by max pooling that halves the image.
pub const CNN: Network = Network {
    name: "cnn",
    axes: &[
        Axis::up_to("batch", 1 << 14),
        Axis::up_to("image", 1 << 12).from(8),
        Axis::up_to("channels", 1 << 12),
        Axis::up_to("classes", 1 << 14),
    ],
    graph: cnn,
};

fn cnn(shape: &Shape) -> Graph {
    let (batch, image, c) = (shape.size("batch"), shape.size("image"), shape.size("channels"));
    let mut g = Graph::new(&[batch, 3, image, image], Optimizer::SGD);
    let mut x = g.input();
    for (k, channels) in [c, c, 2 * c, 4 * c].into_iter().enumerate() {
        x = g.conv(&format!("conv{k}"), x, channels);
        x = g.batch_norm_relu(&format!("norm{k}"), x, k > 0);
    }
    let x = g.flatten(x);
    g.head(x, shape.size("classes"))
}

/// One LSTM layer over a sequence; the last hidden state is classified.
pub const LSTM: Network = Network {
    name: "lstm",
    axes: &[
        Axis::up_to("batch", 1 << 14),
        Axis::up_to("seq", 1 << 14),
        Axis::up_to("hidden", 1 << 16),
        Axis::up_to("classes", 1 << 16),
    ],
    graph: lstm,
};

fn lstm(shape: &Shape) -> Graph {
    let input = [shape.size("seq"), shape.size("batch"), shape.size("hidden")];
    let mut g = Graph::new(&input, Optimizer::SGD);
    let x = g.input();
    let last = g.lstm("lstm", x);
    g.head(last, shape.size("classes"))
}

/// Pre-norm encoder blocks, each x += out(attention(norm1 x)), then x += down(gelu(up(norm2 x))); the mean
/// over the sequence is classified.
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
    graph: transformer,
};

fn transformer(shape: &Shape) -> Graph {
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
