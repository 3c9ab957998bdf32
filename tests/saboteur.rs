//! Proof that verification can fail: a backend with planted faults, each of which must be rejected
//! below and above 2^27 multiply-adds and must get no time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use crossover::backend::{Details, Device, Runner, Task};
use crossover::error::Result;
use crossover::machine::DeviceEntry;
use crossover::measure::WallClock;
use crossover::plan::{Effort, Selection};
use crossover::record::Outcome;
use crossover::tensor::{FENCE, fenced};
use crossover::terms::DeviceKind;
use crossover::terms::{Scope, Shape};
use crossover::workload::Workload;

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
}

struct Saboteur {
    entry: DeviceEntry,
}

impl Device for Saboteur {
    fn entry(&self) -> &DeviceEntry {
        &self.entry
    }

    fn implementations(&self, workload: &dyn Workload) -> Vec<&str> {
        let faults = FAULTS.iter().filter(|_| workload.name() == "gemm");
        faults.map(|(name, _)| *name).collect()
    }

    fn defaults(&self, workload: &dyn Workload) -> Vec<String> {
        self.implementations(workload).iter().map(|name| name.to_string()).collect()
    }

    fn footprint_bytes(&self, _: &Task<'_>) -> u64 {
        1 << 20
    }

    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>> {
        let fault = FAULTS.iter().find(|(name, _)| *name == task.implementation).unwrap().1;
        Ok(Box::new(Sabotaged {
            fault,
            dims: Dims::of(task.shape),
            host: Vec::new(),
            inputs: Vec::new(),
            output: Vec::new(),
            runs: 0,
        }))
    }
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

struct Sabotaged {
    fault: Fault,
    dims: Dims,
    /// What an end-to-end run uploads.
    host: Vec<Vec<f32>>,
    /// What the made-up device holds.
    inputs: Vec<Vec<f32>>,
    output: Vec<f32>,
    runs: usize,
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

    fn half_accumulated(&self) -> Vec<f32> {
        let Dims { m, n, k } = self.dims;
        let mut c = vec![0.0f32; m * n];
        for (i, row) in c.chunks_exact_mut(n).enumerate() {
            for p in 0..k {
                let a = self.inputs[0][i * k + p];
                for (sum, b) in row.iter_mut().zip(&self.inputs[1][p * n..(p + 1) * n]) {
                    *sum = half(*sum + a * b);
                }
            }
        }
        c
    }

    fn result(&self) -> Vec<f32> {
        match self.fault {
            Fault::HalfAccumulation => self.half_accumulated(),
            Fault::Rounded(bits) => {
                let round = |x: &Vec<f32>| x.iter().map(|v| rounded(*v, bits)).collect::<Vec<_>>();
                self.product(&round(&self.inputs[0]), &round(&self.inputs[1]))
            }
            Fault::Zeros => vec![0.0; self.dims.m * self.dims.n],
            _ => self.product(&self.inputs[0], &self.inputs[1]),
        }
    }

    fn spoil(&mut self, scope: Scope) {
        let Dims { m, n, .. } = self.dims;
        let at = |row: usize, column: usize| FENCE + row * n + column;
        match self.fault {
            Fault::TileRow => (0..n).for_each(|j| self.output[at(TILE - 1, j)] = 0.0),
            Fault::TileColumn => (0..m).for_each(|i| self.output[at(i, TILE - 1)] = 0.0),
            Fault::WrongTile => {
                for i in 0..TILE {
                    for j in 0..TILE {
                        self.output[at(TILE + i, j)] = self.output[at(i, j)];
                    }
                }
            }
            Fault::OneElement => self.output[at(m / 2, n / 3)] += 1e-3,
            Fault::NanCorner => self.output[at(m - 1, n - 1)] = f32::NAN,
            Fault::PastEnd => self.output[FENCE + m * n] = 0.0,
            Fault::BeforeStart => self.output[FENCE - 1] = 0.0,
            Fault::InputOverwritten => self.inputs[1][n / 2] += 1.0,
            Fault::OtherShape => self.output.truncate(2 * FENCE + (m - 1) * n),
            Fault::EndToEndOnly if scope == Scope::EndToEnd => self.output[at(0, 0)] += 1.0,
            _ => {}
        }
    }
}

impl Runner for Sabotaged {
    fn load(&mut self, inputs: &[Vec<f32>]) -> Result<()> {
        self.host = inputs.to_vec();
        self.inputs = inputs.to_vec();
        Ok(())
    }

    fn poison(&mut self, scope: Scope) -> Result<()> {
        if scope == Scope::EndToEnd {
            self.inputs.iter_mut().for_each(|input| input.fill(f32::NAN));
        }
        self.output = fenced(self.dims.m * self.dims.n);
        Ok(())
    }

    fn run(&mut self, scope: Scope) -> Result<()> {
        self.runs += 1;
        if scope == Scope::EndToEnd && self.fault != Fault::NoUpload {
            self.inputs = self.host.clone();
        }
        if self.fault == Fault::Stale && self.runs > 1 {
            return Ok(());
        }
        let result = self.result();
        self.output[FENCE..FENCE + result.len()].copy_from_slice(&result);
        self.spoil(scope);
        Ok(())
    }

    fn inputs(&mut self) -> Result<Vec<Vec<f32>>> {
        Ok(self.inputs.clone())
    }

    fn output(&mut self, _: Scope) -> Result<Vec<f32>> {
        Ok(self.output.clone())
    }

    fn details(&self) -> Details {
        Details { tile: (TILE, TILE), ..Details::default() }
    }
}

/// Runs every fault through a whole session at one shape.
fn every_fault_is_rejected(shape: &str) {
    let entry = support::entry("saboteur", DeviceKind::Accelerator);
    let devices: Vec<Box<dyn Device>> = vec![Box::new(Saboteur { entry })];
    let selection = Selection { shapes: vec![shape.to_string()], ..Selection::default() };
    let effort = Effort { warm_up_s: 0.001, sample_s: 0.001 };
    let rows = support::rows(&devices, &selection, &WallClock::default(), effort);
    assert_eq!(rows.len(), 2 * FAULTS.len());
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
