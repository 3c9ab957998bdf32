//! A prepared task whose kernel takes plain slices.

use super::Cpu;
use super::aligned::Aligned;
use super::pool::Pool;
use crate::backend::{Details, Runner};
use crate::error::Result;
use crate::tensor::{Element, FENCE, Tensor, fenced};
use crate::terms::{Scope, Shape};

/// What computes an output from inputs of the same type on the threads of a pool. The output may hold
/// anything before.
pub type Function<T> = fn(&Pool, &Shape, &[Vec<T>], &mut [T]);

/// Operands and output in main memory. Nothing is moved, so both scopes are the same run.
pub struct PlainRunner<'a, T: Element> {
    cpu: &'a Cpu,
    function: Function<T>,
    shape: Shape,
    tile: (usize, usize),
    inputs: Vec<Vec<T>>,
    /// Between fences of whole cache lines.
    output: Aligned<T>,
}

impl<'a, T: Element> PlainRunner<'a, T> {
    /// Allocates inputs of these lengths and an output of that.
    pub fn new(
        cpu: &'a Cpu,
        function: Function<T>,
        shape: &Shape,
        tile: (usize, usize),
        (inputs, output): (&[usize], usize),
    ) -> PlainRunner<'a, T> {
        let zeros = |len: &usize| vec![T::nearest(0.0); *len];
        PlainRunner {
            cpu,
            function,
            shape: shape.clone(),
            tile,
            inputs: inputs.iter().map(zeros).collect(),
            output: Aligned::from(&fenced(output)[..]),
        }
    }
}

impl<T: Element> Runner for PlainRunner<'_, T> {
    fn load(&mut self, inputs: &[Tensor]) -> Result<()> {
        for (own, new) in self.inputs.iter_mut().zip(inputs) {
            own.copy_from_slice(new.values());
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
        (self.function)(&self.cpu.pool, &self.shape, &self.inputs, &mut self.output[FENCE..end]);
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.cpu.flush.run(&self.cpu.pool);
        Ok(())
    }

    fn inputs(&mut self) -> Result<Vec<Tensor>> {
        Ok(self.inputs.iter().cloned().map(T::tensor).collect())
    }

    fn output(&mut self, _: Scope) -> Result<Tensor> {
        Ok(T::tensor(self.output.to_vec()))
    }

    fn details(&self) -> Details {
        Details { tile: self.tile, ..Details::default() }
    }
}
