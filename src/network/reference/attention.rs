//! Multi-head attention.

use super::matrix::{View, multiply};
use super::{Fault, Reference};
use crate::network::layer::Attention;

/// A head of a sample: the columns of q, k and v in x, and of the result in y.
struct Head {
    q: usize,
    k: usize,
    v: usize,
    y: usize,
    /// Probabilities.
    p: usize,
}

/// Every head of every sample.
fn heads(l: &Attention) -> impl Iterator<Item = Head> + use<> {
    let Attention { batch, seq, width, heads, .. } = *l;
    (0..batch * heads).map(move |number| {
        let (sample, head) = (number / heads, number % heads);
        let (x, column) = (sample * seq * 3 * width, head * (width / heads));
        Head {
            q: x + column,
            k: x + width + column,
            v: x + 2 * width + column,
            y: sample * seq * width + column,
            p: number * seq * seq,
        }
    })
}

impl Reference {
    pub(super) fn attention_forward(&mut self, layer: usize, l: &Attention) {
        let (before, after) = self.values.split_at_mut(l.y);
        let (x, y) = (&before[l.x], &mut after[0]);
        let (seq, size, row) = (l.seq, l.width / l.heads, 3 * l.width);
        let scale = 1.0 / (size as f64).sqrt();
        let mut p = vec![0.0; l.batch * l.heads * seq * seq];
        for head in heads(l) {
            let p = &mut p[head.p..][..seq * seq];
            let (q, k) = (View::rows(&x[head.q..], row), View::transposed(&x[head.k..], row));
            multiply([seq, seq, size], q, k, p, seq, false);
            for s in p.chunks_exact_mut(seq) {
                let most = s.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                s.iter_mut().for_each(|s| *s = (scale * (*s - most)).exp());
                let sum: f64 = s.iter().sum();
                s.iter_mut().for_each(|s| *s /= sum);
            }
            let v = View::rows(&x[head.v..], row);
            multiply([seq, size, seq], View::rows(p, seq), v, &mut y[head.y..], l.width, false);
        }
        if self.fault == Some(Fault::SwappedColumns) {
            y.chunks_exact_mut(l.width).for_each(|row| row.swap(0, 1));
        }
        self.saved[layer].first = p;
    }

    pub(super) fn attention_backward(&mut self, layer: usize, l: &Attention) {
        let mut dy = self.take_gradient(l.y);
        if self.has(Fault::SwappedColumns) {
            dy.chunks_exact_mut(l.width).for_each(|row| row.swap(0, 1));
        }
        let x = &self.values[l.x];
        let dx = &mut self.value_gradients[self.graph.gradient_of(l.x)];
        let (seq, size, row) = (l.seq, l.width / l.heads, 3 * l.width);
        let scale = 1.0 / (size as f64).sqrt();
        let mut ds = vec![0.0; seq * seq];
        for head in heads(l) {
            let p = &self.saved[layer].first[head.p..][..seq * seq];
            let dy = View::rows(&dy[head.y..], l.width);
            let (sizes, flat) = ([seq, size, seq], [seq, seq, size]);
            multiply(sizes, View::transposed(p, seq), dy, &mut dx[head.v..], row, false);
            multiply(flat, dy, View::transposed(&x[head.v..], row), &mut ds, seq, false);
            for (ds, p) in ds.chunks_exact_mut(seq).zip(p.chunks_exact(seq)) {
                let sum: f64 = ds.iter().zip(p).map(|(ds, p)| ds * p).sum();
                ds.iter_mut().zip(p).for_each(|(ds, p)| *ds = scale * p * (*ds - sum));
            }
            let (q, k) = (View::rows(&x[head.q..], row), View::rows(&x[head.k..], row));
            multiply(sizes, View::rows(&ds, seq), k, &mut dx[head.q..], row, false);
            multiply(sizes, View::transposed(&ds, seq), q, &mut dx[head.k..], row, false);
        }
        self.put_gradient(l.y, dy);
    }
}
