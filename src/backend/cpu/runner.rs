//! A prepared task on the CPU.

use super::aligned::Aligned;
use super::conv::Prepared;
use super::simd::Isa;
use super::{Cpu, Implementation, Kernel, Pool, SCRATCH_BYTES, peak};
use crate::backend::{Details, Runner, Task};
use crate::error::{Error, Result};
use crate::machine;
use crate::tensor::{FENCE, Tensor, fenced};
use crate::terms::{Conv, Scope};
use crate::workload::peak_work;

/// Batches of `peak-fma` that each thread does in a run: about a millisecond on a fast core.
const PEAK_BATCHES: usize = 2;

/// Share of the free memory that scratch may take.
const SCRATCH_SHARE: u64 = 8;

/// Operands and output of a convolution or of chains of multiply-adds in main memory. Nothing is moved, so
/// both scopes are the same run.
pub struct CpuRunner<'a> {
    cpu: &'a Cpu,
    implementation: &'static Implementation,
    computation: Computation,
    /// Each on a cache line of its own.
    inputs: Vec<Aligned>,
    /// Between fences of whole cache lines.
    output: Aligned,
}

/// What a run does.
enum Computation {
    Peak(Isa, peak::Precision),
    Conv(Box<dyn Prepared>),
}

impl<'a> CpuRunner<'a> {
    /// Allocates, and makes ready what has to be.
    pub fn new(
        cpu: &'a Cpu,
        implementation: &'static Implementation,
        task: &Task<'_>,
    ) -> Result<CpuRunner<'a>> {
        let (inputs, output) = (task.workload.inputs(task.shape), task.workload.output(task.shape));
        let computation = match implementation.kernel {
            Kernel::Peak(isa) => {
                let dtype = task.dtype.name();
                let lacking = || Error::Unsupported(format!("the CPU path has no {dtype}"));
                Computation::Peak(isa, peak::Precision::of(task.dtype).ok_or_else(lacking)?)
            }
            Kernel::Plain(_) | Kernel::Train => unreachable!("these have runners of their own"),
            Kernel::Conv(prepare) => {
                let conv = Conv::of(task.shape);
                Computation::Conv(prepare(cpu.pool.threads(), &conv, scratch_limit())?)
            }
        };
        Ok(CpuRunner {
            cpu,
            implementation,
            computation,
            inputs: inputs.iter().map(|len| Aligned::zeros(*len)).collect(),
            output: Aligned::from(&fenced(output)[..]),
        })
    }
}

/// Bytes of scratch that there is memory for.
pub fn scratch_limit() -> u64 {
    machine::free_memory_bytes()
        .map_or(SCRATCH_BYTES, |free| SCRATCH_BYTES.min(free / SCRATCH_SHARE))
}

/// Batches of a run of `peak-fma`.
fn peak_batches(pool: &Pool) -> usize {
    PEAK_BATCHES * pool.threads()
}

impl Runner for CpuRunner<'_> {
    fn load(&mut self, inputs: &[Tensor]) -> Result<()> {
        for (own, new) in self.inputs.iter_mut().zip(inputs) {
            own.copy_from_slice(new.f32s());
        }
        Ok(())
    }

    fn poison(&mut self, _: Scope) -> Result<()> {
        let poisoned = fenced(self.output.len() - 2 * FENCE);
        self.output.copy_from_slice(&poisoned);
        Ok(())
    }

    fn run(&mut self, _: Scope) -> Result<()> {
        let end = self.output.len() - FENCE;
        let output = &mut self.output[FENCE..end];
        let (pool, inputs) = (&self.cpu.pool, &self.inputs);
        match &mut self.computation {
            Computation::Peak(isa, precision) => {
                let batches = peak_batches(pool);
                peak::run(*isa, *precision, pool, batches, &inputs[0], &inputs[1], output);
            }
            Computation::Conv(prepared) => prepared.run(pool, &inputs[0], &inputs[1], output),
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.cpu.flush.run(&self.cpu.pool);
        Ok(())
    }

    fn inputs(&mut self) -> Result<Vec<Tensor>> {
        Ok(self.inputs.iter().map(|input| input.to_vec().into()).collect())
    }

    fn output(&mut self, _: Scope) -> Result<Tensor> {
        Ok(self.output.to_vec().into())
    }

    fn details(&self) -> Details {
        let tile = self.implementation.tile;
        match &self.computation {
            Computation::Peak(..) => {
                let work = peak_work(peak_batches(&self.cpu.pool) as u64);
                Details { tile, work: Some(work), ..Details::default() }
            }
            Computation::Conv(prepared) => {
                let reduced = prepared.is_reduced().then(|| "reduced-scratch".to_string());
                Details {
                    tile,
                    notes: reduced.into_iter().collect(),
                    scratch_bytes: prepared.scratch_bytes(),
                    algorithm: prepared.algorithm(),
                    ..Details::default()
                }
            }
        }
    }
}
