//! All three passes against plain loops, on small integers, where every order of sums is exact.

use super::*;
use crate::backend::cpu::conv::tests::awkward;
use crate::tensor::{Data, FENCE, broken_fence, fenced};

/// All, little, nothing.
const LIMITS: [u64; 4] = [64 << 20, 16 << 10, 1 << 10, 0];

/// For each product of the convolution: elements of x, filters and y.
fn each_product(conv: &Conv, mut visit: impl FnMut(usize, usize, usize)) {
    let (rows, columns) = (conv.rows(), conv.columns());
    for (n, k) in (0..conv.n).flat_map(|n| (0..conv.k).map(move |k| (n, k))) {
        let first = k / conv.group_k() * conv.group_c();
        for (index, tap) in (0..conv.group_c() * conv.r * conv.s).enumerate() {
            let (c, r, s) = (tap / conv.s / conv.r, tap / conv.s % conv.r, tap % conv.s);
            for (p, q) in rows.inside(r).flat_map(|p| columns.inside(s).map(move |q| (p, q))) {
                let x = (n * conv.c + first + c) * conv.h + rows.at(p, r);
                let f = k * conv.group_c() * conv.r * conv.s + index;
                let y = ((n * conv.k + k) * conv.p() + p) * conv.q() + q;
                visit(x * conv.w + columns.at(q, s), f, y);
            }
        }
    }
}

fn reference(pass: Pass, conv: &Conv, [a, b]: &[Vec<f32>; 2]) -> Vec<f32> {
    let len = match pass {
        Pass::Fprop => conv.y_len(),
        Pass::Dgrad => conv.x_len(),
        Pass::Wgrad => conv.f_len(),
    };
    let mut out = vec![0.0; len];
    each_product(conv, |x, f, y| match pass {
        Pass::Fprop => out[y] += f64::from(a[x]) * f64::from(b[f]),
        Pass::Dgrad => out[x] += f64::from(a[y]) * f64::from(b[f]),
        Pass::Wgrad => out[f] += f64::from(a[y]) * f64::from(b[x]),
    });
    out.into_iter().map(|x| x as f32).collect()
}

/// Operands of that data.
fn operands(pass: Pass, conv: &Conv, data: Data) -> [Vec<f32>; 2] {
    let [a, b, _] = Im2col::new(pass, 1, conv, 0).plan.lengths();
    [data.fill(0, a), data.fill(1, b)]
}

/// Runs into a poisoned output between fences.
fn run(prepared: &mut Im2col, pool: &Pool, [a, b]: &[Vec<f32>; 2]) -> Vec<f32> {
    let len = prepared.plan.lengths()[2];
    let mut out = fenced(len);
    prepared.run(pool, a, b, &mut out[FENCE..FENCE + len]);
    assert_eq!(broken_fence(&out), None);
    out[FENCE..FENCE + len].to_vec()
}

fn pool(threads: usize) -> Pool {
    Pool::new(&vec![0; threads])
}

#[test]
fn integers_are_exact_within_every_limit() {
    let pools = [1, 2, 3].map(pool);
    for (conv, pass) in awkward().iter().flat_map(|conv| Pass::ALL.map(|pass| (conv, pass))) {
        let operands = operands(pass, conv, Data::Integers { seed: 7, most: 3 });
        let wanted = reference(pass, conv, &operands);
        for pool in &pools {
            for limit in LIMITS {
                let mut prepared = Im2col::new(pass, pool.threads(), conv, limit);
                // The second run meets what the first has left.
                for _ in 0..2 {
                    let found = run(&mut prepared, pool, &operands);
                    let wrong = (0..found.len()).find(|&i| found[i] != wanted[i]);
                    let wrong = wrong.map(|i| (i, found[i], wanted[i]));
                    let threads = pool.threads();
                    assert_eq!(wrong, None, "{pass:?} {threads} threads, {limit} bytes: {conv:?}");
                }
            }
        }
    }
}

#[test]
fn bits_are_the_same_in_every_run() {
    let pool = pool(3);
    for (conv, pass) in awkward().iter().flat_map(|conv| Pass::ALL.map(|pass| (conv, pass))) {
        let operands = operands(pass, conv, Data::Random(3));
        let mut prepared = Im2col::new(pass, 3, conv, 64 << 20);
        let mut bits = || {
            let found = run(&mut prepared, &pool, &operands);
            found.into_iter().map(f32::to_bits).collect::<Vec<_>>()
        };
        let once = bits();
        assert!((0..3).all(|_| bits() == once), "{pass:?} {conv:?}");
    }
}

#[test]
fn scratch_stays_within_the_limit_and_shows_where_it_costs() {
    let conv = Conv { c: 16, h: 60, w: 60, k: 8, r: 3, s: 3, pad: [1, 1], ..awkward()[0] };
    for pass in Pass::ALL {
        for threads in [1, 2, 64] {
            for (limit, is_reduced) in [(64 << 20, false), (1 << 20, false), (64 << 10, true)] {
                let prepared = Im2col::new(pass, threads, &conv, limit);
                assert!(prepared.scratch_bytes() <= limit);
                assert_eq!(prepared.is_reduced(), is_reduced, "{pass:?} {limit}");
            }
        }
    }
}
