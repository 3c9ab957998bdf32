//! The way without any scratch: one filter tap after the other, each a sum of its own.

use std::ops::Range;

use super::task::{Shared, each, part};
use crate::backend::cpu::Pool;
use crate::backend::cpu::conv::Prepared;
use crate::workload::Conv;

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
            for index in part(conv.f_len(), tasks, task) {
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
    let columns = inside(conv, 1, s);
    let mut sum = 0.0;
    for n in 0..conv.n {
        let dy = &dy[(n * conv.k + k) * plane..][..plane];
        let x = &x[(n * conv.c + channel) * image..][..image];
        for p in inside(conv, 0, r) {
            let y = p * conv.stride[0] + r * conv.dilation[0] - conv.pad[0];
            let (dy, x) = (&dy[p * conv.q()..], &x[y * conv.w..]);
            // Rows are summed up by themselves: rounding errors stay small.
            let products = columns
                .clone()
                .map(|q| dy[q] * x[q * conv.stride[1] + s * conv.dilation[1] - conv.pad[1]]);
            sum += products.sum::<f32>();
        }
    }
    sum
}

/// The rows (axis 0) or columns (1) of dy for which a tap lies inside the image.
fn inside(conv: &Conv, axis: usize, tap: usize) -> Range<usize> {
    let (stride, pad) = (conv.stride[axis], conv.pad[axis]);
    let (pixels, length) = ([conv.p(), conv.q()][axis], [conv.h, conv.w][axis]);
    let at = tap * conv.dilation[axis];
    let start = pad.saturating_sub(at).div_ceil(stride);
    let end = (length + pad).saturating_sub(at).div_ceil(stride).min(pixels);
    start.min(end)..end
}
