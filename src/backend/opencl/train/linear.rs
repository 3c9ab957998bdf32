//! Linear layers: three products, the one to the weights with the bias gradient's sums.

use super::super::buffer::Buffer;
use super::plan::{Passes, Planner};
use super::product::{Finish, Operand, Product};
use crate::error::Result;
use crate::network::{Activation, Layer, Linear};

impl<'p> Planner<'p> {
    pub fn linear(&mut self, l: &Linear, saved: &[Buffer]) -> Result<Passes> {
        let (memory, graph) = (self.memory, self.graph);
        let parameter = |number: usize| &memory.parameters.parts[number].mem;
        let gradient = |number: usize| &memory.gradients.parts[number].mem;
        let (x, y) = (&memory.values[l.x].mem, &memory.values[l.y].mem);
        let (rows, inputs, outputs) = (l.rows, l.inputs, l.outputs);
        let weight = Operand::rows(parameter(l.weight), inputs);
        let x = Operand::rows(x, inputs);
        let finish = Finish {
            bias: Some(parameter(l.bias)),
            relu: l.activation == Activation::Relu,
            gelu: saved.first().map(|slopes| &slopes.mem),
            plus: l.residual.map(|onto| &memory.values[onto].mem),
            ..Finish::default()
        };
        let forward = Product::new([rows, outputs, inputs], x, weight, Operand::rows(y, outputs))
            .b_transposed()
            .finish(finish);
        let forward = vec![self.product(&forward)?];

        let dz = &memory.gradient(graph, l.y)?.mem;
        let rows_of_dz = Operand::rows(dz, outputs);
        let dw = Operand::rows(gradient(l.weight), inputs);
        let dw = Product::new([outputs, inputs, rows], rows_of_dz, x, dw).a_transposed();
        let db = gradient(l.bias);
        let mut backward = self.product_with_sums(&dw, [db, db])?;
        if graph.needs_gradient(l.x) {
            let dx = Operand::rows(&memory.gradient(graph, l.x)?.mem, inputs);
            let dx = Product::new([rows, inputs, outputs], rows_of_dz, weight, dx);
            let dx = dx.finish(self.slope_of(l.x));
            backward.push(self.product(&dx)?);
        }
        Ok([forward, backward])
    }

    /// The derivative of the activation that made a value.
    fn slope_of(&self, value: usize) -> Finish<'p> {
        let memory = self.memory;
        let made = |layer: &Layer| matches!(layer, Layer::Linear(maker) if maker.y == value);
        let maker = self.graph.layers.iter().position(made);
        match self.graph.values[value].activation {
            Activation::None => Finish::default(),
            Activation::Relu => {
                Finish { mask: Some(&memory.values[value].mem), ..Finish::default() }
            }
            Activation::Gelu => {
                let slopes = maker.and_then(|maker| memory.saved[maker].first());
                Finish { times: slopes.map(|slopes| &slopes.mem), ..Finish::default() }
            }
        }
    }
}
