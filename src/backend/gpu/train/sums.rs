//! Sums over rows: bias gradients, means over a sequence; and the loss.

use super::planner::{Passes, Planner, SOFTMAX};
use super::slots::{Call, Slot, Value};
use crate::network::Mean;

impl Planner<'_> {
    /// out = twin = factor times the sum over the rows of each of `count` matrices.
    pub fn column_sums(
        &mut self,
        [count, rows, columns]: [usize; 3],
        factor: f64,
        x: Slot,
        [out, twin]: [Slot; 2],
    ) -> Call {
        let values =
            [rows.into(), columns.into(), factor.into(), x.into(), out.into(), twin.into()];
        self.over_columns("column_sums", [columns, 1, count], &values)
    }

    pub fn mean(&mut self, l: &Mean) -> Passes {
        let factor = 1.0 / l.seq as f64;
        let (x, y) = (Slot::Value(l.x), Slot::Value(l.y));
        let forward = self.column_sums([l.batch, l.seq, l.width], factor, x, [y, y]);
        let mut backward = Vec::new();
        if self.graph.needs_gradient(l.x) {
            let dy = self.gradient(l.y);
            let dx = self.gradient(l.x);
            let values: [Value; 5] =
                [l.seq.into(), l.width.into(), factor.into(), dy.into(), dx.into()];
            let sizes = [l.width, l.seq, l.batch];
            backward.push(self.over_columns("spread_rows", sizes, &values));
        }
        [vec![forward], backward]
    }

    /// The mean softmax cross-entropy of the logits, and their gradient.
    pub fn loss(&mut self) -> Vec<Call> {
        let graph = self.graph;
        let (rows, classes) = (graph.batch(), graph.classes());
        let logits = graph.logits();
        let values: [Value; 6] = [
            rows.into(),
            classes.into(),
            Slot::Value(logits).into(),
            Slot::Labels.into(),
            self.gradient(logits).into(),
            Slot::Losses.into(),
        ];
        let each = self.over_rows((SOFTMAX, "cross_entropy"), (rows, classes), &values);
        let values: [Value; 3] = [rows.into(), Slot::Losses.into(), Slot::Loss.into()];
        // One group: one row of all the losses.
        let mean = self.over_rows((SOFTMAX, "mean"), (1, classes), &values);
        vec![each, mean]
    }
}
