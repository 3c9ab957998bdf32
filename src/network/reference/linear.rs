//! Linear layers.

use super::matrix::{View, multiply};
use super::{CORNER, Corners, Fault, Reference};
use crate::network::graph::Activation;
use crate::network::layer::Linear;

impl Reference {
    pub(super) fn linear_forward(&mut self, layer: usize, l: &Linear) {
        let (before, after) = self.values.split_at_mut(l.y);
        let (x, y) = (&before[l.x], &mut after[0]);
        for row in y.chunks_exact_mut(l.outputs) {
            row.copy_from_slice(&self.parameters[l.bias]);
        }
        let w = &self.parameters[l.weight];
        let sizes = [l.rows, l.outputs, l.inputs];
        multiply(sizes, View::rows(x, l.inputs), View::transposed(w, l.inputs), y, l.outputs, true);
        let saved = &mut self.saved[layer];
        match l.activation {
            Activation::None => {}
            Activation::Relu => {
                saved.corners = relu_corners(y);
                y.iter_mut().for_each(|y| *y = y.max(0.0));
            }
            Activation::Gelu => {
                let gelu = if self.fault == Some(Fault::TanhGelu) { gelu_by_tanh } else { gelu };
                saved.first = y.iter().map(|z| gelu(*z).1).collect();
                y.iter_mut().for_each(|y| *y = gelu(*y).0);
            }
        }
        if let Some(residual) = l.residual {
            y.iter_mut().zip(&before[residual]).for_each(|(y, r)| *y += r);
        }
    }

    pub(super) fn linear_backward(&mut self, l: &Linear) {
        let dz = self.take_gradient(l.y);
        let (x, w) = (&self.values[l.x], &self.parameters[l.weight]);
        let dw = &mut self.gradients[l.weight];
        let sizes = [l.outputs, l.inputs, l.rows];
        let (transposed, rows) = (View::transposed(&dz, l.outputs), View::rows(x, l.inputs));
        multiply(sizes, transposed, rows, dw, l.inputs, false);
        let db = &mut self.gradients[l.bias];
        db.fill(0.0);
        for row in dz.chunks_exact(l.outputs) {
            db.iter_mut().zip(row).for_each(|(db, dz)| *db += dz);
        }
        if self.graph.needs_gradient(l.x) {
            let dx = &mut self.value_gradients[self.graph.gradient_of(l.x)];
            let sizes = [l.rows, l.inputs, l.outputs];
            let (rows, w) = (View::rows(&dz, l.outputs), View::rows(w, l.inputs));
            multiply(sizes, rows, w, dx, l.inputs, false);
            let maker = self.graph.layers.iter().position(
                |layer| matches!(layer, crate::network::Layer::Linear(maker) if maker.y == l.x),
            );
            match (self.graph.values[l.x].activation, maker) {
                (Activation::Relu, _) => {
                    let off = dx.iter_mut().zip(x).filter(|(_, y)| **y <= 0.0);
                    off.for_each(|(dx, _)| *dx = 0.0);
                }
                (Activation::Gelu, Some(maker)) => {
                    let slopes = &self.saved[maker].first;
                    dx.iter_mut().zip(slopes).for_each(|(dx, slope)| *dx *= slope);
                }
                _ => {}
            }
        }
        self.put_gradient(l.y, dz);
    }
}

/// Corners of ReLU among what goes into it.
pub(super) fn relu_corners(z: &[f64]) -> Corners {
    let near = CORNER * deviation(z);
    Corners {
        near: z.iter().filter(|z| z.abs() < near).count() as u64,
        active: z.iter().filter(|z| **z > 0.0).count() as u64,
    }
}

/// Standard deviation.
pub(super) fn deviation(z: &[f64]) -> f64 {
    let n = z.len() as f64;
    let mean = z.iter().sum::<f64>() / n;
    (z.iter().map(|z| (z - mean) * (z - mean)).sum::<f64>() / n).sqrt()
}

/// z Phi(z) and its derivative.
fn gelu(z: f64) -> (f64, f64) {
    let phi = 0.5 * libm::erfc(-z / std::f64::consts::SQRT_2);
    let density = (-0.5 * z * z).exp() / (2.0 * std::f64::consts::PI).sqrt();
    (z * phi, phi + z * density)
}

/// What is often taken for it.
fn gelu_by_tanh(z: f64) -> (f64, f64) {
    let (a, b) = ((2.0 / std::f64::consts::PI).sqrt(), 0.044715);
    let t = (a * (z + b * z * z * z)).tanh();
    let inner = a * (1.0 + 3.0 * b * z * z);
    (0.5 * z * (1.0 + t), 0.5 * (1.0 + t) + 0.5 * z * (1.0 - t * t) * inner)
}
