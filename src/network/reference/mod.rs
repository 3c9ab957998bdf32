//! The networks in f64: what every device's step is held against. Plain code, one file a kind of layer;
//! only the products go through a crate.

mod attention;
mod conv;
mod linear;
mod lstm;
mod matrix;
mod norm;
#[cfg(test)]
mod tests;

use super::data;
use super::graph::Graph;
use super::layer::{Layer, Mean};
use super::ops::{self, Operation, Ops};
use super::trajectory::Trainer;
use crate::error::Result;

/// A mistake that can be planted, to show that it is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// GELU by its approximation with tanh.
    TanhGelu,
    /// Variances over n - 1 elements.
    UnbiasedVariance,
    /// Every gradient twice as large, after it was computed.
    DoubledGradients,
    /// Labels one class further.
    ShiftedLabels,
    /// The first two columns of a head in each other's place.
    SwappedColumns,
}

/// How many numbers of a layer lie so close to where its gradient jumps that rounding decides on which
/// side they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Corners {
    /// Numbers next to a corner of ReLU, and squares whose two largest are next to each other.
    pub near: u64,
    /// Numbers whose gradient passes.
    pub active: u64,
}

/// Next to a corner: within this share of the layer's standard deviation.
const CORNER: f64 = 1.0 / (1 << 20) as f64;

/// What a layer keeps for its backward pass.
#[derive(Clone, Debug, Default)]
struct Saved {
    /// The derivative of GELU; gates of an LSTM; probabilities of attention.
    first: Vec<f64>,
    /// Cells of an LSTM; means of norms.
    second: Vec<f64>,
    /// Hidden states of an LSTM; 1 / sqrt(variance + eps) of norms.
    third: Vec<f64>,
    corners: Corners,
}

/// See the module.
#[derive(Clone, Debug)]
pub struct Reference {
    /// The network.
    pub graph: Graph,
    /// Parameters in declaration order.
    pub parameters: Vec<Vec<f64>>,
    /// Their gradients of the last step.
    pub gradients: Vec<Vec<f64>>,
    /// Loss of the last step, of before its update.
    pub loss: f64,
    /// What it is relative to: the loss of a sample is a difference, and the sizes of both of its terms
    /// count.
    pub loss_magnitude: f64,
    /// What is planted.
    pub fault: Option<Fault>,
    /// The optimiser's numbers, side by side for each parameter.
    state: Vec<Vec<f64>>,
    values: Vec<Vec<f64>>,
    value_gradients: Vec<Vec<f64>>,
    saved: Vec<Saved>,
    labels: Vec<usize>,
    steps: u64,
}

impl Reference {
    /// From these parameters, in declaration order.
    pub fn new(graph: Graph, parameters: &[Vec<f32>]) -> Reference {
        let wide = |values: &Vec<f32>| values.iter().map(|v| f64::from(*v)).collect::<Vec<f64>>();
        let parameters: Vec<Vec<f64>> = parameters.iter().map(wide).collect();
        let zeros = |len: usize| vec![0.0; len];
        let states = graph.optimizer.states();
        Reference {
            gradients: parameters.iter().map(|p| zeros(p.len())).collect(),
            state: parameters.iter().map(|p| zeros(states * p.len())).collect(),
            values: graph.values.iter().map(|v| zeros(v.len())).collect(),
            value_gradients: graph.values.iter().map(|v| zeros(v.len())).collect(),
            saved: vec![Saved::default(); graph.layers.len()],
            labels: vec![0; graph.batch()],
            loss: f64::NAN,
            loss_magnitude: f64::NAN,
            fault: None,
            steps: 0,
            parameters,
            graph,
        }
    }

    /// From the initial parameters of a seed.
    pub fn seeded(graph: Graph, seed: u64) -> Reference {
        let parameters = data::initial(&graph, seed);
        Reference::new(graph, &parameters)
    }

    /// Corners of the last step, over the layers that have any: how many numbers lie next to one, and
    /// the active numbers of the smallest such layer.
    pub fn corners(&self) -> Corners {
        let with = self.saved.iter().map(|saved| saved.corners).filter(|c| c.near > 0);
        with.fold(Corners::default(), |all, one| Corners {
            near: all.near + one.near,
            active: if all.near == 0 { one.active } else { all.active.min(one.active) },
        })
    }

    /// A step up to its update: loss and gradients of the parameters as they are.
    pub fn differentiate(&mut self) -> Result<()> {
        let graph = self.graph.clone();
        let mut operations = Operation::all(&graph).filter(|o| *o != Operation::Update);
        operations.try_for_each(|operation| operation.run(self, self.steps + 1))
    }

