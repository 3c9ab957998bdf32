//! A network at a shape: its values, its parameters and its layers in the order of the forward pass.

use super::layer::{Attention, BatchNorm, Conv3x3, Layer, LayerNorm, Linear, Lstm, Mean, NORM_EPS};
use super::optimizer::Optimizer;

/// How a parameter begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Init {
    /// Uniform, within 1 / sqrt(fan_in).
    Uniform {
        /// Inputs that a unit adds up.
        fan_in: usize,
    },
    /// Ones.
    Ones,
    /// Zeros.
    Zeros,
}

/// A trainable tensor. Its position in [`Graph::parameters`] numbers its random stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameter {
    /// Its name, such as `hidden0.weight`.
    pub name: String,
    /// Its sizes, row-major.
    pub dims: Vec<usize>,
    /// How it begins.
    pub init: Init,
}

#[expect(clippy::len_without_is_empty, reason = "a tensor has elements")]
impl Parameter {
    /// Elements.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }
}

/// What a linear layer ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    None,
    /// max(z, 0), with gradient 0 at 0.
    Relu,
    /// z Phi(z), Phi the normal distribution: the form with erf.
    Gelu,
}

/// Where the gradient of a value is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gradient {
    /// Nowhere: nobody needs it.
    None,
    /// In a tensor of its own.
    Own,
    /// In that of another value: of what it was added to. Whoever adds to that one's gradient later
    /// in the backward pass finds this one's in it.
    Of(usize),
}

/// A tensor between layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Its sizes, row-major.
    pub dims: Vec<usize>,
    /// Activation that made it. Its gradient is kept as that of before the activation: who computes
    /// it multiplies by the activation's derivative.
    pub activation: Activation,
    /// Where its gradient is kept.
    pub gradient: Gradient,
}

#[expect(clippy::len_without_is_empty, reason = "a tensor has elements")]
impl Node {
    /// Elements.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
    }

    /// The last size, and how many such rows there are.
    fn rows(&self) -> (usize, usize) {
        let width = self.dims.last().copied().unwrap_or(1);
        (self.len() / width.max(1), width)
    }
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Trainable tensors, in declaration order.
    pub parameters: Vec<Parameter>,
    /// Tensors between layers; the first is the mini-batch, the last the logits.
    pub values: Vec<Node>,
    /// In the order of the forward pass.
    pub layers: Vec<Layer>,
    /// What moves the parameters.
    pub optimizer: Optimizer,
}

impl Graph {
    /// Without layers, on mini-batches of these sizes.
    pub fn new(input: &[usize], optimizer: Optimizer) -> Graph {
        let input =
            Node { dims: input.to_vec(), activation: Activation::None, gradient: Gradient::None };
        Graph { parameters: Vec::new(), values: vec![input], layers: Vec::new(), optimizer }
    }

    /// The mini-batch.
    pub fn input(&self) -> usize {
        0
    }

    /// The logits: batch x classes.
    pub fn logits(&self) -> usize {
        self.values.len() - 1
    }

    /// Samples of a mini-batch.
    pub fn batch(&self) -> usize {
        self.values[self.logits()].dims[0]
    }

    /// Classes that the network tells apart.
    pub fn classes(&self) -> usize {
        self.values[self.logits()].dims[1]
    }

    /// Trainable numbers.
    pub fn parameter_count(&self) -> u64 {
        self.parameters.iter().map(|p| p.len() as u64).sum()
    }

    /// Floats that a step stores for its backward pass, the mini-batch included.
    pub fn stored_floats(&self) -> u64 {
        let input = self.values[0].len() as u64;
        input + self.layers.iter().map(Layer::stored_floats).sum::<u64>()
    }

    /// Length of the longest sum behind any number of a step.
    pub fn reduction(&self) -> u64 {
        self.layers.iter().map(Layer::reduction).max().unwrap_or(1)
    }

    /// Whether the backward pass computes the gradient of a value.
    pub fn needs_gradient(&self, value: usize) -> bool {
        self.values[value].gradient != Gradient::None
    }

    /// The value whose tensor holds the gradient of `value`.
    pub fn gradient_of(&self, value: usize) -> usize {
        match self.values[value].gradient {
            Gradient::Of(other) => self.gradient_of(other),
            Gradient::Own | Gradient::None => value,
        }
    }

    /// y = activation(x W^T + b), over the last size of x.
    pub fn linear(
        &mut self,
        name: &str,
        x: usize,
        outputs: usize,
        activation: Activation,
    ) -> usize {
        self.linear_layer(name, x, outputs, activation, None)
    }

    /// y = onto + x W^T + b, as wide as `onto`.
    pub fn linear_onto(&mut self, name: &str, x: usize, onto: usize) -> usize {
        let (_, outputs) = self.values[onto].rows();
        self.linear_layer(name, x, outputs, Activation::None, Some(onto))
    }

