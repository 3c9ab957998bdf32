//! Times from work: what a run takes besides, bytes over a rate and FLOP over another; where data are moved, what
//! that takes besides, and bytes over the rate of the link. Rates are fitted by non-negative least squares on
//! relative errors.

use serde::Serialize;

use crate::stats;
use crate::terms::{Dtype, Shape};
use crate::workload::Workload;

/// What a fit knows of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Nominal operations.
    pub flop: f64,
    /// Compulsory traffic: each operand and each result once.
    pub bytes: f64,
    /// Which share of the transfers falls to one run: 1 where data are used once, 0 where they stay.
    pub share: f64,
}

/// Rates that a time is made of.
const TERMS: usize = 5;

impl Work {
    /// That of a shape.
    pub fn of(workload: &dyn Workload, shape: &Shape, dtype: Dtype, share: f64) -> Work {
        let flop = workload.work(shape).flop_count as f64;
        Work { flop, bytes: workload.bytes_moved(shape, dtype) as f64, share }
    }

    fn terms(&self) -> [f64; TERMS] {
        [1.0, self.bytes, self.flop, self.share, self.share * self.bytes]
    }
}

/// What a side takes, in seconds for each unit of work. What costs nothing is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Times {
    /// Of a run, besides its work: launches and calls.
    pub s_per_run: f64,
    /// Of a byte of memory.
    pub s_per_byte: f64,
    /// Of an operation.
    pub s_per_flop: f64,
    /// Of moving data to and fro, besides the bytes.
    pub s_per_transfer: f64,
    /// Of a byte that is moved.
    pub s_per_moved_byte: f64,
}

impl Times {
    /// All of them, in the order of what they are for.
    pub fn all(&self) -> [f64; TERMS] {
        let Times { s_per_run, s_per_byte, s_per_flop, s_per_transfer, s_per_moved_byte } = *self;
        [s_per_run, s_per_byte, s_per_flop, s_per_transfer, s_per_moved_byte]
    }

    /// Seconds of a run.
    pub fn seconds(&self, work: &Work) -> f64 {
        self.all().iter().zip(work.terms()).map(|(time, amount)| time * amount).sum()
    }

    /// Those that come nearest to runs with their seconds.
    pub fn fit(runs: &[(Work, f64)]) -> Times {
        let lines = runs.iter().map(|(work, seconds)| work.terms().map(|term| term / seconds));
        let [s_per_run, s_per_byte, s_per_flop, s_per_transfer, s_per_moved_byte] =
            non_negative(&lines.collect::<Vec<_>>());
        Times { s_per_run, s_per_byte, s_per_flop, s_per_transfer, s_per_moved_byte }
    }
}

/// The x of no negative part with the least squares of `lines * x - 1`: of the solutions with some parts at 0, the
/// best that is not negative. There are few enough to try them all.
fn non_negative(lines: &[[f64; TERMS]]) -> [f64; TERMS] {
    let largest: [f64; TERMS] =
        std::array::from_fn(|i| lines.iter().map(|line| line[i]).fold(0.0, f64::max));
    let scaled: Vec<[f64; TERMS]> = lines
        .iter()
        .map(|line| {
            std::array::from_fn(|i| if largest[i] > 0.0 { line[i] / largest[i] } else { 0.0 })
        })
        .collect();
    let product = |i: usize, j: usize| scaled.iter().map(|line| line[i] * line[j]).sum::<f64>();
    let squares: [[f64; TERMS]; TERMS] =
        std::array::from_fn(|i| std::array::from_fn(|j| product(i, j)));
    let sums: [f64; TERMS] = std::array::from_fn(|i| scaled.iter().map(|line| line[i]).sum());
    let off = |x: &[f64; TERMS]| -> f64 {
        let value = |line: &[f64; TERMS]| line.iter().zip(x).map(|(a, b)| a * b).sum::<f64>();
        scaled.iter().map(|line| (value(line) - 1.0).powi(2)).sum()
    };
    let mut best = ([0.0; TERMS], off(&[0.0; TERMS]));
    for chosen in 1u32..1 << TERMS {
        let free: Vec<usize> =
            (0..TERMS).filter(|i| chosen >> i & 1 == 1 && largest[*i] > 0.0).collect();
        let Some(x) = solution(&squares, &sums, &free) else { continue };
        let error = off(&x);
        if x.iter().all(|part| *part >= 0.0) && error < best.1 {
            best = (x, error);
        }
    }
    std::array::from_fn(|i| if largest[i] > 0.0 { best.0[i] / largest[i] } else { 0.0 })
}

/// The solution of the equations of these parts, the others being 0; none where they don't tell them apart.
fn solution(
    squares: &[[f64; TERMS]; TERMS],
    sums: &[f64; TERMS],
    free: &[usize],
) -> Option<[f64; TERMS]> {
    const SINGULAR: f64 = 1e-10;
    let mut rows: Vec<Vec<f64>> = free
        .iter()
        .map(|i| free.iter().map(|j| squares[*i][*j]).chain([sums[*i]]).collect())
        .collect();
    let count = free.len();
    for step in 0..count {
        let pivot =
            (step..count).max_by(|a, b| rows[*a][step].abs().total_cmp(&rows[*b][step].abs()))?;
        rows.swap(step, pivot);
        if rows[step][step].abs() < SINGULAR * squares[free[step]][free[step]] {
            return None;
        }
        let line = rows[step].clone();
        for row in rows.iter_mut().enumerate().filter(|(i, _)| *i != step).map(|(_, row)| row) {
            let factor = row[step] / line[step];
            row.iter_mut().zip(&line).for_each(|(a, b)| *a -= factor * b);
        }
    }
    let mut x = [0.0; TERMS];
    free.iter().enumerate().for_each(|(row, part)| x[*part] = rows[row][count] / rows[row][row]);
    Some(x)
}

/// By how much a fit is off on shapes that it did not see, relative to what was measured.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Error {
    /// The median.
    pub median: f64,
    /// The largest.
    pub worst: f64,
}

impl Error {
    /// That of times that were foretold and measured; none where there are none.
    pub fn of(pairs: &[(f64, f64)]) -> Option<Error> {
        let off: Vec<f64> =
            pairs.iter().map(|(told, measured)| (told / measured - 1.0).abs()).collect();
        let worst = off.iter().copied().fold(0.0, f64::max);
        Some(Error { median: stats::median(&off)?, worst })
    }
}

/// Both sides of a workload, for shapes in no family.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Fit {
    /// The CPU's.
    pub cpu: Times,
    /// The device's.
    pub device: Times,
    /// By how much the CPU's are off on shapes left out.
    pub cpu_error: Option<Error>,
    /// By how much the device's are.
    pub device_error: Option<Error>,
    /// A program stays with what it used last while neither side is told to be faster by more than this share.
    pub stay_margin: f64,
}
