//! A product, and how it is cut up.

use super::kernel::{KC_TRANSPOSED_A, Sizes};
use crate::backend::cpu::simd::Vector;
use crate::terms::Shape;

/// Sizes of a product and how its operands are stored: a is m x k (k x m when `ta`), b is k x n
/// (n x k when `tb`), c is m x n; row-major, rows `lda`, `ldb` and `ldc` apart.
#[derive(Clone, Copy, Debug)]
pub struct Product {
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub ta: bool,
    pub tb: bool,
    pub lda: usize,
    pub ldb: usize,
    pub ldc: usize,
    /// Whether the product is added to c. Else c is only written.
    pub add: bool,
}

impl Product {
    /// Of dense operands, into a c that may hold anything.
    pub fn dense([m, n, k]: [usize; 3], ta: bool, tb: bool) -> Product {
        let (lda, ldb) = (if ta { m } else { k }, if tb { k } else { n });
        Product { m, n, k, ta, tb, lda, ldb, ldc: n, add: false }
    }

    /// That of the workload `gemm`.
    pub fn of(shape: &Shape) -> Product {
        let sizes = ["m", "n", "k"].map(|axis| shape.size(axis));
        Product::dense(sizes, shape.get("ta") == 1, shape.get("tb") == 1)
    }

    /// Panics unless all that is read and written lies inside slices of these lengths.
    pub fn check(&self, a: usize, b: usize, c: usize) {
        let (m, n, k) = (self.m, self.n, self.k);
        let fits = |rows: usize, columns: usize, row: usize, len: usize| {
            columns <= row && (rows - 1) * row + columns <= len
        };
        assert!(if self.ta { fits(k, m, self.lda, a) } else { fits(m, k, self.lda, a) });
        assert!(if self.tb { fits(n, k, self.ldb, b) } else { fits(k, n, self.ldb, b) });
        assert!(fits(m, n, self.ldc, c));
    }
}

/// How a product is cut up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// Steps over k are this deep, but for the last.
    pub kc: usize,
    /// Rows and columns of blocks of c. A block is a task.
    pub grid: (usize, usize),
}

/// Blocks are at most this high, so that threads finish together.
const MOST_ROWS: usize = 1024;

impl Plan {
    pub(super) fn of<V: Vector>(p: &Product, threads: usize) -> Plan {
        // Steps of equal depth, and the widest block whose packed b still fits.
        let most = if p.ta { KC_TRANSPOSED_A } else { V::KC };
        let kc = p.k.div_ceil(p.k.div_ceil(most));
        let panels = p.n.div_ceil(V::NR);
        let fitting = (V::PACKED_B / kc / V::NR).max(1);
        // Two blocks a thread balance best, and none should be flatter than some tiles.
        let least = panels.div_ceil(fitting);
        let rows = (2 * threads).div_ceil(least).min(p.m.div_ceil(64));
        let rows = rows.max(p.m.div_ceil(MOST_ROWS));
        // Panels are shared out evenly: the number of columns that makes the longest thread
        // shortest.
        let most = panels.min(2 * least + threads).max(least);
        let longest = |columns: &usize| {
            let share = panels.div_ceil(*columns);
            (rows * panels.div_ceil(share)).div_ceil(threads) * share
        };
        let columns = (least..=most).min_by_key(longest).unwrap_or(least);
        Plan { kc, grid: (rows, columns) }
    }
}
