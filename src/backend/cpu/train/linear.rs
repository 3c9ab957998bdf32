//! Linear layers.
//!
//! With x (rows, inputs), weight (outputs, inputs) and an activation element by element:
//!
//! ```text
//! z = x weight^T + bias      y = activation(z) + residual
//! ```
//!
//! The gradient that is kept for y is already that of z: whoever computes it applies the activation's
//! derivative. Backwards, with sums over rows, and likewise for the activation that made x:
//!
//! ```text
//! dweight = dz^T x      dbias = sum dz      dx = dz weight . activation'
//! ```

use super::tensors::Tensors;
use super::{Computed, math, sums};
use crate::backend::cpu::native::{self, Product};
use crate::backend::cpu::share::Each;
use crate::network::{Activation, Linear};

/// Columns that a task sums over all rows.
const COLUMNS: usize = 64;

/// Rows that are added up by themselves before they join the sum, which keeps the rounding of long sums small.
const ROWS: usize = 64;

impl Computed for Linear {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = *self;
        let mut y = std::mem::take(&mut t.values[l.y]);
        let mut slopes = std::mem::take(&mut t.slopes[l.y]);
        let shared = Each::new(&mut slopes);
        let bias = t.parameters.get(l.bias);
        let residual = l.residual.map(|value| &t.values[value]);
        let isa = t.isa;
        let finish = |row: usize, column: usize, piece: &mut [f32]| {
            let bias = &bias[column..column + piece.len()];
            let start = row * l.outputs + column;
            isa.vectorise(|| match (l.activation, residual) {
                (Activation::None, None) => {
                    piece.iter_mut().zip(bias).for_each(|(y, b)| *y += b);
                }
                (Activation::None, Some(residual)) => {
                    let residual = &residual[start..start + piece.len()];
                    for ((y, b), r) in piece.iter_mut().zip(bias).zip(residual) {
                        *y += b + r;
                    }
                }
                (Activation::Relu, _) => {
                    for (y, b) in piece.iter_mut().zip(bias) {
                        let z = *y + b;
                        // As such, not by `max`: what is not a number must stay visible.
                        *y = if z < 0.0 { 0.0 } else { z };
                    }
                }
                (Activation::Gelu, _) => {
                    // SAFETY: the same places as this piece of y, which is this call's alone.
                    let slopes = unsafe { shared.part(start, piece.len()) };
                    for ((y, b), slope) in piece.iter_mut().zip(bias).zip(slopes) {
                        (*y, *slope) = math::gelu(*y + b);
                    }
                }
            });
        };
        let product = Product::dense([l.rows, l.outputs, l.inputs], false, true);
        let operands = (&t.values[l.x][..], t.parameters.get(l.weight));
        native::multiply(isa, Some(t.pool), &product, operands, &mut y, Some(&finish));
        t.values[l.y] = y;
        t.slopes[l.y] = slopes;
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = *self;
        if t.graph.needs_gradient(l.x) {
            backward_to_x(&l, t);
        }
        let dz = t.take_gradient(l.y);
        let product = Product::dense([l.outputs, l.inputs, l.rows], true, false);
        let dw = t.gradients.get_mut(l.weight);
        native::multiply(t.isa, Some(t.pool), &product, (&dz, &t.values[l.x]), dw, None);
        sum_rows(t, &dz, l.bias);
        t.put_gradient(l.y, dz);
    }
}

/// dx (rows, inputs), times the derivative of the activation that made x.
fn backward_to_x(l: &Linear, t: &mut Tensors<'_>) {
    let mut dx = t.take_gradient(l.x);
    let product = Product::dense([l.rows, l.inputs, l.outputs], false, false);
    let (isa, x, slopes) = (t.isa, &t.values[l.x], &t.slopes[l.x]);
    let operands = (t.gradient(l.y), t.parameters.get(l.weight));
    let activation = t.graph.values[l.x].activation;
    let finish = |row: usize, column: usize, piece: &mut [f32]| {
        let range = row * l.inputs + column..row * l.inputs + column + piece.len();
        isa.vectorise(|| match activation {
            Activation::None => {}
            Activation::Relu => {
                for (dx, x) in piece.iter_mut().zip(&x[range]) {
                    *dx = if *x > 0.0 { *dx } else { 0.0 };
                }
            }
            Activation::Gelu => {
                piece.iter_mut().zip(&slopes[range]).for_each(|(dx, slope)| *dx *= slope);
            }
        });
    };
    native::multiply(isa, Some(t.pool), &product, operands, &mut dx, Some(&finish));
    t.put_gradient(l.x, dx);
}

/// The gradient of parameter `bias`: the sum of the rows of dz, each as long as the bias.
pub fn sum_rows(t: &mut Tensors<'_>, dz: &[f32], bias: usize) {
    let (pool, isa) = (t.pool, t.isa);
    let db = t.gradients.get_mut(bias);
    let width = db.len();
    let shared = Each::new(db);
    pool.each(width.div_ceil(COLUMNS), |task| {
        let start = task * COLUMNS;
        let columns = COLUMNS.min(width - start);
        // SAFETY: tasks have different columns.
        let db = unsafe { shared.part(start, columns) };
        isa.vectorise(|| {
            db.fill(0.0);
            for rows in dz.chunks(ROWS * width) {
                let mut part = [0.0; COLUMNS];
                for row in rows.chunks_exact(width) {
                    let row = &row[start..start + columns];
                    part.iter_mut().zip(row).for_each(|(sum, x)| *sum += x);
                }
                sums::add_rows(db, &part[..columns]);
            }
        });
    });
}
