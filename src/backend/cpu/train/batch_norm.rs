//! Batch norm with ReLU and pooling: a task has a channel, which stays in cache between its passes.

use super::Computed;
use super::sums;
use super::tensors::{Each, Shared, Tensors};
use crate::backend::cpu::aligned::Aligned;
use crate::network;

/// See [`network::BatchNorm`].
pub struct BatchNorm {
    sizes: network::BatchNorm,
    /// Mean and 1 / sqrt(variance + eps), by channel.
    moments: Vec<[f32; 2]>,
    /// Of each square: which of the four was largest.
    chosen: Vec<u8>,
    /// And what it is without weight and bias.
    normed: Aligned,
}

/// A channel of a tensor (n, c, pixels): its plane in each sample.
#[derive(Clone, Copy)]
struct Channel {
    first: usize,
    step: usize,
    pixels: usize,
    n: usize,
}

impl Channel {
    /// Where its planes start.
    fn starts(self) -> impl Iterator<Item = usize> {
        (0..self.n).map(move |sample| self.first + sample * self.step)
    }

    fn planes(self, x: &[f32]) -> impl Iterator<Item = &[f32]> {
        self.starts().map(move |start| &x[start..start + self.pixels])
    }
}

impl BatchNorm {
    pub fn new(sizes: network::BatchNorm) -> BatchNorm {
        let squares =
            if sizes.pool { sizes.n * sizes.c * (sizes.h / 2) * (sizes.w / 2) } else { 0 };
        BatchNorm {
            sizes,
            moments: vec![[0.0; 2]; sizes.c],
            chosen: vec![0; squares],
            normed: Aligned::zeros(squares),
        }
    }

    /// A channel of x, and of y.
    fn channels(&self, c: usize) -> (Channel, Channel) {
        let l = self.sizes;
        let of = |pixels: usize| Channel { first: c * pixels, step: l.c * pixels, pixels, n: l.n };
        (of(l.h * l.w), of(if l.pool { (l.h / 2) * (l.w / 2) } else { l.h * l.w }))
    }
}

/// Mean and 1 / sqrt(variance + eps) of a channel: two passes, as the definition has it.
#[inline(always)]
fn moments(x: &[f32], channel: Channel, eps: f64) -> [f32; 2] {
    let count = (channel.n * channel.pixels) as f64;
    let mean = channel.planes(x).map(sums::of).sum::<f64>() / count;
    let centre = mean as f32;
    let squares: f64 =
        channel.planes(x).map(|plane| sums::sum([plane], |[x]| (x - centre) * (x - centre))).sum();
    // The centre is the mean rounded to f32.
    let variance = squares / count - (mean - f64::from(centre)).powi(2);
    [centre, (1.0 / (variance + eps).sqrt()) as f32]
}

/// The largest of each square of 2 x 2 of a plane of rows `w` long: y is what comes of it behind ReLU.
#[inline(always)]
fn pool(
    x: &[f32],
    w: usize,
    [scale, shift]: [f32; 2],
    [mean, deviation]: [f32; 2],
    (y, chosen, normed): (&mut [f32], &mut [u8], &mut [f32]),
) {
    let wide = w / 2;
    let rows = y.chunks_exact_mut(wide).zip(chosen.chunks_exact_mut(wide));
    for (i, ((y, chosen), normed)) in rows.zip(normed.chunks_exact_mut(wide)).enumerate() {
        let (above, below) = (&x[2 * i * w..][..2 * wide], &x[(2 * i + 1) * w..][..2 * wide]);
        for j in 0..wide {
            // By what comes out of the norm, whose order a negative weight turns round.
            let square = [above[2 * j], above[2 * j + 1], below[2 * j], below[2 * j + 1]];
            let z = square.map(|x| scale * x + shift);
            let (mut best, mut place, mut from) = (z[0], 0u8, square[0]);
            for k in 1..4 {
                let larger = z[k] > best;
                best = if larger { z[k] } else { best };
                place = if larger { k as u8 } else { place };
                from = if larger { square[k] } else { from };
            }
            chosen[j] = place;
            normed[j] = (from - mean) * deviation;
            y[j] = if best < 0.0 { 0.0 } else { best };
        }
    }
}

/// The gradient behind ReLU, which left y.
#[inline(always)]
fn passed(y: f32, dy: f32) -> f32 {
    if y > 0.0 { dy } else { 0.0 }
}

/// Back through norm and pooling: dx of a plane of rows `w` long is `pull(x)` and, where a pixel was the
/// largest of its square, `scale` times what comes back behind ReLU.
#[inline(always)]
fn unpool(
    (dx, x): (&mut [f32], &[f32]),
    w: usize,
    (y, dy, chosen): (&[f32], &[f32], &[u8]),
    scale: f32,
    pull: impl Fn(f32) -> f32,
) {
    let wide = w / 2;
    // An odd last row is in no square.
    let even = dx.len() / (2 * w) * (2 * w);
    dx[even..].iter_mut().zip(&x[even..]).for_each(|(dx, x)| *dx = pull(*x));
    let squares = y.chunks_exact(wide).zip(dy.chunks_exact(wide)).zip(chosen.chunks_exact(wide));
    let pairs = dx.chunks_exact_mut(2 * w).zip(x.chunks_exact(2 * w));
    for ((dx, x), ((y, dy), chosen)) in pairs.zip(squares) {
        for (row, (dx, x)) in dx.chunks_exact_mut(w).zip(x.chunks_exact(w)).enumerate() {
            let (dx, last) = dx.split_at_mut(2 * wide);
            let (x, behind) = x.split_at(2 * wide);
            let pixels = dx.as_chunks_mut::<2>().0.iter_mut().zip(x.as_chunks::<2>().0);
            for ((((dx, x), y), dy), place) in pixels.zip(y).zip(dy).zip(chosen) {
                let back = scale * passed(*y, *dy);
                let first = 2 * row as u8;
                dx[0] = pull(x[0]) + if *place == first { back } else { 0.0 };
                dx[1] = pull(x[1]) + if *place == first + 1 { back } else { 0.0 };
            }
            last.iter_mut().zip(behind).for_each(|(dx, x)| *dx = pull(*x));
        }
    }
}