    fn linear_layer(
        &mut self,
        name: &str,
        x: usize,
        outputs: usize,
        activation: Activation,
        residual: Option<usize>,
    ) -> usize {
        let (rows, inputs) = self.values[x].rows();
        let init = Init::Uniform { fan_in: inputs };
        let weight = self.parameter(name, "weight", &[outputs, inputs], init);
        let bias = self.parameter(name, "bias", &[outputs], init);
        let mut dims = self.values[x].dims.clone();
        if let Some(last) = dims.last_mut() {
            *last = outputs;
        }
        let gradient = match residual {
            Some(onto) if self.needs_gradient(onto) => Gradient::Of(onto),
            _ => Gradient::Own,
        };
        if let Some(onto) = residual {
            // Its gradient has come in already when the layers between are gone through backwards.
            for layer in &mut self.layers {
                if let Layer::LayerNorm(norm) = layer {
                    norm.adds |= norm.x == onto;
                }
            }
        }
        let y = self.value(Node { dims, activation, gradient });
        let layer = Linear { x, y, weight, bias, rows, inputs, outputs, activation, residual };
        self.layers.push(Layer::Linear(layer));
        y
    }

    /// Cross-correlation with 3 x 3 filters, stride 1, a border of one zero, no bias.
    pub fn conv(&mut self, name: &str, x: usize, k: usize) -> usize {
        let [n, c, h, w] = self.dims(x);
        let init = Init::Uniform { fan_in: 9 * c };
        let weight = self.parameter(name, "weight", &[k, c, 3, 3], init);
        let y = self.own(&[n, k, h, w]);
        self.layers.push(Layer::Conv(Conv3x3 { x, y, weight, n, c, k, h, w }));
        y
    }

    /// Batch norm with the batch's own mean and biased variance, then ReLU, then, where `pool`, the
    /// largest of each square of 2 x 2.
    pub fn batch_norm_relu(&mut self, name: &str, x: usize, pool: bool) -> usize {
        let [n, c, h, w] = self.dims(x);
        let (weight, bias) = self.scale_and_shift(name, c);
        let y = self.own(&if pool { [n, c, h / 2, w / 2] } else { [n, c, h, w] });
        let layer = BatchNorm { x, y, weight, bias, n, c, h, w, pool, eps: NORM_EPS };
        self.layers.push(Layer::BatchNorm(layer));
        y
    }

    /// Every sample as one row.
    pub fn flatten(&mut self, x: usize) -> usize {
        let [n, c, h, w] = self.dims(x);
        self.values[x].dims = vec![n, c * h * w];
        x
    }

    /// The last hidden state of an LSTM over x (seq, batch, hidden), as wide as its input.
    pub fn lstm(&mut self, name: &str, x: usize) -> usize {
        let [seq, batch, hidden] = self.dims(x);
        let init = Init::Uniform { fan_in: hidden };
        let weight_ih = self.parameter(name, "weight_ih", &[4 * hidden, hidden], init);
        let weight_hh = self.parameter(name, "weight_hh", &[4 * hidden, hidden], init);
        let bias_ih = self.parameter(name, "bias_ih", &[4 * hidden], init);
        let bias_hh = self.parameter(name, "bias_hh", &[4 * hidden], init);
        let y = self.own(&[batch, hidden]);
        let layer = Lstm { x, y, weight_ih, weight_hh, bias_ih, bias_hh, seq, batch, hidden };
        self.layers.push(Layer::Lstm(layer));
        y
    }

    /// Layer norm over the last size, with biased variance.
    pub fn layer_norm(&mut self, name: &str, x: usize) -> usize {
        let (rows, width) = self.values[x].rows();
        let (weight, bias) = self.scale_and_shift(name, width);
        let y = self.own(&self.values[x].dims.clone());
        let layer = LayerNorm { x, y, weight, bias, rows, width, eps: NORM_EPS, adds: false };
        self.layers.push(Layer::LayerNorm(layer));
        y
    }

    /// Multi-head self-attention of x (batch, seq, 3 width), whose columns are q, then k, then v.
    pub fn attention(&mut self, x: usize, heads: usize) -> usize {
        let [batch, seq, columns] = self.dims(x);
        let width = columns / 3;
        let y = self.own(&[batch, seq, width]);
        self.layers.push(Layer::Attention(Attention { x, y, batch, seq, width, heads }));
        y
    }

    /// The mean of x (batch, seq, width) over seq.
    pub fn mean_over_seq(&mut self, x: usize) -> usize {
        let [batch, seq, width] = self.dims(x);
        let y = self.own(&[batch, width]);
        self.layers.push(Layer::Mean(Mean { x, y, batch, seq, width }));
        y
    }

    /// The last layer: linear to the classes. The network is complete.
    pub fn head(mut self, x: usize, classes: usize) -> Graph {
        self.linear("head", x, classes, Activation::None);
        self
    }

    fn parameter(&mut self, layer: &str, what: &str, dims: &[usize], init: Init) -> usize {
        let name = format!("{layer}.{what}");
        self.parameters.push(Parameter { name, dims: dims.to_vec(), init });
        self.parameters.len() - 1
    }

    /// The parameters of a norm: weight and bias.
    fn scale_and_shift(&mut self, name: &str, width: usize) -> (usize, usize) {
        let weight = self.parameter(name, "weight", &[width], Init::Ones);
        (weight, self.parameter(name, "bias", &[width], Init::Zeros))
    }

    fn own(&mut self, dims: &[usize]) -> usize {
        let (activation, gradient) = (Activation::None, Gradient::Own);
        self.value(Node { dims: dims.to_vec(), activation, gradient })
    }

    fn value(&mut self, node: Node) -> usize {
        self.values.push(node);
        self.values.len() - 1
    }

    /// The sizes of a value that has so many.
    fn dims<const N: usize>(&self, x: usize) -> [usize; N] {
        self.values[x].dims.as_slice().try_into().expect("layers are put onto values of their kind")
    }
}
