//! Which elements of an output are worth a look where not all are checked.

use std::collections::BTreeSet;

use crate::tensor::Generator;

/// Draws places along an axis.
#[derive(Clone, Copy)]
pub struct Draw(Generator);

impl Draw {
    /// The same draws every time.
    pub fn new() -> Draw {
        Draw(Generator::new(0x0090_47e5, 0))
    }

    /// One side or the other of an edge between tiles, by draws 2 i and 2 i + 1.
    pub fn edge(self, i: u64, length: usize, tile: usize) -> usize {
        let edge = self.0.below(2 * i, length.div_ceil(tile));
        let side = self.0.bits(2 * i + 1) & 1;
        (edge * tile).saturating_sub(side as usize).min(length - 1)
    }

    /// Any place, by draw i.
    pub fn anywhere(self, i: u64, length: usize) -> usize {
        self.0.below(i, length)
    }
}

/// About `count` elements of matrices of one size (rows, columns), one after the other: those of one matrix that
/// [`of_matrix`] tells, in the first, the last and another, and the corners of the first and the last. Sorted, without repeats.
pub fn of_matrices(
    matrices: usize,
    (rows, columns): (usize, usize),
    tile: (usize, usize),
    count: usize,
) -> Vec<usize> {
    let (draw, length) = (Draw::new(), rows * columns);
    let within = of_matrix(rows, columns, tile, count.div_ceil(matrices.min(3)));
    let corners = |matrix: usize| {
        [0, columns - 1, length - columns, length - 1].map(|corner| matrix * length + corner)
    };
    let mut found: BTreeSet<usize> =
        [corners(0), corners(matrices - 1)].concat().into_iter().collect();
    for (i, element) in (0..).zip(within) {
        let between = if matrices > 2 { 1 + draw.anywhere(i, matrices - 2) } else { 0 };
        for matrix in [0, between, matrices - 1] {
            found.insert(matrix * length + element);
        }
    }
    found.into_iter().collect()
}

/// Up to `count` elements of a row-major matrix: corners and both sides of the edges of `tile` (rows,
/// columns), the rest anywhere. Sorted, without repeats.
pub fn of_matrix(rows: usize, columns: usize, tile: (usize, usize), count: usize) -> Vec<usize> {
    let draw = Draw::new();
    let mut found = BTreeSet::new();
    for row in [0, rows - 1] {
        found.extend([row * columns, row * columns + columns - 1]);
    }
    // Half on edges, half anywhere. Draws repeat, so there are more of them than needed.
    for i in 0..4 * count as u64 {
        if found.len() >= count {
            break;
        }
        let (row, column) = if i % 2 == 0 {
            (draw.edge(4 * i, rows, tile.0), draw.edge(4 * i + 1, columns, tile.1))
        } else {
            (draw.anywhere(8 * i + 5, rows), draw.anywhere(8 * i + 7, columns))
        };
        found.insert(row * columns + column);
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_hold_the_corners_and_stay_inside() {
        for (m, n) in [(1, 1), (700, 900), (1, 50_000)] {
            let probes = of_matrix(m, n, (64, 64), 512);
            for corner in [0, n - 1, (m - 1) * n, m * n - 1] {
                assert!(probes.contains(&corner));
            }
            assert!(probes.iter().all(|p| *p < m * n));
            assert!(probes.len() == 512.min(m * n));
        }
    }

    #[test]
    fn probes_of_many_matrices_hold_the_corners_of_the_first_and_the_last() {
        let (m, n) = (70, 90);
        for matrices in [1, 2, 3, 500] {
            let probes = of_matrices(matrices, (m, n), (64, 64), 512);
            for corner in [0, n - 1, (m - 1) * n, m * n - 1] {
                assert!(probes.contains(&corner));
                assert!(probes.contains(&((matrices - 1) * m * n + corner)));
            }
            assert!(probes.iter().all(|p| *p < matrices * m * n));
            assert!((500..=600).contains(&probes.len()), "{} of {matrices}", probes.len());
        }
        assert_eq!(of_matrices(1, (m, n), (64, 64), 512), of_matrix(m, n, (64, 64), 512));
    }
}