impl Computed for BatchNorm {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let mut y = std::mem::take(&mut t.values[l.y]);
        let (x, isa) = (&t.values[l.x], t.isa);
        let (weight, bias) = (t.parameters.get(l.weight), t.parameters.get(l.bias));
        let mut moved = std::mem::take(&mut self.moments);
        let mut chosen = std::mem::take(&mut self.chosen);
        let mut normed = std::mem::take(&mut self.normed);
        let this = &*self;
        let (all_y, all_normed) = (Shared::new(&mut y), Shared::new(&mut normed));
        let (all_chosen, all_moments) = (Each::new(&mut chosen), Each::new(&mut moved));
        t.pool.each(l.c, |c| {
            let (from, to) = this.channels(c);
            isa.vectorise(|| {
                let [mean, deviation] = moments(x, from, l.eps);
                // SAFETY: a task has its own channel.
                let own = unsafe { all_moments.part(c, 1) };
                own[0] = [mean, deviation];
                let scale = weight[c] * deviation;
                let shift = bias[c] - mean * scale;
                for (plane, start) in from.planes(x).zip(to.starts()) {
                    // SAFETY: as above.
                    let y = unsafe { all_y.part(start, to.pixels) };
                    if l.pool {
                        // SAFETY: as above; as many as pixels of y.
                        let (chosen, normed) = unsafe {
                            (all_chosen.part(start, to.pixels), all_normed.part(start, to.pixels))
                        };
                        let moments = [mean, deviation];
                        pool(plane, l.w, [scale, shift], moments, (y, chosen, normed));
                    } else {
                        for (y, x) in y.iter_mut().zip(plane) {
                            let z = scale * x + shift;
                            *y = if z < 0.0 { 0.0 } else { z };
                        }
                    }
                }
            });
        });
        (self.moments, self.chosen, self.normed) = (moved, chosen, normed);
        t.values[l.y] = y;
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let mut dx = t.take_gradient(l.x);
        let (x, y, dy, isa) = (&t.values[l.x], &t.values[l.y], t.gradient(l.y), t.isa);
        let weight = t.parameters.get(l.weight);
        let mut sums_of = vec![[0.0f32; 2]; l.c];
        let (all_dx, all_sums) = (Shared::new(&mut dx), Each::new(&mut sums_of));
        let this = &*self;
        t.pool.each(l.c, |c| {
            let (wide, narrow) = this.channels(c);
            let [mean, deviation] = this.moments[c];
            isa.vectorise(|| {
                // Gradients pass where y is above zero.
                let mut totals = [0.0f64; 2];
                for (start, plane) in narrow.starts().zip(wide.planes(x)) {
                    let (y, dy) = (&y[start..][..narrow.pixels], &dy[start..][..narrow.pixels]);
                    totals[0] += sums::sum([y, dy], |[y, dy]| passed(y, dy));
                    totals[1] += if l.pool {
                        let normed = &this.normed[start..][..narrow.pixels];
                        sums::sum([y, dy, normed], |[y, dy, normed]| passed(y, dy) * normed)
                    } else {
                        let term = |[y, dy, x]: [f32; 3]| passed(y, dy) * (x - mean) * deviation;
                        sums::sum([y, dy, plane], term)
                    };
                }
                // SAFETY: a task has its own channel.
                let own = unsafe { all_sums.part(c, 1) };
                own[0] = totals.map(|total| total as f32);
                let count = (wide.n * wide.pixels) as f64;
                let scale = weight[c] * deviation;
                let [sum, product] = totals.map(|total| (total / count) as f32);
                let pull = |x: f32| -scale * (sum + (x - mean) * deviation * product);
                for ((start, plane), from) in narrow.starts().zip(wide.planes(x)).zip(wide.starts())
                {
                    // SAFETY: as above.
                    let dx = unsafe { all_dx.part(from, wide.pixels) };
                    let (y, dy) = (&y[start..][..narrow.pixels], &dy[start..][..narrow.pixels]);
                    if l.pool {
                        let chosen = &this.chosen[start..][..narrow.pixels];
                        unpool((dx, plane), l.w, (y, dy, chosen), scale, pull);
                    } else {
                        for (((dx, x), y), dy) in dx.iter_mut().zip(plane).zip(y).zip(dy) {
                            *dx = scale * passed(*y, *dy) + pull(*x);
                        }
                    }
                }
            });
        });
        for (c, [bias, weight]) in sums_of.into_iter().enumerate() {
            t.gradients.get_mut(l.bias)[c] = bias;
            t.gradients.get_mut(l.weight)[c] = weight;
        }
        t.put_gradient(l.x, dx);
    }

    fn scratch_bytes(&self) -> u64 {
        (5 * self.chosen.len() + 8 * self.moments.len()) as u64
    }
}
