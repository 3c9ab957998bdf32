//! Batch norm with ReLU and pooling: a task has a channel, which stays in cache between its passes.
//!
//! Of a channel with mean m and biased variance v over its N = n h w elements:
//!
//! ```text
//! inv_std = 1 / sqrt(v + eps)      x_hat = (x - m) inv_std
//! z = weight x_hat + bias          y = pool(relu(z))
//! ```
//!
//! Backwards, the gradient of z is dz = dy where y > 0 and zero elsewhere; with pooling it belongs to the
//! argmax of each square of 2 x 2 pixels, and that of the others is zero. Mean and variance depend on every x
//! of the channel, which takes the last two terms from dx (Ioffe and Szegedy, Batch Normalization, 2015,
//! section 3, put together):
//!
//! ```text
//! dbias = sum dz      dweight = sum dz x_hat
//! dx = weight inv_std (dz - dbias / N - x_hat dweight / N)
//! ```

use super::Computed;
use super::moments::Moments;
use super::sums;
use super::tensors::Tensors;
use crate::backend::cpu::aligned::Aligned;
use crate::backend::cpu::share::Each;
use crate::network;

/// A prepared [`network::BatchNorm`], with what its backward pass needs of the forward pass.
pub struct BatchNorm {
    sizes: network::BatchNorm,
    /// By channel.
    moments: Vec<Moments>,
    /// With pooling, (n, c, h / 2, w / 2): which pixel of its square is the largest, 0 to 3 in row-major
    /// order.
    argmax: Vec<u8>,
    /// With pooling, (n, c, h / 2, w / 2): x_hat of that pixel.
    max_x_hat: Aligned,
}

/// A channel of a tensor (n, c, pixels): a plane in each of its samples.
#[derive(Clone, Copy)]
struct Channel {
    /// Where its plane starts in the first sample, and floats from one sample to the next.
    first: usize,
    step: usize,
    /// Floats of a plane.
    pixels: usize,
    n: usize,
}

impl Channel {
    /// Where its planes start.
    fn starts(self) -> impl Iterator<Item = usize> {
        (0..self.n).map(move |sample| self.first + sample * self.step)
    }

    /// Its planes of a tensor.
    fn planes<T>(self, x: &[T]) -> impl Iterator<Item = &[T]> {
        self.starts().map(move |start| &x[start..start + self.pixels])
    }

    /// Its elements, N.
    fn count(self) -> f64 {
        (self.n * self.pixels) as f64
    }
}

/// Channel `c` of x, and of y.
fn channels(l: network::BatchNorm, c: usize) -> [Channel; 2] {
    [l.h * l.w, if l.pool { (l.h / 2) * (l.w / 2) } else { l.h * l.w }].map(|pixels| Channel {
        first: c * pixels,
        step: l.c * pixels,
        pixels,
        n: l.n,
    })
}

impl BatchNorm {
    pub fn new(sizes: network::BatchNorm) -> BatchNorm {
        let squares =
            if sizes.pool { sizes.n * sizes.c * (sizes.h / 2) * (sizes.w / 2) } else { 0 };
        BatchNorm {
            sizes,
            moments: vec![Moments::default(); sizes.c],
            argmax: vec![0; squares],
            max_x_hat: Aligned::zeros(squares),
        }
    }

    /// dbias and dweight of channel `c`.
    #[inline(always)]
    fn parameter_gradients(&self, c: usize, x: &[f32], y: &[f32], dy: &[f32]) -> [f64; 2] {
        let [of_x, of_y] = channels(self.sizes, c);
        let Moments { mean, inv_std } = self.moments[c];
        let [mut dbias, mut dweight] = [0.0; 2];
        for (start, x) in of_y.starts().zip(of_x.planes(x)) {
            let (y, dy) = (&y[start..][..of_y.pixels], &dy[start..][..of_y.pixels]);
            dbias += sums::sum([y, dy], |[y, dy]| relu_gradient(y, dy));
            dweight += if self.sizes.pool {
                let x_hat = &self.max_x_hat[start..][..of_y.pixels];
                sums::sum([y, dy, x_hat], |[y, dy, x_hat]| relu_gradient(y, dy) * x_hat)
            } else {
                let term = |[y, dy, x]: [f32; 3]| relu_gradient(y, dy) * (x - mean) * inv_std;
                sums::sum([y, dy, x], term)
            };
        }
        [dbias, dweight]
    }

