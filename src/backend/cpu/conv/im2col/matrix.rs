//! Products by the `gemm` crate.

/// A matrix in memory, `rows` x `columns`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix<'a> {
    pub data: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    /// Floats from a row to the next, from a column to the next.
    pub steps: [usize; 2],
}

impl<'a> Matrix<'a> {
    /// Rows `row` floats apart.
    pub fn new(data: &'a [f32], rows: usize, columns: usize, row: usize) -> Matrix<'a> {
        Matrix { data, rows, columns, steps: [row, 1] }
    }

    /// Rows for columns.
    pub fn transposed(self) -> Matrix<'a> {
        let [row, column] = self.steps;
        Matrix { rows: self.columns, columns: self.rows, steps: [column, row], ..self }
    }
}

/// `c = a b`, or `c += a b`, with rows of c `c_row` floats apart, on so many of rayon's threads.
pub(super) fn multiply(
    a: Matrix<'_>,
    b: Matrix<'_>,
    c: &mut [f32],
    c_row: usize,
    add: bool,
    threads: usize,
) {
    let (m, n, k) = (a.rows, b.columns, a.columns);
    assert!(k == b.rows && m > 0 && n > 0 && k > 0);
    let last = |rows: usize, columns: usize, [row, column]: [usize; 2]| {
        (rows - 1) * row + (columns - 1) * column
    };
    assert!(last(m, k, a.steps) < a.data.len() && last(k, n, b.steps) < b.data.len());
    assert!(last(m, n, [c_row, 1]) < c.len() && (n <= c_row || m == 1));
    let parallelism = match threads {
        1 => gemm::Parallelism::None,
        _ => gemm::Parallelism::Rayon(threads),
    };
    // SAFETY: as just checked, every element that the steps reach lies inside the slices. c is read
    // only to add to it.
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
            a.steps[1] as isize,
            a.steps[0] as isize,
            b.data.as_ptr(),
            b.steps[1] as isize,
            b.steps[0] as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            parallelism,
        );
    }
}
