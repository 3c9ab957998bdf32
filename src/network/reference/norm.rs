//! Batch norm with ReLU and pooling, and layer norm.

use super::linear::{deviation, relu_corners};
use super::{CORNER, Corners, Reference};
use crate::network::layer::{BatchNorm, LayerNorm};

impl Reference {
    pub(super) fn batch_norm_forward(&mut self, layer: usize, l: &BatchNorm) {
        let (pixels, count) = (l.h * l.w, l.n * l.h * l.w);
        let divisor = self.divisor(count);
        let (before, after) = self.values.split_at_mut(l.y);
        let (x, y) = (&before[l.x], &mut after[0]);
        let (weight, bias) = (&self.parameters[l.weight], &self.parameters[l.bias]);
        let saved = &mut self.saved[layer];
        saved.second.clear();
        saved.third.clear();
        let mut z = vec![0.0; x.len()];
        for c in 0..l.c {
            let planes = || x.chunks_exact(pixels).skip(c).step_by(l.c);
            let mean = planes().flatten().sum::<f64>() / count as f64;
            let squares = planes().flatten().map(|x| (x - mean) * (x - mean)).sum::<f64>();
            let scale = 1.0 / (squares / divisor + l.eps).sqrt();
            let out = z.chunks_exact_mut(pixels).skip(c).step_by(l.c);
            for (z, x) in out.zip(planes()) {
                let normed = x.iter().map(|x| weight[c] * (x - mean) * scale + bias[c]);
                z.iter_mut().zip(normed).for_each(|(z, value)| *z = value);
            }
            saved.second.push(mean);
            saved.third.push(scale);
        }
        saved.corners = relu_corners(&z);
        if l.pool {
            saved.corners.near += rivals(l, &z);
            let planes = z.chunks_exact(pixels).zip(y.chunks_exact_mut((l.h / 2) * (l.w / 2)));
            for (z, y) in planes {
                for (at, y) in y.iter_mut().enumerate() {
                    *y = largest(l, z, at).1.max(0.0);
                }
            }
        } else {
            y.iter_mut().zip(&z).for_each(|(y, z)| *y = z.max(0.0));
        }
    }

    pub(super) fn batch_norm_backward(&mut self, layer: usize, l: &BatchNorm) {
        let (pixels, count) = (l.h * l.w, (l.n * l.h * l.w) as f64);
        let dy = self.take_gradient(l.y);
        let x = &self.values[l.x];
        let (weight, bias) = (&self.parameters[l.weight], &self.parameters[l.bias]);
        let (means, scales) = (&self.saved[layer].second, &self.saved[layer].third);
        let normed = |c: usize, x: f64| (x - means[c]) * scales[c];
        // Back through pooling and ReLU.
        let mut dz = vec![0.0; x.len()];
        let outputs = if l.pool { (l.h / 2) * (l.w / 2) } else { pixels };
        for (plane, dy) in dy.chunks_exact(outputs).enumerate() {
            let c = plane % l.c;
            let z: Vec<f64> = x[plane * pixels..][..pixels]
                .iter()
                .map(|x| weight[c] * normed(c, *x) + bias[c])
                .collect();
            for (at, dy) in dy.iter().enumerate() {
                let (place, z) = if l.pool { largest(l, &z, at) } else { (at, z[at]) };
                if z > 0.0 {
                    dz[plane * pixels + place] = *dy;
                }
            }
        }
        let dx = &mut self.value_gradients[self.graph.gradient_of(l.x)];
        for c in 0..l.c {
            let planes = || {
                let x = x.chunks_exact(pixels).skip(c).step_by(l.c);
                x.zip(dz.chunks_exact(pixels).skip(c).step_by(l.c))
            };
            let pairs = || planes().flat_map(|(x, dz)| x.iter().zip(dz));
            let sum = pairs().map(|(_, dz)| dz).sum::<f64>();
            let product = pairs().map(|(x, dz)| dz * normed(c, *x)).sum::<f64>();
            self.gradients[l.weight][c] = product;
            self.gradients[l.bias][c] = sum;
            let (sum, product, scale) = (sum / count, product / count, weight[c] * scales[c]);
            for (dx, (x, dz)) in dx.chunks_exact_mut(pixels).skip(c).step_by(l.c).zip(planes()) {
                for ((dx, x), dz) in dx.iter_mut().zip(x).zip(dz) {
                    *dx = scale * (dz - sum - normed(c, *x) * product);
                }
            }
        }
        self.put_gradient(l.y, dy);
    }

