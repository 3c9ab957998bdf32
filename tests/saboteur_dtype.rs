//! Proof that verification tells one dtype from the next: products with the faults of their formats,
//! each of which must be rejected below and above 2^27 multiply-adds.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use crossover::backend::Task;
use crossover::error::{Error, Result};
use crossover::tensor::{Element, Tensor};
use crossover::terms::{Dtype, Shape};
use crossover::verify::{Problem, Proof};
use crossover::workload;
use half::bf16;
use support::device::MadeUpRunner;

/// What a product does wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Sums are rounded to bf16 after every term.
    NarrowSums,
    /// What does not fit into a result is cut off.
    Truncated,
    /// Halfway between two results the one further from zero is taken.
    TiesAway,
    /// Halfway between two results the odd one is taken.
    TiesToOdd,
    /// Operands are cut to f32.
    NarrowOperands,
    /// Sums are kept in f32.
    SingleSums,
    /// The last k is left out.
    LastK,
    /// One element has its neighbour's value.
    OneElement,
}

/// The nearest numbers of bf16 below and above in magnitude, and how far between them a value lies.
fn cut(value: f32) -> (bf16, bf16, u32) {
    let bits = value.to_bits();
    let low = (bits >> 16) as u16;
    (bf16::from_bits(low), bf16::from_bits(low + 1), bits & 0xFFFF)
}

impl Fault {
    /// A sum as it is stored in bf16.
    fn stored(self, sum: f32) -> bf16 {
        let (low, high, rest) = cut(sum);
        match self {
            Fault::Truncated => low,
            Fault::TiesAway if rest == 0x8000 => high,
            Fault::TiesToOdd if rest == 0x8000 => {
                if low.to_bits() & 1 == 1 {
                    low
                } else {
                    high
                }
            }
            _ => bf16::from_f32(sum),
        }
    }

    fn in_bf16(self, shape: &Shape, a: &[bf16], b: &[bf16]) -> Vec<bf16> {
        let wide = |x: &[bf16]| x.iter().map(|v| v.to_f32()).collect::<Vec<_>>();
        let narrow =
            |sum: f32| if self == Fault::NarrowSums { bf16::from_f32(sum).to_f32() } else { sum };
        let sums = self.product(shape, &wide(a), &wide(b), narrow);
        sums.into_iter().map(|sum| self.stored(sum)).collect()
    }

    fn in_f64(self, shape: &Shape, a: &[f64], b: &[f64]) -> Vec<f64> {
        let cut = |x: &[f64]| x.iter().map(|v| f64::from(*v as f32)).collect::<Vec<_>>();
        match self {
            Fault::NarrowOperands => self.product(shape, &cut(a), &cut(b), |sum| sum),
            Fault::SingleSums => self.product(shape, a, b, |sum| f64::from(sum as f32)),
            _ => self.product(shape, a, b, |sum| sum),
        }
    }

    /// c = a b, each partial sum passed through `keep`.
    fn product<T>(self, shape: &Shape, a: &[T], b: &[T], keep: impl Fn(T) -> T) -> Vec<T>
    where
        T: Element + std::ops::Mul<Output = T> + std::ops::Add<Output = T>,
    {
        let (n, k) = (shape.size("n"), shape.size("k"));
        let terms = if self == Fault::LastK { k - 1 } else { k };
        let mut c = vec![T::nearest(0.0); shape.size("m") * n];
        for (a, c) in a.chunks_exact(k).zip(c.chunks_exact_mut(n)) {
            for (a, b) in a.iter().zip(b.chunks_exact(n)).take(terms) {
                c.iter_mut().zip(b).for_each(|(c, b)| *c = keep(*c + *a * *b));
            }
        }
        if self == Fault::OneElement {
            let middle = c.len() / 2 + n / 3;
            c[middle] = c[middle + 1];
        }
        c
    }
}

fn verified(dtype: Dtype, shape: &str, fault: Fault) -> Result<Proof> {
    let workload = workload::find("gemm").unwrap();
    let shape = workload.shape(shape).unwrap();
    let problem = Problem::new(workload, &shape, dtype, 1);
    let task = Task { workload, shape: &shape, dtype, implementation: "", parameters: None };
    let sizes = shape.clone();
    let mut runner = MadeUpRunner::new(&task, move |memory, _| {
        match (&memory.inputs[0], &memory.inputs[1]) {
            (Tensor::Bf16(a), Tensor::Bf16(b)) => {
                let result = fault.in_bf16(&sizes, a, b);
                memory.write(&result);
            }
            (Tensor::F64(a), Tensor::F64(b)) => {
                let result = fault.in_f64(&sizes, a, b);
                memory.write(&result);
            }
            _ => panic!("operands are of the task's dtype"),
        }
        Ok(())
    });
    problem.verify(&mut runner)
}

fn every_fault_is_rejected(shape: &str) {
    use Fault::*;
    let faults: [(Dtype, &[Fault]); 2] = [
        (Dtype::Bf16, &[NarrowSums, Truncated, TiesAway, TiesToOdd, LastK, OneElement]),
        (Dtype::F64, &[NarrowOperands, SingleSums, LastK, OneElement]),
    ];
    for (dtype, faults) in faults {
        let honest = verified(dtype, shape, None);
        let ratio = honest.map(|proof| proof.max_error_ratio);
        assert!(ratio.as_ref().is_ok_and(|r| *r <= 1.0), "{dtype:?} at {shape}: {ratio:?}");
        for fault in faults {
            let found = verified(dtype, shape, *fault);
            assert!(matches!(found, Err(Error::Wrong { .. })), "{dtype:?} {fault:?} at {shape}");
        }
    }
}

#[test]
fn below_the_limit_every_fault_is_rejected() {
    every_fault_is_rejected("m=65,n=70,k=129");
}

#[test]
fn above_the_limit_every_fault_is_rejected() {
    every_fault_is_rejected("m=513,n=514,k=515");
}
