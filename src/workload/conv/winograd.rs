//! Winograd's minimal filtering for filters of 3 x 3 (Lavin and Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2015): m x m outputs come from (m + 2)^2 products in place of
//! 9 m^2. Here is what verification has to know: the transforms, and what the error of an output is
//! bounded by.
//!
//! With d a tile of the input, g a filter and `*` element by element, an output tile is
//! `A^T [sum over c of (G g G^T) * (B^T d B)] A`. Rounded at each step its error is at most
//! `gamma(n) |A^T| [sum of (|G| |g| |G^T|) * (|B^T| |d| |B|)] |A|`, n the roundings on the way.

use super::reference::{self, Pass};
use crate::machine;
use crate::terms::Conv;
use crate::workload::Transformed;

/// A transform: rows of B^T, of G and of A^T.
struct Transform {
    input: &'static [&'static [f64]],
    filter: &'static [&'static [f64]],
    output: &'static [&'static [f64]],
}

/// By the points 0, 1, -1 and infinity.
const F2: Transform = Transform {
    input: &[
        &[1.0, 0.0, -1.0, 0.0],
        &[0.0, 1.0, 1.0, 0.0],
        &[0.0, -1.0, 1.0, 0.0],
        &[0.0, 1.0, 0.0, -1.0],
    ],
    filter: &[&[1.0, 0.0, 0.0], &[0.5, 0.5, 0.5], &[0.5, -0.5, 0.5], &[0.0, 0.0, 1.0]],
    output: &[&[1.0, 1.0, 1.0, 0.0], &[0.0, 1.0, -1.0, -1.0]],
};

const SIXTH: f64 = 1.0 / 6.0;
const TWELFTH: f64 = 1.0 / 12.0;
const TWENTY_FOURTH: f64 = 1.0 / 24.0;

/// By the points 0, 1, -1, 2, -2 and infinity.
const F4: Transform = Transform {
    input: &[
        &[4.0, 0.0, -5.0, 0.0, 1.0, 0.0],
        &[0.0, -4.0, -4.0, 1.0, 1.0, 0.0],
        &[0.0, 4.0, -4.0, -1.0, 1.0, 0.0],
        &[0.0, -2.0, -1.0, 2.0, 1.0, 0.0],
        &[0.0, 2.0, -1.0, -2.0, 1.0, 0.0],
        &[0.0, 4.0, 0.0, -5.0, 0.0, 1.0],
    ],
    filter: &[
        &[0.25, 0.0, 0.0],
        &[-SIXTH, -SIXTH, -SIXTH],
        &[-SIXTH, SIXTH, -SIXTH],
        &[TWENTY_FOURTH, TWELFTH, SIXTH],
        &[TWENTY_FOURTH, -TWELFTH, SIXTH],
        &[0.0, 0.0, 1.0],
    ],
    output: &[
        &[1.0, 1.0, 1.0, 1.0, 1.0, 0.0],
        &[0.0, 1.0, -1.0, 2.0, -2.0, 0.0],
        &[0.0, 1.0, 1.0, 4.0, 4.0, 0.0],
        &[0.0, 1.0, -1.0, 8.0, -8.0, 1.0],
    ],
};

impl Transform {
    fn of(m: usize) -> &'static Transform {
        if m == 2 { &F2 } else { &F4 }
    }

    /// Roundings between operands and output, with sums over `c` channels. A matrix costs as many as
    /// its fullest row has terms, on each side; the filter's factors are rounded themselves.
    fn roundings(&self, c: usize) -> u64 {
        let terms = |rows: &[&[f64]]| {
            let of = |row: &&[f64]| row.iter().filter(|x| **x != 0.0).count();
            rows.iter().map(of).max().unwrap_or(0)
        };
        let sides = terms(self.input) + terms(self.filter) + 1 + terms(self.output);
        (c + 2 * sides) as u64
    }
}

/// FLOP of the products alone, with m x m outputs a tile.
pub fn flop(conv: &Conv, m: usize, pass: Pass) -> u64 {
    let (rows, columns) = match pass {
        Pass::Dgrad => (conv.h, conv.w),
        _ => (conv.p(), conv.q()),
    };
    let tiles = (conv.n * rows.div_ceil(m) * columns.div_ceil(m)) as u64;
    2 * tiles * ((m + 2) * (m + 2)) as u64 * (conv.k * conv.c) as u64
}

/// What the images `from..to` of the output must be, and what their error may be. For the passes from
/// images to images, of 3 x 3 filters without stride, dilation and groups. `known` are the exact results of all
/// images, where they have been computed.
pub fn transformed(
    pass: Pass,
    conv: &Conv,
    [a, f]: [&[f32]; 2],
    m: usize,
    (from, to): (usize, usize),
    known: Option<&[f64]>,
) -> Transformed {
    // The gradient of the input is a convolution of dy with the filters turned round.
    let (conv, f) = match pass {
        Pass::Dgrad => (turned(conv), turned_filters(conv, f)),
        _ => (*conv, f.to_vec()),
    };
    let part = Conv { n: to - from, ..conv };
    let image = conv.c * conv.h * conv.w;
    let x = &a[from * image..to * image];
    let plane = conv.k * conv.p() * conv.q();
    let elements = from * plane..to * plane;
    let value = match known {
        Some(known) => known[elements.clone()].to_vec(),
        None => reference::values(Pass::Fprop, &part, x, &f),
    };
    let transform = Transform::of(m);
    let (magnitude, spread) = errors(transform, &part, x, &f);
    Transformed { elements, value, magnitude, spread, roundings: transform.roundings(conv.c) }
}

