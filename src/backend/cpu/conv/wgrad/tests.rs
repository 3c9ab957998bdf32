//! Every set of instructions against plain loops, on small integers, where every order of sums is
//! exact; and that nothing but the operands decides the bits.

use super::*;
use crate::backend::cpu::Pool;
use crate::backend::cpu::conv::tests::{awkward, each_product, pool};
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
    let mut dw = vec![0.0; conv.f_len()];
    each_product(conv, |in_x, in_f, in_y| dw[in_f] += f64::from(dy[in_y]) * f64::from(x[in_x]));
    dw.into_iter().map(|x| x as f32).collect()
}

fn operands(conv: &Conv, data: Data) -> [Vec<f32>; 2] {
    [data.values(0, conv.y_len()), data.values(1, conv.x_len())]
}

/// Runs into a poisoned output between fences.
fn run(prepared: &mut Prepared, pool: &Pool, [dy, x]: &[Vec<f32>; 2], len: usize) -> Vec<f32> {
    let mut out = fenced(len);
    prepared.run(pool, dy, x, &mut out[FENCE..FENCE + len]);
    assert_eq!(broken_fence(&out), None);
    out[FENCE..FENCE + len].to_vec()
}

fn check(prepared: &mut Prepared, pool: &Pool, conv: &Conv, of: &str, case: &Case) {
    let found = run(prepared, pool, &case.operands, conv.f_len());
    let wrong = (0..found.len()).find(|&i| found[i] != case.wanted[i]);
    let wrong = wrong.map(|i| (i, found[i], case.wanted[i]));
    assert_eq!(wrong, None, "{of}, {} threads: {conv:?}", pool.threads());
}

/// Operands and the exact result.
struct Case {
    operands: [Vec<f32>; 2],
    wanted: Vec<f32>,
}

impl Case {
    fn of(conv: &Conv) -> Case {
        let operands = operands(conv, Data::Integers { seed: 7, most: 3 });
        let wanted = reference(conv, &operands[0], &operands[1]);
        Case { operands, wanted }
    }
}

fn prepare(isa: Isa, threads: usize, conv: &Conv, scratch_limit: u64) -> Prepared {
    wgrad(Means { isa, threads, scratch_limit }, conv).unwrap()
}

fn all() -> Vec<Conv> {
    awkward().into_iter().chain(more()).collect()
}

#[test]
fn integers_are_exact_within_every_limit() {
    let pools = [1, 2, 3, 5].map(pool);
    for conv in all() {
        let case = Case::of(&conv);
        for isa in Isa::available() {
            for pool in &pools {
                for limit in LIMITS {
                    let mut prepared = prepare(isa, pool.threads(), &conv, limit);
                    // Less than some KiB is not always possible.
                    assert!(prepared.scratch_bytes <= limit || limit < MIB, "{limit}: {conv:?}");
                    let of = format!("{isa:?}, {limit} bytes");
                    check(&mut prepared, pool, &conv, &of, &case);
                }
            }
        }
    }
}

/// Whichever of them seems fastest.
#[test]
fn every_way_is_exact() {
    let pools = [1, 3].map(pool);
    for conv in all() {
        let case = Case::of(&conv);
        for (isa, pool) in Isa::available().flat_map(|isa| pools.each_ref().map(|p| (isa, p))) {
            let machine = Machine::of(isa, pool.threads());
            for limit in [u64::MAX, 16_000] {
                let products = Product::all(&conv);
                let dots = DotsPlan::all(products[0], machine).map(Way::Dots);
                let panels = products.into_iter().map(|product| {
                    Way::fastest(Plan::all(product, machine).map(Way::Panels), limit)
                });
                for way in panels.chain([Way::fastest(dots, limit)]) {
                    let of = format!("{isa:?} {way:?}");
                    check(&mut way.prepare(isa, false), pool, &conv, &of, &case);
                }
            }
        }
    }
}

#[test]
fn bits_are_the_same_in_every_run() {
    for threads in [1, 2, 3, 5] {
        let pool = pool(threads);
        for conv in all() {
            let operands = operands(&conv, Data::Random(3));
            let mut prepared = prepare(Isa::best(), threads, &conv, 64 * MIB);
            let mut bits = || {
                let found = run(&mut prepared, &pool, &operands, conv.f_len());
                found.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let once = bits();
            assert!((0..3).all(|_| bits() == once), "{threads} threads: {conv:?}");
        }
    }
}

#[test]
fn a_run_leaves_nothing_to_the_next() {
    let pool = pool(2);
    for conv in all() {
        let case = Case::of(&conv);
        let not_numbers = case.operands.each_ref().map(|x| vec![f32::NAN; x.len()]);
        for isa in Isa::available() {
            let mut prepared = prepare(isa, 2, &conv, 64 * MIB);
            let mut out = vec![0.0; conv.f_len()];
            prepared.run(&pool, &not_numbers[0], &not_numbers[1], &mut out);
            check(&mut prepared, &pool, &conv, "after NaN", &case);
        }
    }
}

fn square(n: usize, [c, k]: [usize; 2], size: usize, filter: usize) -> Conv {
    Conv {
        n,
        c,
        h: size,
        w: size,
        k,
        r: filter,
        s: filter,
        stride: [1, 1],
        pad: [filter / 2, filter / 2],
        dilation: [1, 1],
        groups: 1,
    }
}

/// Where tensors are far larger than the limit.
#[test]
fn large_convolutions_stay_within_the_limit() {
    let large = [
        square(16, [64, 64], 224, 3),
        square(1, [4096, 4096], 14, 1),
        square(256, [512, 512], 28, 3),
        square(2, [3, 64], 4000, 7),
        Conv { groups: 512, ..square(256, [512, 512], 112, 3) },
    ];
    for conv in large {
        for threads in [1, 2, 64] {
            for isa in Isa::available() {
                let prepared = prepare(isa, threads, &conv, 64 * MIB);
                assert!(prepared.scratch_bytes <= 64 * MIB, "{threads} threads: {conv:?}");
                assert!(prepared.scratch_bytes > 0, "{threads} threads: {conv:?}");
            }
        }
    }
}

#[test]
fn less_scratch_shows_where_it_costs() {
    let conv = square(2, [64, 64], 14, 3);
    assert!(!prepare(Isa::best(), 2, &conv, 64 * MIB).is_reduced);
    for limit in [16 << 10, 0] {
        assert!(prepare(Isa::best(), 2, &conv, limit).is_reduced);
    }
}

/// Threads have work even where there are few filters, or few images.
#[test]
fn many_threads_share_the_work() {
    let machine = |threads| Machine { threads, lanes: 16, vectors: 4 };
    for conv in [square(8, [64, 64], 56, 3), square(1, [128, 128], 56, 3)] {
        let cost = |threads| {
            let products = Product::all(&conv).into_iter();
            let plans = products.flat_map(|product| Plan::all(product, machine(threads)));
            Way::fastest(plans.map(Way::Panels), 64 * MIB).cost()
        };
        assert!(cost(64) * 32.0 < cost(1), "{} {}", cost(64), cost(1));
    }
}
