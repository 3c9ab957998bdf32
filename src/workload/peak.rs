//! `peak-fma`: the most fused multiply-adds a device can do, on independent chains in registers.
//!
//! Chain i starts at `start[i]` and computes `y = y * x + step[i]` `LENGTH` times, where x is 1, which
//! no compiler knows: the result `start[i] + LENGTH * step[i]` tells how often it was done. All `CHAINS`
//! chains are one batch; how many batches a run has, and so its FLOP, is the device's choice.

use super::{Check, Entry, ExactSums, Host, Preset, Reference, Terms, Work, Workload};
use crate::tensor::Tensor;
use crate::terms::{Dtype, Format, Formats, Role, Shape};

/// Chains of a batch.
pub const CHAINS: usize = 1 << 16;

/// Multiply-adds of a chain. Whole numbers up to `LENGTH` + 1 are exact even in f16.
pub const LENGTH: usize = 1024;

/// The work of a run of so many batches.
pub fn work(batches: u64) -> Work {
    let flop = 2 * (CHAINS * LENGTH) as u64 * batches;
    Work { flop_count: flop, flop_exact: flop, elements_moved: 0 }
}

/// See the module.
pub struct Peak;

impl Workload for Peak {
    fn name(&self) -> &'static str {
        "peak-fma"
    }

    fn dtypes(&self) -> &'static [Dtype] {
        &[Dtype::F32, Dtype::F64, Dtype::F16]
    }

    fn usual_dtypes(&self) -> &'static [Dtype] {
        self.dtypes()
    }

    /// Operands and results travel as f32, whatever the chains are computed in.
    fn formats(&self, dtype: Dtype) -> Formats {
        Formats { storage: Format::F32, accumulator: dtype.storage() }
    }

    fn work(&self, _: &Shape) -> Work {
        Work { flop_count: 0, flop_exact: 0, elements_moved: 0 }
    }

    fn check(&self) -> Check<'_> {
        Check::ExactSums(self)
    }

    fn inputs(&self, _: &Shape) -> Vec<usize> {
        vec![CHAINS, CHAINS]
    }

    fn output(&self, _: &Shape) -> usize {
        CHAINS
    }

    fn role(&self) -> Role {
        Role::Peak
    }

    fn preset(&self, preset: Preset, _: &Host) -> Vec<Entry> {
        Entry::without_axes(preset)
    }

    fn awkward_shapes(&self) -> Vec<Shape> {
        vec![Shape::of(&[], &[])]
    }
}

impl ExactSums for Peak {
    fn reduction(&self, _: &Shape) -> u64 {
        LENGTH as u64
    }

    fn reference(&self, _: &Shape, inputs: &[Tensor], at: Option<&[usize]>) -> Reference {
        let chain = |i: usize| -> Terms {
            [inputs[0].get(i), LENGTH as f64 * inputs[1].get(i)].into_iter().collect()
        };
        match at {
            Some(at) => at.iter().map(|i| chain(*i)).collect(),
            None => (0..CHAINS).map(chain).collect(),
        }
    }

    fn probes(&self, _: &Shape, _: (usize, usize), _: usize) -> Vec<usize> {
        (0..CHAINS).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_tells_how_often_a_chain_was_multiplied() {
        let shape = Shape::of(&[], &[]);
        let inputs = [vec![2.0; CHAINS], vec![-1.0; CHAINS]].map(Tensor::from);
        let right = Peak.reference(&shape, &inputs, Some(&[7]));
        assert_eq!((right.value[0], right.magnitude[0]), (2.0 - 1024.0, 2.0 + 1024.0));
        assert_eq!(work(3).flop_count, 3 * 2 * 65_536 * 1024);
    }
}
