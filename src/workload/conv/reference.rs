//! The three passes in f64, by plain loops over all pairs of factors that meet.

use std::thread;

use crate::tensor::Generator;
use crate::terms::Conv;
use crate::workload::Reference;

/// Which of the three tensors is computed from the other two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pass {
    /// y from x and the filters.
    Fprop,
    /// dx from dy and the filters.
    Dgrad,
    /// The filters' gradient from dy and x.
    Wgrad,
}

impl Pass {
    /// All three.
    pub const ALL: [Pass; 3] = [Pass::Fprop, Pass::Dgrad, Pass::Wgrad];

    /// Its name: `fprop`.
    pub const fn name(self) -> &'static str {
        match self {
            Pass::Fprop => "fprop",
            Pass::Dgrad => "dgrad",
            Pass::Wgrad => "wgrad",
        }
    }

    /// The name of its workload: `conv-fprop`.
    pub const fn workload(self) -> &'static str {
        match self {
            Pass::Fprop => "conv-fprop",
            Pass::Dgrad => "conv-dgrad",
            Pass::Wgrad => "conv-wgrad",
        }
    }
}

/// The whole output with its magnitudes.
pub fn all(pass: Pass, conv: &Conv, a: &[f32], b: &[f32]) -> Reference {
    Reference {
        value: whole::<f32, f32, false>(pass, conv, a, b),
        magnitude: whole::<f32, f32, true>(pass, conv, a, b),
    }
}

/// The output's elements `at`.
pub fn some(pass: Pass, conv: &Conv, a: &[f32], b: &[f32], at: &[usize]) -> Reference {
    let mut reference = Reference::default();
    for &element in at {
        let (mut value, mut magnitude) = (0.0, 0.0);
        terms(pass, conv, element, |i, j| {
            let term = f64::from(a[i]) * f64::from(b[j]);
            value += term;
            magnitude += term.abs();
        });
        reference.value.push(value);
        reference.magnitude.push(magnitude);
    }
    reference
}

/// Calls `meet` with the places of both factors of every term of an output element.
fn terms(pass: Pass, conv: &Conv, element: usize, mut meet: impl FnMut(usize, usize)) {
    let Conv { c, h, w, k, r, s, .. } = *conv;
    let (gc, gk, p, q) = (conv.group_c(), conv.group_k(), conv.p(), conv.q());
    let (rows, columns) = (conv.rows(), conv.columns());
    let x_at = |n: usize, c0: usize, i: usize, j: usize| ((n * c + c0) * h + i) * w + j;
    let y_at = |n: usize, k0: usize, i: usize, j: usize| ((n * k + k0) * p + i) * q + j;
    let f_at = |k0: usize, cg: usize, t: usize, u: usize| ((k0 * gc + cg) * r + t) * s + u;
    let digits = |length_j: usize, length_i: usize, length_c: usize| {
        let (rest, j) = (element / length_j, element % length_j);
        let (rest, i) = (rest / length_i, rest % length_i);
        (rest / length_c, rest % length_c, i, j)
    };
    match pass {
        Pass::Fprop => {
            let (n, k0, i, j) = digits(q, p, k);
            let seen_rows: Vec<usize> = (0..r).filter(|t| rows.inside(*t).contains(&i)).collect();
            let seen: Vec<usize> = (0..s).filter(|u| columns.inside(*u).contains(&j)).collect();
            for cg in 0..gc {
                for &t in &seen_rows {
                    for &u in &seen {
                        let x = x_at(n, k0 / gk * gc + cg, rows.at(i, t), columns.at(j, u));
                        meet(x, f_at(k0, cg, t, u));
                    }
                }
            }
        }
        Pass::Dgrad => {
            let (n, c0, i, j) = digits(w, h, c);
            let group = c0 / gc;
            let seeing_rows = (0..r).filter_map(|t| Some((t, rows.output(i, t)?)));
            for (t, i) in seeing_rows {
                for (u, j) in (0..s).filter_map(|u| Some((u, columns.output(j, u)?))) {
                    for k0 in group * gk..(group + 1) * gk {
                        meet(y_at(n, k0, i, j), f_at(k0, c0 % gc, t, u));
                    }
                }
            }
        }
        Pass::Wgrad => {
            let (k0, cg, t, u) = digits(s, r, gc);
            for n in 0..conv.n {
                for i in rows.inside(t) {
                    for j in columns.inside(u) {
                        let x = x_at(n, k0 / gk * gc + cg, rows.at(i, t), columns.at(j, u));
                        meet(y_at(n, k0, i, j), x);
                    }
                }
            }
        }
    }
}

