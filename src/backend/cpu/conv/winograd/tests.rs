//! Every element within the bound of the transforms' errors, for all instructions, numbers of threads
//! and amounts of scratch.

use super::*;
use crate::backend::cpu::Pool;
use crate::backend::cpu::simd::Isa;
use crate::error::Error;
use crate::tensor::{Data, FENCE, Tensor, broken_fence, fenced};
use crate::workload::{self, Algorithm, Workload};

/// Unit roundoff of f32.
const U: f64 = 1.0 / (1 << 24) as f64;

const MIB: u64 = 1 << 20;

/// Threads and bytes of scratch.
const WAYS: [(usize, u64); 5] = [(1, 64 * MIB), (2, 64 * MIB), (3, 64 * MIB), (2, MIB / 4), (3, 0)];

fn conv([n, c, h, w, k]: [usize; 5], pad: [usize; 2]) -> Conv {
    let (stride, dilation) = ([1; 2], [1; 2]);
    Conv { n, c, h, w, k, r: 3, s: 3, stride, pad, dilation, groups: 1 }
}

/// Sizes round tiles, cells, vectors, blocks, groups, panels and chunks.
fn awkward() -> Vec<Conv> {
    let mut all = vec![
        // A pixel that sees padding alone round it.
        conv([1, 1, 1, 1, 1], [1, 1]),
        conv([3, 2, 1, 1, 3], [2, 2]),
        conv([1, 2, 1, 9, 2], [1, 2]),
        conv([2, 3, 11, 1, 2], [2, 1]),
        conv([1, 1, 3, 3, 1], [0, 0]),
        conv([2, 4, 3, 4, 5], [0, 0]),
        // Many images in a vector.
        conv([37, 3, 2, 2, 4], [1, 1]),
        conv([9, 5, 7, 7, 17], [1, 1]),
        conv([5, 16, 4, 4, 33], [1, 1]),
        // Rows shorter and longer than a vector.
        conv([2, 15, 14, 14, 16], [1, 1]),
        conv([1, 17, 28, 27, 15], [1, 1]),
        conv([1, 8, 5, 63, 9], [1, 1]),
        conv([1, 7, 6, 64, 8], [0, 1]),
        conv([1, 6, 9, 65, 7], [2, 0]),
        conv([1, 2, 3, 131, 2], [1, 1]),
        // More filters than tiles, and the other way round.
        conv([1, 130, 5, 5, 129], [1, 1]),
        conv([2, 65, 8, 8, 31], [1, 1]),
        conv([1, 33, 30, 30, 64], [1, 1]),
        conv([4, 3, 33, 35, 2], [2, 2]),
        conv([1, 128, 3, 3, 97], [1, 1]),
    ];
    // Every way to stick out of a tile.
    for size in 4..=9 {
        for pad in 0..=2 {
            all.push(conv([1, 2 + pad, size, 13 - size, 3], [pad, (pad + size) % 3]));
        }
    }
    all
}

/// One pass of a convolution by tiles of m x m, its operands, and what must come out.
struct Case {
    m: usize,
    conv: Conv,
    is_gradient: bool,
    inputs: Vec<Vec<f32>>,
    value: Vec<f64>,
    magnitude: Vec<f64>,
    /// The error bound is so many times the magnitude.
    gamma: f64,
}

fn tensors(inputs: &[Vec<f32>]) -> Vec<Tensor> {
    inputs.iter().cloned().map(Tensor::from).collect()
}

impl Case {
    fn new(m: usize, conv: Conv, is_gradient: bool) -> Case {
        let workload = workload(is_gradient);
        let shape = conv.shape();
        let lens = workload.inputs(&shape);
        let fill = |(i, len): (usize, &usize)| Data::Random(1).values(i as u64, *len);
        let inputs: Vec<Vec<f32>> = lens.iter().enumerate().map(fill).collect();
        let by = Algorithm::Winograd(m);
        let (sums, tensors) = (workload.exact_sums().unwrap(), tensors(&inputs));
        let bound = sums.transformed(&shape, &tensors, by, usize::MAX, None).unwrap();
        let value = sums.reference(&shape, &tensors, None).value;
        let n = bound.roundings as f64 * U;
        let (magnitude, gamma) = (bound.magnitude, n / (1.0 - n));
        Case { m, conv, is_gradient, inputs, value, magnitude, gamma }
    }

    fn prepare(&self, isa: Isa, threads: usize, scratch_limit: u64) -> Prepared {
        let problem = if self.is_gradient { Problem::dgrad } else { Problem::fprop };
        prepare(Means { isa, threads, scratch_limit }, problem(self.m, &self.conv).unwrap())
    }

    /// The output of a run into poison. Fences round it must hold.
    fn run(&self, prepared: &mut Prepared, pool: &Pool) -> Vec<f32> {
        let mut out = fenced(self.value.len());
        let end = out.len() - FENCE;
        prepared.run(pool, &self.inputs[0], &self.inputs[1], &mut out[FENCE..end]);
        assert_eq!(broken_fence(&out), None, "{}", self.name());
        out[FENCE..end].to_vec()
    }

