//! A task that a contender has prepared.

use std::fs;
use std::path::PathBuf;

use super::exchange;
use super::message::{Done, Request};
use super::{Contender, OUTPUTS, PREPARE, RELEASE, RUN};
use crate::backend::{Claim, Details, Remote, Runner, Task};
use crate::error::{Error, Result};
use crate::tensor::{FENCE, Operands, Tensor, Values};
use crate::terms::{DeviceKind, Dtype, Format, Scope, Shape};
use crate::units;

/// A run may take this many times what is expected, and the usual limit besides.
const SLOWER: f64 = 20.0;

/// Rates from which a first run's time is expected: slow ones, in FLOP/s and bytes/s.
const FLOP_PER_S: f64 = 1e10;
const BYTES_PER_S: f64 = 1e9;

/// Rows and columns of a tile behind whose edges mistakes would hide; a contender's are not known.
const TILE: (usize, usize) = (16, 16);

/// Bytes of all tensors of a task.
pub fn tensor_bytes(task: &Task<'_>) -> u64 {
    let inputs: usize = task.workload.inputs(task.shape).iter().sum();
    task.format().bytes() * (inputs + task.workload.output(task.shape)) as u64
}

/// See the module.
pub struct ContenderRunner<'a> {
    contender: &'a Contender,
    workload: &'static str,
    shape: Shape,
    dtype: Dtype,
    /// The format of operands and results in their files.
    format: Format,
    /// The operands as they were loaded.
    operands: Operands,
    /// Files of the operands, with their lengths.
    inputs: Vec<(PathBuf, usize)>,
    /// Files of the result's tensors, with their lengths.
    outputs: Vec<(PathBuf, usize)>,
    /// The result that was read last, between fences.
    output: Tensor,
    /// Whether it trains: its state is restored between runs, and its last operand is labels, whole numbers,
    /// which travel as such.
    trains: bool,
    /// Threads in use, as the contender told.
    threads: Option<u32>,
    /// Seconds that a run is expected to take.
    expected_s: f64,
}

impl<'a> ContenderRunner<'a> {
    /// Nothing is asked of the contender before there are operands.
    pub(super) fn new(contender: &'a Contender, task: &Task<'_>) -> Result<ContenderRunner<'a>> {
        let format = task.format();
        let files = |what: &str, lengths: Vec<usize>| {
            let file = |(number, length)| {
                let (name, id) = (&contender.name, &contender.offer.id);
                let name = format!("{name}-{id}-{what}{number}.{}", format.name());
                (contender.exchange.path().join(name), length)
            };
            lengths.into_iter().enumerate().map(file).collect()
        };
        let work = task.workload.work(task.shape);
        let expected_s = (work.flop_count as f64 / FLOP_PER_S)
            .max(work.bytes_moved(format) as f64 / BYTES_PER_S);
        Ok(ContenderRunner {
            contender,
            workload: task.workload.name(),
            shape: task.shape.clone(),
            dtype: task.dtype,
            format,
            operands: Operands::from(Vec::new()),
            inputs: files("input", task.workload.inputs(task.shape)),
            outputs: files("output", task.workload.outputs(task.shape)),
            output: Tensor::zeros(format, 0),
            trains: task.workload.network().is_some(),
            threads: None,
            expected_s,
        })
    }

    fn is_labels(&self, operand: usize) -> bool {
        self.trains && operand + 1 == self.inputs.len()
    }
}

