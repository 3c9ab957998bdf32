//! Every set of instructions against plain loops, on small integers, where every order of sums is
//! exact.

use super::super::aligned::LINE;
use super::*;
use crate::tensor::{Data, FENCE, broken_fence, fenced};

/// Convolutions round every tile, block and special case.
pub(super) fn awkward() -> Vec<Conv> {
    let mut all = Vec::new();
    // [n, c, h, w], [k, r, s], and what else is not usual: stride, pad, dilation, groups.
    let mut add = |sizes: [usize; 4],
                   filters: [usize; 3],
                   (stride, pad): ([usize; 2], [usize; 2]),
                   (dilation, groups): ([usize; 2], usize)| {
        let ([n, c, h, w], [k, r, s]) = (sizes, filters);
        all.push(Conv { n, c, h, w, k, r, s, stride, pad, dilation, groups });
    };
    let usual = ([1, 1], 1);
    let plain = ([1, 1], [0, 0]);
    let same = ([1, 1], [1, 1]);
    let half = ([2, 2], [1, 1]);
    // One of everything, then one dimension at a time.
    add([1, 1, 1, 1], [1, 1, 1], plain, usual);
    add([1, 1, 1, 1], [1, 1, 1], ([1, 1], [2, 2]), usual);
    add([1, 1, 1, 50], [1, 1, 1], plain, usual);
    add([1, 1, 50, 1], [1, 1, 1], plain, usual);
    add([3, 1, 1, 1], [5, 1, 1], plain, usual);
    add([1, 37, 1, 1], [41, 1, 1], plain, usual);
    // 1 x 1: images folded into one row, with tails of every length.
    add([2, 16, 4, 4], [16, 1, 1], plain, usual);
    add([3, 7, 5, 7], [9, 1, 1], plain, usual);
    add([8, 17, 7, 7], [23, 1, 1], plain, usual);
    add([1, 530, 6, 5], [8, 1, 1], plain, usual);
    add([2, 3, 5, 5], [130, 1, 1], plain, usual);
    add([2, 65, 16, 48], [64, 1, 1], plain, usual);
    add([1, 5, 24, 24], [3, 1, 1], plain, usual);
    // 1 x 1 with strides: pixels that no filter reads.
    add([2, 5, 8, 8], [7, 1, 1], ([2, 2], [0, 0]), usual);
    add([1, 9, 7, 9], [10, 1, 1], ([2, 2], [0, 0]), usual);
    add([2, 4, 9, 40], [4, 1, 1], ([3, 3], [0, 0]), usual);
    add([1, 3, 6, 7], [4, 1, 1], ([1, 2], [1, 0]), usual);
    add([2, 20, 14, 14], [24, 1, 1], ([2, 2], [0, 0]), usual);
    // 3 x 3.
    add([1, 1, 3, 3], [1, 3, 3], plain, usual);
    add([1, 2, 5, 5], [3, 3, 3], same, usual);
    add([8, 12, 7, 7], [16, 3, 3], same, usual);
    add([3, 9, 14, 14], [11, 3, 3], same, usual);
    add([2, 66, 8, 9], [13, 3, 3], same, usual);
    add([1, 6, 20, 56], [8, 3, 3], same, usual);
    add([1, 4, 6, 113], [7, 3, 3], same, usual);
    add([2, 8, 15, 15], [8, 3, 3], half, usual);
    add([2, 10, 14, 14], [9, 3, 3], half, usual);
    add([1, 5, 12, 70], [17, 3, 3], half, usual);
    add([1, 3, 10, 11], [4, 3, 3], ([3, 3], [1, 1]), usual);
    add([1, 70, 4, 4], [70, 3, 3], same, usual);
    // First layers: few channels, large filters.
    add([2, 3, 32, 32], [8, 7, 7], ([2, 2], [3, 3]), usual);
    add([1, 3, 15, 100], [5, 7, 7], ([2, 2], [3, 3]), usual);
    add([1, 1, 28, 28], [6, 5, 5], ([1, 1], [2, 2]), usual);
    add([1, 3, 33, 29], [6, 11, 11], ([4, 4], [2, 2]), usual);
    add([2, 3, 16, 16], [10, 4, 4], ([4, 4], [0, 0]), usual);
    // Directions that differ.
    add([1, 4, 9, 12], [5, 3, 2], ([2, 1], [0, 1]), usual);
    add([1, 4, 12, 9], [5, 1, 5], ([1, 3], [2, 1]), usual);
    add([2, 3, 7, 8], [4, 5, 1], ([3, 2], [1, 3]), usual);
    add([1, 2, 1, 40], [3, 1, 7], ([1, 1], [0, 3]), usual);
    add([1, 2, 40, 1], [3, 7, 1], ([1, 1], [3, 0]), usual);
    // Dilation, alone and with strides that share no factor, or one, with it.
    add([1, 3, 9, 10], [4, 3, 3], ([1, 1], [2, 2]), ([2, 2], 1));
    add([1, 3, 12, 11], [4, 3, 3], ([2, 2], [2, 2]), ([2, 2], 1));
    add([2, 2, 13, 14], [3, 2, 3], ([3, 2], [1, 4]), ([2, 3], 1));
    add([1, 2, 16, 17], [3, 3, 3], ([4, 6], [1, 2]), ([6, 4], 1));
    // A filter as large as the padded image; pads larger than the filter; rows that meet only pads.
    add([2, 4, 6, 7], [5, 6, 7], plain, usual);
    add([1, 3, 5, 4], [3, 7, 8], ([1, 1], [1, 2]), usual);
    add([1, 2, 3, 3], [3, 2, 2], ([1, 1], [4, 5]), usual);
    add([1, 2, 2, 3], [2, 1, 1], ([2, 3], [5, 4]), usual);
    add([1, 1, 40, 41], [2, 30, 31], ([1, 1], [3, 3]), usual);
    // Inputs whose last rows and columns no filter reaches.
    add([1, 3, 10, 10], [4, 3, 3], ([4, 4], [0, 0]), usual);
    add([2, 2, 9, 30], [9, 2, 2], ([5, 7], [0, 0]), usual);
    // Groups.
    add([2, 6, 7, 7], [9, 3, 3], same, ([1, 1], 3));
    add([1, 16, 8, 8], [32, 1, 1], plain, ([1, 1], 2));
    add([2, 10, 9, 9], [5, 3, 3], half, ([1, 1], 5));
    add([1, 34, 6, 6], [34, 3, 3], ([1, 1], [2, 2]), ([2, 2], 2));
    // Depthwise, also with a multiplier.
    add([2, 5, 7, 7], [5, 3, 3], same, ([1, 1], 5));
    add([1, 3, 15, 33], [3, 3, 3], half, ([1, 1], 3));
    add([1, 4, 12, 50], [12, 5, 5], ([1, 1], [2, 2]), ([1, 1], 4));
    add([2, 3, 9, 20], [6, 3, 3], ([2, 1], [0, 2]), ([2, 3], 3));
    add([1, 2, 11, 11], [4, 7, 7], ([3, 3], [3, 3]), ([1, 1], 2));
    add([3, 7, 1, 1], [7, 1, 1], plain, ([1, 1], 7));
    add([1, 2, 4, 5], [2, 2, 3], ([1, 1], [3, 4]), ([1, 1], 2));
    all
}

