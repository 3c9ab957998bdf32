//! The way without any scratch: one filter tap after the other, each a sum of its own.

use super::task::{Shared, each};
use crate::backend::cpu::Pool;
use crate::backend::cpu::conv::Prepared;
use crate::backend::cpu::share::even_part;
use crate::terms::Conv;

/// For limits too low for copies.
pub(super) struct PlainLoops {
    pub conv: Conv,
    pub threads: usize,
}

impl Prepared for PlainLoops {
    fn run(&mut self, pool: &Pool, dy: &[f32], x: &[f32], dw: &mut [f32]) {
        let conv = &self.conv;
        assert_eq!(dy.len(), conv.y_len());
        assert_eq!(x.len(), conv.x_len());
        assert_eq!(dw.len(), conv.f_len());
        let tasks = self.threads.min(dw.len());
        let dw = Shared(dw.as_mut_ptr());
        each(pool, tasks, |task| {
            for index in even_part(conv.f_len(), tasks, task) {
                // SAFETY: below `f_len`, which is the length of dw, and in no other task's part.
                unsafe { *{ dw }.0.add(index) = tap(conv, dy, x, index) };
            }
        });
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn is_reduced(&self) -> bool {
        true
    }
}

/// Sums up element `index` of the filters, one row of dy after the other.
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
