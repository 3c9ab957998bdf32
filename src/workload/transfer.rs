//! `transfer-h2d` and `transfer-d2h`: an array from host memory to a device, and back.

use super::{Check, Entry, ExactSums, Host, Preset, Reference, Work, Workload};
use crate::tensor::Tensor;
use crate::terms::{Axis, Role, Shape};
use crate::units;

/// Host to device.
pub const H2D: Transfer = Transfer("transfer-h2d");
/// Device to host.
pub const D2H: Transfer = Transfer("transfer-d2h");

/// See the module.
pub struct Transfer(&'static str);

const AXES: &[Axis] = &[Axis::size("bytes").from(4)];

impl Workload for Transfer {
    fn name(&self) -> &'static str {
        self.0
    }

    fn axes(&self) -> &'static [Axis] {
        AXES
    }

    fn work(&self, shape: &Shape) -> Work {
        Work { flop_count: 0, flop_exact: 0, elements_moved: shape.get("bytes") / 4 }
    }

    fn check(&self) -> Check<'_> {
        Check::ExactSums(self)
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        vec![shape.size("bytes") / 4]
    }

    fn output(&self, shape: &Shape) -> usize {
        shape.size("bytes") / 4
    }

    fn role(&self) -> Role {
        Role::Link
    }

    fn preset(&self, preset: Preset, _: &Host) -> Vec<Entry> {
        let (smallest, step, largest): (u64, u64, u64) = match preset {
            Preset::Quick => (4 << 10, 64, 64 << 20),
            Preset::Standard => (4 << 10, 4, 256 << 20),
            Preset::Full => (256, 2, 512 << 20),
            _ => return Vec::new(),
        };
        let sizes = std::iter::successors(Some(smallest), |size| Some(size * step));
        let sizes = sizes.take_while(|size| *size <= largest);
        Entry::sweep("bytes", sizes, |bytes| Shape::of(AXES, &[bytes]))
    }

    fn awkward_shapes(&self) -> Vec<Shape> {
        [1, 3, 64, 1000, 65_537, 1_000_003].iter().map(|n| Shape::of(AXES, &[4 * n])).collect()
    }

    fn label(&self, shape: &Shape) -> String {
        units::bytes(shape.get("bytes") as f64)
    }
}

impl ExactSums for Transfer {
    fn reduction(&self, _: &Shape) -> u64 {
        1
    }

    fn reference(&self, _: &Shape, inputs: &[Tensor], at: Option<&[usize]>) -> Reference {
        let value: Vec<f64> = match at {
            Some(at) => at.iter().map(|i| inputs[0].get(*i)).collect(),
            None => inputs[0].to_f64s(),
        };
        // What is only moved arrives as it was.
        Reference::exact(value)
    }

    fn probes(&self, shape: &Shape, _: (usize, usize), count: usize) -> Vec<usize> {
        let length = self.output(shape);
        (0..length).step_by(length.div_ceil(count).max(1)).chain([length - 1]).collect()
    }
}

#[cfg(test)]
mod tests {
    use crate::tensor::{Generator, Tensor};
    use crate::workload::find;

    #[test]
    fn one_flipped_bit_shows() {
        let workload = find("transfer-h2d").unwrap();
        let shape = workload.shape("bytes=12").unwrap();
        let inputs = [Tensor::from(vec![1.0, 2.0, 3.0])];
        let sums = workload.exact_sums().unwrap();
        let signs = Generator::new(1, 1);
        let form = sums.expected_form(&shape, &inputs, signs);
        assert_eq!(sums.form(&shape, inputs[0].view(), signs), form);
        let flipped: Tensor = vec![1.0, f32::from_bits(2.0f32.to_bits() ^ 1), 3.0].into();
        assert_ne!(sums.form(&shape, flipped.view(), signs), form);
    }
}
