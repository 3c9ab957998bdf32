//! Sums that the compiler makes vectors of, where they are inlined into what `Isa::vectorise` runs.

/// Partial sums side by side: as many as four vectors hold.
const LANES: usize = 64;

/// The sum over i of `term([x[i], y[i], ...])`, for the N `arrays` x, y, ...: in `LANES` partial sums in f32,
/// which are added up in f64. Panics unless the arrays are equally long.
#[inline(always)]
pub fn sum<const N: usize>(arrays: [&[f32]; N], term: impl Fn([f32; N]) -> f32) -> f64 {
    let len = arrays[0].len();
    assert!(arrays.iter().all(|x| x.len() == len));
    let parts = arrays.map(<[f32]>::as_chunks::<LANES>);
    let mut lanes = [0.0f32; LANES];
    for chunk in 0..len / LANES {
        let chunks = parts.map(|(chunks, _)| &chunks[chunk]);
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(chunks.map(|x| x[lane]));
        }
    }
    let rest = 0..len % LANES;
    let rest: f64 = rest.map(|i| f64::from(term(parts.map(|(_, rest)| rest[i])))).sum();
    rest + lanes.iter().map(|lane| f64::from(*lane)).sum::<f64>()
}

/// The sum of the numbers of x.
#[inline(always)]
pub fn of(x: &[f32]) -> f64 {
    sum([x], |[x]| x)
}

/// The dot product of x and y. Panics unless they are equally long.
#[inline(always)]
pub fn dot(x: &[f32], y: &[f32]) -> f64 {
    sum([x, y], |[x, y]| x * y)
}

/// The largest number of x; minus infinity of none.
#[inline(always)]
pub fn max(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let (chunks, rest) = x.as_chunks::<LANES>();
    for chunk in chunks {
        lanes
            .iter_mut()
            .zip(chunk)
            .for_each(|(lane, x)| *lane = if *x > *lane { *x } else { *lane });
    }
    lanes.iter().chain(rest).copied().fold(f32::NEG_INFINITY, f32::max)
}

/// Adds every row of `rows` to `to`; a row has as many floats as `to`.
#[inline(always)]
pub fn add_rows(to: &mut [f32], rows: &[f32]) {
    for row in rows.chunks_exact(to.len()) {
        to.iter_mut().zip(row).for_each(|(to, x)| *to += x);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_have_every_term_once() {
        for n in [0, 1, 63, 64, 65, 200] {
            let x: Vec<f32> = (0..n).map(|i| (i % 7) as f32 - 2.0).collect();
            let expected: f64 = x.iter().map(|x| f64::from(*x)).sum();
            assert_eq!(of(&x), expected);
            let squares: f64 = x.iter().map(|x| f64::from(x * x)).sum();
            assert_eq!(dot(&x, &x), squares);
            let largest = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            assert_eq!(max(&x), largest);
        }
        let mut to = vec![1.0, 2.0];
        add_rows(&mut to, &[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(to, [5.0, 8.0]);
    }
}
