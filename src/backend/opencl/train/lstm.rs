//! The LSTM: one product for the inputs of all steps of time, then step by step; the gradients of the
//! weights as single products after the way back.

use super::super::buffer::Buffer;
use super::Kind;
use super::launches::Value;
use super::plan::{Passes, Planner};
use super::product::{Finish, Operand, Product};
use crate::error::Result;
use crate::network::Lstm;

/// Gates, which become their gradients; cells; hidden states; gradients of h and of the cell.
pub fn saved(l: &Lstm, _kind: Kind) -> Vec<usize> {
    let step = l.batch * l.hidden;
    vec![4 * l.seq * step, l.seq * step, l.seq * step, step, step]
}

impl Planner<'_> {
    pub fn lstm(&mut self, l: &Lstm, saved: &[Buffer]) -> Result<Passes> {
        Ok([self.lstm_forward(l, saved)?, self.lstm_backward(l, saved)?])
    }

    fn lstm_forward(
        &mut self,
        l: &Lstm,
        saved: &[Buffer],
    ) -> Result<Vec<super::launches::Prepared>> {
        let memory = self.memory;
        let Lstm { seq, batch, hidden, .. } = *l;
        let step = batch * hidden;
        let parameter = |number: usize| &memory.parameters.parts[number].mem;
        let [gates, cells, hiddens] = [0, 1, 2].map(|number| &saved[number].mem);
        let (x, y) = (&memory.values[l.x].mem, &memory.values[l.y].mem);
        let z = Operand::rows(gates, 4 * hidden);
        let biases = Finish {
            bias: Some(parameter(l.bias_ih)),
            more: Some(parameter(l.bias_hh)),
            ..Finish::default()
        };
        let weight = Operand::rows(parameter(l.weight_ih), hidden);
        let sizes = [seq * batch, 4 * hidden, hidden];
        let inputs = Product::new(sizes, Operand::rows(x, hidden), weight, z);
        let mut launches = vec![self.product(&inputs.b_transposed().finish(biases))?];
        let weight = Operand::rows(parameter(l.weight_hh), hidden);
        for t in 0..seq {
            if t > 0 {
                let last = Operand::rows(hiddens, hidden).from((t - 1) * step);
                let here = z.from(4 * t * step);
                let product = Product::new([batch, 4 * hidden, hidden], last, weight, here);
                let adds = Finish { adds: true, ..Finish::default() };
                launches.push(self.product(&product.b_transposed().finish(adds))?);
            }
            let values: [Value<'_>; 10] = [
                batch.into(),
                hidden.into(),
                (4 * t * step).into(),
                (t * step).into(),
                (t == 0).into(),
                (t + 1 == seq).into(),
                gates.into(),
                cells.into(),
                hiddens.into(),
                y.into(),
            ];
            launches.push(self.lstm_elements("lstm_forward", (batch, hidden), &values)?);
        }
        Ok(launches)
    }

    fn lstm_backward(
        &mut self,
        l: &Lstm,
        saved: &[Buffer],
    ) -> Result<Vec<super::launches::Prepared>> {
        let (memory, graph) = (self.memory, self.graph);
        let Lstm { seq, batch, hidden, .. } = *l;
        let step = batch * hidden;
        let parameter = |number: usize| &memory.parameters.parts[number].mem;
        let gradient = |number: usize| &memory.gradients.parts[number].mem;
        let [gates, cells, hiddens, dh, dc] = [0, 1, 2, 3, 4].map(|number| &saved[number].mem);
        let dy = &memory.gradient(graph, l.y)?.mem;
        let z = Operand::rows(gates, 4 * hidden);
        let weight = Operand::rows(parameter(l.weight_hh), hidden);
        let mut launches = Vec::new();
        for t in (0..seq).rev() {
            let is_last = t + 1 == seq;
            let values: [Value<'_>; 10] = [
                batch.into(),
                hidden.into(),
                (4 * t * step).into(),
                (t * step).into(),
                (t == 0).into(),
                is_last.into(),
                gates.into(),
                cells.into(),
                if is_last { dy } else { dh }.into(),
                dc.into(),
            ];
            launches.push(self.lstm_elements("lstm_backward", (batch, hidden), &values)?);
            if t > 0 {
                let (here, before) = (z.from(4 * t * step), Operand::rows(dh, hidden));
                let product = Product::new([batch, hidden, 4 * hidden], here, weight, before);
                launches.push(self.product(&product)?);
            }
        }
        let x = Operand::rows(&memory.values[l.x].mem, hidden);
        let dw = Operand::rows(gradient(l.weight_ih), hidden);
        let product = Product::new([4 * hidden, hidden, seq * batch], z, x, dw);
        launches.push(self.product(&product.a_transposed())?);
        let dw = gradient(l.weight_hh);
        if seq > 1 {
            let (later, before) = (z.from(4 * step), Operand::rows(hiddens, hidden));
            let sizes = [4 * hidden, hidden, (seq - 1) * batch];
            let product = Product::new(sizes, later, before, Operand::rows(dw, hidden));
            launches.push(self.product(&product.a_transposed())?);
        } else {
            // A sum of nothing.
            launches.push(self.column_sums(
                [1, 0, 4 * step / batch * hidden],
                1.0,
                gates,
                [dw, dw],
            )?);
        }
        let biases = [gradient(l.bias_ih), gradient(l.bias_hh)];
        launches.push(self.column_sums([1, seq * batch, 4 * hidden], 1.0, gates, biases)?);
        if graph.needs_gradient(l.x) {
            let dx = Operand::rows(&memory.gradient(graph, l.x)?.mem, hidden);
            let weight = Operand::rows(parameter(l.weight_ih), hidden);
            let sizes = [seq * batch, hidden, 4 * hidden];
            launches.push(self.product(&Product::new(sizes, z, weight, dx))?);
        }
        Ok(launches)
    }
}
