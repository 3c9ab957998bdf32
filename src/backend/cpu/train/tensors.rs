//! What the layers of a step share: parameters, values, and their gradients.

use super::arena::Arena;
use crate::backend::cpu::Pool;
use crate::backend::cpu::aligned::Aligned;
use crate::backend::cpu::simd::Isa;
use crate::network::{Activation, Graph, Node, Parameter};

/// The tensors of a step, by the numbers that the graph gives to parameters and values.
pub struct Tensors<'a> {
    pub pool: &'a Pool,
    pub isa: Isa,
    pub graph: Graph,
    pub parameters: Arena,
    pub gradients: Arena,
    /// The optimiser's state: an arena, laid out as the parameters are, for each number that it keeps of a
    /// parameter.
    pub state: Vec<Arena>,
    /// By number of the value, the input among them.
    pub values: Vec<Aligned>,
    /// By number of the value; empty where another value's place holds the gradient, or none is needed.
    pub value_gradients: Vec<Aligned>,
    /// By number of the value: the derivative of GELU where GELU made it, else empty.
    pub slopes: Vec<Aligned>,
    pub labels: Vec<usize>,
    pub loss: f32,
}

impl<'a> Tensors<'a> {
    pub fn new(pool: &'a Pool, graph: Graph, isa: Isa) -> Tensors<'a> {
        let lengths = || graph.parameters.iter().map(Parameter::len);
        let gradient = |(number, value): (usize, &Node)| {
            let own = graph.needs_gradient(number) && graph.gradient_of(number) == number;
            Aligned::zeros(if own { value.len() } else { 0 })
        };
        let slopes = |value: &Node| {
            Aligned::zeros(if value.activation == Activation::Gelu { value.len() } else { 0 })
        };
        Tensors {
            pool,
            isa,
            parameters: Arena::new(lengths()),
            gradients: Arena::new(lengths()),
            state: (0..graph.optimizer.states()).map(|_| Arena::new(lengths())).collect(),
            values: graph.values.iter().map(|value| Aligned::zeros(value.len())).collect(),
            value_gradients: graph.values.iter().enumerate().map(gradient).collect(),
            slopes: graph.values.iter().map(slopes).collect(),
            labels: vec![0; graph.batch()],
            loss: f32::NAN,
            graph,
        }
    }

    /// The gradient of a value.
    pub fn gradient(&self, value: usize) -> &[f32] {
        &self.value_gradients[self.graph.gradient_of(value)]
    }

    /// The gradient of a value, taken out of its place to be used beside the others.
    pub fn take_gradient(&mut self, value: usize) -> Aligned {
        std::mem::take(&mut self.value_gradients[self.graph.gradient_of(value)])
    }

    /// The same, put back.
    pub fn put_gradient(&mut self, value: usize, gradient: Aligned) {
        self.value_gradients[self.graph.gradient_of(value)] = gradient;
    }
}