impl Runner for ContenderRunner<'_> {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        self.operands = operands.clone();
        for (number, ((path, _), values)) in self.inputs.iter().zip(operands.iter()).enumerate() {
            if self.is_labels(number) {
                // The bits of the whole numbers, in the place of floats.
                let labels = values.f32s().iter().map(|v| f32::from_bits(*v as u32));
                exchange::write(path, &labels.collect::<Vec<f32>>().into())?;
            } else {
                exchange::write(path, values)?;
            }
        }
        let paths: Vec<PathBuf> = self.inputs.iter().map(|(path, _)| path.clone()).collect();
        let request = Request::Prepare {
            device: &self.contender.offer.id,
            workload: self.workload,
            shape: &self.shape,
            dtype: self.dtype.name(),
            threads: self.contender.threads,
            inputs: &paths,
        };
        let limit = self.contender.config.limit(PREPARE);
        self.threads = self.contender.ask::<Done>(&request, limit)?.threads;
        let given = self.contender.threads;
        match self.threads {
            Some(threads) if threads > given && self.contender.offer.kind == DeviceKind::Cpu => {
                Err(self.contender.refusal(&format!(
                    "it uses {threads} threads and was given {given}: no fair comparison"
                )))
            }
            _ => Ok(()),
        }
    }

    /// A result that is never written is missing: its file is removed.
    fn poison(&mut self, _: Scope) -> Result<()> {
        self.outputs.iter().try_for_each(|(path, _)| match fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::device(Error::file(path, &error).to_string()))
            }
            _ => Ok(()),
        })
    }

    fn run(&mut self, scope: Scope) -> Result<()> {
        self.claim(scope, 1).map(|_| ())
    }

    /// The protocol has no word for other scopes.
    fn serves(&self, scope: Scope) -> bool {
        matches!(scope, Scope::Compute | Scope::EndToEnd)
    }

    fn run_on_device_clock(&mut self) -> Result<Option<f64>> {
        let claim = self.claim(Scope::Compute, 1)?;
        Ok(claim.device_s.first().copied())
    }

    /// What the files hold: a contender's own copies show in its next result.
    fn overwritten(&mut self) -> Result<Option<usize>> {
        for (number, ((path, length), loaded)) in
            self.inputs.iter().zip(self.operands.iter()).enumerate()
        {
            let mut values = exchange::read(path, self.format, *length)?;
            if self.is_labels(number) {
                let labels = values.f32s().iter().map(|v| v.to_bits() as f32);
                values = labels.collect::<Vec<f32>>().into();
            }
            if !loaded.view().is_same(values.view()) {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn output(&mut self, _: Scope) -> Result<Values<'_>> {
        let paths: Vec<PathBuf> = self.outputs.iter().map(|(path, _)| path.clone()).collect();
        let request = Request::Outputs { paths: &paths };
        let _: Done = self.contender.ask(&request, self.contender.config.limit(OUTPUTS))?;
        let length = self.outputs.iter().map(|(_, length)| length).sum();
        self.output = Tensor::fenced(self.format, length);
        let mut at = FENCE * self.format.bytes() as usize;
        for (path, length) in &self.outputs {
            let values = exchange::read(path, self.format, *length);
            let values = values.map_err(|e| self.contender.refusal(&e.to_string()))?;
            let bytes = values.bytes();
            self.output.bytes_mut()[at..at + bytes.len()].copy_from_slice(bytes);
            at += bytes.len();
        }
        Ok(self.output.view())
    }

    fn details(&self) -> Details {
        Details { tile: TILE, threads: self.threads, ..Details::default() }
    }

    fn remote(&mut self) -> Option<&mut dyn Remote> {
        Some(self)
    }
}

impl Remote for ContenderRunner<'_> {
    fn claim(&mut self, scope: Scope, iterations: u64) -> Result<Claim> {
        let expected = units::duration(SLOWER * self.expected_s * iterations as f64);
        let limit = self.contender.config.limit(RUN).saturating_add(expected);
        let claim: Claim = self.contender.ask(&Request::Run { scope, iterations }, limit)?;
        self.expected_s = claim.total_s / iterations as f64;
        Ok(Claim { restores: self.trains, ..claim })
    }

    fn settle(&mut self) {
        self.contender.settle();
    }
}

impl Drop for ContenderRunner<'_> {
    fn drop(&mut self) {
        // One that fails to release is started again for the next case.
        let _ = self.contender.ask::<Done>(&Request::Release, self.contender.config.limit(RELEASE));
        for (path, _) in self.inputs.iter().chain(&self.outputs) {
            let _ = fs::remove_file(path);
        }
    }
}
