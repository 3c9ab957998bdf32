//! The exact results of products of matrices, which `gemm` and `gemv` share.

use super::{Reference, Terms};
use crate::machine;
use crate::tensor::{Element, Generator, Tensor, Values, with_values};

/// Sizes of products c = op(a) op(b), one after the other in memory, and how their operands are stored: a is m x k
/// (k x m when `ta`), b is k x n (n x k when `tb`), c is m x n; row-major, dense.
#[derive(Clone, Copy)]
pub struct Product {
    pub batch: usize,
    pub m: usize,
    pub n: usize,
    pub k: usize,
    pub ta: bool,
    pub tb: bool,
}

impl Product {
    /// Elements of a and of b.
    pub fn inputs(self) -> [usize; 2] {
        [(self.m, self.k), (self.k, self.n)].map(|(rows, columns)| self.batch * rows * columns)
    }

    /// The reference for the elements `at` of c, or for all of them in order.
    pub fn reference(self, inputs: &[Tensor], at: Option<&[usize]>) -> Reference {
        with_values!(&inputs[0], a => {
            let b = inputs[1].values();
            match at {
                Some(at) => self.some_elements(a, b, at),
                None => self.all_elements(a, b),
            }
        })
    }

    /// Every c times a vector of signs.
    pub fn form(self, output: Values<'_>, signs: Generator) -> Vec<f64> {
        let signs = signs.signs(self.n);
        with_values!(output, c => times_vector(c, self.batch * self.m, self.n, false, &signs))
    }

    /// The same from the operands.
    pub fn expected_form(self, inputs: &[Tensor], signs: Generator) -> Vec<f64> {
        let signs = signs.signs(self.n);
        with_values!(&inputs[0], a => self.times_signs(a, inputs[1].values(), &signs))
    }

    /// On small integers every sum here is a whole number far below 2^53: f64 holds it exactly.
    fn times_signs<T: Element>(self, a: &[T], b: &[T], signs: &[f64]) -> Vec<f64> {
        let Product { m, n, k, ta, tb, .. } = self;
        let matrices = a.chunks_exact(m * k).zip(b.chunks_exact(k * n));
        let one = |(a, b)| times_vector(a, m, k, ta, &times_vector(b, k, n, tb, signs));
        matrices.flat_map(one).collect()
    }

    /// Row i of op(a) of product z in f64.
    fn a_row<T: Element>(self, a: &[T], z: usize, i: usize) -> Vec<f64> {
        let a = &a[z * self.m * self.k..];
        let at = |p: usize| if self.ta { p * self.m + i } else { i * self.k + p };
        (0..self.k).map(|p| a[at(p)].to_f64()).collect()
    }

    fn b_at<T: Element>(self, b: &[T], z: usize, p: usize, j: usize) -> f64 {
        let within = if self.tb { j * self.k + p } else { p * self.n + j };
        b[z * self.k * self.n + within].to_f64()
    }

    /// Every op(b) in f64, k x n.
    fn b_rows<T: Element>(self, b: &[T]) -> Vec<f64> {
        if !self.tb {
            return b.iter().map(|v| v.to_f64()).collect();
        }
        let mut all = vec![0.0; b.len()];
        let matrix = self.k * self.n;
        for (rows, b) in all.chunks_exact_mut(matrix).zip(b.chunks_exact(matrix)) {
            for (j, column) in b.chunks_exact(self.k).enumerate() {
                for (p, v) in column.iter().enumerate() {
                    rows[p * self.n + j] = v.to_f64();
                }
            }
        }
        all
    }

    fn some_elements<T: Element>(self, a: &[T], b: &[T], at: &[usize]) -> Reference {
        let mut row = (usize::MAX, Vec::new());
        let element = |&index: &usize| -> Terms {
            let (i, j) = (index / self.n, index % self.n);
            let z = i / self.m;
            if row.0 != i {
                row = (i, self.a_row(a, z, i % self.m));
            }
            row.1.iter().enumerate().map(|(p, v)| v * self.b_at(b, z, p, j)).collect()
        };
        at.iter().map(element).collect()
    }

    /// All of them, with the magnitudes of their terms and their squares. Cores share the rows of all products.
    fn all_elements<T: Element>(self, a: &[T], b: &[T]) -> Reference {
        let Product { batch, m, n, k, .. } = self;
        let b = self.b_rows(b);
        let [mut value, mut magnitude, mut squares] = [(); 3].map(|()| vec![0.0; batch * m * n]);
        let rows = (batch * m).div_ceil(machine::cores());
        let share = rows * n;
        let of_terms = magnitude.chunks_mut(share).zip(squares.chunks_mut(share));
        let parts = value.chunks_mut(share).zip(of_terms).enumerate();
        machine::share_out(parts, |(part, (value, (magnitude, squares)))| {
            let of_terms = magnitude.chunks_exact_mut(n).zip(squares.chunks_exact_mut(n));
            let own = value.chunks_exact_mut(n).zip(of_terms);
            for (row, (value, (magnitude, squares))) in (part * rows..).zip(own) {
                let (z, i) = (row / m, row % m);
                let b = b[z * k * n..][..k * n].chunks_exact(n);
                for (scale, b_row) in self.a_row(a, z, i).iter().zip(b) {
                    let sums = value.iter_mut().zip(magnitude.iter_mut().zip(squares.iter_mut()));
                    for ((v, (g, s)), x) in sums.zip(b_row) {
                        let term = scale * x;
                        *v += term;
                        *g += term.abs();
                        *s += term * term;
                    }
                }
            }
        });
        let spread = squares.into_iter().map(f64::sqrt).collect();
        Reference { value, magnitude, spread }
    }
}

/// op(matrix) times a vector, in f64; op(matrix) is rows x columns, stored transposed if so said.
fn times_vector<T: Element>(
    matrix: &[T],
    rows: usize,
    columns: usize,
    transposed: bool,
    x: &[f64],
) -> Vec<f64> {
    if transposed {
        let mut y = vec![0.0; rows];
        for (stored_row, scale) in matrix.chunks_exact(rows).zip(x) {
            for (sum, v) in y.iter_mut().zip(stored_row) {
                *sum += v.to_f64() * scale;
            }
        }
        return y;
    }
    let dot = |row: &[T]| row.iter().zip(x).map(|(v, s)| v.to_f64() * s).sum();
    matrix.chunks_exact(columns).map(dot).collect()
}