#[test]
fn awkward_convolutions_are_legal() {
    for conv in awkward() {
        assert!(conv.c % conv.groups == 0 && conv.k % conv.groups == 0, "{conv:?}");
        assert!(conv.p() > 0 && conv.q() > 0, "{conv:?}");
    }
    assert!(awkward().len() >= 60);
}

const MIB: u64 = 1 << 20;

pub(super) fn pool(threads: usize) -> Pool {
    Pool::new(&vec![0; threads]).unwrap()
}

/// Every product of the sum: what it reads of x, f and y.
pub(super) fn each_product(conv: &Conv, mut visit: impl FnMut(usize, usize, usize)) {
    let (group_c, group_k) = (conv.group_c(), conv.group_k());
    let (p, q) = (conv.p(), conv.q());
    // Row or column of x that a tap reads, if there is one.
    let place = |d: usize, i: usize, tap: usize, size: usize| {
        let place = i * conv.stride[d] + tap * conv.dilation[d];
        place.checked_sub(conv.pad[d]).filter(|place| *place < size)
    };
    for (n, k) in (0..conv.n).flat_map(|n| (0..conv.k).map(move |k| (n, k))) {
        for (c, r) in (0..group_c).flat_map(|c| (0..conv.r).map(move |r| (c, r))) {
            for (i, s) in (0..p).flat_map(|i| (0..conv.s).map(move |s| (i, s))) {
                let Some(row) = place(0, i, r, conv.h) else { continue };
                let channel = n * conv.c + k / group_k * group_c + c;
                let f = ((k * group_c + c) * conv.r + r) * conv.s + s;
                for j in 0..q {
                    if let Some(column) = place(1, j, s, conv.w) {
                        let x = (channel * conv.h + row) * conv.w + column;
                        visit(x, f, ((n * conv.k + k) * p + i) * q + j);
                    }
                }
            }
        }
    }
}

/// What to compute.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Fprop,
    Dgrad,
}

const WAYS: [Way; 2] = [Way::Fprop, Way::Dgrad];

/// Operands of one convolution, and what is to come out.
struct Case {
    way: Way,
    conv: Conv,
    a: Vec<f32>,
    b: Vec<f32>,
    expected: Vec<f32>,
}

