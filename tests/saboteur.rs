//! Proof that verification can fail: a backend with planted faults, each of which must be rejected
//! below and above 2^27 multiply-adds and must get no time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use crossover::backend::{Device, Runner, Task};
use crossover::measure::WallClock;
use crossover::plan::{Effort, Selection};
use crossover::record::Outcome;
use crossover::tensor::{FENCE, Tensor};
use crossover::terms::{DeviceKind, Scope, Shape};
use support::device::{MadeUp, MadeUpRunner, Memory};

/// A tile of the faults that speak of one.
const TILE: usize = 16;

/// What the saboteur does wrong. Its implementations are named after these.
const FAULTS: &[(&str, Fault)] = &[
    ("honest", Fault::None),
    ("last-k-dropped", Fault::LastK),
    ("last-row-of-a-tile", Fault::TileRow),
    ("last-column-of-a-tile", Fault::TileColumn),
    ("transposed-operand", Fault::Transposed),
    ("stale-output", Fault::Stale),
    ("wrong-tile-copied", Fault::WrongTile),
    ("one-element-off", Fault::OneElement),
    ("nan-in-a-corner", Fault::NanCorner),
    ("written-past-the-end", Fault::PastEnd),
    ("written-before-the-start", Fault::BeforeStart),
    ("input-overwritten", Fault::InputOverwritten),
    ("result-of-another-shape", Fault::OtherShape),
    ("f16-accumulation", Fault::HalfAccumulation),
    ("tf32-inputs", Fault::Rounded(13)),
    ("bf16-inputs", Fault::Rounded(16)),
    ("zeros", Fault::Zeros),
    ("wrong-end-to-end", Fault::EndToEndOnly),
    ("no-upload", Fault::NoUpload),
    ("wrong-after-several-runs", Fault::SeveralOnly),
    ("no-upload-for-several-runs", Fault::NoUploadForSeveral),
];

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    LastK,
    TileRow,
    TileColumn,
    Transposed,
    Stale,
    WrongTile,
    OneElement,
    NanCorner,
    PastEnd,
    BeforeStart,
    InputOverwritten,
    OtherShape,
    HalfAccumulation,
    /// Operands rounded by this many mantissa bits.
    Rounded(u32),
    Zeros,
    EndToEndOnly,
    NoUpload,
    SeveralOnly,
    NoUploadForSeveral,
}

#[derive(Clone, Copy)]
struct Dims {
    m: usize,
    n: usize,
    k: usize,
}

impl Dims {
    fn of(shape: &Shape) -> Dims {
        Dims { m: shape.size("m"), n: shape.size("n"), k: shape.size("k") }
    }
}

/// Rounds to fewer mantissa bits, to nearest.
fn rounded(value: f32, bits: u32) -> f32 {
    let half = 1u32 << (bits - 1);
    f32::from_bits((value.to_bits() + half) & !((1 << bits) - 1))
}

/// Rounds to the 11 significant bits of f16, whose range is wide enough here.
fn half(value: f32) -> f32 {
    rounded(value, 13)
}

/// A product with a fault in it.
#[derive(Clone, Copy)]
struct Sabotaged {
    fault: Fault,
    dims: Dims,
}

impl Sabotaged {
    fn product(&self, a: &[f32], b: &[f32]) -> Vec<f32> {
        let Dims { m, n, k } = self.dims;
        let mut c = vec![0.0; m * n];
        let k_used = if self.fault == Fault::LastK { k - 1 } else { k };
        let b_strides = if self.fault == Fault::Transposed { (1, k) } else { (n, 1) };
        // SAFETY: m x k, k x n and m x n elements; the transposed strides reach the same k n.
        unsafe {
            matrixmultiply::sgemm(
                m,
                k_used,
                n,
                1.0,
                a.as_ptr(),
                k as isize,
                1,
                b.as_ptr(),
                b_strides.0 as isize,
                b_strides.1 as isize,
                0.0,
                c.as_mut_ptr(),
                n as isize,
                1,
            );
        }
        c
    }