    /// Writes channel `c` of dx, from its weight and the gradients of bias and weight.
    ///
    /// # Safety
    /// Nothing else refers to the channel in `dx`.
    #[inline(always)]
    unsafe fn input_gradient(
        &self,
        c: usize,
        weight: f32,
        gradients: [f64; 2],
        (x, y, dy): (&[f32], &[f32], &[f32]),
        dx: &Each<'_, f32>,
    ) {
        let [of_x, of_y] = channels(self.sizes, c);
        let moments = self.moments[c];
        let scale = weight * moments.inv_std;
        let [dbias_mean, dweight_mean] = gradients.map(|sum| (sum / of_x.count()) as f32);
        let from_moments = |x: f32| -scale * (dbias_mean + moments.normalised(x) * dweight_mean);
        for ((start_y, start_x), x) in of_y.starts().zip(of_x.starts()).zip(of_x.planes(x)) {
            // SAFETY: the caller's.
            let dx = unsafe { dx.part(start_x, of_x.pixels) };
            let (y, dy) = (&y[start_y..][..of_y.pixels], &dy[start_y..][..of_y.pixels]);
            if self.sizes.pool {
                let argmax = &self.argmax[start_y..][..of_y.pixels];
                pool_backward((dx, x), self.sizes.w, (y, dy, argmax), scale, from_moments);
            } else {
                for (((dx, x), y), dy) in dx.iter_mut().zip(x).zip(y).zip(dy) {
                    *dx = scale * relu_gradient(*y, *dy) + from_moments(*x);
                }
            }
        }
    }
}

/// Moments of a channel of x: two passes, as the definition has it.
#[inline(always)]
fn moments(x: &[f32], channel: Channel, eps: f64) -> Moments {
    let count = channel.count();
    let exact_mean = channel.planes(x).map(sums::of).sum::<f64>() / count;
    let mean = exact_mean as f32;
    let squares: f64 =
        channel.planes(x).map(|plane| sums::sum([plane], |[x]| (x - mean) * (x - mean))).sum();
    // The squares are of distances from the mean rounded to f32.
    let variance = squares / count - (exact_mean - f64::from(mean)).powi(2);
    Moments::of_variance(mean, variance, eps)
}

/// ReLU of z = scale x + shift, and the largest of each square of 2 x 2 of a plane with rows of `w` floats:
/// y, which pixel it was and x_hat of that.
#[inline(always)]
fn pool(
    x: &[f32],
    w: usize,
    [scale, shift]: [f32; 2],
    moments: Moments,
    (y, argmax, max_x_hat): (&mut [f32], &mut [u8], &mut [f32]),
) {
    let w_out = w / 2;
    let rows = y.chunks_exact_mut(w_out).zip(argmax.chunks_exact_mut(w_out));
    for (i, ((y, argmax), max_x_hat)) in rows.zip(max_x_hat.chunks_exact_mut(w_out)).enumerate() {
        let (above, below) = (&x[2 * i * w..][..2 * w_out], &x[(2 * i + 1) * w..][..2 * w_out]);
        for j in 0..w_out {
            // The largest z is the smallest x where the weight is negative.
            let square = [above[2 * j], above[2 * j + 1], below[2 * j], below[2 * j + 1]];
            let z = square.map(|x| scale * x + shift);
            let (mut max, mut at, mut from) = (z[0], 0u8, square[0]);
            for k in 1..4 {
                let is_larger = z[k] > max;
                max = if is_larger { z[k] } else { max };
                at = if is_larger { k as u8 } else { at };
                from = if is_larger { square[k] } else { from };
            }
            argmax[j] = at;
            max_x_hat[j] = moments.normalised(from);
            y[j] = if max < 0.0 { 0.0 } else { max };
        }
    }
}

/// The gradient of ReLU's input where its output was y.
#[inline(always)]
fn relu_gradient(y: f32, dy: f32) -> f32 {
    if y > 0.0 { dy } else { 0.0 }
}

