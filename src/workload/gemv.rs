//! `gemv`: y = op(a) x, in f32 or f64. a is m x n (stored n x m when ta = 1), row-major, dense; x has n numbers, y m.

use super::product::Product;
use super::{Check, Entry, ExactSums, Host, Preset, Reference, Work, Workload};
use super::{preset, probes};
use crate::tensor::Tensor;
use crate::terms::{Axis, Dtype, Shape};

/// See the module.
pub struct Gemv;

const AXES: &[Axis] = &[Axis::size("m"), Axis::size("n"), Axis::switch("ta")];

/// The families of GPU-BLOB (University of Bristol), up to 16 million elements of a.
const BLOB: [&str; 5] = [
    "m=n=32..4096",
    "n=32..1024,m=16n",
    "m=32..65536,n=32",
    "m=32..1024,n=16m",
    "n=32..65536,m=32",
];

/// A product of one column.
fn product(shape: &Shape) -> Product {
    let (m, k) = (shape.size("m"), shape.size("n"));
    Product { batch: 1, m, n: 1, k, ta: shape.get("ta") == 1, tb: false }
}

impl Workload for Gemv {
    fn name(&self) -> &'static str {
        "gemv"
    }

    fn axes(&self) -> &'static [Axis] {
        AXES
    }

    fn dtypes(&self) -> &'static [Dtype] {
        &[Dtype::F32, Dtype::F64]
    }

    fn work(&self, shape: &Shape) -> Work {
        let (m, n) = (shape.get("m"), shape.get("n"));
        let matrix = m.saturating_mul(n);
        let flop = matrix.saturating_mul(2);
        let elements_moved = matrix.saturating_add(m).saturating_add(n);
        Work { flop_count: flop, flop_exact: flop, elements_moved }
    }

    fn check(&self) -> Check<'_> {
        Check::ExactSums(self)
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        product(shape).inputs().to_vec()
    }

    fn output(&self, shape: &Shape) -> usize {
        shape.size("m")
    }

    fn preset(&self, preset: Preset, _: &Host) -> Vec<Entry> {
        let sizes: &[u64] = match preset {
            Preset::Standard => &[128, 256, 512, 1024, 2048, 4096, 8192],
            Preset::Full => &[
                16, 32, 63, 64, 65, 128, 255, 256, 257, 512, 1023, 1024, 1025, 2048, 4096, 8192,
                16384,
            ],
            Preset::Blob => {
                return BLOB.iter().flat_map(|text| preset::family(self, text)).collect();
            }
            _ => &[],
        };
        let square = |turned| move |size| Shape::of(AXES, &[size, size, turned]);
        let mut entries = Entry::sweep("mn", sizes.iter().copied(), square(0));
        if preset == Preset::Full {
            let sizes = [256, 1024, 4096, 16384];
            entries.extend(Entry::sweep("m=n,ta=1", sizes, square(1)));
        }
        entries
    }

    fn joint_axes(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[("mn", &["m", "n"])]
    }

    /// One, primes, one under and over vectors, blocks and work-groups, both ways thin, and large.
    fn awkward_shapes(&self) -> Vec<Shape> {
        let sizes: &[[u64; 2]] = &[
            [1, 1],
            [1, 5],
            [7, 1],
            [3, 15],
            [4, 16],
            [5, 17],
            [13, 31],
            [31, 33],
            [64, 64],
            [63, 65],
            [127, 129],
            [257, 255],
            [1000, 3],
            [3, 1000],
            [2, 70_001],
            [70_001, 2],
            [32, 10_000],
            [10_000, 32],
            [1031, 1033],
            [1024, 2048],
            [4100, 300],
        ];
        let both = |[m, n]: &[u64; 2]| [0, 1].map(|ta| Shape::of(AXES, &[*m, *n, ta]));
        sizes.iter().flat_map(both).collect()
    }

    fn label(&self, shape: &Shape) -> String {
        let turned = if shape.get("ta") == 1 { " ta" } else { "" };
        format!("{}×{}{turned}", shape.get("m"), shape.get("n"))
    }
}

impl ExactSums for Gemv {
    fn reduction(&self, shape: &Shape) -> u64 {
        shape.get("n")
    }

    fn reference(&self, shape: &Shape, inputs: &[Tensor], at: Option<&[usize]>) -> Reference {
        product(shape).reference(inputs, at)
    }

    fn probes(&self, shape: &Shape, tile: (usize, usize), count: usize) -> Vec<usize> {
        probes::of_matrix(shape.size("m"), 1, tile, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Generator;

    #[test]
    fn a_product_by_hand_in_both_storages() {
        // [1 2 3; 4 5 6] [1 2 1] = [8 20]
        let stored = [[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 4.0, 2.0, 5.0, 3.0, 6.0]];
        for (ta, a) in (0..).zip(stored) {
            let shape = Shape::of(AXES, &[2, 3, ta]);
            let inputs = [Tensor::from(a.to_vec()), Tensor::from(vec![1.0, 2.0, 1.0])];
            assert_eq!(Gemv.reference(&shape, &inputs, None).value, [8.0, 20.0]);
            assert_eq!(Gemv.reference(&shape, &inputs, Some(&[1])).value, [20.0]);
            assert_eq!((Gemv.inputs(&shape), Gemv.output(&shape)), (vec![6, 3], 2));
            let work = Gemv.work(&shape);
            assert_eq!((work.flop_count, work.elements_moved), (12, 6 + 3 + 2));
            let signs = Generator::new(1, 0);
            let y = Tensor::from(vec![8.0, 20.0]);
            let expected = Gemv.expected_form(&shape, &inputs, signs);
            assert_eq!(Gemv.form(&shape, y.view(), signs), expected);
            let wrong = Tensor::from(vec![8.0, 21.0]);
            assert_ne!(Gemv.form(&shape, wrong.view(), signs), expected);
        }
    }
}
