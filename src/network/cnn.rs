//! `cnn`: 3 x 3 convolutions with batch norm, ReLU and max pooling.

use super::{Graph, Network, Optimizer};
use crate::terms::{Axis, Shape};

/// See the module.
pub const CNN: Network = Network {
    name: "cnn",
    axes: &[
        Axis::up_to("batch", 1 << 14),
        Axis::up_to("image", 1 << 12).from(8),
        Axis::up_to("channels", 1 << 12),
        Axis::up_to("classes", 1 << 14),
    ],
    graph,
};

/// Channels 3 to c, c to c, c to 2 c, 2 c to 4 c; each convolution is followed by batch norm and
/// ReLU, the last three then by pooling that halves the image.
fn graph(shape: &Shape) -> Graph {
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