/// dx of a plane with rows of `w` floats: what comes through mean and variance, and at the argmax of each
/// square `scale` times its dz.
#[inline(always)]
fn pool_backward(
    (dx, x): (&mut [f32], &[f32]),
    w: usize,
    (y, dy, argmax): (&[f32], &[f32], &[u8]),
    scale: f32,
    from_moments: impl Fn(f32) -> f32,
) {
    let w_out = w / 2;
    // An odd last row is in no square.
    let even = dx.len() / (2 * w) * (2 * w);
    dx[even..].iter_mut().zip(&x[even..]).for_each(|(dx, x)| *dx = from_moments(*x));
    let squares = y.chunks_exact(w_out).zip(dy.chunks_exact(w_out)).zip(argmax.chunks_exact(w_out));
    let pairs = dx.chunks_exact_mut(2 * w).zip(x.chunks_exact(2 * w));
    for ((dx, x), ((y, dy), argmax)) in pairs.zip(squares) {
        for (row, (dx, x)) in dx.chunks_exact_mut(w).zip(x.chunks_exact(w)).enumerate() {
            let (dx, last_dx) = dx.split_at_mut(2 * w_out);
            let (x, last_x) = x.split_at(2 * w_out);
            let pixels = dx.as_chunks_mut::<2>().0.iter_mut().zip(x.as_chunks::<2>().0);
            for ((((dx, x), y), dy), argmax) in pixels.zip(y).zip(dy).zip(argmax) {
                let dz = scale * relu_gradient(*y, *dy);
                let first = 2 * row as u8;
                dx[0] = from_moments(x[0]) + if *argmax == first { dz } else { 0.0 };
                dx[1] = from_moments(x[1]) + if *argmax == first + 1 { dz } else { 0.0 };
            }
            // Nor is an odd last column.
            last_dx.iter_mut().zip(last_x).for_each(|(dx, x)| *dx = from_moments(*x));
        }
    }
}

impl Computed for BatchNorm {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let mut y = std::mem::take(&mut t.values[l.y]);
        let (x, isa) = (&t.values[l.x], t.isa);
        let (weight, bias) = (t.parameters.get(l.weight), t.parameters.get(l.bias));
        let (all_y, all_x_hat) = (Each::new(&mut y), Each::new(&mut self.max_x_hat));
        let (all_argmax, all_moments) = (Each::new(&mut self.argmax), Each::new(&mut self.moments));
        t.pool.each(l.c, |c| {
            let [of_x, of_y] = channels(l, c);
            isa.vectorise(|| {
                let moments = moments(x, of_x, l.eps);
                // SAFETY: a task has its own channel.
                let own = unsafe { all_moments.part(c, 1) };
                own[0] = moments;
                let scale = weight[c] * moments.inv_std;
                let shift = bias[c] - moments.mean * scale;
                for (x, start) in of_x.planes(x).zip(of_y.starts()) {
                    // SAFETY: as above.
                    let y = unsafe { all_y.part(start, of_y.pixels) };
                    if l.pool {
                        // SAFETY: as above; both are laid out as y is.
                        let argmax = unsafe { all_argmax.part(start, of_y.pixels) };
                        // SAFETY: as above.
                        let x_hat = unsafe { all_x_hat.part(start, of_y.pixels) };
                        pool(x, l.w, [scale, shift], moments, (y, argmax, x_hat));
                    } else {
                        for (y, x) in y.iter_mut().zip(x) {
                            let z = scale * x + shift;
                            *y = if z < 0.0 { 0.0 } else { z };
                        }
                    }
                }
            });
        });
        t.values[l.y] = y;
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let mut dx = t.take_gradient(l.x);
        let (x, y, dy, isa) = (&t.values[l.x], &t.values[l.y], t.gradient(l.y), t.isa);
        let weight = t.parameters.get(l.weight);
        let mut gradients = vec![[0.0; 2]; l.c];
        let (all_dx, all_gradients) = (Each::new(&mut dx), Each::new(&mut gradients));
        let this = &*self;
        t.pool.each(l.c, |c| {
            isa.vectorise(|| {
                // SAFETY: a task has its own channel.
                let own = unsafe { all_gradients.part(c, 1) };
                own[0] = this.parameter_gradients(c, x, y, dy);
                // SAFETY: as above.
                unsafe { this.input_gradient(c, weight[c], own[0], (x, y, dy), &all_dx) };
            });
        });
        for (c, [dbias, dweight]) in gradients.into_iter().enumerate() {
            t.gradients.get_mut(l.bias)[c] = dbias as f32;
            t.gradients.get_mut(l.weight)[c] = dweight as f32;
        }
        t.put_gradient(l.x, dx);
    }

    fn scratch_bytes(&self) -> u64 {
        let moments = size_of::<Moments>() * self.moments.len();
        (self.argmax.len() + 4 * self.max_x_hat.len() + moments) as u64
    }
}