/// The whole output, planes shared out over the cores; of the factors' magnitudes if `ABS`.
fn whole<A, B, const ABS: bool>(pass: Pass, conv: &Conv, a: &[A], b: &[B]) -> Vec<f64>
where
    A: Copy + Into<f64> + Sync,
    B: Copy + Into<f64> + Sync,
{
    let (length, plane) = match pass {
        Pass::Fprop => (conv.y_len(), conv.p() * conv.q()),
        Pass::Dgrad => (conv.x_len(), conv.h * conv.w),
        Pass::Wgrad => (conv.f_len(), conv.r * conv.s),
    };
    let mut output = vec![0.0; length];
    let cores = thread::available_parallelism().map_or(1, |cores| cores.get());
    let share = (length / plane).div_ceil(cores);
    thread::scope(|scope| {
        for (part, planes) in output.chunks_mut(share * plane).enumerate() {
            scope.spawn(move || {
                for (i, sums) in planes.chunks_exact_mut(plane).enumerate() {
                    let index = part * share + i;
                    match pass {
                        Pass::Fprop => fprop_plane::<A, B, ABS>(conv, a, b, index, sums),
                        Pass::Dgrad => dgrad_plane::<A, B, ABS>(conv, a, b, index, sums),
                        Pass::Wgrad => wgrad_plane::<A, B, ABS>(conv, a, b, index, sums),
                    }
                }
            });
        }
    });
    output
}

fn number<T: Into<f64>, const ABS: bool>(x: T) -> f64 {
    let x: f64 = x.into();
    if ABS { x.abs() } else { x }
}

/// Channel `index % k` of image `index / k` of y.
fn fprop_plane<X, F, const ABS: bool>(conv: &Conv, x: &[X], f: &[F], index: usize, sums: &mut [f64])
where
    X: Copy + Into<f64>,
    F: Copy + Into<f64>,
{
    let (n, k0) = (index / conv.k, index % conv.k);
    let (gc, taps) = (conv.group_c(), conv.r * conv.s);
    let (rows, columns) = (conv.rows(), conv.columns());
    for cg in 0..gc {
        let channel = n * conv.c + k0 / conv.group_k() * gc + cg;
        let plane = &x[channel * conv.h * conv.w..][..conv.h * conv.w];
        let filter = &f[(k0 * gc + cg) * taps..][..taps];
        for (tap, scale) in filter.iter().enumerate() {
            let (t, u) = (tap / conv.s, tap % conv.s);
            let (scale, inside) = (number::<F, ABS>(*scale), columns.inside(u));
            if inside.is_empty() {
                continue;
            }
            for i in rows.inside(t) {
                let from = rows.at(i, t) * conv.w + columns.at(inside.start, u);
                let x = plane[from..].iter().step_by(conv.stride[1]);
                let sums = &mut sums[i * columns.y..][inside.clone()];
                for (sum, x) in sums.iter_mut().zip(x) {
                    *sum += scale * number::<X, ABS>(*x);
                }
            }
        }
    }
}

/// Channel `index % c` of image `index / c` of dx.
fn dgrad_plane<Y, F, const ABS: bool>(
    conv: &Conv,
    dy: &[Y],
    f: &[F],
    index: usize,
    sums: &mut [f64],
) where
    Y: Copy + Into<f64>,
    F: Copy + Into<f64>,
{
    let (n, c0) = (index / conv.c, index % conv.c);
    let (gc, gk, taps) = (conv.group_c(), conv.group_k(), conv.r * conv.s);
    let (rows, columns) = (conv.rows(), conv.columns());
    let pixels = rows.y * columns.y;
    for k0 in c0 / gc * gk..(c0 / gc + 1) * gk {
        let plane = &dy[(n * conv.k + k0) * pixels..][..pixels];
        let filter = &f[(k0 * gc + c0 % gc) * taps..][..taps];
        for (tap, scale) in filter.iter().enumerate() {
            let (t, u) = (tap / conv.s, tap % conv.s);
            let (scale, inside) = (number::<F, ABS>(*scale), columns.inside(u));
            if inside.is_empty() {
                continue;
            }
            for i in rows.inside(t) {
                let to = rows.at(i, t) * conv.w + columns.at(inside.start, u);
                let sums = sums[to..].iter_mut().step_by(conv.stride[1]);
                let dy = &plane[i * columns.y..][inside.clone()];
                for (sum, dy) in sums.zip(dy) {
                    *sum += scale * number::<Y, ABS>(*dy);
                }
            }
        }
    }
}

