//! Layer norm: a task has some rows.

use super::Computed;
use super::sums;
use super::tensors::{Each, Shared, Tensors};
use crate::network;

/// Floats that a task has at least.
const LEAST: usize = 1 << 13;

/// See [`network::LayerNorm`].
pub struct LayerNorm {
    sizes: network::LayerNorm,
    /// Mean and 1 / sqrt(variance + eps), by row.
    moments: Vec<[f32; 2]>,
    /// Shares of the gradients of weight and bias, by task.
    shares: Vec<f32>,
}

impl LayerNorm {
    pub fn new(sizes: network::LayerNorm) -> LayerNorm {
        LayerNorm { sizes, moments: vec![[0.0; 2]; sizes.rows], shares: Vec::new() }
    }

    /// Tasks, and rows of each.
    fn tasks(&self, t: &Tensors<'_>) -> (usize, usize) {
        let l = self.sizes;
        let tasks = t.tasks(l.rows * l.width, LEAST).min(l.rows);
        let rows = l.rows.div_ceil(tasks);
        (l.rows.div_ceil(rows), rows)
    }
}

impl Computed for LayerNorm {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let (tasks, share) = self.tasks(t);
        let mut y = std::mem::take(&mut t.values[l.y]);
        let (x, isa) = (&t.values[l.x], t.isa);
        let (weight, bias) = (t.parameters.get(l.weight), t.parameters.get(l.bias));
        let (all_y, all_moments) = (Shared::new(&mut y), Each::new(&mut self.moments));
        t.pool.each(tasks, |task| {
            let first = task * share;
            let rows = share.min(l.rows - first);
            // SAFETY: tasks have different rows.
            let (y, moments) = unsafe {
                (all_y.part(first * l.width, rows * l.width), all_moments.part(first, rows))
            };
            let x = &x[first * l.width..][..rows * l.width];
            let rows = x.chunks_exact(l.width).zip(y.chunks_exact_mut(l.width)).zip(moments);
            isa.vectorise(|| {
                for ((x, y), moments) in rows {
                    let width = l.width as f64;
                    let mean = (sums::of(x) / width) as f32;
                    let squares = sums::sum([x], |[x]| (x - mean) * (x - mean));
                    let scale = (1.0 / (squares / width + l.eps).sqrt()) as f32;
                    *moments = [mean, scale];
                    for (((y, x), w), b) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                        *y = w * ((x - mean) * scale) + b;
                    }
                }
            });
        });
        t.values[l.y] = y;
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let (tasks, share) = self.tasks(t);
        let needs_dx = t.graph.needs_gradient(l.x);
        let mut dx = t.take_gradient(l.x);
        let (x, dy, isa) = (&t.values[l.x], t.gradient(l.y), t.isa);
        let weight = t.parameters.get(l.weight);
        self.shares.resize(2 * tasks * l.width, 0.0);
        let (all_dx, all_shares) = (Shared::new(&mut dx), Shared::new(&mut self.shares));
        let moments = &self.moments;
        t.pool.each(tasks, |task| {
            // SAFETY: a task has its own share.
            let sums = unsafe { all_shares.part(2 * task * l.width, 2 * l.width) };
            let (dweight, dbias) = sums.split_at_mut(l.width);
            isa.vectorise(|| {
                dweight.fill(0.0);
                dbias.fill(0.0);
                let rows = moments.iter().enumerate().skip(task * share).take(share);
                for (row, [mean, scale]) in rows {
                    let range = row * l.width..(row + 1) * l.width;
                    let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
                    let normed = |x: f32| (x - mean) * scale;
                    let sums = dweight.iter_mut().zip(dbias.iter_mut());
                    for (((dweight, dbias), x), dy) in sums.zip(x).zip(dy) {
                        *dweight += dy * normed(*x);
                        *dbias += dy;
                    }
                    if !needs_dx {
                        continue;
                    }
                    let width = l.width as f64;
                    let sum = (sums::dot(dy, weight) / width) as f32;
                    let terms = |[dy, w, x]: [f32; 3]| dy * w * normed(x);
                    let product = (sums::sum([dy, weight, x], terms) / width) as f32;
                    // SAFETY: tasks have different rows.
                    let dx = unsafe { all_dx.part(range.start, l.width) };
                    for (((dx, dy), w), x) in dx.iter_mut().zip(dy).zip(weight).zip(x) {
                        let pull = scale * (dy * w - sum - normed(*x) * product);
                        *dx = if l.adds { *dx + pull } else { pull };
                    }
                }
            });
        });
        let gradients = &mut t.gradients;
        for (part, parameter) in [l.weight, l.bias].into_iter().enumerate() {
            let to = gradients.get_mut(parameter);
            to.fill(0.0);
            for share in self.shares.chunks_exact(2 * l.width) {
                sums::add_rows(to, &share[part * l.width..][..l.width]);
            }
        }
        t.put_gradient(l.x, dx);
    }

    fn scratch_bytes(&self) -> u64 {
        (8 * self.moments.len() + 4 * self.shares.len()) as u64
    }
}
