//! What workloads over the rows of a matrix share.

use super::{Entry, Preset};
use crate::terms::{Axis, Shape};

/// `rows` of `columns` elements.
pub const AXES: &[Axis] = &[Axis::size("rows"), Axis::size("columns")];

/// Columns of a sweep along rows, and rows of one along columns: as in networks of some years ago and now.
const COLUMNS: u64 = 1024;
const ROWS: u64 = 2048;

/// Elements of the matrix.
pub fn elements(shape: &Shape) -> u64 {
    shape.get("rows").saturating_mul(shape.get("columns"))
}

/// Sweeps along rows, from the first cache to memory, and along columns.
pub fn preset(preset: Preset) -> Vec<Entry> {
    let (rows, columns): (&[u64], &[u64]) = match preset {
        Preset::Quick => (&[64, 1024, 8192], &[]),
        Preset::Standard => (&[16, 64, 256, 1024, 4096, 16384], &[16, 64, 256, 1023, 4096, 16384]),
        Preset::Full => (
            &[1, 4, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768],
            &[16, 32, 64, 127, 128, 256, 512, 1023, 2048, 4096, 8192, 16384, 32768],
        ),
        _ => (&[], &[]),
    };
    let along_rows =
        rows.iter().map(|rows| Entry::point(Shape::of(AXES, &[*rows, COLUMNS]), "rows", *rows));
    let along_columns = columns
        .iter()
        .map(|columns| Entry::point(Shape::of(AXES, &[ROWS, *columns]), "columns", *columns));
    along_rows.chain(along_columns).collect()
}

/// One element, primes, one under and over vectors and work-groups, long rows, and many short ones.
pub fn awkward_shapes() -> Vec<Shape> {
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

/// `rows×columns`.
pub fn label(shape: &Shape) -> String {
    format!("{}×{}", shape.get("rows"), shape.get("columns"))
}
