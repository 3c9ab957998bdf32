//! `gemv` on the CPU: y = op(a) x. a is read once, in the order in which it lies in memory; all else stays in the
//! caches.
//!
//! Threads share the outputs. Where there are too few, they share the terms of the sums, too: then each has sums of its
//! own, which are added in the end.

use std::ops::{Add, Mul, Range, Sub};

use super::Pool;
use super::rows::{self, Added};
use super::share::{Each, even_part_of_units};
use super::simd::{Arithmetic, Isa, MOST_LANES, Routine, Vector, prefetch_second};
use crate::tensor::Element;
use crate::terms::Shape;

/// Rows of a that are read side by side: x, or y, is loaded once for all of them.
const ROWS: usize = 4;

/// The same where rows are added to y.
const ADDED: usize = 8;

/// Fewer bytes of a than this for each of two threads come faster from one.
const LEAST_BYTES: usize = 48 << 10;

/// Outputs that are added to in turn, where a is stored n x m: they stay in the first cache.
const BLOCK: usize = 4096;

/// Outputs of a thread are a multiple of this: a cache line of the smaller numbers.
const UNIT: usize = 16;

/// Sums of so many terms are worth sums of a thread's own.
const WORTH: usize = 64;

/// So many bytes ahead of where it is read, each row is asked for: memory takes longer to answer than a row to be
/// multiplied.
const AHEAD_BYTES: usize = 2 << 10;

/// Numbers that vectors hold.
pub(super) trait Number:
    Element + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self>
{
    /// Vectors of them, with the instructions of `V`.
    type In<V: Vector>: Arithmetic<Self>;

    /// The sum of the lanes.
    ///
    /// # Safety
    /// The CPU has the vector's instructions.
    unsafe fn sum<V: Vector>(vector: Self::In<V>) -> Self;
}

impl Number for f32 {
    type In<V: Vector> = V;

    #[inline(always)]
    unsafe fn sum<V: Vector>(vector: V) -> f32 {
        // SAFETY: the caller's.
        unsafe { rows::lanes::<V, Added>(vector) }
    }
}

impl Number for f64 {
    type In<V: Vector> = V::Doubles;

    #[inline(always)]
    unsafe fn sum<V: Vector>(vector: V::Doubles) -> f64 {
        let mut lanes = [0.0; MOST_LANES / 2];
        // SAFETY: the caller's; no vector has more doubles.
        unsafe { vector.store(lanes.as_mut_ptr()) };
        let [a, b, c, d, e, f, g, h] = lanes;
        ((a + b) + (c + d)) + ((e + f) + (g + h))
    }
}

/// y = op(a) x.
pub(super) fn native<T: Number>(pool: &Pool, shape: &Shape, inputs: &[&[T]], y: &mut [T]) {
    by(Isa::best(), pool, shape, [inputs[0], inputs[1]], y);
}

/// [`native`] with these instructions. Panics unless the operands have the shape's sizes and the CPU has the
/// instructions.
fn by<T: Number>(isa: Isa, pool: &Pool, shape: &Shape, [a, x]: [&[T]; 2], y: &mut [T]) {
    let (m, n, turned) = (shape.size("m"), shape.size("n"), shape.get("ta") == 1);
    assert!(isa.is_available());
    assert!(a.len() == m * n && x.len() == n && y.len() == m);
    let tasks = (size_of_val(a) / LEAST_BYTES).clamp(1, pool.threads());
    let compute = |outputs: Range<usize>, terms: Range<usize>, y: &mut [T]| {
        let x = &x[terms.clone()];
        let row = if turned { m } else { n };
        let start =
            if turned { (terms.start, outputs.start) } else { (outputs.start, terms.start) };
        let part = Part { a: &a[(start.0 * row + start.1).min(a.len())..], row, turned, x, y };
        // SAFETY: checked above that the CPU has the instructions; a part asks for nothing else.
        unsafe { isa.run(part) };
    };
    let (parts, pieces) = grid([m, n], turned, tasks);
    let mut sums = vec![T::nearest(0.0); if pieces > 1 { pieces * m } else { 0 }];
    let all = Each::new(if pieces > 1 { &mut sums } else { &mut *y });
    pool.each(parts * pieces, |task| {
        let (part, piece) = (task % parts, task / parts);
        let outputs = even_part_of_units(m, UNIT, parts, part);
        let terms = even_part_of_units(n, ROWS * MOST_LANES, pieces, piece);
        // SAFETY: tasks differ in the part of the outputs or in the piece of their terms, each of which has sums of
        // all outputs.
        let sums = unsafe { all.part(piece * m + outputs.start, outputs.len()) };
        compute(outputs, terms, sums);
    });
    if pieces > 1 {
        for (i, y) in y.iter_mut().enumerate() {
            *y = (1..pieces).fold(sums[i], |sum, piece| sum + sums[piece * m + i]);
        }
    }
}