    /// Every element and all together.
    fn check(&self, isa: Isa, out: &[f32]) {
        let (mut errors, mut squares) = (0.0, 0.0);
        for (i, (found, value)) in out.iter().zip(&self.value).enumerate() {
            let error = (f64::from(*found) - value).abs();
            let bound = self.gamma * self.magnitude[i];
            let name = self.name();
            assert!(error <= bound, "{isa:?} {name} element {i}: {found}, not {value}");
            errors += error * error;
            squares += value * value;
        }
        let channels = if self.is_gradient { self.conv.k } else { self.conv.c };
        // A few sums may all cancel. Errors of F(4x4) with one channel are as large as is allowed,
        // some larger.
        if out.len() >= 64 && (self.m == 2 || channels > 1) {
            let share = (errors / squares).sqrt() / (8.0 * U * (9.0 * channels as f64).sqrt());
            assert!(share <= 1.0, "{isa:?} {}: {share}", self.name());
        }
    }

    fn name(&self) -> String {
        format!("m {} gradient {} {:?}", self.m, self.is_gradient, self.conv)
    }
}

fn workload(is_gradient: bool) -> &'static dyn Workload {
    workload::find(if is_gradient { "conv-dgrad" } else { "conv-fprop" }).unwrap()
}

fn bits(x: &[f32]) -> Vec<u32> {
    x.iter().map(|x| x.to_bits()).collect()
}

#[test]
fn errors_are_within_their_bound() {
    let pools = WAYS.map(|(threads, _)| Pool::new(&vec![0; threads]).unwrap());
    for conv in awkward() {
        for (m, is_gradient) in [(2, false), (2, true), (4, false), (4, true)] {
            let case = Case::new(m, conv, is_gradient);
            for isa in Isa::available() {
                let mut first = None;
                for (pool, (threads, limit)) in pools.iter().zip(WAYS) {
                    let mut prepared = case.prepare(isa, threads, limit);
                    let out = case.run(&mut prepared, pool);
                    // However the work is shared out, the sums are the same; so are those of the
                    // next run.
                    let first = first.get_or_insert_with(|| {
                        case.check(isa, &out);
                        assert_eq!(bits(&case.run(&mut prepared, pool)), bits(&out));
                        bits(&out)
                    });
                    assert!(*first == bits(&out), "{isa:?} {threads} {limit} {}", case.name());
                }
            }
        }
    }
}

/// Nothing is rounded where transformed filters are small whole numbers.
#[test]
fn tiles_of_two_are_exact_on_multiples_of_four() {
    let pool = Pool::new(&[0; 2]).unwrap();
    for conv in awkward().into_iter().step_by(3) {
        for is_gradient in [false, true] {
            let mut case = Case::new(2, conv, is_gradient);
            let small = Data::Integers { seed: 1, most: 4 };
            case.inputs[0] = small.values(0, case.inputs[0].len());
            case.inputs[1] =
                small.values::<f32>(1, case.inputs[1].len()).iter().map(|x| 4.0 * x).collect();
            let shape = conv.shape();
            let sums = workload(is_gradient).exact_sums().unwrap();
            let value = sums.reference(&shape, &tensors(&case.inputs), None).value;
            for isa in Isa::available() {
                let out = case.run(&mut case.prepare(isa, 2, 64 * MIB), &pool);
                let wrong = out.iter().zip(&value).position(|(o, v)| f64::from(*o) != *v);
                assert_eq!(wrong, None, "{isa:?} {}", case.name());
            }
        }
    }
}

#[test]
fn scratch_is_limited() {
    let layers = [(64, 56), (128, 28), (256, 14), (512, 7)];
    for (c, size) in layers {
        let conv = conv([8, c, size, size, c], [1, 1]);
        for (m, isa) in [2, 4].into_iter().flat_map(|m| Isa::available().map(move |i| (m, i))) {
            let ready = |threads, scratch_limit| {
                let problem = Problem::fprop(m, &conv).unwrap();
                prepare(Means { isa, threads, scratch_limit }, problem)
            };
            for (limit, is_reduced) in [(64 * MIB, false), (4 * MIB, true), (2 * MIB, true)] {
                let prepared = ready(2, limit);
                assert!(prepared.scratch_bytes <= limit, "{m} {isa:?} {conv:?}");
                assert!(prepared.is_reduced <= is_reduced, "{m} {isa:?} {conv:?}");
            }
            assert!(ready(2, MIB / 4).is_reduced);
            ready(64, 64 * MIB);
        }
    }
}

#[test]
fn other_convolutions_are_refused() {
    let plain = conv([1, 2, 9, 9, 4], [1, 1]);
    let means = Means { isa: Isa::best(), threads: 1, scratch_limit: 64 * MIB };
    for other in [
        Conv { r: 1, ..plain },
        Conv { s: 5, ..plain },
        Conv { stride: [1, 2], ..plain },
        Conv { dilation: [2, 1], ..plain },
        Conv { groups: 2, ..plain },
        Conv { pad: [0, 3], ..plain },
    ] {
        for make in [fprop::<4>, dgrad::<4>] {
            let error = make(means, &other).err().unwrap();
            assert!(matches!(error, Error::Unsupported(_)));
        }
    }
}