/// The taps of filter `index / (c / groups)` in its channel `index % (c / groups)`.
fn wgrad_plane<Y, X, const ABS: bool>(
    conv: &Conv,
    dy: &[Y],
    x: &[X],
    index: usize,
    sums: &mut [f64],
) where
    Y: Copy + Into<f64>,
    X: Copy + Into<f64>,
{
    let (k0, cg) = (index / conv.group_c(), index % conv.group_c());
    let channel = k0 / conv.group_k() * conv.group_c() + cg;
    let (rows, columns) = (conv.rows(), conv.columns());
    let (pixels, area) = (rows.y * columns.y, conv.h * conv.w);
    for n in 0..conv.n {
        let dy = &dy[(n * conv.k + k0) * pixels..][..pixels];
        let x = &x[(n * conv.c + channel) * area..][..area];
        for (tap, sum) in sums.iter_mut().enumerate() {
            let (t, u) = (tap / conv.s, tap % conv.s);
            let inside = columns.inside(u);
            if inside.is_empty() {
                continue;
            }
            for i in rows.inside(t) {
                let from = rows.at(i, t) * conv.w + columns.at(inside.start, u);
                let x = x[from..].iter().step_by(conv.stride[1]);
                let dy = &dy[i * columns.y..][inside.clone()];
                *sum += dy
                    .iter()
                    .zip(x)
                    .map(|(dy, x)| number::<Y, ABS>(*dy) * number::<X, ABS>(*x))
                    .sum::<f64>();
            }
        }
    }
}

/// The output times signs, summed over its channels: over k, of dx over c.
pub fn form(pass: Pass, conv: &Conv, output: &[f32], signs: Generator) -> Vec<f64> {
    let signs = signs.signs(channels(pass, conv));
    match pass {
        Pass::Fprop | Pass::Dgrad => {
            let images = output.chunks_exact(output.len() / conv.n);
            images.flat_map(|image| combined(image, &signs)).collect()
        }
        // Filters of different groups see different channels.
        Pass::Wgrad => {
            let groups = output.chunks_exact(output.len() / conv.groups);
            let signs = signs.chunks_exact(conv.group_k());
            groups.zip(signs).flat_map(|(filters, signs)| combined(filters, signs)).collect()
        }
    }
}

/// [`form`] from the operands: the same pass with one channel, or one a group, in place of all.
pub fn expected_form(pass: Pass, conv: &Conv, a: &[f32], b: &[f32], signs: Generator) -> Vec<f64> {
    let signs = signs.signs(channels(pass, conv));
    let (gc, gk, taps) = (conv.group_c(), conv.group_k(), conv.r * conv.s);
    match pass {
        Pass::Fprop => {
            let groups = b.chunks_exact(gk * gc * taps).zip(signs.chunks_exact(gk));
            let filter: Vec<f64> = groups.flat_map(|(f, signs)| combined(f, signs)).collect();
            let one = Conv { k: 1, groups: 1, ..*conv };
            whole::<f32, f64, false>(pass, &one, a, &filter)
        }
        Pass::Dgrad => {
            let filters = b.chunks_exact(gc * taps).enumerate();
            let filters: Vec<f64> = filters
                .flat_map(|(k0, filter)| combined(filter, &signs[k0 / gk * gc..][..gc]))
                .collect();
            let one = Conv { c: 1, groups: 1, ..*conv };
            whole::<f32, f64, false>(pass, &one, a, &filters)
        }
        Pass::Wgrad => {
            let pixels = conv.p() * conv.q();
            let signs = signs.chunks_exact(gk).cycle();
            let groups = a.chunks_exact(gk * pixels).zip(signs);
            let dy: Vec<f64> = groups.flat_map(|(dy, signs)| combined(dy, signs)).collect();
            let one = Conv { k: conv.groups, ..*conv };
            whole::<f64, f32, false>(pass, &one, &dy, b)
        }
    }
}

/// Channels of the output.
fn channels(pass: Pass, conv: &Conv) -> usize {
    if pass == Pass::Dgrad { conv.c } else { conv.k }
}

/// The sum of equal parts of `parts`, each times its sign.
fn combined(parts: &[f32], signs: &[f64]) -> Vec<f64> {
    let length = parts.len() / signs.len();
    let mut sums = vec![0.0; length];
    for (part, sign) in parts.chunks_exact(length).zip(signs) {
        for (sum, x) in sums.iter_mut().zip(part) {
            *sum += sign * f64::from(*x);
        }
    }
    sums
}
