//! The LSTM: one product for the inputs of all steps of time, then step by step; the gradients of the
//! weights as single products after the way back. On CPU devices a step is one launch, from weights that
//! are packed once.

use super::Kind;
use super::planner::{Passes, Planner};
use super::product::{Finish, Operand, Product};
use super::slots::{Call, Slot, Value};
use crate::network::Lstm;

/// Units of a panel of packed weights, forward and backward.
const PANELS: [usize; 2] = [16, 64];

/// Gates, which become their gradients; cells; hidden states; the gradient of the cell. Then packed
/// weights, or the gradient of h.
pub fn saved(l: &Lstm, kind: Kind) -> Vec<usize> {
    let step = l.batch * l.hidden;
    let mut floats = vec![4 * l.seq * step, l.seq * step, l.seq * step, step];
    match kind {
        Kind::Packed => {
            floats.extend(PANELS.map(|units| 4 * l.hidden * l.hidden.next_multiple_of(units)));
        }
        Kind::Local | Kind::Register | Kind::Naive => floats.push(step),
    }
    floats
}

/// A step of time, in the order of the kernels' arguments.
fn step_values(l: &Lstm, t: usize) -> [Value; 6] {
    let step = l.batch * l.hidden;
    let (gates, at) = (4 * t * step, t * step);
    let flags = [t == 0, t + 1 == l.seq].map(Value::from);
    [l.batch.into(), l.hidden.into(), gates.into(), at.into(), flags[0], flags[1]]
}