    pub(super) fn layer_norm_forward(&mut self, layer: usize, l: &LayerNorm) {
        let divisor = self.divisor(l.width);
        let (before, after) = self.values.split_at_mut(l.y);
        let (x, y) = (&before[l.x], &mut after[0]);
        let (weight, bias) = (&self.parameters[l.weight], &self.parameters[l.bias]);
        let saved = &mut self.saved[layer];
        saved.second.clear();
        saved.third.clear();
        for (x, y) in x.chunks_exact(l.width).zip(y.chunks_exact_mut(l.width)) {
            let mean = x.iter().sum::<f64>() / l.width as f64;
            let squares = x.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>();
            let scale = 1.0 / (squares / divisor + l.eps).sqrt();
            for (j, (x, y)) in x.iter().zip(y).enumerate() {
                *y = weight[j] * (x - mean) * scale + bias[j];
            }
            saved.second.push(mean);
            saved.third.push(scale);
        }
    }

    pub(super) fn layer_norm_backward(&mut self, layer: usize, l: &LayerNorm) {
        let dy = self.take_gradient(l.y);
        let x = &self.values[l.x];
        let weight = &self.parameters[l.weight];
        let saved = &self.saved[layer];
        let (mut dweight, mut dbias) = (vec![0.0; l.width], vec![0.0; l.width]);
        let needs_dx = self.graph.needs_gradient(l.x);
        let dx = &mut self.value_gradients[self.graph.gradient_of(l.x)];
        let rows = x.chunks_exact(l.width).zip(dy.chunks_exact(l.width)).enumerate();
        for (row, (x, dy)) in rows {
            let (mean, scale) = (saved.second[row], saved.third[row]);
            let normed: Vec<f64> = x.iter().map(|x| (x - mean) * scale).collect();
            for j in 0..l.width {
                dweight[j] += dy[j] * normed[j];
                dbias[j] += dy[j];
            }
            if !needs_dx {
                continue;
            }
            let width = l.width as f64;
            let pulls: Vec<f64> = dy.iter().zip(weight).map(|(dy, w)| dy * w).collect();
            let sum = pulls.iter().sum::<f64>() / width;
            let product = pulls.iter().zip(&normed).map(|(p, n)| p * n).sum::<f64>() / width;
            for (j, dx) in dx[row * l.width..][..l.width].iter_mut().enumerate() {
                let before = if l.adds { *dx } else { 0.0 };
                *dx = before + scale * (pulls[j] - sum - normed[j] * product);
            }
        }
        self.gradients[l.weight] = dweight;
        self.gradients[l.bias] = dbias;
        self.put_gradient(l.y, dy);
    }
}

/// Places of the square behind pooled pixel `at`.
fn square(l: &BatchNorm, at: usize) -> [usize; 4] {
    let corner = at / (l.w / 2) * 2 * l.w + at % (l.w / 2) * 2;
    [corner, corner + 1, corner + l.w, corner + l.w + 1]
}

/// Place and value of the largest of a square, the first where there are several.
fn largest(l: &BatchNorm, z: &[f64], at: usize) -> (usize, f64) {
    let [first, rest @ ..] = square(l, at);
    let pick = |best: (usize, f64), place| if z[place] > best.1 { (place, z[place]) } else { best };
    rest.into_iter().fold((first, z[first]), pick)
}

/// Squares whose two largest are next to each other, where the gradient passes.
fn rivals(l: &BatchNorm, z: &[f64]) -> u64 {
    let near = CORNER * deviation(z);
    let mut count = 0;
    for z in z.chunks_exact(l.h * l.w) {
        for at in 0..(l.h / 2) * (l.w / 2) {
            let mut square = square(l, at).map(|place| z[place]);
            square.sort_by(|a, b| b.total_cmp(a));
            count += u64::from(square[0] > 0.0 && square[0] - square[1] < near);
        }
    }
    count
}

impl Corners {
    /// By how much a bound grows: one number on the wrong side changes a gradient by about
    /// 1 / sqrt(active) of itself.
    pub fn slack(self) -> f64 {
        if self.near == 0 {
            0.0
        } else {
            4.0 * (self.near as f64 / self.active.max(1) as f64).sqrt()
        }
    }
}
