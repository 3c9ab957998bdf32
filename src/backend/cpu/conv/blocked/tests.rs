//! Every set of instructions against plain loops, on small integers, where every order of sums is
//! exact; and that nothing but the operands decides the bits.

use super::super::tests::{awkward, each_product, pool};
use super::*;
use crate::backend::cpu::Pool;
use crate::tensor::{Data, FENCE, broken_fence, fenced};

const MIB: u64 = 1 << 20;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Fprop,
    Dgrad,
    Wgrad,
}

const WAYS: [Way; 3] = [Way::Fprop, Way::Dgrad, Way::Wgrad];

impl Way {
    fn prepare(
        self,
        isa: Isa,
        threads: usize,
        conv: &Conv,
        limit: u64,
    ) -> Result<Box<dyn Prepared>> {
        match self {
            Way::Fprop => forward(isa, threads, conv, limit),
            Way::Dgrad => backward(isa, threads, conv, limit),
            Way::Wgrad => to_filters(isa, threads, conv, limit),
        }
    }

    /// Lengths of the operands and the output.
    fn lens(self, conv: &Conv) -> [usize; 3] {
        match self {
            Way::Fprop => [conv.x_len(), conv.f_len(), conv.y_len()],
            Way::Dgrad => [conv.y_len(), conv.f_len(), conv.x_len()],
            Way::Wgrad => [conv.y_len(), conv.x_len(), conv.f_len()],
        }
    }
}

/// Those round every tile; and groups and channels that fill blocks of every length.
fn all() -> Vec<Conv> {
    let mut all = awkward();
    let conv = |c, k, groups| Conv {
        n: 2,
        c,
        h: 7,
        w: 9,
        k,
        r: 3,
        s: 3,
        stride: [2, 1],
        pad: [1, 1],
        dilation: [1, 2],
        groups,
    };
    all.extend([conv(32, 64, 2), conv(48, 16, 1), conv(80, 144, 1), conv(33, 97, 1)]);
    all
}

/// Runs it on operands in blocks, into a poisoned output between fences; the result as usual.
fn run(prepared: &mut dyn Prepared, pool: &Pool, [a, b]: [&[f32]; 2], len: usize) -> Vec<f32> {
    let [to_a, to_b, to_out] = prepared.layouts();
    let blocked = |plain: &[f32], layout: Option<Blocks>| match layout {
        None => plain.to_vec(),
        Some(blocks) => {
            let mut floats = vec![f32::NAN; blocks.len()];
            blocks.fill(plain, &mut floats);
            floats
        }
    };
    let (a, b) = (blocked(a, to_a), blocked(b, to_b));
    let mut out = fenced(to_out.map_or(len, |blocks| blocks.len()));
    let end = out.len() - FENCE;
    prepared.run(pool, &a, &b, &mut out[FENCE..end]);
    assert_eq!(broken_fence(&out), None);
    let Some(blocks) = to_out else { return out[FENCE..end].to_vec() };
    let mut plain = vec![0.0; len];
    blocks.read(&out[FENCE..end], &mut plain);
    plain
}

#[test]
fn awkward_convolutions_are_exact_within_every_limit() {
    let pools = [1, 2, 3].map(pool);
    let data = Data::Integers { seed: 5, most: 3 };
    let mut served = 0;
    for (conv, way) in all().into_iter().flat_map(|conv| WAYS.map(|way| (conv, way))) {
        let [a_len, b_len, len] = way.lens(&conv);
        let (a, b) = (data.fill(0, a_len), data.fill(1, b_len));
        let mut expected = vec![0.0; len];
        each_product(&conv, |x, f, y| match way {
            Way::Fprop => expected[y] += a[x] * b[f],
            Way::Dgrad => expected[x] += a[y] * b[f],
            Way::Wgrad => expected[f] += a[y] * b[x],
        });
        for (isa, pool) in Isa::available().flat_map(|isa| pools.each_ref().map(|p| (isa, p))) {
            for limit in [64 * MIB, 16 << 10] {
                let Ok(mut prepared) = way.prepare(isa, pool.threads(), &conv, limit) else {
                    assert!(conv.groups > 1);
                    continue;
                };
                served += 1;
                // A run leaves nothing to the next.
                for _ in 0..2 {
                    let found = run(&mut *prepared, pool, [&a, &b], len);
                    let wrong = (0..len).find(|&i| found[i] != expected[i]);
                    let threads = pool.threads();
                    assert_eq!(wrong, None, "{way:?} {isa:?} {threads} threads {limit}: {conv:?}");
                }
            }
        }
    }
    assert!(served > 1000);
}

#[test]
fn bits_are_the_same_in_every_run() {
    for threads in [1, 2, 5] {
        let pool = pool(threads);
        for (conv, way) in all().into_iter().flat_map(|conv| WAYS.map(|way| (conv, way))) {
            let [a, b, len] = way.lens(&conv);
            let (a, b) = (Data::Random(3).fill(0, a), Data::Random(3).fill(1, b));
            let prepared = way.prepare(Isa::best(), threads, &conv, 64 * MIB);
            let Ok(mut prepared) = prepared else { continue };
            let mut bits = || {
                let found = run(&mut *prepared, &pool, [&a, &b], len);
                found.into_iter().map(f32::to_bits).collect::<Vec<_>>()
            };
            let once = bits();
            assert!((0..2).all(|_| bits() == once), "{way:?} {threads} threads: {conv:?}");
        }
    }
}

#[test]
fn a_limit_of_scratch_holds_and_shows_where_it_costs() {
    let conv = Conv {
        n: 2,
        c: 256,
        h: 14,
        w: 14,
        k: 256,
        r: 3,
        s: 3,
        stride: [1; 2],
        pad: [1; 2],
        dilation: [1; 2],
        groups: 1,
    };
    for (isa, way) in Isa::available().flat_map(|isa| WAYS.map(|way| (isa, way))) {
        let prepare = |limit| way.prepare(isa, 2, &conv, limit).unwrap();
        assert!(!prepare(64 * MIB).is_reduced());
        assert!(prepare(64 * MIB).scratch_bytes() <= 64 * MIB);
        let tight = prepare(128 << 10);
        assert!(tight.scratch_bytes() <= 128 << 10, "{isa:?} {way:?}");
        assert!(tight.is_reduced() || way == Way::Wgrad, "{isa:?} {way:?}");
    }
}

#[test]
fn groups_that_fill_no_blocks_are_refused() {
    let mut conv = all().pop().unwrap();
    (conv.c, conv.k, conv.groups) = (6, 9, 3);
    for way in WAYS {
        let refused = way.prepare(Isa::best(), 1, &conv, 0).err().unwrap().to_string();
        assert!(refused.contains("groups of 2 and 3 channels don't fill blocks"), "{refused}");
    }
}