impl Planner<'_> {
    pub fn lstm(&mut self, l: &Lstm, layer: usize) -> Passes {
        [self.lstm_forward(l, layer), self.lstm_backward(l, layer)]
    }

    fn lstm_forward(&mut self, l: &Lstm, layer: usize) -> Vec<Call> {
        let saved = |number| Slot::Saved(layer, number);
        let Lstm { seq, batch, hidden, .. } = *l;
        let parameter = Slot::Parameter;
        let z = Operand::rows(saved(0), 4 * hidden);
        let biases = Finish {
            bias: Some(parameter(l.bias_ih)),
            more: Some(parameter(l.bias_hh)),
            ..Finish::default()
        };
        let x = Operand::rows(Slot::Value(l.x), hidden);
        let weight = Operand::rows(parameter(l.weight_ih), hidden);
        let inputs = Product::new([seq * batch, 4 * hidden, hidden], x, weight, z);
        let mut launches = vec![self.product(&inputs.b_transposed().finish(biases))];
        if self.kind == Kind::Packed {
            let weight = parameter(l.weight_hh).into();
            let values = [hidden.into(), weight, saved(4).into()];
            launches.push(self.lstm_packed("pack_forward", [hidden, PANELS[0], 4], &values));
        }
        for t in 0..seq {
            launches.extend(self.lstm_forward_at(l, layer, t));
        }
        launches
    }

    fn lstm_forward_at(&mut self, l: &Lstm, layer: usize, t: usize) -> Vec<Call> {
        let saved = |number| Slot::Saved(layer, number);
        let Lstm { batch, hidden, .. } = *l;
        let step = batch * hidden;
        let tensors = [0, 1, 2].map(|number| Value::Slot(saved(number)));
        let y = Value::Slot(Slot::Value(l.y));
        if self.kind == Kind::Packed {
            let packed = [saved(4).into()];
            let values = [&step_values(l, t)[..], &packed, &tensors, &[y]].concat();
            let rows = self.row_shares(hidden.div_ceil(PANELS[0]), batch);
            return vec![self.lstm_packed("lstm_forward", [hidden, PANELS[0], rows], &values)];
        }
        let mut launches = Vec::new();
        if t > 0 {
            let last = Operand::rows(saved(2), hidden).from((t - 1) * step);
            let here = Operand::rows(saved(0), 4 * hidden).from(4 * t * step);
            let weight = Operand::rows(Slot::Parameter(l.weight_hh), hidden);
            let product = Product::new([batch, 4 * hidden, hidden], last, weight, here);
            let adds = Finish { adds: true, ..Finish::default() };
            launches.push(self.product(&product.b_transposed().finish(adds)));
        }
        let values = [&step_values(l, t)[..], &tensors, &[y]].concat();
        launches.push(self.lstm_elements("lstm_forward", (batch, hidden), &values));
        launches
    }

    fn lstm_backward(&mut self, l: &Lstm, layer: usize) -> Vec<Call> {
        let saved = |number| Slot::Saved(layer, number);
        let mut launches = Vec::new();
        if self.kind == Kind::Packed {
            let weight = (Slot::Parameter(l.weight_hh)).into();
            let values = [l.hidden.into(), weight, saved(5).into()];
            launches.push(self.lstm_packed("pack_backward", [l.hidden, PANELS[1], 4], &values));
        }
        for t in (0..l.seq).rev() {
            launches.extend(self.lstm_backward_at(l, layer, t));
        }
        launches.extend(self.lstm_gradients(l, layer));
        launches
    }

    fn lstm_backward_at(&mut self, l: &Lstm, layer: usize, t: usize) -> Vec<Call> {
        let saved = |number| Slot::Saved(layer, number);
        let Lstm { seq, batch, hidden, .. } = *l;
        let [gates, cells, dc] = [0, 1, 3].map(|number| Value::Slot(saved(number)));
        let dy = self.gradient(l.y);
        if self.kind == Kind::Packed {
            let tensors = [saved(5).into(), gates, cells, dy.into(), dc];
            let values = [&step_values(l, t)[..], &tensors].concat();
            let rows = self.row_shares(hidden.div_ceil(PANELS[1]), batch);
            return vec![self.lstm_packed("lstm_backward", [hidden, PANELS[1], rows], &values)];
        }
        let dh = saved(4);
        let tensors = [gates, cells, if t + 1 == seq { dy } else { dh }.into(), dc];
        let values = [&step_values(l, t)[..], &tensors].concat();
        let mut launches = vec![self.lstm_elements("lstm_backward", (batch, hidden), &values)];
        if t > 0 {
            let here = Operand::rows(saved(0), 4 * hidden).from(4 * t * batch * hidden);
            let weight = Operand::rows(Slot::Parameter(l.weight_hh), hidden);
            let before = Operand::rows(dh, hidden);
            let product = Product::new([batch, hidden, 4 * hidden], here, weight, before);
            launches.push(self.product(&product));
        }
        launches
    }

    /// From the gradients of what went into the gates, those of the parameters and of x.
    fn lstm_gradients(&mut self, l: &Lstm, layer: usize) -> Vec<Call> {
        let saved = |number| Slot::Saved(layer, number);
        let graph = self.graph;
        let Lstm { seq, batch, hidden, .. } = *l;
        let gradient = Slot::ParameterGradient;
        let (gates, hiddens) = (saved(0), saved(2));
        let z = Operand::rows(gates, 4 * hidden);
        let x = Operand::rows(Slot::Value(l.x), hidden);
        let dw = Operand::rows(gradient(l.weight_ih), hidden);
        let product = Product::new([4 * hidden, hidden, seq * batch], z, x, dw);
        let biases = [gradient(l.bias_ih), gradient(l.bias_hh)];
        let mut launches = self.product_with_sums(&product.a_transposed(), biases);
        let dw = gradient(l.weight_hh);
        if seq > 1 {
            let (later, before) = (z.from(4 * batch * hidden), Operand::rows(hiddens, hidden));
            let sizes = [4 * hidden, hidden, (seq - 1) * batch];
            let product = Product::new(sizes, later, before, Operand::rows(dw, hidden));
            launches.push(self.product(&product.a_transposed()));
        } else {
            // A sum of nothing.
            launches.push(self.column_sums([1, 0, 4 * hidden * hidden], 1.0, gates, [dw, dw]));
        }
        if graph.needs_gradient(l.x) {
            let dx = Operand::rows(self.gradient(l.x), hidden);
            let weight = Operand::rows(Slot::Parameter(l.weight_ih), hidden);
            let sizes = [seq * batch, hidden, 4 * hidden];
            launches.push(self.product(&Product::new(sizes, z, weight, dx)));
        }
        launches
    }
}
