//! Where the tiles of a vector lie in the images.
//!
//! A cell is m rows of 4 columns of the output and the m + 2 rows of 6 columns of the input that it
//! sees: one tile of F(4x4) or two of F(2x2). All cells of all images are numbered, row by row. A
//! vector of cells has one in each lane. It comes from rows of pixels in four strips: strip v holds
//! four columns of LANES / 4 cells after each other, as they lie in memory, and the transposes of its
//! quads bring each column of the cells into a vector of its own. In what order the lanes are then
//! doesn't matter: the output goes back the same way.

use super::problem::{Problem, WIDE};
use crate::backend::cpu::simd::MOST_LANES;

/// Cells that lie side by side both in an image and in a strip. Each has [`WIDE`] lanes.
#[derive(Clone, Copy, Default)]
pub(super) struct Run {
    /// Floats from the start of the input's first channel to what lane 0 sees in the first row. It may lie
    /// outside the image, as may all lanes that are in no mask.
    pub input: isize,
    /// The first of the cells' m + 2 rows of input that lies inside the image.
    pub first_row: usize,
    /// The end of these rows.
    pub end_row: usize,
    /// A mask of the lanes whose column of the input lies inside the image.
    pub near: u32,
    /// A mask of the lanes whose column of the input, four further on, lies inside the image.
    pub far: u32,
    /// Floats from the start of the output's first channel to what belongs to lane 0 in the first row.
    pub output: isize,
    /// The number of the cells' rows of output that lie inside the image.
    pub rows: usize,
    /// A mask of the lanes whose column of the output lies inside the image.
    pub columns: u32,
}

/// The cells of a vector, strip by strip.
#[derive(Clone)]
pub(super) struct Cells {
    runs: [Run; MOST_LANES],
    /// The number of the run at which each strip ends.
    ends: [usize; 4],
}

impl Cells {
    /// As many cells as the vector has lanes, from number `first` on, or as many as there are.
    pub fn new(problem: &Problem, lanes: usize, first: usize) -> Cells {
        let mut cells = Cells { runs: [Run::default(); MOST_LANES], ends: [0; 4] };
        let [rows, columns] = problem.cells();
        let (mut image, place) = (first / (rows * columns), first % (rows * columns));
        let (mut row, mut column) = (place / columns, place % columns);
        let mut count = 0;
        for strip in 0..4 {
            for quad in 0..lanes / WIDE {
                if image == problem.n {
                    break;
                }
                if quad == 0 || column == 0 {
                    cells.runs[count] = run(problem, image, row, column, quad);
                    count += 1;
                }
                cells.runs[count - 1].extend(problem, column, quad);
                column += 1;
                if column == columns {
                    (row, column) = (row + 1, 0);
                }
                if row == rows {
                    (image, row) = (image + 1, 0);
                }
            }
            cells.ends[strip] = count;
        }
        cells
    }

    /// The runs of a strip.
    #[inline(always)]
    pub fn strip(&self, strip: usize) -> &[Run] {
        let start = if strip == 0 { 0 } else { self.ends[strip - 1] };
        &self.runs[start..self.ends[strip]]
    }
}

/// A run that has no lanes yet, and will begin with the cell at a row and column of cells of an image, in a
/// quad of lanes.
fn run(problem: &Problem, image: usize, row: usize, column: usize, quad: usize) -> Run {
    let (top, left) = (row * problem.m, column * WIDE);
    let lane = (quad * WIDE) as isize;
    let input_row = (image * problem.c * problem.h + top) as isize - problem.pad[0] as isize;
    let input_column = left as isize - problem.pad[1] as isize;
    let end = (problem.h + problem.pad[0]).saturating_sub(top);
    Run {
        input: input_row * problem.w as isize + input_column - lane,
        first_row: problem.pad[0].saturating_sub(top),
        end_row: end.min(problem.m + 2),
        output: (((image * problem.k * problem.p) + top) * problem.q + left) as isize - lane,
        rows: problem.m.min(problem.p - top),
        ..Run::default()
    }
}

impl Run {
    /// Adds the lanes of the cell at a column of cells, in a quad of lanes.
    fn extend(&mut self, problem: &Problem, column: usize, quad: usize) {
        let inside = |j: usize| {
            let column = column * WIDE + j;
            column >= problem.pad[1] && column < problem.w + problem.pad[1]
        };
        for j in 0..WIDE {
            let lane = quad * WIDE + j;
            self.near |= u32::from(inside(j)) << lane;
            // The last two columns of a cell's input.
            self.far |= u32::from(j < 2 && inside(WIDE + j)) << lane;
            self.columns |= u32::from(column * WIDE + j < problem.q) << lane;
        }
    }
}
