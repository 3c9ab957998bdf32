//! `gemm` on the CPU by two crates. Transposes are strides: no operand is copied.

use super::Pool;
use crate::tensor::Element;
use crate::terms::Shape;

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

/// A raw output shared by tasks that each write their own block of it.
#[derive(Clone, Copy)]
struct Output<T>(*mut T);

// SAFETY: the tasks that share it write disjoint blocks, and the borrow it was made from outlives
// them: `Pool::each` waits for all of them.
unsafe impl<T: Element> Sync for Output<T> {}
// SAFETY: as above.
unsafe impl<T: Element> Send for Output<T> {}

impl<T: Element> Output<T> {
    fn at(self, offset: usize) -> *mut T {
        self.0.wrapping_add(offset)
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
    let output = Output(c.as_mut_ptr());
    pool.each(rows * columns, |task| {
        let (top, height) = part(p.m, rows, task / columns);
        let (left, width) = part(p.n, columns, task % columns);
        if height == 0 || width == 0 {
            return;
        }
        // SAFETY: `check` holds, so every element that the strides reach lies inside the slices;
        // the blocks of different tasks are disjoint; c is only written, as beta is 0.
        unsafe {
            routine(
                height,
                p.k,
                width,
                T::from_f64(1.0),
                inputs[0].as_ptr().add(top * p.a.row),
                p.a.row as isize,
                p.a.column as isize,
                inputs[1].as_ptr().add(left * p.b.column),
                p.b.row as isize,
                p.b.column as isize,
                T::from_f64(0.0),
                output.at(top * p.n + left),
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
    let output = Output(c.as_mut_ptr());
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
                output.at(0),
                1,
                p.n as isize,
                false,
                inputs[0].as_ptr(),
                p.a.column as isize,
                p.a.row as isize,
                inputs[1].as_ptr(),
                p.b.column as isize,
                p.b.row as isize,
                T::from_f64(0.0),
                T::from_f64(1.0),
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

/// Start and length of part `index` of `parts`, in multiples of a register tile.
fn part(length: usize, parts: usize, index: usize) -> (usize, usize) {
    const TILE: usize = 16;
    let tiles = length.div_ceil(TILE);
    let edge = |i: usize| (tiles * i / parts * TILE).min(length);
    (edge(index), edge(index + 1) - edge(index))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_cover_a_length_once() {
        for length in [1, 15, 16, 17, 100, 1000] {
            for parts in [1, 2, 3, 7, 16] {
                let mut next = 0;
                for index in 0..parts {
                    let (start, size) = part(length, parts, index);
                    assert_eq!(start, next);
                    next += size;
                }
                assert_eq!(next, length);
            }
        }
    }

    #[test]
    fn grids_follow_the_shape() {
        assert_eq!(grid(1000, 1000, 4), (2, 2));
        assert_eq!(grid(5000, 100, 2), (2, 1));
        assert_eq!(grid(100, 5000, 6), (1, 6));
        assert_eq!(grid(64, 64, 1), (1, 1));
    }
}