    fn half_accumulated(&self, a: &[f32], b: &[f32]) -> Vec<f32> {
        let Dims { m, n, k } = self.dims;
        let mut c = vec![0.0f32; m * n];
        for (i, row) in c.chunks_exact_mut(n).enumerate() {
            for p in 0..k {
                let a = a[i * k + p];
                for (sum, b) in row.iter_mut().zip(&b[p * n..(p + 1) * n]) {
                    *sum = half(*sum + a * b);
                }
            }
        }
        c
    }

    fn result(&self, a: &[f32], b: &[f32]) -> Vec<f32> {
        match self.fault {
            Fault::HalfAccumulation => self.half_accumulated(a, b),
            Fault::Rounded(bits) => {
                let round = |x: &[f32]| x.iter().map(|v| rounded(*v, bits)).collect::<Vec<_>>();
                self.product(&round(a), &round(b))
            }
            Fault::Zeros => vec![0.0; self.dims.m * self.dims.n],
            _ => self.product(a, b),
        }
    }

    fn spoil(&self, memory: &mut Memory, scope: Scope) {
        let Dims { m, n, .. } = self.dims;
        let at = |row: usize, column: usize| FENCE + row * n + column;
        let output = &mut memory.output;
        let add = |tensor: &mut Tensor, i: usize, more: f64| tensor.set(i, tensor.get(i) + more);
        match self.fault {
            Fault::TileRow => (0..n).for_each(|j| output.set(at(TILE - 1, j), 0.0)),
            Fault::TileColumn => (0..m).for_each(|i| output.set(at(i, TILE - 1), 0.0)),
            Fault::WrongTile => {
                for i in 0..TILE {
                    for j in 0..TILE {
                        output.set(at(TILE + i, j), output.get(at(i, j)));
                    }
                }
            }
            Fault::OneElement => add(output, at(m / 2, n / 3), 1e-3),
            Fault::NanCorner => output.set(at(m - 1, n - 1), f64::NAN),
            Fault::PastEnd => output.set(FENCE + m * n, 0.0),
            Fault::BeforeStart => output.set(FENCE - 1, 0.0),
            Fault::InputOverwritten => add(&mut memory.inputs[1], n / 2, 1.0),
            Fault::OtherShape => *output = output.slice(0..2 * FENCE + (m - 1) * n),
            Fault::SeveralOnly if scope.runs() > 1 => add(output, at(m - 1, 0), 1.0),
            Fault::EndToEndOnly if scope == Scope::EndToEnd => add(output, at(0, 0), 1.0),
            _ => {}
        }
    }
}

/// A device whose implementations are the faults.
fn saboteur() -> Box<dyn Device> {
    let names = |workload: &str| {
        FAULTS.iter().filter(|_| workload == "gemm").map(|(name, _)| *name).collect()
    };
    MadeUp::device("saboteur", DeviceKind::Accelerator, names, |task| {
        let fault = FAULTS.iter().find(|(name, _)| *name == task.implementation).unwrap().1;
        let sabotaged = Sabotaged { fault, dims: Dims::of(task.shape) };
        let mut runs = 0;
        let mut runner = MadeUpRunner::new(task, move |memory, scope| {
            runs += 1;
            if fault != Fault::Stale || runs == 1 {
                let result = sabotaged.result(memory.input(0), memory.input(1));
                memory.write(&result);
                sabotaged.spoil(memory, scope);
            }
            Ok(())
        });
        runner.uploads = match fault {
            Fault::NoUpload => |_| false,
            Fault::NoUploadForSeveral => |scope| scope == Scope::EndToEnd,
            _ => Scope::moves,
        };
        runner.details.tile = (TILE, TILE);
        Box::new(runner)
    })
}

