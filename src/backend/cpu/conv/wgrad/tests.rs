//! Every set of instructions against plain loops, on small integers, where every order of sums is
//! exact; and that nothing but the operands decides the bits.

use super::*;
use crate::backend::cpu::Pool;
use crate::backend::cpu::conv::tests::awkward;
use crate::tensor::{Data, FENCE, broken_fence, fenced};

const MIB: u64 = 1 << 20;

/// Limits that leave all, little and nothing.
const LIMITS: [u64; 4] = [64 * MIB, 64 << 10, 4 << 10, 0];

/// More convolutions: long sums, many filters, groups of few.
fn more() -> Vec<Conv> {
    let conv = |[n, c, h, w]: [usize; 4], [k, r, s]: [usize; 3], stride, pad, groups| Conv {
        n,
        c,
        h,
        w,
        k,
        r,
        s,
        stride: [stride; 2],
        pad: [pad; 2],
        dilation: [1; 2],
        groups,
    };
    vec![
        conv([1, 2, 40, 61], [3, 3, 3], 1, 1, 1),
        conv([1, 2, 2, 700], [3, 3, 3], 1, 1, 1),
        conv([5, 13, 9, 9], [65, 3, 3], 1, 1, 1),
        conv([2, 50, 9, 9], [193, 1, 1], 1, 0, 1),
        conv([2, 97, 5, 5], [31, 1, 1], 2, 0, 1),
        conv([40, 4, 3, 3], [6, 2, 2], 1, 0, 1),
        conv([2, 24, 10, 10], [24, 3, 3], 1, 1, 6),
        conv([1, 12, 17, 17], [36, 3, 3], 2, 1, 12),
        conv([2, 1, 30, 30], [2, 3, 3], 1, 1, 1),
    ]
}

/// The definition, in doubles.
fn reference(conv: &Conv, dy: &[f32], x: &[f32]) -> Vec<f32> {
    let (p, q) = (conv.p(), conv.q());
    let mut dw = vec![0.0; conv.f_len()];
    let per_filter = conv.group_c() * conv.r * conv.s;
    for (n, k) in (0..conv.n).flat_map(|n| (0..conv.k).map(move |k| (n, k))) {
        let first = k / conv.group_k() * conv.group_c();
        for (index, sum) in dw[k * per_filter..][..per_filter].iter_mut().enumerate() {
            let (c, r, s) = (index / conv.s / conv.r, index / conv.s % conv.r, index % conv.s);
            for (i, j) in (0..p).flat_map(|i| (0..q).map(move |j| (i, j))) {
                let y = (i * conv.stride[0] + r * conv.dilation[0]).wrapping_sub(conv.pad[0]);
                let z = (j * conv.stride[1] + s * conv.dilation[1]).wrapping_sub(conv.pad[1]);
                if y < conv.h && z < conv.w {
                    let x = x[((n * conv.c + first + c) * conv.h + y) * conv.w + z];
                    *sum += f64::from(dy[((n * conv.k + k) * p + i) * q + j]) * f64::from(x);
                }
            }
        }
    }
    dw.into_iter().map(|x| x as f32).collect()
}

fn operands(conv: &Conv, data: Data) -> [Vec<f32>; 2] {
    [data.fill(0, conv.y_len()), data.fill(1, conv.x_len())]
}

/// Runs into a poisoned output between fences.
fn run(prepared: &mut dyn Prepared, pool: &Pool, [dy, x]: &[Vec<f32>; 2], len: usize) -> Vec<f32> {
    let mut out = fenced(len);
    prepared.run(pool, dy, x, &mut out[FENCE..FENCE + len]);
    assert_eq!(broken_fence(&out), None);
    out[FENCE..FENCE + len].to_vec()
}

fn pool(threads: usize) -> Pool {
    Pool::new(&vec![0; threads])
}

#[test]
fn integers_are_exact() {
    let pools = [1, 2, 3, 5].map(pool);
    for conv in awkward().iter().chain(&more()) {
        let operands = operands(conv, Data::Integers { seed: 7, most: 3 });
        let wanted = reference(conv, &operands[0], &operands[1]);
        for isa in Isa::available() {
            for pool in &pools {
                for limit in LIMITS {
                    let threads = pool.threads();
                    let mut prepared = wgrad(isa, threads, conv, limit);
                    let what = format!("{isa:?} {threads} threads, {limit} bytes: {conv:?}");
                    assert!(prepared.scratch_bytes() <= limit, "{what}");
                    let found = run(&mut *prepared, pool, &operands, conv.f_len());
                    let wrong = (0..wanted.len()).find(|&i| found[i] != wanted[i]);
                    assert_eq!(wrong.map(|i| (i, found[i], wanted[i])), None, "{what}");
                }
            }
        }
    }
}
