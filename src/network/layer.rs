//! The layers, with their sizes and their work. All tensors are dense and row-major.
//!
//! `x` and `y` are values, `weight` and `bias` parameters, by their numbers in the graph. d marks a
//! gradient: of the loss, with respect to what follows it.

use super::graph::{Activation, Graph};
use crate::terms::Conv;

/// What keeps the root of a variance from zero.
pub const NORM_EPS: f64 = 1e-5;

/// y (rows, outputs) = activation(x (rows, inputs) W^T + b) + residual, W (outputs, inputs).
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Linear {
    pub x: usize,
    pub y: usize,
    pub weight: usize,
    pub bias: usize,
    pub rows: usize,
    pub inputs: usize,
    pub outputs: usize,
    pub activation: Activation,
    /// A value that is added.
    pub residual: Option<usize>,
}

/// y (n, k, h, w): x (n, c, h, w) under filters (k, c, 3, 3), stride 1, padding 1.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Conv3x3 {
    pub x: usize,
    pub y: usize,
    pub weight: usize,
    pub n: usize,
    pub c: usize,
    pub k: usize,
    pub h: usize,
    pub w: usize,
}

impl Conv3x3 {
    /// As a convolution of any kind.
    pub fn sizes(&self) -> Conv {
        let Conv3x3 { n, c, k, h, w, .. } = *self;
        let (stride, pad, dilation) = ([1, 1], [1, 1], [1, 1]);
        Conv { n, c, h, w, k, r: 3, s: 3, stride, pad, dilation, groups: 1 }
    }
}

/// y = pool(relu(weight (x - mean) / sqrt(variance + eps) + bias)), mean and biased variance of each
/// channel over batch, height and width. Pooling takes the largest of each square of 2 x 2 (the first
/// in row-major order, where several are) and leaves out an odd last row or column.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct BatchNorm {
    pub x: usize,
    pub y: usize,
    pub weight: usize,
    pub bias: usize,
    pub n: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
    pub pool: bool,
    pub eps: f64,
}

/// y (batch, hidden): the last h over x (seq, batch, hidden). Gates i f g o of
/// x weight_ih^T + bias_ih + h weight_hh^T + bias_hh, weights (4 hidden, hidden); sigmoid, but tanh for g;
/// c = f c + i g, h = o tanh(c), from zero.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Lstm {
    pub x: usize,
    pub y: usize,
    pub weight_ih: usize,
    pub weight_hh: usize,
    pub bias_ih: usize,
    pub bias_hh: usize,
    pub seq: usize,
    pub batch: usize,
    pub hidden: usize,
}

/// y (rows, width) = weight (x - mean) / sqrt(variance + eps) + bias, mean and biased variance of each row.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct LayerNorm {
    pub x: usize,
    pub y: usize,
    pub weight: usize,
    pub bias: usize,
    pub rows: usize,
    pub width: usize,
    pub eps: f64,
    /// Whether the tensor for dx already holds a part of it, to which this layer's is added.
    pub adds: bool,
}

/// y (batch, seq, width): softmax over keys of q k^T / sqrt(width / heads), times v, for every head;
/// x (batch, seq, 3 width) holds the columns of q, then k, then v, a head's next to each other in each.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Attention {
    pub x: usize,
    pub y: usize,
    pub batch: usize,
    pub seq: usize,
    pub width: usize,
    pub heads: usize,
}

/// y (batch, width): the mean of x (batch, seq, width) over seq.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Mean {
    pub x: usize,
    pub y: usize,
    pub batch: usize,
    pub seq: usize,
    pub width: usize,
}

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Layer {
    Linear(Linear),
    Conv(Conv3x3),
    BatchNorm(BatchNorm),
    Lstm(Lstm),
    LayerNorm(LayerNorm),
    Attention(Attention),
    Mean(Mean),
}

/// A pass through a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From x to y.
    Forward,
    /// From dy to dx, where it is needed, and to the parameters' gradients.
    Backward,
}

