//! Sums over rows: bias gradients, means over a sequence; and the loss.

use ocl::core::Mem;

use super::launches::{Prepared, Value};
use super::plan::{Passes, Planner};
use crate::error::Result;
use crate::network::Mean;

impl Planner<'_> {
    /// out = twin = factor times the sum over the rows of each of `count` matrices.
    pub fn column_sums(
        &mut self,
        [count, rows, columns]: [usize; 3],
        factor: f64,
        x: &Mem,
        [out, twin]: [&Mem; 2],
    ) -> Result<Prepared> {
        let values =
            [rows.into(), columns.into(), factor.into(), x.into(), out.into(), twin.into()];
        self.over_columns("column_sums", [columns, 1, count], &values)
    }

    pub fn mean(&mut self, l: &Mean) -> Result<Passes> {
        let memory = self.memory;
        let factor = 1.0 / l.seq as f64;
        let (x, y) = (&memory.values[l.x].mem, &memory.values[l.y].mem);
        let forward = self.column_sums([l.batch, l.seq, l.width], factor, x, [y, y])?;
        let mut backward = Vec::new();
        if self.graph.needs_gradient(l.x) {
            let dy = &memory.gradient(self.graph, l.y)?.mem;
            let dx = &memory.gradient(self.graph, l.x)?.mem;
            let values: [Value<'_>; 5] =
                [l.seq.into(), l.width.into(), factor.into(), dy.into(), dx.into()];
            let sizes = [l.width, l.seq, l.batch];
            backward.push(self.over_columns("spread_rows", sizes, &values)?);
        }
        Ok([vec![forward], backward])
    }

    /// The mean softmax cross-entropy of the logits, and their gradient.
    pub fn loss(&mut self) -> Result<Vec<Prepared>> {
        let (memory, graph) = (self.memory, self.graph);
        let (rows, classes) = (graph.batch(), graph.classes());
        let logits = graph.logits();
        let values: [Value<'_>; 6] = [
            rows.into(),
            classes.into(),
            (&memory.values[logits].mem).into(),
            (&memory.labels.mem).into(),
            (&memory.gradient(graph, logits)?.mem).into(),
            (&memory.losses.mem).into(),
        ];
        let each = self.softmax_rows("cross_entropy", (rows, classes), &values)?;
        let values: [Value<'_>; 3] =
            [rows.into(), (&memory.losses.mem).into(), (&memory.loss.part.mem).into()];
        // One group: one row of all the losses.
        let mean = self.softmax_rows("mean", (1, classes), &values)?;
        Ok(vec![each, mean])
    }
}
