//! Layer norm: a task has some rows.
//!
//! Of a row with mean m and biased variance v over its `width` elements:
//!
//! ```text
//! inv_std = 1 / sqrt(v + eps)      x_hat = (x - m) inv_std      y = weight x_hat + bias
//! ```
//!
//! Backwards, with g = dy weight, mean over the row and sum over all rows (Ba, Kiros and Hinton, Layer
//! Normalization, 2016, differentiated as batch norm is):
//!
//! ```text
//! dbias = sum dy      dweight = sum dy x_hat
//! dx = inv_std (g - mean(g) - x_hat mean(g x_hat))
//! ```

use super::Computed;
use super::moments::Moments;
use super::sums;
use super::tensors::Tensors;
use crate::backend::cpu::share::Each;
use crate::network;

/// Fewest floats of a task.
const LEAST: usize = 1 << 13;

/// A prepared [`network::LayerNorm`], with what its backward pass needs of the forward pass.
pub struct LayerNorm {
    sizes: network::LayerNorm,
    /// By row.
    moments: Vec<Moments>,
    /// Sums over the rows of a task, (tasks, 2, width): dweight, then dbias.
    partial_sums: Vec<f32>,
}

impl LayerNorm {
    pub fn new(sizes: network::LayerNorm) -> LayerNorm {
        LayerNorm { sizes, moments: vec![Moments::default(); sizes.rows], partial_sums: Vec::new() }
    }

    /// How many tasks, and rows of each but the last, which may have fewer. The same on every run with the
    /// same number of threads, as sums over tasks depend on it.
    fn tasks(&self, t: &Tensors<'_>) -> (usize, usize) {
        let l = self.sizes;
        let tasks = (l.rows * l.width / LEAST).clamp(1, 4 * t.pool.threads()).min(l.rows);
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
        let (all_y, all_moments) = (Each::new(&mut y), Each::new(&mut self.moments));
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
                    *moments = Moments::of(x, l.eps);
                    for (((y, x), w), b) in y.iter_mut().zip(x).zip(weight).zip(bias) {
                        *y = w * moments.normalised(*x) + b;
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
        self.partial_sums.resize(2 * tasks * l.width, 0.0);
        let (all_dx, all_sums) = (Each::new(&mut dx), Each::new(&mut self.partial_sums));
        let moments = &self.moments;
        t.pool.each(tasks, |task| {
            // SAFETY: a task has its own sums.
            let sums = unsafe { all_sums.part(2 * task * l.width, 2 * l.width) };
            let (dweight, dbias) = sums.split_at_mut(l.width);
            isa.vectorise(|| {
                dweight.fill(0.0);
                dbias.fill(0.0);
                let rows = moments.iter().copied().enumerate().skip(task * share).take(share);
                for (row, moments) in rows {
                    let range = row * l.width..(row + 1) * l.width;
                    let (x, dy) = (&x[range.clone()], &dy[range.clone()]);
                    let sums = dweight.iter_mut().zip(dbias.iter_mut());
                    for (((dweight, dbias), x), dy) in sums.zip(x).zip(dy) {
                        *dweight += dy * moments.normalised(*x);
                        *dbias += dy;
                    }
                    if !needs_dx {
                        continue;
                    }
                    let width = l.width as f64;
                    let mean_g = (sums::dot(dy, weight) / width) as f32;
                    let terms = |[dy, w, x]: [f32; 3]| dy * w * moments.normalised(x);
                    let mean_g_x_hat = (sums::sum([dy, weight, x], terms) / width) as f32;
                    // SAFETY: tasks have different rows.
                    let dx = unsafe { all_dx.part(range.start, l.width) };
                    for (((dx, dy), w), x) in dx.iter_mut().zip(dy).zip(weight).zip(x) {
                        let g = dy * w;
                        let own =
                            moments.inv_std * (g - mean_g - moments.normalised(*x) * mean_g_x_hat);
                        *dx = if l.adds { *dx + own } else { own };
                    }
                }
            });
        });
        let gradients = &mut t.gradients;
        for (part, parameter) in [l.weight, l.bias].into_iter().enumerate() {
            let to = gradients.get_mut(parameter);
            to.fill(0.0);
            for sums in self.partial_sums.chunks_exact(2 * l.width) {
                sums::add_rows(to, &sums[part * l.width..][..l.width]);
            }
        }
        t.put_gradient(l.x, dx);
    }

    fn scratch_bytes(&self) -> u64 {
        (size_of::<Moments>() * self.moments.len() + 4 * self.partial_sums.len()) as u64
    }
}
