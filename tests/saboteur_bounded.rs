//! Proof that verification of softmax and layer norm can fail: planted faults, each of which must be
//! rejected at a shape of short rows and at one of long rows.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use crossover::backend::Task;
use crossover::error::{Error, Result};
use crossover::tensor::{FENCE, Tensor};
use crossover::terms::{Dtype, Scope};
use crossover::verify::{Problem, Proof};
use crossover::workload;
use half::{bf16, f16};
use support::device::{MadeUpRunner, Memory};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// Softmax without the largest element taken off first.
    NoMost,
    /// The last column is left out of the sums.
    LastColumn,
    /// The sum, or the moments, of the row before.
    NeighbourRow,
    /// Nothing is added to the variance.
    NoEps,
    /// eps is added to the deviation.
    EpsOutside,
    /// The variance over n - 1.
    Unbiased,
    /// The variance as the mean of squares less the square of the mean.
    SquareOfMean,
    /// gamma and beta taken for each other.
    Swapped,
    /// Operands and results in bf16, f16, tf32.
    Bf16,
    F16,
    Tf32,
    /// Exponentials, or deviations, in bf16.
    Bf16Inside,
    /// One element is its neighbour's.
    OneElement,
    /// The last element is not written.
    NotWritten,
    NanCorner,
    /// Results of the first data.
    Stale,
    Zeros,
    PastEnd,
    BeforeStart,
    InputOverwritten,
    ResultTooShort,
    EndToEndOnly,
    NoUpload,
}

use Fault as F;

const COMMON: &[Fault] = &[
    F::LastColumn,
    F::NeighbourRow,
    F::Bf16,
    F::F16,
    F::Tf32,
    F::Bf16Inside,
    F::OneElement,
    F::NotWritten,
    F::NanCorner,
    F::Stale,
    F::Zeros,
    F::PastEnd,
    F::BeforeStart,
    F::InputOverwritten,
    F::ResultTooShort,
    F::EndToEndOnly,
    F::NoUpload,
];

const OF_SOFTMAX: &[Fault] = &[F::NoMost];

const OF_LAYER_NORM: &[Fault] =
    &[F::NoEps, F::EpsOutside, F::Unbiased, F::SquareOfMean, F::Swapped];

/// Rounds a number to the format of a fault.
fn rounded(fault: Fault, x: f32) -> f32 {
    match fault {
        F::Bf16 => bf16::from_f32(x).to_f32(),
        F::F16 => f16::from_f32(x).to_f32(),
        F::Tf32 => f32::from_bits((x.to_bits() + (1 << 12)) & !((1 << 13) - 1)),
        _ => x,
    }
}

/// What a fault makes of a number on the way.
fn inside(fault: Fault, x: f32) -> f32 {
    if fault == F::Bf16Inside { bf16::from_f32(x).to_f32() } else { x }
}

/// The part of a row that is summed.
fn summed(fault: Fault, x: &[f32]) -> &[f32] {
    if fault == F::LastColumn { &x[..x.len() - 1] } else { x }
}

fn softmax(fault: Fault, x: &[f32], columns: usize) -> Vec<f32> {
    let rows: Vec<&[f32]> = x.chunks_exact(columns).collect();
    let exponentials = |row: &[f32]| -> Vec<f32> {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let most = if fault == F::NoMost { 0.0 } else { most };
        row.iter().map(|x| inside(fault, (x - most).exp())).collect()
    };
    let row = |(i, x): (usize, &&[f32])| {
        let own = exponentials(x);
        let other = exponentials(rows[if fault == F::NeighbourRow { i.max(1) - 1 } else { i }]);
        let sum: f32 = summed(fault, &other).iter().sum();
        own.into_iter().map(move |e| e / sum)
    };
    rows.iter().enumerate().flat_map(row).collect()
}

/// Mean and inverse deviation, in f32.
fn moments(fault: Fault, x: &[f32]) -> [f32; 2] {
    let n = x.len() as f32;
    let terms = summed(fault, x);
    let mean = terms.iter().sum::<f32>() / n;
    let squares = |mean: f32| terms.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>();
    let variance = match fault {
        F::Unbiased => squares(mean) / (n - 1.0),
        F::SquareOfMean => (squares(0.0) / n - mean * mean).max(0.0),
        _ => squares(mean) / n,
    };
    let inv_std = match fault {
        F::NoEps => 1.0 / variance.sqrt(),
        F::EpsOutside => 1.0 / (variance.sqrt() + 1e-5),
        _ => 1.0 / (variance + 1e-5).sqrt(),
    };
    [mean, inv_std]
}

