//! A prepared task on the CPU.

use super::aligned::Aligned;
use super::conv::Prepared;
use super::simd::Isa;
use super::{Cpu, Pool, SCRATCH_BYTES, peak};
use crate::backend::{Details, Runner, Task};
use crate::error::Result;
use crate::machine;
use crate::tensor::{Element, FENCE, Operands, Tensor, Values, fence, fenced};
use crate::terms::{Dtype, Scope, Shape};
use crate::workload::peak_work;

/// Batches of `peak-fma` that each thread does in a run: about a millisecond on a fast core.
const PEAK_BATCHES: usize = 2;

/// Share of the free memory that scratch may take.
const SCRATCH_SHARE: u64 = 8;

/// What computes an output from inputs of the same type on the threads of a pool. The output may hold
/// anything before.
pub type Function<T> = fn(&Pool, &Shape, &[&[T]], &mut [T]);

/// Operands that a computation has at the most.
const MOST_OPERANDS: usize = 3;

/// What a run does.
pub trait Computation<T> {
    /// Whether operands must begin on a cache line: it then has copies that do, and else reads those that
    /// all share.
    const IS_ALIGNED: bool;

    /// Computes the output, which may hold anything before, on the threads of `pool`.
    fn run(&mut self, pool: &Pool, inputs: &[&[T]], output: &mut [T]);

    /// What there is to tell, but for the tile.
    fn details(&self, _: &Pool) -> Details {
        Details::default()
    }
}

/// A call of a function of plain slices.
pub struct Call<T> {
    pub function: Function<T>,
    pub shape: Shape,
}

impl<T: Element> Computation<T> for Call<T> {
    const IS_ALIGNED: bool = false;

    fn run(&mut self, pool: &Pool, inputs: &[&[T]], output: &mut [T]) {
        (self.function)(pool, &self.shape, inputs, output);
    }
}

/// Chains of multiply-adds with these instructions, of numbers of this type.
pub struct Peak(pub Isa, pub Dtype);

/// Batches of a run of `peak-fma`.
fn peak_batches(pool: &Pool) -> usize {
    PEAK_BATCHES * pool.threads()
}

impl Computation<f32> for Peak {
    const IS_ALIGNED: bool = true;

    fn run(&mut self, pool: &Pool, inputs: &[&[f32]], output: &mut [f32]) {
        let Peak(isa, dtype) = *self;
        peak::run(isa, dtype, pool, peak_batches(pool), inputs[0], inputs[1], output);
    }

    fn details(&self, pool: &Pool) -> Details {
        Details { work: Some(peak_work(peak_batches(pool) as u64)), ..Details::default() }
    }
}

impl Computation<f32> for Prepared {
    const IS_ALIGNED: bool = true;

    fn run(&mut self, pool: &Pool, inputs: &[&[f32]], output: &mut [f32]) {
        Prepared::run(self, pool, inputs[0], inputs[1], output);
    }

    fn details(&self, _: &Pool) -> Details {
        Details {
            notes: self.is_reduced.then(|| "reduced-scratch".to_string()).into_iter().collect(),
            scratch_bytes: self.scratch_bytes,
            algorithm: self.algorithm,
            ..Details::default()
        }
    }
}

/// A computation with its operands and output in main memory. Nothing is moved, so both scopes are the
/// same run.
pub struct CpuRunner<'a, T: Element, C: Computation<T>> {
    cpu: &'a Cpu,
    computation: C,
    tile: (usize, usize),
    /// None before the first are loaded.
    operands: Operands,
    /// Of the operands, where they must begin on a cache line.
    copies: Vec<Aligned<T>>,
    /// Between fences of whole cache lines.
    output: Aligned<T>,
}

impl<'a, T: Element, C: Computation<T>> CpuRunner<'a, T, C> {
    /// Allocates the output of a task. The tile is the implementation's.
    pub fn new(
        cpu: &'a Cpu,
        computation: C,
        tile: (usize, usize),
        task: &Task<'_>,
    ) -> CpuRunner<'a, T, C> {
        let operands = Operands::from(Vec::new());
        let output = Aligned::from(&fenced(task.workload.output(task.shape))[..]);
        CpuRunner { cpu, computation, tile, operands, copies: Vec::new(), output }
    }
}

/// Bytes of scratch that there is memory for.
pub fn scratch_limit() -> u64 {
    machine::free_memory_bytes()
        .map_or(SCRATCH_BYTES, |free| SCRATCH_BYTES.min(free / SCRATCH_SHARE))
}

impl<T: Element, C: Computation<T>> Runner for CpuRunner<'_, T, C> {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        if C::IS_ALIGNED {
            let zeros = |tensor: &Tensor| Aligned::zeros(tensor.len());
            self.copies.extend(operands.iter().skip(self.copies.len()).map(zeros));
            let pairs = self.copies.iter_mut().zip(operands.iter());
            pairs.for_each(|(copy, tensor)| copy.copy_from_slice(tensor.values()));
        }
        self.operands = operands.clone();
        Ok(())
    }

    fn poison(&mut self, _: Scope) -> Result<()> {
        fence(&mut self.output);
        Ok(())
    }

    fn run(&mut self, _: Scope) -> Result<()> {
        let end = self.output.len() - FENCE;
        let mut inputs: [&[T]; MOST_OPERANDS] = [&[]; MOST_OPERANDS];
        for (i, tensor) in self.operands.iter().enumerate() {
            inputs[i] = if C::IS_ALIGNED { &self.copies[i] } else { tensor.values() };
        }
        let inputs = &inputs[..self.operands.len()];
        self.computation.run(&self.cpu.pool, inputs, &mut self.output[FENCE..end]);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.cpu.flush.run(&self.cpu.pool)
    }

    fn moves_nothing(&self) -> bool {
        true
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        let mut copies = self.copies.iter().zip(self.operands.iter());
        let of_copies = copies.position(|(copy, loaded)| !T::view(copy).is_same(loaded.view()));
        Ok(of_copies.or_else(|| self.operands.first_changed()))
    }

    fn output(&mut self, _: Scope) -> Result<Values<'_>> {
        Ok(T::view(&self.output))
    }

    fn details(&self) -> Details {
        Details { tile: self.tile, ..self.computation.details(&self.cpu.pool) }
    }
}
