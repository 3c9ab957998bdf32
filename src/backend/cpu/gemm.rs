//! `gemm` on the CPU by two crates. Transposes are strides: no operand is copied.

use super::Pool;
use super::share::{Each, even_part_of_units};
use crate::tensor::Element;
use crate::terms::Shape;

/// Rows and columns of a register tile of the crates: blocks end where tiles do.
const TILE: usize = 16;

/// Row and column strides of a stored operand.
#[derive(Clone, Copy)]
struct Strides {
    row: usize,
    column: usize,
}

/// The shape with the strides of op(a) and op(b).
struct Product {
    m: usize,
    n: usize,
    k: usize,
    a: Strides,
    b: Strides,
}

impl Product {
    fn of(shape: &Shape) -> Product {
        let (m, n, k) = (shape.size("m"), shape.size("n"), shape.size("k"));
        let strides = |rows: usize, columns: usize, transposed: bool| {
            if transposed {
                Strides { row: 1, column: rows }
            } else {
                Strides { row: columns, column: 1 }
            }
        };
        Product {
            m,
            n,
            k,
            a: strides(m, k, shape.get("ta") == 1),
            b: strides(k, n, shape.get("tb") == 1),
        }
    }

    /// Panics unless the slices hold what the strides reach: what the unsafe calls below rely on.
    fn check<T>(&self, inputs: &[Vec<T>], c: &[T]) {
        assert_eq!(inputs[0].len(), self.m * self.k);
        assert_eq!(inputs[1].len(), self.k * self.n);
        assert_eq!(c.len(), self.m * self.n);
    }
}

/// A product by `matrixmultiply`: m, k, n, alpha, a with its strides, b with its strides, beta, c with its
/// strides.
type Routine<T> = unsafe fn(
    usize,
    usize,
    usize,
    T,
    *const T,
    isize,
    isize,
    *const T,
    isize,
    isize,
    T,
    *mut T,
    isize,
    isize,
);

/// `matrixmultiply` in f32.
pub fn matrixmultiply_f32(pool: &Pool, shape: &Shape, inputs: &[Vec<f32>], c: &mut [f32]) {
    by_blocks(matrixmultiply::sgemm, pool, shape, inputs, c);
}

/// `matrixmultiply` in f64.
pub fn matrixmultiply_f64(pool: &Pool, shape: &Shape, inputs: &[Vec<f64>], c: &mut [f64]) {
    by_blocks(matrixmultiply::dgemm, pool, shape, inputs, c);
}

/// One call a block of c: the crate's own threading ends at four threads and packs b on one of them.
fn by_blocks<T: Element>(
    routine: Routine<T>,
    pool: &Pool,
    shape: &Shape,
    inputs: &[Vec<T>],
    c: &mut [T],
) {
    let p = Product::of(shape);
    p.check(inputs, c);
    let (rows, columns) = grid(p.m, p.n, pool.threads());
    let output = Each::new(c);
    pool.each(rows * columns, |task| {
        let i = even_part_of_units(p.m, TILE, rows, task / columns);
        let j = even_part_of_units(p.n, TILE, columns, task % columns);
        if i.is_empty() || j.is_empty() {
            return;
        }
        // SAFETY: `check` holds, so every element that the strides reach lies inside the slices;
        // the blocks of different tasks are disjoint; c is only written, as beta is 0.
        unsafe {
            routine(
                i.len(),
                p.k,
                j.len(),
                T::nearest(1.0),
                inputs[0].as_ptr().add(i.start * p.a.row),
                p.a.row as isize,
                p.a.column as isize,
                inputs[1].as_ptr().add(j.start * p.b.column),
                p.b.row as isize,
                p.b.column as isize,
                T::nearest(0.0),
                output.at(i.start * p.n + j.start),
                p.n as isize,
                1,
            );
        }
    });
}

/// The `gemm` crate (AVX-512 where the CPU has it), with its own threading on our pool.
pub fn gemm<T: Element>(pool: &Pool, shape: &Shape, inputs: &[Vec<T>], c: &mut [T]) {
    let p = Product::of(shape);
    p.check(inputs, c);
    let parallelism = match pool.threads() {
        1 => gemm::Parallelism::None,
        threads => gemm::Parallelism::Rayon(threads),
    };
    pool.install(|| {
        // SAFETY: `check` holds, so every element that the strides reach lies inside the slices;
        // `read_dst` is false, so c is only written.
        unsafe {
            gemm::gemm(
                p.m,
                p.n,
                p.k,
                c.as_mut_ptr(),
                1,
                p.n as isize,
                false,
                inputs[0].as_ptr(),
                p.a.column as isize,
                p.a.row as isize,
                inputs[1].as_ptr(),
                p.b.column as isize,
                p.b.row as isize,
                T::nearest(0.0),
                T::nearest(1.0),
                false,
                false,
                false,
                parallelism,
            );
        }
    });
}

/// Rows and columns of blocks for `tasks` equal tasks, so that their operands together are least.
fn grid(m: usize, n: usize, tasks: usize) -> (usize, usize) {
    let factors = (1..=tasks).filter(|r| tasks.is_multiple_of(*r)).map(|r| (r, tasks / r));
    factors
        .min_by_key(|(rows, columns)| m.div_ceil(*rows) + n.div_ceil(*columns))
        .unwrap_or((1, tasks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grids_follow_the_shape() {
        assert_eq!(grid(1000, 1000, 4), (2, 2));
        assert_eq!(grid(5000, 100, 2), (2, 1));
        assert_eq!(grid(100, 5000, 6), (1, 6));
        assert_eq!(grid(64, 64, 1), (1, 1));
    }
}