fn layer_norm(fault: Fault, inputs: &[Vec<f32>], columns: usize) -> Vec<f32> {
    let [x, gamma, beta] = inputs else { panic!("three inputs") };
    let (gamma, beta) = if fault == F::Swapped { (beta, gamma) } else { (gamma, beta) };
    let rows: Vec<&[f32]> = x.chunks_exact(columns).collect();
    let row = |(i, x): (usize, &&[f32])| {
        let other = rows[if fault == F::NeighbourRow { i.max(1) - 1 } else { i }];
        let [mean, inv_std] = moments(fault, other);
        let row = x.iter().zip(gamma).zip(beta);
        let y = |((x, g), b): ((&f32, &f32), &f32)| g * inside(fault, (x - mean) * inv_std) + b;
        row.map(y).collect::<Vec<f32>>()
    };
    rows.iter().enumerate().flat_map(row).collect()
}

/// The result of a run, written.
fn compute(fault: Fault, columns: usize, memory: &mut Memory, scope: Scope, runs: usize) {
    if fault == F::Stale && runs > 1 {
        return;
    }
    let inputs: Vec<Vec<f32>> = memory.inputs.iter().map(|x| x.f32s().to_vec()).collect();
    let round = |x: Vec<f32>| x.into_iter().map(|x| rounded(fault, x)).collect::<Vec<f32>>();
    let inputs: Vec<Vec<f32>> = inputs.into_iter().map(round).collect();
    let result = match inputs.len() {
        1 => softmax(fault, &inputs[0], columns),
        _ => layer_norm(fault, &inputs, columns),
    };
    let mut result = round(result);
    let last = result.len() - 1;
    match fault {
        F::OneElement => result[last / 2] = result[last / 2 + 1],
        F::NanCorner => result[last] = f32::NAN,
        F::NotWritten => result.truncate(last),
        F::Zeros => result.fill(0.0),
        F::EndToEndOnly if scope == Scope::EndToEnd => result[0] += 1e-2,
        _ => {}
    }
    memory.write(&result);
    let output = &mut memory.output;
    match fault {
        F::PastEnd => output.set(FENCE + last + 1, 0.0),
        F::BeforeStart => output.set(FENCE - 1, 0.0),
        F::InputOverwritten => memory.inputs[0].set(last, 7.0),
        F::ResultTooShort => *output = output.slice(0..2 * FENCE + last),
        _ => {}
    }
}

fn proof(name: &str, shape: &str, fault: Fault) -> Result<Proof> {
    let workload = workload::find(name).unwrap();
    let shape = workload.shape(shape).unwrap();
    let problem = Problem::new(workload, &shape, Dtype::F32, 1);
    let task =
        Task { workload, shape: &shape, dtype: Dtype::F32, implementation: "", parameters: None };
    let columns = shape.size("columns");
    let mut runs = 0;
    let mut stale: Option<Tensor> = None;
    let mut runner = MadeUpRunner::new(&task, move |memory, scope| {
        runs += 1;
        if let Some(stale) = &stale {
            memory.output.copy_from(stale);
        }
        compute(fault, columns, memory, scope, runs);
        if fault == F::Stale {
            stale = Some(memory.output.clone());
        }
        Ok(())
    });
    runner.uploads = if fault == F::NoUpload { |_| false } else { Scope::moves };
    problem.verify(&mut runner)
}

fn every_fault_is_rejected(shape: &str) {
    for (name, own) in [("softmax", OF_SOFTMAX), ("layernorm", OF_LAYER_NORM)] {
        let honest = proof(name, shape, F::None).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert!(honest.max_error_ratio > 0.0 && honest.max_error_ratio <= 1.0);
        for fault in COMMON.iter().chain(own) {
            let Err(Error::Wrong { what, error_ratio }) = proof(name, shape, *fault) else {
                panic!("{name}: {fault:?} passed at {shape}");
            };
            assert!(error_ratio.is_none_or(|ratio| ratio.is_finite()), "{fault:?}");
            assert!(!what.is_empty() && !what.contains('\n'), "{what}");
        }
    }
}

#[test]
fn in_short_rows_every_fault_is_rejected() {
    every_fault_is_rejected("rows=37,columns=19");
}

#[test]
fn in_long_rows_every_fault_is_rejected() {
    every_fault_is_rejected("rows=5,columns=4099");
}