/// In how many parts `tasks` threads share the outputs of op(a) m x n, and in how many pieces the terms of their sums:
/// few of either are not shared.
fn grid([m, n]: [usize; 2], turned: bool, tasks: usize) -> (usize, usize) {
    let parts = (m / if turned { BLOCK } else { UNIT }).clamp(1, tasks);
    let pieces = (tasks / parts).min(n / WORTH).max(1);
    // Outputs that are too few for all are shared nevertheless where terms are fewer.
    let most = m.div_ceil(UNIT).clamp(1, tasks);
    if pieces == 1 { (most, 1) } else { (parts, pieces) }
}

/// The part of a product that a thread computes: some outputs, or some terms of all of them.
struct Part<'a, T> {
    /// From its first element on.
    a: &'a [T],
    /// Elements from one stored row to the next.
    row: usize,
    /// Whether a is stored n x m.
    turned: bool,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Number> Routine for Part<'_, T> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let (rows, columns) = match self.turned {
            true => (self.x.len(), self.y.len()),
            false => (self.y.len(), self.x.len()),
        };
        assert!(rows == 0 || (rows - 1) * self.row + columns <= self.a.len());
        // SAFETY: the caller's; just checked that the rows lie inside.
        unsafe { if self.turned { self.add_rows::<V>() } else { self.multiply_rows::<V>() } }
    }
}

impl<T: Number> Part<'_, T> {
    /// Every stored row times x.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and y's rows of x's length lie inside a.
    #[inline(always)]
    unsafe fn multiply_rows<V: Vector>(self) {
        let Part { a, row, x, y, .. } = self;
        let together = y.len() - y.len() % ROWS;
        // SAFETY: the caller's: each row that is named is one of y's.
        unsafe {
            for i in (0..together).step_by(ROWS) {
                y[i..i + ROWS].copy_from_slice(&dots::<T, V, ROWS>(
                    a.as_ptr().add(i * row),
                    row,
                    x,
                ));
            }
            for (i, y) in y.iter_mut().enumerate().skip(together) {
                [*y] = dots::<T, V, 1>(a.as_ptr().add(i * row), row, x);
            }
        }
    }

    /// The sum of the stored rows, each times its number of x.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, and x's rows of y's length lie inside a.
    #[inline(always)]
    unsafe fn add_rows<V: Vector>(self) {
        let Part { a, row, x, y, .. } = self;
        let (groups, _) = x.as_chunks::<ADDED>();
        let together = groups.len() * ADDED;
        y.fill(T::nearest(0.0));
        for (block, y) in y.chunks_mut(BLOCK).enumerate() {
            // SAFETY: the caller's: each row that is named is one of x's, and the block lies inside it.
            unsafe {
                let a = a.as_ptr().add(block * BLOCK);
                for (group, scales) in groups.iter().enumerate() {
                    add::<T, V, ADDED>(a.add(group * ADDED * row), row, *scales, y);
                }
                for (p, x) in x.iter().enumerate().skip(together) {
                    add::<T, V, 1>(a.add(p * row), row, [*x], y);
                }
            }
        }
    }
}

/// Asks for what R rows of `len` numbers, `row` apart, are followed by where they are read at `j`: themselves further
/// on, or the next R.
#[inline(always)]
fn ask<T, const R: usize>(a: *const T, row: usize, j: usize, len: usize) {
    let ahead = j + AHEAD_BYTES / size_of::<T>();
    let at = if ahead < len { ahead } else { R * row + ahead - len };
    for r in 0..R {
        prefetch_second(a.wrapping_add(r * row + at).cast());
    }
}

/// R rows times x, the first of them at `a` and each `row` elements after the one before.
///
/// # Safety
/// The CPU has the vector's instructions, and the rows may be read for x's length.
#[inline(always)]
unsafe fn dots<T: Number, V: Vector, const R: usize>(a: *const T, row: usize, x: &[T]) -> [T; R] {
    let lanes = T::In::<V>::LANES;
    let (zero, step) = (T::nearest(0.0), 2 * lanes);
    let whole = x.len() - x.len() % step;
    // SAFETY: the caller's; vectors end at `whole`.
    unsafe {
        let mut sums = [[T::In::<V>::splat(zero); 2]; R];
        for j in (0..whole).step_by(step) {
            for half in 0..2 {
                let j = j + half * lanes;
                ask::<T, R>(a, row, j, x.len());
                let v = T::In::<V>::load(x.as_ptr().add(j));
                for (r, sums) in sums.iter_mut().enumerate() {
                    let row = T::In::<V>::load(a.add(r * row + j));
                    sums[half] = sums[half].add_product(row, v);
                }
            }
        }
        let mut dots = [zero; R];
        for (r, (dot, [low, high])) in dots.iter_mut().zip(sums).enumerate() {
            *dot = T::sum::<V>(low.add(high));
            for (j, x) in x.iter().enumerate().skip(whole) {
                *dot = *dot + *a.add(r * row + j) * *x;
            }
        }
        dots
    }
}

