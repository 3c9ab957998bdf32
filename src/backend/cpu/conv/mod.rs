//! Our own convolutions for the CPU: what each output element sums up is read in place, packed in
//! small blocks, never written out as a whole matrix.

mod direct;
mod engine;
mod gather;
mod kernel;
mod lanes;
mod pack;
mod pass;
mod plan;
#[cfg(test)]
mod tests;
mod vectors;

use super::Pool;
use super::simd::Isa;
use crate::workload::Conv;
use direct::Direct;
use engine::Engine;
use gather::Gather;

/// A convolution made ready: tables are built, scratch is held.
pub(super) trait Prepared {
    /// Computes once on the threads of `pool`. `out` may hold anything before.
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]);
    /// Memory beside the tensors, in bytes.
    fn scratch_bytes(&self) -> u64;
    /// Whether it works slower because its scratch was limited.
    fn is_reduced(&self) -> bool;
}

/// (x, f) -> y.
pub fn fprop(isa: Isa, threads: usize, conv: &Conv, scratch_limit: u64) -> Box<dyn Prepared> {
    prepare(isa, threads, Gather::fprop(conv), scratch_limit)
}

/// (dy, f) -> dx.
pub fn dgrad(isa: Isa, threads: usize, conv: &Conv, scratch_limit: u64) -> Box<dyn Prepared> {
    prepare(isa, threads, Gather::dgrad(conv), scratch_limit)
}

fn prepare(isa: Isa, threads: usize, gather: Gather, scratch_limit: u64) -> Box<dyn Prepared> {
    if Direct::suits(&gather) {
        Box::new(Direct::new(isa, threads, gather))
    } else {
        Box::new(Engine::new(isa, threads, gather, scratch_limit))
    }
}
