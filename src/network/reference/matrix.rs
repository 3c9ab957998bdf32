//! Products in f64, by the `gemm` crate, a part of the rows on every core.

use crate::machine;

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
    let parts = if m * n * k < SMALL { 1 } else { machine::cores().min(m) };
    let share = m.div_ceil(parts);
    if parts == 1 {
        return multiply_here([m, n, k], a, b, c, c_row, add);
    }
    let parts = c.chunks_mut(share * c_row).enumerate().map(|(part, c)| (part * share, c));
    machine::share_out(parts.filter(|(i, _)| *i < m), |(i, c)| {
        multiply_here([share.min(m - i), n, k], a.from(i), b, c, c_row, add);
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
    if !machine::gemm_comes_to_an_end() {
        return by_loops([m, n, k], a, b, c, c_row, add);
    }
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

/// The same by plain loops, where the crate would not end.
fn by_loops(
    [m, n, k]: [usize; 3],
    a: View<'_>,
    b: View<'_>,
    c: &mut [f64],
    c_row: usize,
    add: bool,
) {
    for (i, row) in c.chunks_mut(c_row).take(m).enumerate() {
        for (j, sum) in row[..n].iter_mut().enumerate() {
            let term =
                |p: usize| a.data[i * a.row + p * a.column] * b.data[p * b.row + j * b.column];
            *sum = (0..k).map(term).sum::<f64>() + if add { *sum } else { 0.0 };
        }
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
                let (mut c, mut by_hand) = (start.clone(), start.clone());
                multiply([m, n, k], av, bv, &mut c, n + 3, add);
                by_loops([m, n, k], av, bv, &mut by_hand, n + 3, add);
                let both = c.iter().zip(&by_hand);
                assert!(both.clone().all(|(x, y)| (x - y).abs() < 1e-12), "{m} {n} {k}");
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