/// Adds R rows to y, each times its scale, the first of them at `a` and each `row` elements after the one before.
///
/// # Safety
/// The CPU has the vector's instructions, and the rows may be read for y's length.
#[inline(always)]
unsafe fn add<T: Number, V: Vector, const R: usize>(
    a: *const T,
    row: usize,
    scales: [T; R],
    y: &mut [T],
) {
    let lanes = T::In::<V>::LANES;
    let whole = y.len() - y.len() % lanes;
    // SAFETY: the caller's; vectors end at `whole`.
    unsafe {
        for i in (0..whole).step_by(lanes) {
            let to = y.as_mut_ptr().add(i);
            ask::<T, R>(a, row, i, y.len());
            // Added up apart: y is waited for once.
            let mut sum = T::In::<V>::load(a.add(i)).mul(T::In::<V>::splat(scales[0]));
            for (r, scale) in scales.iter().enumerate().skip(1) {
                let row = T::In::<V>::load(a.add(r * row + i));
                sum = sum.add_product(row, T::In::<V>::splat(*scale));
            }
            T::In::<V>::load(to).add(sum).store(to);
        }
        for (i, y) in y.iter_mut().enumerate().skip(whole) {
            for (r, scale) in scales.iter().enumerate() {
                *y = *y + *a.add(r * row + i) * *scale;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload;

    /// On whole numbers, so that every order of the sums gives the same.
    fn is_right<T: Number + PartialEq + std::fmt::Debug>() {
        let gemv = workload::find("gemv").unwrap();
        for threads in [1, 2, 5] {
            let pool = Pool::new(&vec![0; threads]).unwrap();
            for shape in gemv.awkward_shapes() {
                let (m, n, turned) = (shape.size("m"), shape.size("n"), shape.get("ta") == 1);
                let number = |i: usize| (i * 7 % 13) as f64 - 6.0;
                let a: Vec<T> = (0..m * n).map(|i| T::nearest(number(i))).collect();
                let x: Vec<T> = (0..n).map(|j| T::nearest(number(3 * j + 1))).collect();
                let at = |i, j| if turned { j * m + i } else { i * n + j };
                let sum = |i| (0..n).map(|j| number(at(i, j)) * number(3 * j + 1)).sum::<f64>();
                let right: Vec<T> = (0..m).map(|i| T::nearest(sum(i))).collect();
                for isa in Isa::available() {
                    let mut y = vec![T::nearest(f64::NAN); m];
                    by(isa, &pool, &shape, [&a, &x], &mut y);
                    assert_eq!(y, right, "{shape} {isa:?} on {threads} threads");
                }
            }
        }
    }

    #[test]
    fn all_instructions_are_right_in_both_precisions() {
        is_right::<f32>();
        is_right::<f64>();
    }

    #[test]
    fn threads_share_outputs_and_where_these_are_few_terms() {
        assert_eq!(grid([4096, 4096], false, 2), (2, 1));
        assert_eq!(grid([32, 1 << 20], false, 8), (2, 4));
        assert_eq!(grid([1, 1 << 20], false, 8), (1, 8));
        assert_eq!(grid([1, 100], false, 8), (1, 1));
        assert_eq!(grid([4096, 4096], true, 2), (1, 2));
        assert_eq!(grid([8192, 4096], true, 64), (2, 32));
        assert_eq!(grid([1 << 20, 32], true, 8), (8, 1));
        assert_eq!(grid([2048, 32], true, 8), (8, 1));
        assert_eq!(grid([4, 4], true, 1), (1, 1));
        for tasks in 1..70 {
            for (m, n) in [(1, 1), (100, 100), (5000, 300), (300, 5000), (1 << 20, 1 << 10)] {
                for turned in [false, true] {
                    let (parts, pieces) = grid([m, n], turned, tasks);
                    assert!((1..=tasks).contains(&(parts * pieces)), "{m} {n} {turned} {tasks}");
                }
            }
        }
    }
}