/// Runs every fault through a whole session at one shape.
fn every_fault_is_rejected(shape: &str) {
    let devices = [saboteur()];
    let several = Scope::Reused(3.try_into().unwrap());
    let selection = Selection {
        shapes: vec![shape.to_string()],
        scopes: vec![Scope::Compute, Scope::EndToEnd, several],
        ..Selection::default()
    };
    let effort = Effort { warm_up_s: 0.001, sample_s: 0.001 };
    let rows = support::rows(&devices, &selection, &WallClock::default(), effort);
    assert_eq!(rows.len(), 3 * FAULTS.len());
    for row in rows {
        if row.implementation == "honest" {
            assert_eq!(row.outcome, Outcome::Measured, "{}", row.reason);
            assert!(row.wall_median_s.is_some());
            continue;
        }
        assert_eq!(row.outcome, Outcome::Failed, "{} passed at {shape}", row.implementation);
        assert_eq!(row.wall_median_s, None, "{} got a time", row.implementation);
        assert!(row.max_error_ratio.is_none_or(|ratio| ratio.is_finite()));
        assert!(!row.reason.is_empty() && !row.reason.contains('\n'), "{}", row.reason);
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

/// One that panics while it is prepared, while it is checked, or while it is timed fails with its words; the
/// others have their times, in this case and in the next.
#[test]
fn a_panic_costs_its_own_rows_alone() {
    let honest = |m: &mut Memory, d: Dims| {
        let (a, b) = (m.input(0).to_vec(), m.input(1).to_vec());
        let element = |i: usize| -> f32 {
            (0..d.k).map(|p| a[i / d.n * d.k + p] * b[p * d.n + i % d.n]).sum()
        };
        m.write(&(0..d.m * d.n).map(element).collect::<Vec<f32>>());
    };
    let names = |workload: &str| match workload {
        "gemm" => vec!["honest", "on-prepare", "on-check", "on-time"],
        _ => Vec::new(),
    };
    let prepare = move |task: &Task<'_>| -> Box<dyn Runner> {
        let (dims, name) = (Dims::of(task.shape), task.implementation.to_string());
        assert!(name != "on-prepare", "no table for {} columns", dims.n);
        let mut runs = 0;
        Box::new(MadeUpRunner::new(task, move |memory, _| {
            runs += 1;
            let index = if name == "on-check" { 7 } else { 0 };
            // Checks are over when many more runs follow.
            assert!(name != "on-time" || runs < 40, "its cache is too small");
            honest(memory, Dims { m: dims.m.min([dims.m, 0, 0][index]), ..dims });
            Ok(())
        }))
    };
    let devices = [MadeUp::device("cpu", DeviceKind::Cpu, names, prepare)];
    let selection = Selection {
        workloads: vec!["gemm".into()],
        shapes: vec!["m=9,n=5,k=7".into(), "m=4,n=4,k=4".into()],
        scopes: vec![Scope::Compute],
        ..Selection::default()
    };
    let effort = Effort { warm_up_s: 0.01, sample_s: 0.01 };
    let rows = support::rows(&devices, &selection, &WallClock::default(), effort);
    assert_eq!(rows.len(), 8);
    for case in rows.chunks(4) {
        let of = |name: &str| case.iter().find(|r| r.implementation == name).unwrap();
        assert_eq!(of("honest").outcome, Outcome::Measured, "{}", of("honest").reason);
        for (name, words) in [
            ("on-prepare", "it panicked: no table for "),
            (
                "on-check",
                "it panicked: index out of bounds: the len is 3 but the index is 7 (saboteur.rs:",
            ),
            ("on-time", "it panicked: its cache is too small (saboteur.rs:"),
        ] {
            let row = of(name);
            assert_eq!(row.outcome, Outcome::Failed, "{name}");
            assert!(row.reason.contains(words), "{name}: {}", row.reason);
            assert!(row.wall_median_s.is_none(), "{name}");
        }
    }
}
