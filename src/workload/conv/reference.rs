//! The three passes in f64, by plain loops over all pairs of factors that meet.

use std::ops::Range;

use crate::machine;
use crate::tensor::Generator;
use crate::terms::Conv;
use crate::workload::{Reference, Terms};

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

    /// Elements of the tensor that it computes.
    pub fn output(self, conv: &Conv) -> usize {
        match self {
            Pass::Fprop => conv.y_len(),
            Pass::Dgrad => conv.x_len(),
            Pass::Wgrad => conv.f_len(),
        }
    }
}

/// The whole output, with the magnitudes of its terms and their squares.
pub fn all(pass: Pass, conv: &Conv, a: &[f32], b: &[f32]) -> Reference {
    Reference {
        value: values(pass, conv, a, b),
        magnitude: whole(pass, conv, a, b, f64::abs),
        spread: whole(pass, conv, a, b, |x| x * x).into_iter().map(f64::sqrt).collect(),
    }
}

/// The whole output alone.
pub fn values(pass: Pass, conv: &Conv, a: &[f32], b: &[f32]) -> Vec<f64> {
    whole(pass, conv, a, b, |x| x)
}

/// The output's elements `at`.
pub fn some(pass: Pass, conv: &Conv, a: &[f32], b: &[f32], at: &[usize]) -> Reference {
    let element = |&element: &usize| {
        let mut sum = Terms::default();
        terms(pass, conv, element, |i, j| sum.add(f64::from(a[i]) * f64::from(b[j])));
        sum
    };
    at.iter().map(element).collect()
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

/// An element of a factor.
trait Number: Copy + Into<f64> + Sync {}

impl Number for f32 {}
impl Number for f64 {}

/// The whole output from what `count` makes of each number, planes shared out over the cores.
fn whole<A: Number, B: Number>(
    pass: Pass,
    conv: &Conv,
    a: &[A],
    b: &[B],
    count: impl Fn(f64) -> f64 + Copy + Send + Sync,
) -> Vec<f64> {
    let plane = match pass {
        Pass::Fprop => conv.p() * conv.q(),
        Pass::Dgrad => conv.h * conv.w,
        Pass::Wgrad => conv.r * conv.s,
    };
    let mut output = vec![0.0; pass.output(conv)];
    let share = (output.len() / plane).div_ceil(machine::cores());
    machine::share_out(output.chunks_mut(share * plane).enumerate(), |(part, planes)| {
        for (i, sums) in planes.chunks_exact_mut(plane).enumerate() {
            add_plane(pass, conv, a, b, count, part * share + i, sums);
        }
    });
    output
}

/// Adds up plane `index` of the output: a channel of an image of y or of x, or the taps of a filter in one
/// of its channels.
fn add_plane<A: Number, B: Number>(
    pass: Pass,
    conv: &Conv,
    a: &[A],
    b: &[B],
    count: impl Fn(f64) -> f64,
    index: usize,
    sums: &mut [f64],
) {
    let (gc, gk, taps) = (conv.group_c(), conv.group_k(), conv.r * conv.s);
    let (area, pixels, step) = (conv.h * conv.w, conv.p() * conv.q(), conv.stride[1]);
    let (of_a, of_b) = (|x: A| count(x.into()), |x: B| count(x.into()));
    match pass {
        Pass::Fprop => {
            let (n, k) = (index / conv.k, index % conv.k);
            for cg in 0..gc {
                let x = &a[(n * conv.c + k / gk * gc + cg) * area..][..area];
                let f = &b[(k * gc + cg) * taps..][..taps];
                each_row(conv, |tap, from, to| {
                    let f = of_b(f[tap]);
                    for (sum, x) in sums[to].iter_mut().zip(x[from..].iter().step_by(step)) {
                        *sum += f * of_a(*x);
                    }
                });
            }
        }
        Pass::Dgrad => {
            let (n, c) = (index / conv.c, index % conv.c);
            for k in c / gc * gk..(c / gc + 1) * gk {
                let dy = &a[(n * conv.k + k) * pixels..][..pixels];
                let f = &b[(k * gc + c % gc) * taps..][..taps];
                each_row(conv, |tap, to, from| {
                    let f = of_b(f[tap]);
                    for (sum, dy) in sums[to..].iter_mut().step_by(step).zip(&dy[from]) {
                        *sum += f * of_a(*dy);
                    }
                });
            }
        }
        Pass::Wgrad => {
            let (k, cg) = (index / gc, index % gc);
            for n in 0..conv.n {
                let dy = &a[(n * conv.k + k) * pixels..][..pixels];
                let x = &b[(n * conv.c + k / gk * gc + cg) * area..][..area];
                each_row(conv, |tap, from, seeing| {
                    let pairs = dy[seeing].iter().zip(x[from..].iter().step_by(step));
                    sums[tap] += pairs.map(|(dy, x)| of_a(*dy) * of_b(*x)).sum::<f64>();
                });
            }
        }
    }
}

/// Calls `meet` for every tap and every row of a plane of y that sees no padding through it: with the tap,
/// the first element of the plane of x that is seen (the next are the stride apart), and the elements of y
/// that see them.
fn each_row(conv: &Conv, mut meet: impl FnMut(usize, usize, Range<usize>)) {
    let (rows, columns) = (conv.rows(), conv.columns());
    for tap in 0..conv.r * conv.s {
        let (t, u) = (tap / conv.s, tap % conv.s);
        let inside = columns.inside(u);
        if inside.is_empty() {
            continue;
        }
        for i in rows.inside(t) {
            let from = rows.at(i, t) * conv.w + columns.at(inside.start, u);
            let first = i * columns.y;
            meet(tap, from, first + inside.start..first + inside.end);
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
            whole(pass, &one, a, &filter, |x| x)
        }
        Pass::Dgrad => {
            let filters = b.chunks_exact(gc * taps).enumerate();
            let filters: Vec<f64> = filters
                .flat_map(|(k0, filter)| combined(filter, &signs[k0 / gk * gc..][..gc]))
                .collect();
            let one = Conv { c: 1, groups: 1, ..*conv };
            whole(pass, &one, a, &filters, |x| x)
        }
        Pass::Wgrad => {
            let pixels = conv.p() * conv.q();
            let signs = signs.chunks_exact(gk).cycle();
            let groups = a.chunks_exact(gk * pixels).zip(signs);
            let dy: Vec<f64> = groups.flat_map(|(dy, signs)| combined(dy, signs)).collect();
            let one = Conv { k: conv.groups, ..*conv };
            whole(pass, &one, &dy, b, |x| x)
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
