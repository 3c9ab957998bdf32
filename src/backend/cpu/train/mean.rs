//! The mean over a sequence: y (batch, width) = sum x / seq over the steps of x (batch, seq, width);
//! backwards every step has dx = dy / seq.

use super::tensors::Tensors;
use super::{Computed, sums};
use crate::backend::cpu::share::Each;
use crate::network::Mean;

impl Computed for Mean {
    fn forward(&mut self, t: &mut Tensors<'_>) {
        let l = *self;
        let mut y = std::mem::take(&mut t.values[l.y]);
        let (x, isa, all) = (&t.values[l.x], t.isa, Each::new(&mut y));
        t.pool.each(l.batch, |sample| {
            // SAFETY: a task has its own sample.
            let y = unsafe { all.part(sample * l.width, l.width) };
            isa.vectorise(|| {
                y.fill(0.0);
                sums::add_rows(y, &x[sample * l.seq * l.width..][..l.seq * l.width]);
                let scale = 1.0 / l.seq as f32;
                y.iter_mut().for_each(|y| *y *= scale);
            });
        });
        t.values[l.y] = y;
    }

    fn backward(&mut self, t: &mut Tensors<'_>) {
        let l = *self;
        let mut dx = t.take_gradient(l.x);
        let (dy, isa, all) = (t.gradient(l.y), t.isa, Each::new(&mut dx));
        t.pool.each(l.batch, |sample| {
            // SAFETY: a task has its own sample.
            let dx = unsafe { all.part(sample * l.seq * l.width, l.seq * l.width) };
            let dy = &dy[sample * l.width..][..l.width];
            isa.vectorise(|| {
                let scale = 1.0 / l.seq as f32;
                for row in dx.chunks_exact_mut(l.width) {
                    row.iter_mut().zip(dy).for_each(|(dx, dy)| *dx = scale * dy);
                }
            });
        });
        t.put_gradient(l.x, dx);
    }
}