impl Layer {
    /// What it is called in a breakdown.
    pub fn name(&self) -> &'static str {
        match self {
            Layer::Linear(_) => "linear",
            Layer::Conv(_) => "conv",
            Layer::BatchNorm(BatchNorm { pool: true, .. }) => "batch-norm-relu-pool",
            Layer::BatchNorm(_) => "batch-norm-relu",
            Layer::Lstm(_) => "lstm",
            Layer::LayerNorm(_) => "layer-norm",
            Layer::Attention(_) => "attention",
            Layer::Mean(_) => "mean",
        }
    }

    /// The value it reads.
    pub fn x(&self) -> usize {
        match self {
            Layer::Linear(l) => l.x,
            Layer::Conv(l) => l.x,
            Layer::BatchNorm(l) => l.x,
            Layer::Lstm(l) => l.x,
            Layer::LayerNorm(l) => l.x,
            Layer::Attention(l) => l.x,
            Layer::Mean(l) => l.x,
        }
    }

    /// FLOP of the products of one pass: what nominal counts count.
    pub fn flop(&self, graph: &Graph, direction: Direction) -> u64 {
        let product = |m: usize, n: usize, k: usize| {
            (2 * m as u64).saturating_mul(n as u64).saturating_mul(k as u64)
        };
        let needs_dx = graph.needs_gradient(self.x());
        let (forward, dx, weights) = match *self {
            Layer::Linear(l) => {
                let flop = product(l.rows, l.inputs, l.outputs);
                (flop, flop, flop)
            }
            Layer::Conv(l) => {
                let flop = product(l.n * l.h * l.w, 9 * l.c, l.k);
                (flop, flop, flop)
            }
            Layer::Lstm(l) => {
                let flop = product(l.seq * l.batch, l.hidden, 4 * l.hidden);
                // Of the recurrent product there is always a gradient: to the step before.
                let dx = if needs_dx { flop } else { 0 };
                let forward = flop.saturating_mul(2);
                return match direction {
                    Direction::Forward => forward,
                    Direction::Backward => flop.saturating_mul(3).saturating_add(dx),
                };
            }
            Layer::Attention(l) => {
                let flop = product(l.batch * l.seq, l.seq, 2 * l.width);
                (flop, flop.saturating_mul(2), 0)
            }
            Layer::BatchNorm(_) | Layer::LayerNorm(_) | Layer::Mean(_) => (0, 0, 0),
        };
        match direction {
            Direction::Forward => forward,
            Direction::Backward if needs_dx => dx.saturating_add(weights),
            Direction::Backward => weights,
        }
    }

    /// Floats that it leaves for the backward pass and for the layers behind it.
    pub fn stored_floats(&self) -> u64 {
        let floats = match *self {
            Layer::Linear(l) => l.rows * l.outputs,
            Layer::Conv(l) => l.n * l.k * l.h * l.w,
            Layer::BatchNorm(l) => {
                let pooled = if l.pool { l.n * l.c * (l.h / 2) * (l.w / 2) } else { 0 };
                l.n * l.c * l.h * l.w + pooled
            }
            // Four gates, the cell and h.
            Layer::Lstm(l) => 6 * l.seq * l.batch * l.hidden,
            Layer::LayerNorm(l) => l.rows * l.width,
            Layer::Attention(l) => l.batch * l.seq * l.width + l.batch * l.heads * l.seq * l.seq,
            Layer::Mean(l) => l.batch * l.width,
        };
        floats as u64
    }

    /// Length of its longest sum, in either pass.
    pub fn reduction(&self) -> u64 {
        let longest = match *self {
            Layer::Linear(l) => l.inputs.max(l.outputs).max(l.rows),
            Layer::Conv(l) => (9 * l.c).max(9 * l.k).max(l.n * l.h * l.w),
            Layer::BatchNorm(l) => l.n * l.h * l.w,
            Layer::Lstm(l) => (4 * l.hidden).max(l.seq * l.batch),
            Layer::LayerNorm(l) => l.width.max(l.rows),
            Layer::Attention(l) => l.seq.max(l.width / l.heads),
            Layer::Mean(l) => l.seq,
        };
        longest as u64
    }
}