impl Case {
    fn new(way: Way, conv: Conv) -> Case {
        let lens = match way {
            Way::Fprop => [conv.x_len(), conv.f_len(), conv.y_len()],
            Way::Dgrad => [conv.y_len(), conv.f_len(), conv.x_len()],
        };
        let data = Data::Integers { seed: 1, most: 4 };
        let (a, b): (Vec<f32>, Vec<f32>) = (data.values(0, lens[0]), data.values(1, lens[1]));
        let mut expected = vec![0.0; lens[2]];
        each_product(&conv, |x, f, y| match way {
            Way::Fprop => expected[y] += a[x] * b[f],
            Way::Dgrad => expected[x] += a[y] * b[f],
        });
        Case { way, conv, a, b, expected }
    }

    fn prepare(&self, isa: Isa, threads: usize, scratch_limit: u64) -> Prepared {
        let means = Means { isa, threads, scratch_limit };
        match self.way {
            Way::Fprop => fprop(means, &self.conv).unwrap(),
            Way::Dgrad => dgrad(means, &self.conv).unwrap(),
        }
    }

    /// Runs it and compares all of the output and the fences round it. The output starts so many
    /// floats behind a cache line's start.
    fn check_at(&self, shift: usize, prepared: &mut Prepared, pool: &Pool, what: &str) {
        let out = fenced(self.expected.len());
        let mut place = vec![0.0; out.len() + 2 * LINE];
        let start = place.as_ptr().align_offset(4 * LINE) + shift;
        let place = &mut place[start..start + out.len()];
        place.copy_from_slice(&out);
        let end = place.len() - FENCE;
        prepared.run(pool, &self.a, &self.b, &mut place[FENCE..end]);
        let out = &place[FENCE..end];
        let wrong = out.iter().zip(&self.expected).position(|(got, want)| got != want);
        assert_eq!(wrong, None, "{what} {:?} {:?}", self.way, self.conv);
        assert_eq!(broken_fence(place), None, "{what} {:?} {:?}", self.way, self.conv);
    }

    fn check(&self, prepared: &mut Prepared, pool: &Pool, what: &str) {
        self.check_at(0, prepared, pool, what);
    }
}

fn cases() -> impl Iterator<Item = Case> {
    awkward().into_iter().flat_map(|conv| WAYS.map(|way| Case::new(way, conv)))
}

#[test]
fn awkward_convolutions_are_exact() {
    let pools = [1, 2, 3].map(pool);
    for case in cases() {
        for isa in Isa::available() {
            for pool in &pools {
                let threads = pool.threads();
                let mut prepared = case.prepare(isa, threads, 64 * MIB);
                assert!(!prepared.is_reduced && prepared.scratch_bytes <= 64 * MIB);
                case.check(&mut prepared, pool, &format!("{isa:?} {threads} threads"));
            }
        }
    }
}

#[test]
fn little_scratch_is_enough() {
    let pool = pool(2);
    for case in cases() {
        for isa in Isa::available() {
            for limit in [64 << 10, 8 << 10, 0] {
                let mut prepared = case.prepare(isa, 2, limit);
                case.check(&mut prepared, &pool, &format!("{isa:?} {limit} bytes"));
            }
        }
    }
}

#[test]
fn a_limit_of_scratch_holds_and_shows_where_it_costs() {
    let small = awkward()[9];
    let large = Conv { c: 256, h: 14, w: 14, k: 256, r: 3, s: 3, pad: [1, 1], ..small };
    for isa in Isa::available() {
        for way in [fprop, dgrad] {
            let way = |scratch_limit, conv: &Conv| {
                way(Means { isa, threads: 2, scratch_limit }, conv).unwrap()
            };
            let tight = way(128 << 10, &large);
            assert!(tight.is_reduced && tight.scratch_bytes <= 128 << 10, "{isa:?}");
            assert!(!way(64 * MIB, &large).is_reduced);
            assert!(!way(8 * MIB, &small).is_reduced);
        }
    }
}

/// Scratch is kept: what a run left there must not show in the next.
#[test]
fn one_run_leaves_nothing_to_the_next() {
    let pool = pool(2);
    for case in cases().step_by(3) {
        for isa in Isa::available() {
            let mut prepared = case.prepare(isa, 2, 64 * MIB);
            for _ in 0..3 {
                case.check(&mut prepared, &pool, &format!("{isa:?} again"));
            }
        }
    }
}

/// Outputs of some MiB are written past the caches, if they start on a line.
#[test]
fn large_outputs_are_exact_wherever_they_start() {
    let pool = pool(2);
    let conv = Conv {
        n: 2,
        c: 3,
        h: 104,
        w: 208,
        k: 25,
        r: 1,
        s: 1,
        stride: [1, 1],
        pad: [0, 0],
        dilation: [1, 1],
        groups: 1,
    };
    let back = Conv { c: conv.k, k: conv.c, ..conv };
    for case in [Case::new(Way::Fprop, conv), Case::new(Way::Dgrad, back)] {
        for isa in Isa::available() {
            let mut prepared = case.prepare(isa, 2, 64 * MIB);
            for shift in [0, 1, 8] {
                case.check_at(shift, &mut prepared, &pool, &format!("{isa:?} {shift} floats on"));
            }
        }
    }
}
