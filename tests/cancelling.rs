//! Proof that right results pass however their sums cancel, and that reduced precision still does not: the
//! smallest results there are, on many data.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use crossover::backend::cpu::Cpu;
use crossover::backend::{Device, Task};
use crossover::error::Result;
use crossover::tensor::{Element, Tensor};
use crossover::terms::Dtype;
use crossover::verify::{Problem, Proof};
use crossover::workload;
use support::device::MadeUpRunner;

/// Rounded to the 11 significant bits of TF32.
fn tf32(value: f32) -> f32 {
    f32::from_bits((value.to_bits() + (1 << 12)) & !((1 << 13) - 1))
}

/// The sum of products, one after the other.
fn dot<T: Element + std::ops::Mul<Output = T> + std::ops::Add<Output = T>>(a: &[T], b: &[T]) -> T {
    a.iter().zip(b).fold(T::nearest(0.0), |sum, (a, b)| sum + *a * *b)
}

/// Has one sum of products verified, computed in f32 from what `operand` makes of the operands.
fn verified(
    name: &str,
    shape: &str,
    dtype: Dtype,
    seed: u64,
    operand: fn(f32) -> f32,
) -> Result<Proof> {
    let workload = workload::find(name).unwrap();
    let shape = workload.shape(shape).unwrap();
    let problem = Problem::new(workload, &shape, dtype, seed);
    let task = Task { workload, shape: &shape, dtype, implementation: "", parameters: None };
    let mut runner = MadeUpRunner::new(&task, move |memory, _| {
        match (&memory.inputs[0], &memory.inputs[1]) {
            (Tensor::F32(a), Tensor::F32(b)) => {
                let seen = |x: &[f32]| x.iter().map(|x| operand(*x)).collect::<Vec<f32>>();
                let sum = dot(&seen(a), &seen(b));
                memory.write(&[sum]);
            }
            (Tensor::Bf16(a), Tensor::Bf16(b)) => {
                let wide = |x: &[half::bf16]| x.iter().map(|x| x.to_f32()).collect::<Vec<f32>>();
                let sum = half::bf16::from_f32(dot(&wide(a), &wide(b)));
                memory.write(&[sum]);
            }
            (Tensor::F64(a), Tensor::F64(b)) => {
                let sum = dot(a, b);
                memory.write(&[sum]);
            }
            _ => panic!("operands are of one dtype"),
        }
        Ok(())
    });
    problem.verify(&mut runner)
}

#[test]
fn one_product_of_any_length_is_right_in_every_dtype() {
    for k in (1..=400).chain([4096, 65_536]) {
        for dtype in [Dtype::F32, Dtype::F64, Dtype::Bf16] {
            let proof = verified("gemm", &format!("m=1,n=1,k={k}"), dtype, 1, |x| x);
            assert!(proof.is_ok(), "k = {k} in {dtype:?}: {proof:?}");
        }
    }
}

#[test]
fn other_sums_of_one_element_are_right() {
    for seed in 1..=100 {
        let dot = verified("stream-dot", "bytes=180992", Dtype::F32, seed, |x| x);
        assert!(dot.is_ok(), "stream-dot with seed {seed}: {dot:?}");
        let shape = "n=1,c=1,h=69,w=69,k=1,r=1,s=1";
        let wgrad = verified("conv-wgrad", shape, Dtype::F32, seed, |x| x);
        assert!(wgrad.is_ok(), "conv-wgrad with seed {seed}: {wgrad:?}");
    }
}

/// One sum may hide rounded operands by chance, where their errors cancel.
#[test]
fn reduced_precision_shows_in_one_element() {
    let passes = |k: &u64| verified("gemm", &format!("m=1,n=1,k={k}"), Dtype::F32, 1, tf32).is_ok();
    let missed: Vec<u64> = (1..=400).filter(passes).collect();
    assert!(missed.len() <= 40, "rounded operands pass at {missed:?}");
}

/// An output depends on its whole tile, of which the terms of its definition may be the smallest part.
#[test]
fn outputs_of_one_tile_are_right_by_winograds_algorithm() {
    let cpu = Cpu::new(&[0]).unwrap();
    let shapes = ["h=1,w=1,pad=1", "h=2,w=2,pad=1", "h=3,w=3", "h=4,w=4,pad=1", "h=6,w=6"];
    for (name, implementation) in [
        ("conv-fprop", "winograd-f2"),
        ("conv-fprop", "winograd-f4"),
        ("conv-dgrad", "winograd-f2"),
        ("conv-dgrad", "winograd-f4"),
    ] {
        let workload = workload::find(name).unwrap();
        for shape in shapes {
            let shape = workload.shape(&format!("n=1,c=1,k=1,r=3,s=3,{shape}")).unwrap();
            let dtype = Dtype::F32;
            let task = Task { workload, shape: &shape, dtype, implementation, parameters: None };
            for seed in 1..=200 {
                let problem = Problem::new(workload, &shape, dtype, seed);
                let proof = problem.verify(cpu.prepare(&task).unwrap().as_mut());
                assert!(proof.is_ok(), "{name} {implementation} {shape}, seed {seed}: {proof:?}");
            }
        }
    }
}