    /// Bytes that a reference holds.
    pub fn footprint_bytes(graph: &Graph) -> u64 {
        let values: usize = graph.values.iter().map(super::Node::len).sum();
        let states = 2 + graph.optimizer.states() as u64;
        8 * (2 * values as u64 + graph.stored_floats() + states * graph.parameter_count())
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    /// Elements over which a variance of `n` is taken.
    fn divisor(&self, n: usize) -> f64 {
        (if self.has(Fault::UnbiasedVariance) { n - 1 } else { n }) as f64
    }

    fn mean_forward(&mut self, l: &Mean) {
        let (before, after) = self.values.split_at_mut(l.y);
        let (x, y) = (&before[l.x], &mut after[0]);
        for (x, y) in x.chunks_exact(l.seq * l.width).zip(y.chunks_exact_mut(l.width)) {
            y.fill(0.0);
            for row in x.chunks_exact(l.width) {
                y.iter_mut().zip(row).for_each(|(y, x)| *y += x / l.seq as f64);
            }
        }
    }

    fn mean_backward(&mut self, l: &Mean) {
        let dy = self.take_gradient(l.y);
        let dx = &mut self.value_gradients[self.graph.gradient_of(l.x)];
        for (dx, dy) in dx.chunks_exact_mut(l.seq * l.width).zip(dy.chunks_exact(l.width)) {
            for row in dx.chunks_exact_mut(l.width) {
                row.iter_mut().zip(dy).for_each(|(dx, dy)| *dx = dy / l.seq as f64);
            }
        }
        self.put_gradient(l.y, dy);
    }

    /// The gradient of a value, taken out of its place: it is needed beside others.
    fn take_gradient(&mut self, value: usize) -> Vec<f64> {
        std::mem::take(&mut self.value_gradients[self.graph.gradient_of(value)])
    }

    fn put_gradient(&mut self, value: usize, gradient: Vec<f64>) {
        self.value_gradients[self.graph.gradient_of(value)] = gradient;
    }
}

impl Ops for Reference {
    fn forward(&mut self, layer: usize) -> Result<()> {
        match self.graph.layers[layer] {
            Layer::Linear(l) => self.linear_forward(layer, &l),
            Layer::Conv(l) => self.conv_forward(&l),
            Layer::BatchNorm(l) => self.batch_norm_forward(layer, &l),
            Layer::Lstm(l) => self.lstm_forward(layer, &l),
            Layer::LayerNorm(l) => self.layer_norm_forward(layer, &l),
            Layer::Attention(l) => self.attention_forward(layer, &l),
            Layer::Mean(l) => self.mean_forward(&l),
        }
        Ok(())
    }

    fn loss(&mut self) -> Result<()> {
        let (logits, classes) = (self.graph.logits(), self.graph.classes());
        let shift = usize::from(self.has(Fault::ShiftedLabels));
        let batch = self.labels.len() as f64;
        let rows = self.values[logits].chunks_exact(classes);
        let gradients = self.value_gradients[logits].chunks_exact_mut(classes);
        (self.loss, self.loss_magnitude) = (0.0, 0.0);
        for ((z, dz), label) in rows.zip(gradients).zip(&self.labels) {
            let label = (label + shift) % classes;
            let most = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = z.iter().map(|z| (z - most).exp()).sum();
            let all = most + sum.ln();
            self.loss += (all - z[label]) / batch;
            self.loss_magnitude += (all.abs() + z[label].abs()) / batch;
            dz.iter_mut().zip(z).for_each(|(dz, z)| *dz = (z - most).exp() / sum / batch);
            dz[label] -= 1.0 / batch;
        }
        Ok(())
    }

    fn backward(&mut self, layer: usize) -> Result<()> {
        match self.graph.layers[layer] {
            Layer::Linear(l) => self.linear_backward(&l),
            Layer::Conv(l) => self.conv_backward(&l),
            Layer::BatchNorm(l) => self.batch_norm_backward(layer, &l),
            Layer::Lstm(l) => self.lstm_backward(layer, &l),
            Layer::LayerNorm(l) => self.layer_norm_backward(layer, &l),
            Layer::Attention(l) => self.attention_backward(layer, &l),
            Layer::Mean(l) => self.mean_backward(&l),
        }
        Ok(())
    }

    fn update(&mut self, step: u64) -> Result<()> {
        if self.has(Fault::DoubledGradients) {
            self.gradients.iter_mut().flatten().for_each(|g| *g *= 2.0);
        }
        let optimizer = self.graph.optimizer;
        let (states, step) = (optimizer.states(), optimizer.step(step));
        let all = self.parameters.iter_mut().zip(&self.gradients).zip(&mut self.state);
        for ((w, g), state) in all {
            for ((w, g), state) in w.iter_mut().zip(g).zip(state.chunks_exact_mut(states)) {
                step.update(*g, w, state);
            }
        }
        Ok(())
    }
}

impl Trainer for Reference {
    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()> {
        let input = &mut self.values[self.graph.input()];
        input.iter_mut().zip(batch).for_each(|(to, from)| *to = f64::from(*from));
        self.labels = labels.iter().map(|label| *label as usize).collect();
        Ok(())
    }

    fn step(&mut self) -> Result<()> {
        self.steps += 1;
        let (graph, number) = (self.graph.clone(), self.steps);
        ops::step(self, &graph, number)
    }

    fn loss(&mut self) -> Result<f64> {
        Ok(self.loss)
    }

    fn gradients(&mut self) -> Result<Vec<Vec<f64>>> {
        Ok(self.gradients.clone())
    }

    fn parameters(&mut self) -> Result<Vec<Vec<f64>>> {
        Ok(self.parameters.clone())
    }
}
