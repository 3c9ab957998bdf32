//! Products in f64, by the `gemm` crate, a part of the rows on every core.

use std::thread;

/// A matrix as it is stored: element (i, j) at `i row + j column`.
#[derive(Clone, Copy)]
pub struct View<'a> {
    /// Where it lies.
    pub data: &'a [f64],
    /// From one row to the next.
    pub row: usize,
    /// From one column to the next.
    pub column: usize,
}

impl<'a> View<'a> {
    /// Rows of `columns` elements.
    pub fn rows(data: &'a [f64], columns: usize) -> View<'a> {
        View { data, row: columns, column: 1 }
    }

    /// The transpose of that.
    pub fn transposed(data: &'a [f64], columns: usize) -> View<'a> {
        View { data, row: 1, column: columns }
    }

    /// From row `i` on.
    fn from(self, i: usize) -> View<'a> {
        View { data: &self.data[i * self.row..], ..self }
    }

    fn holds(&self, rows: usize, columns: usize) -> bool {
        (rows - 1) * self.row + (columns - 1) * self.column < self.data.len()
    }
}

/// Below this many multiply-adds, threads cost more than they bring.
const SMALL: usize = 1 << 18;

/// c (m, n) = a (m, k) b (k, n), or c += that where `add`. The rows of c are `c_row` apart.
pub fn multiply(
    [m, n, k]: [usize; 3],
    a: View<'_>,
    b: View<'_>,
    c: &mut [f64],
    c_row: usize,
    add: bool,
) {
    let cores = thread::available_parallelism().map_or(1, |n| n.get());
    let parts = if m * n * k < SMALL { 1 } else { cores.min(m) };
    let share = m.div_ceil(parts);
    if parts == 1 {
        return multiply_here([m, n, k], a, b, c, c_row, add);
    }
    thread::scope(|scope| {
        for (part, c) in c.chunks_mut(share * c_row).enumerate() {
            let i = part * share;
            if i < m {
                let rows = share.min(m - i);
                scope.spawn(move || multiply_here([rows, n, k], a.from(i), b, c, c_row, add));
            }
        }
    });
}

fn multiply_here(
    [m, n, k]: [usize; 3],
    a: View<'_>,
    b: View<'_>,
    c: &mut [f64],
    c_row: usize,
    add: bool,
) {
    assert!(a.holds(m, k) && b.holds(k, n) && n <= c_row && (m - 1) * c_row + n <= c.len());
    // SAFETY: every element that the strides reach lies inside the slices, as just checked; c is read
    // only where `add`, and holds numbers.
    unsafe {
        gemm::gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            c_row as isize,
            add,
            a.data.as_ptr(),
            a.column as isize,
            a.row as isize,
            b.data.as_ptr(),
            b.column as isize,
            b.row as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::Generator;

    #[test]
    fn products_are_those_of_plain_loops() {
        let stream = |t, len: usize| -> Vec<f64> {
            (0..len as u64).map(|i| f64::from(Generator::new(1, t).uniform(i, 1.0))).collect()
        };
        for [m, n, k] in [[1, 1, 1], [3, 5, 7], [17, 1, 33], [96, 70, 101]] {
            let (a, b, start) = (stream(0, m * k), stream(1, k * n), stream(2, m * (n + 3)));
            for (ta, tb, add) in [
                (false, false, false),
                (true, false, true),
                (false, true, true),
                (true, true, false),
            ] {
                let av = if ta { View::transposed(&a, m) } else { View::rows(&a, k) };
                let bv = if tb { View::transposed(&b, k) } else { View::rows(&b, n) };
                let mut c = start.clone();
                multiply([m, n, k], av, bv, &mut c, n + 3, add);
                for (at, found) in c.iter().enumerate() {
                    let (i, j) = (at / (n + 3), at % (n + 3));
                    let mut expected = if add || j >= n { start[at] } else { 0.0 };
                    if j < n {
                        expected += (0..k)
                            .map(|p| {
                                let x = if ta { a[p * m + i] } else { a[i * k + p] };
                                x * if tb { b[j * k + p] } else { b[p * n + j] }
                            })
                            .sum::<f64>();
                    }
                    assert!((found - expected).abs() < 1e-12, "{m} {n} {k} {ta} {tb} {add}");
                }
            }
        }
    }
}
