//! Multi-head attention: products of every head of every sample at once, which read q, k and v where
//! they lie.

use super::planner::{Passes, Planner, SOFTMAX};
use super::product::{Operand, Product};
use super::slots::{Slot, Value};
use crate::network::Attention;

/// Probabilities, and their gradients.
pub fn saved(l: &Attention) -> Vec<usize> {
    vec![l.batch * l.heads * l.seq * l.seq; 2]
}

impl Planner<'_> {
    pub fn attention(&mut self, l: &Attention, layer: usize) -> Passes {
        let saved = |number| Slot::Saved(layer, number);
        let Attention { batch, seq, width, heads, .. } = *l;
        let (size, squared) = (width / heads, seq * seq);
        let of_x = |mem, part: usize| {
            Operand::rows(mem, 3 * width).from(part * width).steps([seq * 3 * width, size])
        };
        let of_y = |mem| Operand::rows(mem, width).steps([seq * width, size]);
        let of_p = |mem| Operand::rows(mem, seq).steps([heads * squared, squared]);
        let x = Slot::Value(l.x);
        let [q, k, v] = [0, 1, 2].map(|part| of_x(x, part));
        let (p, ds) = (of_p(saved(0)), of_p(saved(1)));
        let y = of_y(Slot::Value(l.y));
        let all = [batch, heads];
        let (inner, outer) = ([seq, seq, size], [seq, size, seq]);
        let rows = (batch * heads * seq, seq);
        let scale = Value::from(1.0 / (size as f64).sqrt());
        let sizes = [Value::from(rows.0), Value::from(rows.1), scale];
        let softmax = [&sizes[..], &[saved(0).into()]].concat();
        let forward = vec![
            self.product(&Product::new(inner, q, k, p).b_transposed().batch(all)),
            self.over_rows((SOFTMAX, "softmax"), rows, &softmax),
            self.product(&Product::new(outer, p, v, y).batch(all)),
        ];
        let dy = of_y(self.gradient(l.y));
        let dx = self.gradient(l.x);
        let [dq, dk, dv] = [0, 1, 2].map(|part| of_x(dx, part));
        let softmax = [&sizes[..], &[0, 1].map(|number| saved(number).into())].concat();
        let backward = vec![
            self.product(&Product::new(outer, p, dy, dv).a_transposed().batch(all)),
            self.product(&Product::new(inner, dy, v, ds).b_transposed().batch(all)),
            self.over_rows((SOFTMAX, "softmax_back"), rows, &softmax),
            self.product(&Product::new(outer, ds, k, dq).batch(all)),
            self.product(&Product::new(outer, ds, q, dk).a_transposed().batch(all)),
        ];
        [forward, backward]
    }
}
