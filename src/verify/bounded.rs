//! Workloads whose results are functions of rows that no data make exact: softmax, layer norm.
//!
//! Every element of every row is held to the exact result within the workload's bound, on the measured data
//! and on the further data that the workload names, in every scope.
//!
//! The bounds hold for any order of the sums, so they grow with the number n of columns; honest errors grow
//! like its square root at most (Higham and Mary, "A new approach to probabilistic rounding error analysis",
//! 2019). All elements together must lie within u (16 + sqrt(n)) of the workload's magnitudes in the relative
//! L2 norm, u being the unit roundoff of the accumulator: that rejects arithmetic of fewer bits (f16 and tf32
//! have 2^13 u, bf16 2^16 u), and a term that is left out of sums of up to 2^16.

use std::ops::Range;

use super::errors::Errors;
use super::{Proof, Verify, computed, on_all_cores, scopes};
use crate::backend::Runner;
use crate::error::Result;
use crate::tensor::{Data, Operands, Tensor, Values};
use crate::terms::{Dtype, Formats, Scope, Shape};
use crate::workload::{self, Workload};

/// Elements whose references are computed at once, a whole row at least.
const PART: usize = 1 << 14;

/// Roundoffs that functions of one number may lose on average.
const FUNCTIONS: f64 = 16.0;

/// A workload at a shape, with its measured data.
pub struct Bounded<'a> {
    workload: &'a dyn Workload,
    bounded: &'a dyn workload::Bounded,
    shape: &'a Shape,
    formats: Formats,
    seed: u64,
    measured: Operands,
}

impl<'a> Bounded<'a> {
    /// Makes the measured data; the rest is made when it is needed.
    pub fn new(
        workload: &'a dyn Workload,
        bounded: &'a dyn workload::Bounded,
        shape: &'a Shape,
        dtype: Dtype,
        seed: u64,
    ) -> Bounded<'a> {
        let formats = workload.formats(dtype);
        let measured = Data::Random(seed).operands(formats.storage, &workload.inputs(shape));
        Bounded { workload, bounded, shape, formats, seed, measured }
    }

    /// Bytes of host memory that a problem holds: the measured data and others.
    pub fn footprint_bytes(workload: &dyn Workload, shape: &Shape, formats: Formats) -> u64 {
        let inputs = workload.inputs(shape).iter().sum::<usize>() as u64;
        formats.storage.bytes() * 2 * inputs
    }

    /// Largest error over bound on some operands, which stay loaded.
    fn largest_ratio(&self, runner: &mut dyn Runner, operands: &Operands) -> Result<f64> {
        runner.load(operands)?;
        let mut worst = 0.0f64;
        for scope in scopes(self.workload, runner) {
            let length = self.workload.output(self.shape);
            let output = computed(runner, *scope, length)?;
            worst = worst.max(self.check(operands, output)?);
        }
        Ok(worst)
    }

    /// Holds a result to its bounds, rows shared out over the cores.
    fn check(&self, operands: &[Tensor], output: Values<'_>) -> Result<f64> {
        let (rows, _) = self.bounded.rows(self.shape);
        let mut errors = Errors::default();
        for part in on_all_cores(rows, 1, |part| self.errors(operands, output, part)) {
            errors.merge(part?);
        }
        errors.largest_ratio()
    }

    /// The errors of some rows.
    fn errors(
        &self,
        operands: &[Tensor],
        output: Values<'_>,
        rows: Range<usize>,
    ) -> Result<Errors> {
        let columns = output.len() / self.bounded.rows(self.shape).0;
        let mut errors = Errors::default();
        let u = self.formats.accumulator.unit_roundoff();
        let likely = u * (FUNCTIONS + (columns as f64).sqrt());
        let step = (PART / columns).max(1);
        for first in rows.clone().step_by(step) {
            let part = first..(first + step).min(rows.end);
            let bounds = self.bounded.bounds(self.shape, operands, self.formats, part);
            let all = bounds.value.iter().zip(&bounds.error).zip(&bounds.magnitude);
            for (i, ((value, error), magnitude)) in all.enumerate() {
                let i = first * columns + i;
                errors.add(i, [output.get(i), *value], *error, likely * magnitude)?;
            }
        }
        Ok(errors)
    }
}

impl Verify for Bounded<'_> {
    fn verify_in(&self, runner: &mut dyn Runner, scope: Scope) -> Result<f64> {
        let output = computed(runner, scope, self.workload.output(self.shape))?;
        self.check(&self.measured, output)
    }

    fn verify(&self, runner: &mut dyn Runner) -> Result<Proof> {
        let mut worst = 0.0f64;
        let lengths = self.workload.inputs(self.shape);
        for data in self.bounded.further_data(self.seed) {
            let operands = data.operands(self.formats.storage, &lengths);
            worst = worst.max(self.largest_ratio(runner, &operands)?);
        }
        worst = worst.max(self.largest_ratio(runner, &self.measured)?);
        Ok(Proof { max_error_ratio: worst, is_cornered: false })
    }
}
