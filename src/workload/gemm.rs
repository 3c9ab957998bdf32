//! `gemm`: c = op(a) op(b), in f32, f64 or bf16. a is m x k (stored k x m when ta = 1), b is k x n (stored n x k
//! when tb = 1), c is m x n; row-major, dense.

use super::probes;
use super::{Check, Entry, ExactSums, Host, Preset, Reference, Terms, Work, Workload};
use crate::machine;
use crate::tensor::{Element, Generator, Tensor, Values, with_values};
use crate::terms::{Axis, Dtype, Family, Shape};

/// See the module.
pub struct Gemm;

const AXES: &[Axis] =
    &[Axis::size("m"), Axis::size("n"), Axis::size("k"), Axis::switch("ta"), Axis::switch("tb")];

/// m n k ta tb of DeepBench's training products as it lists them, column-major.
/// Source: baidu-research/DeepBench, code/kernels/gemm_problems.h (Apache-2.0), see NOTICE.
const DEEPBENCH: &str = include_str!("deepbench_gemm.csv");

/// Sizes of an operand and how it is stored.
#[derive(Clone, Copy)]
struct Dims {
    m: usize,
    n: usize,
    k: usize,
    ta: bool,
    tb: bool,
}

impl Dims {
    fn of(shape: &Shape) -> Dims {
        Dims {
            m: shape.size("m"),
            n: shape.size("n"),
            k: shape.size("k"),
            ta: shape.get("ta") == 1,
            tb: shape.get("tb") == 1,
        }
    }

    /// Row i of op(a) in f64.
    fn a_row<T: Element>(self, a: &[T], i: usize) -> Vec<f64> {
        let at = |p: usize| if self.ta { p * self.m + i } else { i * self.k + p };
        (0..self.k).map(|p| a[at(p)].to_f64()).collect()
    }

    fn b_at<T: Element>(self, b: &[T], p: usize, j: usize) -> f64 {
        b[if self.tb { j * self.k + p } else { p * self.n + j }].to_f64()
    }

    /// op(b) in f64, k x n.
    fn b_rows<T: Element>(self, b: &[T]) -> Vec<f64> {
        if !self.tb {
            return b.iter().map(|v| v.to_f64()).collect();
        }
        let mut rows = vec![0.0; self.k * self.n];
        for (j, column) in b.chunks_exact(self.k).enumerate() {
            for (p, v) in column.iter().enumerate() {
                rows[p * self.n + j] = v.to_f64();
            }
        }
        rows
    }
}

/// The families of products of GPU-BLOB (University of Bristol), up to 4096 along each axis and 2048 cubed.
const BLOB: [&str; 9] = [
    "m=n=k=32..2048",
    "k=4..256,m=n=16k",
    "m=n=32..4096,k=32",
    "m=n=4..256,k=16m",
    "k=32..4096,m=n=32",
    "n=k=4..256,m=16n",
    "m=32..4096,n=k=32",
    "m=k=4..256,n=16m",
    "n=32..4096,m=k=32",
];

/// The points of a family of our own.
fn family(text: &str) -> Vec<Entry> {
    let known = "it is a family of shapes";
    let (family, sizes) = Family::parse("gemm", AXES, text).expect(known);
    Entry::along(&family, sizes, &Gemm.family_name(&family)).expect(known)
}

