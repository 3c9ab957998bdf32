//! What workloads over the rows of a matrix share.

use std::ops::Range;

use super::{Bounded, Bounds, Check, Entry, Host, Preset, Work, Workload};
use crate::tensor::{Data, Tensor};
use crate::terms::{Axis, Dtype, Format, Formats, Shape};

/// A function of each row of a matrix, rows x columns, row-major, dense: as many numbers as the row has.
pub trait RowFunction: Sync {
    /// Name of its workload.
    const NAME: &'static str;
    /// What it is computed in.
    const DTYPES: &'static [Dtype] = &[Dtype::F32];
    /// FLOP of an element.
    const FLOP: u64;
    /// Operands beside the matrix, which have a number a column.
    const VECTORS: usize;

    /// Adds the exact results of the row `x` and their bounds, for sums in `accumulator`.
    fn row(&self, x: &[f64], vectors: &[Vec<f64>], accumulator: Format, bounds: &mut Bounds);

    /// See [`Bounded::further_data`].
    fn further_data(&self, seed: u64) -> Vec<Data>;
}

/// `rows` of `columns` elements.
const AXES: &[Axis] = &[Axis::size("rows"), Axis::size("columns")];

/// Columns of a sweep along rows, and rows of one along columns: as in networks of some years ago and now.
const COLUMNS: u64 = 1024;
const ROWS: u64 = 2048;

impl<F: RowFunction> Workload for F {
    fn name(&self) -> &'static str {
        F::NAME
    }

    fn axes(&self) -> &'static [Axis] {
        AXES
    }

    fn dtypes(&self) -> &'static [Dtype] {
        F::DTYPES
    }

    fn work(&self, shape: &Shape) -> Work {
        let columns = shape.get("columns");
        let elements = shape.get("rows").saturating_mul(columns);
        let flop = elements.saturating_mul(F::FLOP);
        let vectors = columns.saturating_mul(F::VECTORS as u64);
        let elements_moved = elements.saturating_mul(2).saturating_add(vectors);
        Work { flop_count: flop, flop_exact: flop, elements_moved }
    }

    fn check(&self) -> Check<'_> {
        Check::Bounded(self)
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        let vectors = [shape.size("columns")].repeat(F::VECTORS);
        [vec![self.output(shape)], vectors].concat()
    }

    fn output(&self, shape: &Shape) -> usize {
        shape.size("rows").saturating_mul(shape.size("columns"))
    }

    /// Sweeps along rows, from the first cache to memory, and along columns.
    fn preset(&self, preset: Preset, _: &Host) -> Vec<Entry> {
        let (rows, columns): (&[u64], &[u64]) = match preset {
            Preset::Quick => (&[64, 1024, 8192], &[]),
            Preset::Standard => {
                (&[16, 64, 256, 1024, 4096, 16384], &[16, 64, 256, 1023, 4096, 16384])
            }
            Preset::Full => (
                &[1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768],
                &[16, 32, 64, 127, 128, 256, 512, 1023, 2048, 4096, 8192, 16384, 32768],
            ),
            _ => (&[], &[]),
        };
        let [rows, columns] = [rows, columns].map(|sizes| sizes.iter().copied());
        let mut entries = Entry::sweep("rows", rows, |n| Shape::of(AXES, &[n, COLUMNS]));
        entries.extend(Entry::sweep("columns", columns, |n| Shape::of(AXES, &[ROWS, n])));
        entries
    }

    /// One element, primes, one under and over vectors and work-groups, long rows, and many short ones.
    fn awkward_shapes(&self) -> Vec<Shape> {
        let sizes: &[[u64; 2]] = &[
            [1, 1],
            [7, 1],
            [1, 2],
            [3, 5],
            [2, 15],
            [5, 16],
            [4, 17],
            [3, 63],
            [2, 64],
            [3, 65],
            [5, 127],
            [3, 255],
            [3, 256],
            [2, 257],
            [17, 1009],
            [2, 4099],
            [1, 100_000],
            [3, 100_003],
            [10_007, 3],
            [1025, 31],
        ];
        sizes.iter().map(|sizes| Shape::of(AXES, sizes)).collect()
    }

    fn label(&self, shape: &Shape) -> String {
        format!("{}×{}", shape.get("rows"), shape.get("columns"))
    }
}

impl<F: RowFunction> Bounded for F {
    fn rows(&self, shape: &Shape) -> (usize, usize) {
        (shape.size("rows"), shape.size("columns"))
    }

    fn bounds(
        &self,
        shape: &Shape,
        inputs: &[Tensor],
        formats: Formats,
        rows: Range<usize>,
    ) -> Bounds {
        let columns = shape.size("columns");
        let vectors: Vec<Vec<f64>> = inputs[1..].iter().map(Tensor::to_f64s).collect();
        let mut bounds = Bounds::default();
        for row in rows {
            let at = row * columns..(row + 1) * columns;
            let x: Vec<f64> = at.map(|i| inputs[0].get(i)).collect();
            self.row(&x, &vectors, formats.accumulator, &mut bounds);
        }
        bounds
    }

    fn further_data(&self, seed: u64) -> Vec<Data> {
        RowFunction::further_data(self, seed)
    }
}
