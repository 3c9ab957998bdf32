//! Squares of floats in memory, transposed in registers.

use super::{MOST_LANES, Vector, first, prefetch};

/// Writes `rows` rows of `columns` floats, both at most `LANES`, as `columns` vectors, with zeros in the lanes
/// of rows that are missing. Asks for the floats `ahead` of each row.
///
/// # Safety
/// The CPU has the vector's instructions. `columns` floats of each row may be read, one row `from_row`
/// floats behind the other, and `columns` vectors written, one `to_row` floats behind the other.
#[inline(always)]
pub(in super::super) unsafe fn transpose<V: Vector>(
    (from, from_row): (*const f32, usize),
    (rows, columns): (usize, usize),
    (to, to_row): (*mut f32, usize),
    ahead: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        if rows == V::LANES && columns == V::LANES {
            let all = V::LANES;
            square::<V, true>((from, from_row), (all, all), (to, to_row), ahead);
        } else {
            square::<V, false>((from, from_row), (rows, columns), (to, to_row), ahead);
        }
    }
}

/// [`transpose`], of whole vectors if `WHOLE`.
///
/// # Safety
/// That of [`transpose`] holds.
#[inline(always)]
unsafe fn square<V: Vector, const WHOLE: bool>(
    (from, from_row): (*const f32, usize),
    (rows, columns): (usize, usize),
    (to, to_row): (*mut f32, usize),
    ahead: usize,
) {
    // SAFETY: the caller's.
    unsafe {
        let mut square = [V::splat(0.0); MOST_LANES];
        let square = &mut square[..V::LANES];
        for (i, line) in square.iter_mut().enumerate() {
            // Conditions, not fewer rounds: those are unrolled, and lines stay in registers.
            if WHOLE || i < rows {
                let from = from.wrapping_add(i * from_row);
                prefetch(from.wrapping_add(ahead));
                *line = if WHOLE { V::load(from) } else { line.load_masked(from, first(columns)) };
            }
        }
        V::transpose(square);
        for (i, line) in square.iter().enumerate() {
            if WHOLE || i < columns {
                line.store(to.wrapping_add(i * to_row));
            }
        }
    }
}
