//! Batch norm with ReLU and pooling, and layer norm.

use super::planner::{LAYER_NORM, Passes, Planner};
use super::slots::{Slot, Value};
use crate::network::{BatchNorm, LayerNorm};

impl Planner<'_> {
    pub fn batch_norm(&mut self, l: &BatchNorm, layer: usize) -> Passes {
        let saved = |number| Slot::Saved(layer, number);
        let parameter = |number: usize| Value::Slot(Slot::Parameter(number));
        let gradient = |number: usize| Value::Slot(Slot::ParameterGradient(number));
        let value = |number: usize| Value::Slot(Slot::Value(number));
        let [means, scales] = [0, 1].map(|number| Value::Slot(saved(number)));
        let sizes: [Value; 4] = [l.n.into(), l.c.into(), l.h.into(), l.w.into()];
        let (weight, bias, eps) = (parameter(l.weight), parameter(l.bias), Value::from(l.eps));
        let operands = [eps, value(l.x), weight, bias, value(l.y), means, scales];
        let values = [&sizes[..], &operands].concat();
        let forward = self.over_channels("batch_norm", l.c, l.w, l.pool, &values);
        let dy = self.gradient(l.y).into();
        let dx = self.gradient(l.x).into();
        let (dweight, dbias) = (gradient(l.weight), gradient(l.bias));
        let operands = [value(l.x), weight, bias, dy, means, scales, dweight, dbias, dx];
        let values = [&sizes[..], &operands].concat();
        let backward = self.over_channels("batch_norm_back", l.c, l.w, l.pool, &values);
        [vec![forward], vec![backward]]
    }

    pub fn layer_norm(&mut self, l: &LayerNorm, layer: usize) -> Passes {
        let saved = |number| Slot::Saved(layer, number);
        let graph = self.graph;
        let parameter = |number: usize| Value::Slot(Slot::Parameter(number));
        let gradient = |number: usize| Value::Slot(Slot::ParameterGradient(number));
        let value = |number: usize| Value::Slot(Slot::Value(number));
        let [means, scales] = [0, 1].map(|number| Value::Slot(saved(number)));
        let (rows, width) = (Value::from(l.rows), Value::from(l.width));
        let (weight, bias, eps) = (parameter(l.weight), parameter(l.bias), Value::from(l.eps));
        let sizes = (l.rows, l.width);
        let values = [rows, width, eps, value(l.x), weight, bias, value(l.y), means, scales];
        let forward = self.over_rows((LAYER_NORM, "layer_norm"), sizes, &values);
        let dy = self.gradient(l.y).into();
        let (dweight, dbias) = (gradient(l.weight), gradient(l.bias));
        let values = [rows, width, value(l.x), dy, means, scales, dweight, dbias];
        let mut backward = vec![self.over_columns("layer_norm_sums", [l.width, 1, 1], &values)];
        if graph.needs_gradient(l.x) {
            let dx = self.gradient(l.x).into();
            let values = [rows, width, l.adds.into(), value(l.x), weight, dy, means, scales, dx];
            backward.push(self.over_rows((LAYER_NORM, "layer_norm_back"), sizes, &values));
        }
        [vec![forward], backward]
    }
}
