//! The way without any scratch: each element of the gradient is a sum of its own.

use crate::backend::cpu::conv::engine::{Rounds, Scratch, Tensors};
use crate::backend::cpu::share::even_part;
use crate::terms::Conv;

/// Plain loops, for limits of scratch that are too low for copies.
pub(super) struct PlainLoops {
    pub conv: Conv,
    pub threads: usize,
}

impl Rounds for PlainLoops {
    fn lengths(&self) -> [usize; 3] {
        [self.conv.y_len(), self.conv.x_len(), self.conv.f_len()]
    }

    fn scratch(&self) -> Scratch {
        Scratch { threads: self.threads, local: 0, shared: 0, table_bytes: 0 }
    }

    fn tasks(&self, round: usize) -> Option<usize> {
        (round == 0).then(|| self.threads.min(self.conv.f_len()))
    }

    unsafe fn run(&self, tensors: &Tensors<'_>, _: usize, task: usize, _: &mut [f32]) {
        let all = self.conv.f_len();
        let own = even_part(all, self.threads.min(all), task);
        // SAFETY: parts of different tasks are disjoint.
        let dw = unsafe { tensors.out.part(own.start, own.len()) };
        for (index, sum) in own.zip(dw) {
            *sum = tap(&self.conv, tensors.a, tensors.b, index);
        }
    }

    fn is_reduced(&self) -> bool {
        true
    }
}

/// Element `index` of the filters' gradient, summed up row by row of dy.
fn tap(conv: &Conv, dy: &[f32], x: &[f32], index: usize) -> f32 {
    let (s, rest) = (index % conv.s, index / conv.s);
    let (r, rest) = (rest % conv.r, rest / conv.r);
    let (c, k) = (rest % conv.group_c(), rest / conv.group_c());
    let channel = k / conv.group_k() * conv.group_c() + c;
    let (plane, image) = (conv.p() * conv.q(), conv.h * conv.w);
    let (rows, columns) = (conv.rows(), conv.columns());
    let mut sum = 0.0;
    for n in 0..conv.n {
        let dy = &dy[(n * conv.k + k) * plane..][..plane];
        let x = &x[(n * conv.c + channel) * image..][..image];
        for p in rows.inside(r) {
            let (dy, x) = (&dy[p * conv.q()..], &x[rows.at(p, r) * conv.w..]);
            // Rows are summed up by themselves: rounding errors stay small.
            let products = columns.inside(s).map(|q| dy[q] * x[columns.at(q, s)]);
            sum += products.sum::<f32>();
        }
    }
    sum
}
