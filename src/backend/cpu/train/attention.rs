//! Multi-head attention: a task has a head of a sample.
//!
//! With q, k, v (seq, size) of a head, size = width / heads, and softmax over each row (Vaswani et al.,
//! Attention Is All You Need, 2017, section 3.2):
//!
//! ```text
//! p = softmax(scale q k^T)      y = p v      scale = 1 / sqrt(size)
//! ```
//!
//! Backwards, with sums over each row and products of elements where there is a dot; ds is the gradient of
//! the scores q k^T:
//!
//! ```text
//! dp = dy v^T      ds = scale p . (dp - sum(dp . p))
//! dq = ds k        dk = ds^T q        dv = p^T dy
//! ```

use super::tensors::Tensors;
use super::{Computed, math, sums};
use crate::backend::cpu::aligned::Aligned;
use crate::backend::cpu::native::{self, Product, Scratch, with_scratch};
use crate::backend::cpu::share::Each;
use crate::network;

thread_local! {
    /// Kept between tasks, so that none touches new pages.
    static SCRATCH: Scratch = const { Scratch::new(Vec::new()) };
}

/// A prepared [`network::Attention`], with what its backward pass needs of the forward pass.
pub struct Attention {
    sizes: network::Attention,
    /// p, (batch, heads, seq, seq).
    probabilities: Aligned,
}

impl Attention {
    pub fn new(sizes: network::Attention) -> Attention {
        let probabilities = Aligned::zeros(sizes.batch * sizes.heads * sizes.seq * sizes.seq);
        Attention { sizes, probabilities }
    }
}

/// A head of a sample: where it begins, in floats, and the products of its matrices.
struct Head {
    seq: usize,
    /// Columns of q, k or v.
    size: usize,
    /// q, k and v in x: (seq, size) in rows of 3 width.
    qkv: [usize; 3],
    /// In y: (seq, size) in rows of width.
    y: usize,
    /// p: (seq, seq).
    p: usize,
}

impl Head {
    /// Head `number` of batch x heads.
    fn new(l: &network::Attention, number: usize) -> Head {
        let size = l.width / l.heads;
        let (sample, column) = (number / l.heads, number % l.heads * size);
        let x = sample * l.seq * 3 * l.width + column;
        Head {
            seq: l.seq,
            size,
            qkv: [x, x + l.width, x + 2 * l.width],
            y: sample * l.seq * l.width + column,
            p: number * l.seq * l.seq,
        }
    }

    /// What scores are multiplied by before softmax.
    fn scale(&self) -> f32 {
        1.0 / (self.size as f32).sqrt()
    }

    /// (seq, seq) = a b^T, where a and b are two of q, k, v and y, in rows of `row` and `other_row` floats.
    fn scores(&self, row: usize, other_row: usize) -> Product {
        let dense = Product::dense([self.seq, self.seq, self.size], false, true);
        Product { lda: row, ldb: other_row, ..dense }
    }

    /// (seq, size) = s b or s^T b, where s (seq, seq) is p or ds and b one of q, k, v and y, in rows of `row`
    /// floats.
    fn mix(&self, transposed: bool, row: usize) -> Product {
        Product { ldb: row, ..Product::dense([self.seq, self.size, self.seq], transposed, false) }
    }

    /// Copies a dense (seq, size) to the head's columns, from `start` on in rows of `row` floats. Panics where
    /// they are not inside.
    ///
    /// # Safety
    /// Nothing else refers to these columns.
    unsafe fn put(&self, from: &[f32], to: &Each<'_, f32>, start: usize, row: usize) {
        for (number, from) in from.chunks_exact(self.size).enumerate() {
            // SAFETY: the caller's.
            unsafe { to.part(start + number * row, self.size) }.copy_from_slice(from);
        }
    }
}

impl Computed for Attention {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let mut y = std::mem::take(&mut t.values[l.y]);
        let (isa, x, row) = (t.isa, &t.values[l.x], 3 * l.width);
        let (all_y, all_p) = (Each::new(&mut y), Each::new(&mut self.probabilities));
        t.pool.each(l.batch * l.heads, |task| {
            let head = Head::new(&l, task);
            let [q, k, v] = head.qkv.map(|start| &x[start..]);
            // SAFETY: a task has its own head.
            let p = unsafe { all_p.part(head.p, l.seq * l.seq) };
            native::multiply(isa, None, &head.scores(row, row), (q, k), p, None);
            isa.vectorise(|| p.chunks_exact_mut(l.seq).for_each(|p| softmax(p, head.scale())));
            with_scratch(&SCRATCH, [l.seq * head.size, 0], |out, _| {
                native::multiply(isa, None, &head.mix(false, row), (p, v), out, None);
                // SAFETY: as above.
                unsafe { head.put(out, &all_y, head.y, l.width) };
            });
        });
        t.values[l.y] = y;
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let mut dx = t.take_gradient(l.x);
        let (isa, x, dy, row) = (t.isa, &t.values[l.x], t.gradient(l.y), 3 * l.width);
        let (all, all_p) = (Each::new(&mut dx), &self.probabilities);
        t.pool.each(l.batch * l.heads, |task| {
            let head = Head::new(&l, task);
            let [q, k, v] = head.qkv.map(|start| &x[start..]);
            let (dy, p) = (&dy[head.y..], &all_p[head.p..][..l.seq * l.seq]);
            with_scratch(&SCRATCH, [l.seq * l.seq, l.seq * head.size], |ds, out| {
                native::multiply(isa, None, &head.scores(l.width, row), (dy, v), ds, None);
                isa.vectorise(|| {
                    let scale = head.scale();
                    for (ds, p) in ds.chunks_exact_mut(l.seq).zip(p.chunks_exact(l.seq)) {
                        // What the product has left in ds is dp.
                        let sum = sums::dot(ds, p) as f32;
                        ds.iter_mut().zip(p).for_each(|(ds, p)| *ds = scale * p * (*ds - sum));
                    }
                });
                let products = [
                    (head.mix(false, row), &*ds, k, head.qkv[0]),
                    (head.mix(true, row), &*ds, q, head.qkv[1]),
                    (head.mix(true, l.width), p, dy, head.qkv[2]),
                ];
                for (product, a, b, column) in products {
                    native::multiply(isa, None, &product, (a, b), out, None);
                    // SAFETY: a task has its own head.
                    unsafe { head.put(out, &all, column, row) };
                }
            });
        });
        t.put_gradient(l.x, dx);
    }
}

/// A row of scores to one of p. The largest is subtracted first, so that no power overflows.
#[inline(always)]
fn softmax(p: &mut [f32], scale: f32) {
    let max = sums::max(p);
    p.iter_mut().for_each(|p| *p = math::exp(scale * (*p - max)));
    let inv_sum = (1.0 / sums::of(p)) as f32;
    p.iter_mut().for_each(|p| *p *= inv_sum);
}
