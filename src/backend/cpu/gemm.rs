//! `gemm` on the CPU by two crates. Transposes are strides: no operand is copied.

use super::Pool;
use super::batch::each_product;
use super::native::Product;
use super::share::{Each, even_part_of_units};
use crate::error::{Error, Result};
use crate::machine;
use crate::tensor::Element;
use crate::terms::Shape;

/// Rows and columns of a register tile of the crates: blocks end where tiles do.
const TILE: usize = 16;

/// Row and column strides of op(x), where x is stored in rows of `row` elements.
fn strides(transposed: bool, row: usize) -> [isize; 2] {
    let row = row.cast_signed();
    if transposed { [1, row] } else { [row, 1] }
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
pub fn matrixmultiply_f32(pool: &Pool, shape: &Shape, inputs: &[&[f32]], c: &mut [f32]) {
    each_product(pool, shape, inputs, c, |pool, [a, b], c| {
        by_blocks(matrixmultiply::sgemm, pool, &Product::of(shape), [a, b], c);
    });
}

/// `matrixmultiply` in f64.
pub fn matrixmultiply_f64(pool: &Pool, shape: &Shape, inputs: &[&[f64]], c: &mut [f64]) {
    each_product(pool, shape, inputs, c, |pool, [a, b], c| {
        by_blocks(matrixmultiply::dgemm, pool, &Product::of(shape), [a, b], c);
    });
}

/// One call a block of c: the crate's own threading ends at four threads and packs b on one of them.
fn by_blocks<T: Element>(
    routine: Routine<T>,
    pool: Option<&Pool>,
    p: &Product,
    inputs: [&[T]; 2],
    c: &mut [T],
) {
    p.check(inputs[0].len(), inputs[1].len(), c.len());
    let ([a_row, a_column], [b_row, b_column]) = (strides(p.ta, p.lda), strides(p.tb, p.ldb));
    let (rows, columns) = grid(p.m, p.n, pool.map_or(1, Pool::threads));
    let output = Each::new(c);
    let block = |task| {
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
                inputs[0].as_ptr().offset(i.start.cast_signed() * a_row),
                a_row,
                a_column,
                inputs[1].as_ptr().offset(j.start.cast_signed() * b_column),
                b_row,
                b_column,
                T::nearest(0.0),
                output.at(i.start * p.n + j.start),
                p.n as isize,
                1,
            );
        }
    };
    match pool {
        Some(pool) => pool.each(rows * columns, block),
        None => (0..rows * columns).for_each(block),
    }
}

/// The `gemm` crate (AVX-512 where the CPU has it), with its own threading on our pool.
pub fn gemm<T: Element>(pool: &Pool, shape: &Shape, inputs: &[&[T]], c: &mut [T]) {
    each_product(pool, shape, inputs, c, |pool, [a, b], c| {
        let p = Product::of(shape);
        match pool.filter(|pool| pool.threads() > 1) {
            None => by_crate(gemm::Parallelism::None, &p, [a, b], c),
            Some(pool) => {
                let parallelism = gemm::Parallelism::Rayon(pool.threads());
                pool.install(|| by_crate(parallelism, &p, [a, b], c));
            }
        }
    });
}

fn by_crate<T: Element>(
    parallelism: gemm::Parallelism,
    p: &Product,
    inputs: [&[T]; 2],
    c: &mut [T],
) {
    p.check(inputs[0].len(), inputs[1].len(), c.len());
    let ([a_row, a_column], [b_row, b_column]) = (strides(p.ta, p.lda), strides(p.tb, p.ldb));
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
            a_column,
            a_row,
            inputs[1].as_ptr(),
            b_column,
            b_row,
            T::nearest(0.0),
            T::nearest(1.0),
            false,
            false,
            false,
            parallelism,
        );
    }
}

/// Whether products by the `gemm` crate come to an end here.
pub fn check_crate() -> Result<()> {
    if machine::gemm_comes_to_an_end() {
        return Ok(());
    }
    let why = "the caches that the system tells of are too small or too odd for the gemm crate";
    Err(Error::Unsupported(why.to_string()))
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
