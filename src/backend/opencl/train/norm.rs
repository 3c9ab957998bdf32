//! Batch norm with ReLU and pooling, and layer norm.

use super::super::buffer::Buffer;
use super::launches::Value;
use super::plan::{Passes, Planner};
use crate::error::Result;
use crate::network::{BatchNorm, LayerNorm};

impl Planner<'_> {
    pub fn batch_norm(&mut self, l: &BatchNorm, saved: &[Buffer]) -> Result<Passes> {
        let (memory, graph) = (self.memory, self.graph);
        let parameter = |number: usize| Value::Mem(&memory.parameters.parts[number].mem);
        let gradient = |number: usize| Value::Mem(&memory.gradients.parts[number].mem);
        let value = |number: usize| Value::Mem(&memory.values[number].mem);
        let [means, scales] = [0, 1].map(|number| Value::Mem(&saved[number].mem));
        let sizes: [Value<'_>; 4] = [l.n.into(), l.c.into(), l.h.into(), l.w.into()];
        let (weight, bias, eps) = (parameter(l.weight), parameter(l.bias), Value::from(l.eps));
        let operands = [eps, value(l.x), weight, bias, value(l.y), means, scales];
        let values = [&sizes[..], &operands].concat();
        let forward = self.over_channels("batch_norm", l.c, l.w, l.pool, &values)?;
        let dy = (&memory.gradient(graph, l.y)?.mem).into();
        let dx = (&memory.gradient(graph, l.x)?.mem).into();
        let (dweight, dbias) = (gradient(l.weight), gradient(l.bias));
        let operands = [value(l.x), weight, bias, dy, means, scales, dweight, dbias, dx];
        let values = [&sizes[..], &operands].concat();
        let backward = self.over_channels("batch_norm_back", l.c, l.w, l.pool, &values)?;
        Ok([vec![forward], vec![backward]])
    }

    pub fn layer_norm(&mut self, l: &LayerNorm, saved: &[Buffer]) -> Result<Passes> {
        let (memory, graph) = (self.memory, self.graph);
        let parameter = |number: usize| Value::Mem(&memory.parameters.parts[number].mem);
        let gradient = |number: usize| Value::Mem(&memory.gradients.parts[number].mem);
        let value = |number: usize| Value::Mem(&memory.values[number].mem);
        let [means, scales] = [0, 1].map(|number| Value::Mem(&saved[number].mem));
        let (rows, width) = (Value::from(l.rows), Value::from(l.width));
        let (weight, bias, eps) = (parameter(l.weight), parameter(l.bias), Value::from(l.eps));
        let sizes = (l.rows, l.width);
        let values = [rows, width, eps, value(l.x), weight, bias, value(l.y), means, scales];
        let forward = self.layer_norm_rows("layer_norm", sizes, &values)?;
        let dy = (&memory.gradient(graph, l.y)?.mem).into();
        let (dweight, dbias) = (gradient(l.weight), gradient(l.bias));
        let values = [rows, width, value(l.x), dy, means, scales, dweight, dbias];
        let mut backward = vec![self.over_columns("layer_norm_sums", [l.width, 1, 1], &values)?];
        if graph.needs_gradient(l.x) {
            let dx = (&memory.gradient(graph, l.x)?.mem).into();
            let values = [rows, width, l.adds.into(), value(l.x), weight, dy, means, scales, dx];
            backward.push(self.layer_norm_rows("layer_norm_back", sizes, &values)?);
        }
        Ok([vec![forward], backward])
    }
}