impl Workload for Gemm {
    fn name(&self) -> &'static str {
        "gemm"
    }

    fn axes(&self) -> &'static [Axis] {
        AXES
    }

    fn dtypes(&self) -> &'static [Dtype] {
        &[Dtype::F32, Dtype::F64, Dtype::Bf16]
    }

    fn work(&self, shape: &Shape) -> Work {
        let (m, n, k) = (shape.get("m"), shape.get("n"), shape.get("k"));
        let flop = m.saturating_mul(n).saturating_mul(k).saturating_mul(2);
        let tensors = [(m, k), (k, n), (m, n)].map(|(a, b)| a.saturating_mul(b));
        let elements = tensors.into_iter().fold(0, u64::saturating_add);
        Work { flop_count: flop, flop_exact: flop, elements_moved: elements }
    }

    fn check(&self) -> Check<'_> {
        Check::ExactSums(self)
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        let d = Dims::of(shape);
        vec![d.m * d.k, d.k * d.n]
    }

    fn output(&self, shape: &Shape) -> usize {
        shape.size("m") * shape.size("n")
    }

    fn preset(&self, preset: Preset, _: &Host) -> Vec<Entry> {
        let sizes: &[u64] = match preset {
            Preset::Quick => &[128, 256, 512, 1024, 2048],
            Preset::Standard => &[
                64, 127, 128, 129, 192, 255, 256, 257, 384, 511, 512, 513, 768, 1024, 1536, 2048,
                3072, 4096,
            ],
            Preset::Full => &[
                16, 32, 48, 63, 64, 65, 96, 127, 128, 129, 192, 255, 256, 257, 320, 384, 511, 512,
                513, 640, 768, 1023, 1024, 1025, 1280, 1536, 2047, 2048, 2049, 3072, 4096, 6144,
                8192,
            ],
            Preset::DeepBench => return deepbench(),
            Preset::Blob => return BLOB.iter().flat_map(|text| family(text)).collect(),
            Preset::ResNet50 | Preset::Vgg16 | Preset::UNet => return Vec::new(),
        };
        let cube = |size| Shape::of(AXES, &[size, size, size, 0, 0]);
        let mut entries = Entry::sweep("mnk", sizes.iter().copied(), cube);
        if preset != Preset::Quick {
            entries.extend(shapes_of_training());
        }
        entries
    }

    fn joint_axes(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[("mnk", &["m", "n", "k"])]
    }

    fn awkward_shapes(&self) -> Vec<Shape> {
        let sizes: &[[u64; 3]] = &[
            [1, 1, 1],
            [1, 7, 5],
            [7, 1, 3],
            [3, 5, 1],
            [2, 300, 3],
            [13, 31, 17],
            [14, 32, 64],
            [15, 33, 65],
            [16, 16, 16],
            [17, 47, 15],
            [31, 29, 37],
            [63, 65, 67],
            [64, 64, 16],
            [64, 64, 64],
            [65, 63, 33],
            [127, 129, 63],
            [128, 128, 17],
            [129, 131, 15],
            [200, 61, 33],
            [257, 255, 31],
            [1, 513, 129],
            [515, 1, 127],
            // Over 2^27 multiply-adds, where checks are of another kind.
            [512, 515, 513],
        ];
        let transposes = [[0, 0], [0, 1], [1, 0], [1, 1]];
        let one = |[m, n, k]: &[u64; 3]| {
            transposes.map(|[ta, tb]| Shape::of(AXES, &[*m, *n, *k, ta, tb]))
        };
        sizes.iter().flat_map(one).collect()
    }

    fn label(&self, shape: &Shape) -> String {
        let d = Dims::of(shape);
        let flag = |is_set: bool, word: &'static str| if is_set { word } else { "" };
        let flags = format!("{}{}", flag(d.ta, " ta"), flag(d.tb, " tb"));
        if d.m == d.n && d.n == d.k {
            return format!("{}³{flags}", d.m);
        }
        format!("{}×{}×{}{flags}", d.m, d.n, d.k)
    }
}

impl ExactSums for Gemm {
    fn reduction(&self, shape: &Shape) -> u64 {
        shape.get("k")
    }

    fn reference(&self, shape: &Shape, inputs: &[Tensor], at: Option<&[usize]>) -> Reference {
        let d = Dims::of(shape);
        with_values!(&inputs[0], a => {
            let b = inputs[1].values();
            match at {
                Some(at) => some_elements(d, a, b, at),
                None => all_elements(d, a, b),
            }
        })
    }

    fn form(&self, shape: &Shape, output: Values<'_>, signs: Generator) -> Vec<f64> {
        let d = Dims::of(shape);
        with_values!(output, c => product_with_vector(c, d.m, d.n, false, &signs.signs(d.n)))
    }

    fn expected_form(&self, shape: &Shape, inputs: &[Tensor], signs: Generator) -> Vec<f64> {
        let d = Dims::of(shape);
        // Every sum here is a whole number far below 2^53: f64 holds it exactly.
        let signs = signs.signs(d.n);
        let y = with_values!(&inputs[1], b => product_with_vector(b, d.k, d.n, d.tb, &signs));
        with_values!(&inputs[0], a => product_with_vector(a, d.m, d.k, d.ta, &y))
    }

    fn form_element(&self) -> &'static str {
        "row"
    }

    fn probes(&self, shape: &Shape, tile: (usize, usize), count: usize) -> Vec<usize> {
        let d = Dims::of(shape);
        probes::of_matrix(d.m, d.n, tile, count)
    }
}