fn turned(conv: &Conv) -> Conv {
    Conv {
        c: conv.k,
        k: conv.c,
        h: conv.p(),
        w: conv.q(),
        pad: [2 - conv.pad[0], 2 - conv.pad[1]],
        ..*conv
    }
}

/// f[k][c][r][s] as f[c][k][2 - r][2 - s].
fn turned_filters(conv: &Conv, f: &[f32]) -> Vec<f32> {
    let mut turned = vec![0.0; f.len()];
    for (i, x) in f.iter().enumerate() {
        let (k, c, tap) = (i / 9 / conv.c, i / 9 % conv.c, i % 9);
        turned[(c * conv.k + k) * 9 + 8 - tap] = *x;
    }
    turned
}

/// `|M| |x| |M^T|` of a square of `size` x `size` in `x`, row-major.
fn sandwich(matrix: &[&[f64]], x: &[f64], size: usize) -> Vec<f64> {
    let rows = matrix.len();
    let mut half = vec![0.0; rows * size];
    for (i, row) in matrix.iter().enumerate() {
        for j in 0..size {
            half[i * size + j] = (0..size).map(|p| row[p].abs() * x[p * size + j]).sum();
        }
    }
    let mut whole = vec![0.0; rows * rows];
    for i in 0..rows {
        for (j, row) in matrix.iter().enumerate() {
            whole[i * rows + j] = (0..size).map(|p| half[i * size + p] * row[p].abs()).sum();
        }
    }
    whole
}

/// What errors are relative to, for every output: at most by the module's formula, and on average. Rows of
/// tiles are shared out over the cores.
fn errors(transform: &Transform, conv: &Conv, x: &[f32], f: &[f32]) -> (Vec<f64>, Vec<f64>) {
    let (m, t) = (transform.output.len(), transform.input.len());
    let (p, q) = (conv.p(), conv.q());
    let filter = |f: &[f32]| Factor::new(transform.filter, f.iter().map(|x| Some(*x)));
    let filters: Vec<Factor> = f.chunks_exact(9).map(filter).collect();
    let mut magnitude = vec![0.0; conv.n * conv.k * p * q];
    let mut spread = magnitude.clone();
    let strips: Vec<(usize, usize)> =
        (0..conv.n).flat_map(|n| (0..p.div_ceil(m)).map(move |i| (n, i))).collect();
    let share = strips.len().div_ceil(machine::cores()).max(1);
    let found = machine::share_out(strips.chunks(share), |strips| {
        let mut found = Vec::new();
        for (n, i) in strips {
            for j in 0..q.div_ceil(m) {
                let tile = (*n, i * m, j * m);
                tile_errors(transform, conv, x, &filters, tile, &mut found);
            }
        }
        found
    });
    debug_assert_eq!(t, m + 2);
    for (place, most, average) in found.into_iter().flatten() {
        (magnitude[place], spread[place]) = (most, average);
    }
    (magnitude, spread)
}

/// A channel of a tile of the input, or of a filter.
struct Factor {
    /// The magnitudes of its numbers, transformed.
    transformed: Vec<f64>,
    /// The mean square of its numbers.
    mean_square: f64,
}

impl Factor {
    /// From the numbers of a square; padding is none.
    fn new(matrix: &[&[f64]], numbers: impl Iterator<Item = Option<f32>>) -> Factor {
        let numbers: Vec<Option<f64>> = numbers.map(|x| x.map(|x| f64::from(x.abs()))).collect();
        let there = numbers.iter().flatten();
        let (count, squares) = (there.clone().count(), there.map(|x| x * x).sum::<f64>());
        let numbers: Vec<f64> = numbers.into_iter().map(Option::unwrap_or_default).collect();
        Factor {
            transformed: sandwich(matrix, &numbers, numbers.len().isqrt()),
            mean_square: squares / count.max(1) as f64,
        }
    }
}

/// Adds what errors of the tile of image n whose first output is (i, j) are relative to, at most and on
/// average, each with its place. An output depends on its whole tile: on average its terms are as large as
/// those of 9 numbers of the tile with those of the filter, whichever they are.
fn tile_errors(
    transform: &Transform,
    conv: &Conv,
    x: &[f32],
    filters: &[Factor],
    (n, i, j): (usize, usize, usize),
    found: &mut Vec<(usize, f64, f64)>,
) {
    let (m, t) = (transform.output.len(), transform.input.len());
    let (p, q) = (conv.p(), conv.q());
    let number = |c: usize, place: usize| {
        let row = (i + place / t).checked_sub(conv.pad[0]).filter(|r| *r < conv.h)?;
        let column = (j + place % t).checked_sub(conv.pad[1]).filter(|c| *c < conv.w)?;
        Some(x[((n * conv.c + c) * conv.h + row) * conv.w + column])
    };
    let channel = |c| Factor::new(transform.input, (0..t * t).map(|place| number(c, place)));
    let inputs: Vec<Factor> = (0..conv.c).map(channel).collect();
    for k in 0..conv.k {
        let mut products = vec![0.0; t * t];
        let mut squares = 0.0;
        for (input, filter) in inputs.iter().zip(&filters[k * conv.c..]) {
            squares += 9.0 * input.mean_square * filter.mean_square;
            let factors = input.transformed.iter().zip(&filter.transformed);
            products.iter_mut().zip(factors).for_each(|(product, (d, g))| *product += d * g);
        }
        let tile = sandwich(transform.output, &products, t);
        for (place, value) in tile.into_iter().enumerate() {
            let (row, column) = (i + place / m, j + place % m);
            if row < p && column < q {
                let place = ((n * conv.k + k) * p + row) * q + column;
                found.push((place, value, squares.sqrt()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
