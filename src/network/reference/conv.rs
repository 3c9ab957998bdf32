//! 3 x 3 convolutions: each image unfolded, then a product.

use super::Reference;
use super::matrix::{View, multiply};
use crate::network::layer::Conv3x3;

/// Taps of a filter.
const TAPS: usize = 9;

impl Reference {
    pub(super) fn conv_forward(&mut self, l: &Conv3x3) {
        let (before, after) = self.values.split_at_mut(l.y);
        let (x, y) = (&before[l.x], &mut after[0]);
        let (pixels, depth) = (l.h * l.w, TAPS * l.c);
        let filters = View::rows(&self.parameters[l.weight], depth);
        let mut unfolded = vec![0.0; depth * pixels];
        for (x, y) in x.chunks_exact(l.c * pixels).zip(y.chunks_exact_mut(l.k * pixels)) {
            unfold(l, x, &mut unfolded);
            let columns = View::rows(&unfolded, pixels);
            multiply([l.k, pixels, depth], filters, columns, y, pixels, false);
        }
    }

    pub(super) fn conv_backward(&mut self, l: &Conv3x3) {
        let dy = self.take_gradient(l.y);
        let (pixels, depth) = (l.h * l.w, TAPS * l.c);
        let mut unfolded = vec![0.0; depth * pixels];
        let images = self.values[l.x].chunks_exact(l.c * pixels);
        let dw = &mut self.gradients[l.weight];
        for (number, (x, dy)) in images.zip(dy.chunks_exact(l.k * pixels)).enumerate() {
            unfold(l, x, &mut unfolded);
            let columns = View::transposed(&unfolded, pixels);
            let sizes = [l.k, depth, pixels];
            multiply(sizes, View::rows(dy, pixels), columns, dw, depth, number > 0);
        }
        if self.graph.needs_gradient(l.x) {
            let filters = View::transposed(&self.parameters[l.weight], depth);
            let dx = &mut self.value_gradients[self.graph.gradient_of(l.x)];
            for (dx, dy) in dx.chunks_exact_mut(l.c * pixels).zip(dy.chunks_exact(l.k * pixels)) {
                let sizes = [depth, pixels, l.k];
                multiply(sizes, filters, View::rows(dy, pixels), &mut unfolded, pixels, false);
                fold(l, &unfolded, dx);
            }
        }
        self.put_gradient(l.y, dy);
    }
}

/// For every tap of every channel, the element under it at every pixel; zero outside.
fn unfold(l: &Conv3x3, x: &[f64], to: &mut [f64]) {
    to.fill(0.0);
    each(l, |tap, element| to[tap] = x[element]);
}

/// Adds up what lies under the taps.
fn fold(l: &Conv3x3, from: &[f64], dx: &mut [f64]) {
    dx.fill(0.0);
    each(l, |tap, element| dx[element] += from[tap]);
}

/// Every pair of an unfolded place and the element of the image that it shows.
fn each(l: &Conv3x3, mut pair: impl FnMut(usize, usize)) {
    let pixels = l.h * l.w;
    for c in 0..l.c {
        for tap in 0..TAPS {
            let (r, s) = (tap / 3, tap % 3);
            for i in 1usize.saturating_sub(r)..l.h.min(l.h + 1 - r) {
                for j in 1usize.saturating_sub(s)..l.w.min(l.w + 1 - s) {
                    let at = (c * TAPS + tap) * pixels + i * l.w + j;
                    pair(at, c * pixels + (i + r - 1) * l.w + j + s - 1);
                }
            }
        }
    }
}