/// Products as training has them: the three transpose cases of a layer, few rows, long sums.
fn shapes_of_training() -> Vec<Entry> {
    let shapes: &[(&str, [u64; 5])] = &[
        ("forward 1024", [1024, 1024, 1024, 0, 0]),
        ("input gradient 1024", [1024, 1024, 1024, 0, 1]),
        ("weight gradient 1024", [1024, 1024, 1024, 1, 0]),
        ("both transposed 1024", [1024, 1024, 1024, 1, 1]),
        ("recurrent 1760", [1760, 128, 1760, 0, 0]),
        ("recurrent 1760 transposed", [1760, 128, 1760, 1, 0]),
        ("speech 5124", [5124, 700, 2048, 0, 0]),
        ("recurrent 1024", [3072, 128, 1024, 0, 0]),
        ("3x3 convolution as product", [64, 3136, 576, 0, 0]),
        ("late convolution as product", [512, 49, 4608, 0, 0]),
        ("one sample", [1, 4096, 4096, 0, 0]),
        ("batch of 16", [16, 4096, 4096, 0, 0]),
        ("long sum", [256, 256, 65536, 0, 0]),
    ];
    let entry = |(name, values): &(&str, [u64; 5])| {
        Entry::line(Shape::of(AXES, values), "training", name.to_string())
    };
    shapes.iter().map(entry).collect()
}

/// DeepBench is column-major: its (m, n, k, a_t, b_t) is our m = n', n = m', ta = b_t, tb = a_t.
fn deepbench() -> Vec<Entry> {
    let line = |text: &str| {
        let fields: Vec<&str> = text.split(',').collect();
        let size = |i: usize| fields[i].parse::<u64>().expect("the embedded table holds sizes");
        let turned = |i: usize| u64::from(fields[i] == "T");
        let shape = Shape::of(AXES, &[size(1), size(0), size(2), turned(4), turned(3)]);
        let flop = Gemm.work(&shape).flop_count;
        Entry::deepbench(shape, fields.join(" "), flop)
    };
    DEEPBENCH.lines().skip(1).map(line).collect()
}

/// op(matrix) times a vector, in f64; op(matrix) is rows x columns, stored transposed if so said.
fn product_with_vector<T: Element>(
    matrix: &[T],
    rows: usize,
    columns: usize,
    transposed: bool,
    x: &[f64],
) -> Vec<f64> {
    if transposed {
        let mut y = vec![0.0; rows];
        for (stored_row, scale) in matrix.chunks_exact(rows).zip(x) {
            for (sum, v) in y.iter_mut().zip(stored_row) {
                *sum += v.to_f64() * scale;
            }
        }
        return y;
    }
    let dot = |row: &[T]| row.iter().zip(x).map(|(v, s)| v.to_f64() * s).sum();
    matrix.chunks_exact(columns).map(dot).collect()
}

fn some_elements<T: Element>(d: Dims, a: &[T], b: &[T], at: &[usize]) -> Reference {
    let mut row = (usize::MAX, Vec::new());
    let element = |&index: &usize| -> Terms {
        let (i, j) = (index / d.n, index % d.n);
        if row.0 != i {
            row = (i, d.a_row(a, i));
        }
        row.1.iter().enumerate().map(|(p, v)| v * d.b_at(b, p, j)).collect()
    };
    at.iter().map(element).collect()
}

/// The whole product, with the magnitudes of its terms and their squares.
fn all_elements<T: Element>(d: Dims, a: &[T], b: &[T]) -> Reference {
    let b = d.b_rows(b);
    let [mut value, mut magnitude, mut squares] = [(); 3].map(|()| vec![0.0; d.m * d.n]);
    let rows = d.m.div_ceil(machine::cores());
    let share = rows * d.n;
    let of_terms = magnitude.chunks_mut(share).zip(squares.chunks_mut(share));
    let parts = value.chunks_mut(share).zip(of_terms).enumerate();
    machine::share_out(parts, |(part, (value, (magnitude, squares)))| {
        let of_terms = magnitude.chunks_exact_mut(d.n).zip(squares.chunks_exact_mut(d.n));
        for (i, (value, (magnitude, squares))) in
            value.chunks_exact_mut(d.n).zip(of_terms).enumerate()
        {
            let a = d.a_row(a, part * rows + i);
            for (scale, b_row) in a.iter().zip(b.chunks_exact(d.n)) {
                let sums = value.iter_mut().zip(magnitude.iter_mut().zip(squares.iter_mut()));
                for ((v, (g, s)), x) in sums.zip(b_row) {
                    let term = scale * x;
                    *v += term;
                    *g += term.abs();
                    *s += term * term;
                }
            }
        }
    });
    let spread = squares.into_iter().map(f64::sqrt).collect();
    Reference { value, magnitude, spread }
}

#[cfg(test)]
mod tests;
