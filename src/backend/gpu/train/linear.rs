//! Linear layers: three products, the one to the weights with the bias gradient's sums.

use super::planner::{Passes, Planner};
use super::product::{Finish, Operand, Product};
use super::slots::Slot;
use crate::network::{Activation, Layer, Linear};

impl Planner<'_> {
    pub fn linear(&mut self, l: &Linear, layer: usize) -> Passes {
        let graph = self.graph;
        let parameter = Slot::Parameter;
        let gradient = Slot::ParameterGradient;
        let (x, y) = (Slot::Value(l.x), Slot::Value(l.y));
        let (rows, inputs, outputs) = (l.rows, l.inputs, l.outputs);
        let weight = Operand::rows(parameter(l.weight), inputs);
        let x = Operand::rows(x, inputs);
        let finish = Finish {
            bias: Some(parameter(l.bias)),
            relu: l.activation == Activation::Relu,
            gelu: (l.activation == Activation::Gelu).then_some(Slot::Saved(layer, 0)),
            plus: l.residual.map(Slot::Value),
            ..Finish::default()
        };
        let forward = Product::new([rows, outputs, inputs], x, weight, Operand::rows(y, outputs))
            .b_transposed()
            .finish(finish);
        let forward = vec![self.product(&forward)];

        let dz = self.gradient(l.y);
        let rows_of_dz = Operand::rows(dz, outputs);
        let dw = Operand::rows(gradient(l.weight), inputs);
        let dw = Product::new([outputs, inputs, rows], rows_of_dz, x, dw).a_transposed();
        let db = gradient(l.bias);
        let mut backward = self.product_with_sums(&dw, [db, db]);
        if graph.needs_gradient(l.x) {
            let dx = Operand::rows(self.gradient(l.x), inputs);
            let dx = Product::new([rows, inputs, outputs], rows_of_dz, weight, dx);
            let dx = dx.finish(self.slope_of(l.x));
            backward.push(self.product(&dx));
        }
        [forward, backward]
    }

    /// The derivative of the activation that made a value.
    fn slope_of(&self, value: usize) -> Finish {
        let made = |layer: &Layer| matches!(layer, Layer::Linear(maker) if maker.y == value);
        let maker = self.graph.layers.iter().position(made);
        match self.graph.values[value].activation {
            Activation::None => Finish::default(),
            Activation::Relu => Finish { mask: Some(Slot::Value(value)), ..Finish::default() },
            Activation::Gelu => {
                Finish { times: maker.map(|maker| Slot::Saved(maker, 0)), ..Finish::default() }
            }
        }
    }
}
