//! Multi-head attention: a task has a head of a sample.

use std::cell::RefCell;

use super::tensors::{Shared, Tensors};
use super::{Computed, math, sums};
use crate::backend::cpu::aligned::Aligned;
use crate::backend::cpu::native::{self, Product};
use crate::network;

thread_local! {
    /// Kept between tasks, so that none touches new pages.
    static SCRATCH: RefCell<Vec<f32>> = const { RefCell::new(Vec::new()) };
}

/// Hands `work` two pieces of this thread's scratch, which hold anything.
fn with_scratch(lengths: [usize; 2], work: impl FnOnce(&mut [f32], &mut [f32])) {
    SCRATCH.with_borrow_mut(|all| {
        all.resize(all.len().max(lengths[0] + lengths[1]), 0.0);
        let (first, rest) = all.split_at_mut(lengths[0]);
        work(first, &mut rest[..lengths[1]]);
    });
}

/// See [`network::Attention`].
pub struct Attention {
    sizes: network::Attention,
    /// Probabilities (batch, heads, seq, seq).
    probabilities: Aligned,
}

/// Where a head of a sample lies.
struct Head {
    /// Its columns of q, k and v in x.
    columns: [usize; 3],
    /// Its columns in y.
    y: usize,
    /// Its probabilities.
    p: usize,
}

impl Attention {
    pub fn new(sizes: network::Attention) -> Attention {
        let probabilities = Aligned::zeros(sizes.batch * sizes.heads * sizes.seq * sizes.seq);
        Attention { sizes, probabilities }
    }

    fn head(&self, number: usize) -> Head {
        let l = self.sizes;
        let (sample, head) = (number / l.heads, number % l.heads);
        let column = head * (l.width / l.heads);
        let x = sample * l.seq * 3 * l.width + column;
        Head {
            columns: [x, x + l.width, x + 2 * l.width],
            y: sample * l.seq * l.width + column,
            p: number * l.seq * l.seq,
        }
    }

    /// Columns of a head.
    fn size(&self) -> usize {
        self.sizes.width / self.sizes.heads
    }

    /// seq x seq, of rows of q, k, v or y, `row` and `other_row` apart.
    fn scores(&self, row: usize, other_row: usize) -> Product {
        let seq = self.sizes.seq;
        let dense = Product::dense([seq, seq, self.size()], false, true);
        Product { lda: row, ldb: other_row, ..dense }
    }

    /// seq x size, of probabilities or their like, transposed or not, and rows that are `row` apart.
    fn mix(&self, transposed: bool, row: usize) -> Product {
        let seq = self.sizes.seq;
        Product { ldb: row, ..Product::dense([seq, self.size(), seq], transposed, false) }
    }
}

/// Copies dense rows of `size` to a head's columns of rows that are `row` apart.
///
/// # Safety
/// Nobody else has these columns.
unsafe fn put(from: &[f32], to: &Shared<'_>, start: usize, row: usize, size: usize) {
    for (number, from) in from.chunks_exact(size).enumerate() {
        // SAFETY: the caller's.
        unsafe { to.part(start + number * row, size) }.copy_from_slice(from);
    }
}

impl Computed for Attention {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let mut y = std::mem::take(&mut t.values[l.y]);
        let mut probabilities = std::mem::take(&mut self.probabilities);
        let (isa, x) = (t.isa, &t.values[l.x]);
        let (all_y, all_p) = (Shared::new(&mut y), Shared::new(&mut probabilities));
        let (this, size, row) = (&*self, self.size(), 3 * l.width);
        let scale = 1.0 / (size as f32).sqrt();
        t.pool.each(l.batch * l.heads, |task| {
            let head = this.head(task);
            let [q, k, v] = head.columns.map(|start| &x[start..]);
            // SAFETY: a task has its own head.
            let p = unsafe { all_p.part(head.p, l.seq * l.seq) };
            native::multiply_here(isa, &this.scores(row, row), q, k, p);
            isa.vectorise(|| p.chunks_exact_mut(l.seq).for_each(|p| softmax(p, scale)));
            with_scratch([l.seq * size, 0], |out, _| {
                native::multiply_here(isa, &this.mix(false, row), p, v, out);
                // SAFETY: as above.
                unsafe { put(out, &all_y, head.y, l.width, size) };
            });
        });
        self.probabilities = probabilities;
        t.values[l.y] = y;
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = self.sizes;
        let mut dx = t.take_gradient(l.x);
        let (isa, x, dy) = (t.isa, &t.values[l.x], t.gradient(l.y));
        let all = Shared::new(&mut dx);
        let (this, size, row) = (&*self, self.size(), 3 * l.width);
        let scale = 1.0 / (size as f32).sqrt();
        t.pool.each(l.batch * l.heads, |task| {
            let head = this.head(task);
            let [q, k, v] = head.columns.map(|start| &x[start..]);
            let dy = &dy[head.y..];
            let p = &this.probabilities[head.p..][..l.seq * l.seq];
            with_scratch([l.seq * l.seq, l.seq * size], |ds, out| {
                native::multiply_here(isa, &this.scores(l.width, row), dy, v, ds);
                isa.vectorise(|| {
                    for (ds, p) in ds.chunks_exact_mut(l.seq).zip(p.chunks_exact(l.seq)) {
                        let sum = sums::dot(ds, p) as f32;
                        ds.iter_mut().zip(p).for_each(|(ds, p)| *ds = scale * p * (*ds - sum));
                    }
                });
                let columns = head.columns;
                let products = [
                    (this.mix(false, row), &*ds, k, columns[0]),
                    (this.mix(true, row), &*ds, q, columns[1]),
                    (this.mix(true, l.width), p, dy, columns[2]),
                ];
                for (product, a, b, column) in products {
                    native::multiply_here(isa, &product, a, b, out);
                    // SAFETY: a task has its own head.
                    unsafe { put(out, &all, column, row, size) };
                }
            });
        });
        t.put_gradient(l.x, dx);
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }
}

/// Scores, before their scale, to probabilities.
#[inline(always)]
fn softmax(p: &mut [f32], scale: f32) {
    let most = sums::largest(p);
    p.iter_mut().for_each(|p| *p = math::exp(scale * (*p - most)));
    let scale = (1.0 / sums::of(p)) as f32;
    p.iter_mut().for_each(|p| *p *= scale);
}
