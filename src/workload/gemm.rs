//! `gemm`: c = op(a) op(b), in f32, f64 or bf16. a is m x k (stored k x m when ta = 1), b is k x n (stored n x k
//! when tb = 1), c is m x n; row-major, dense. There are `batch` of each, one after the other in memory.

use super::product::Product;
use super::{Check, Entry, ExactSums, Host, Preset, Reference, Work, Workload};
use super::{preset, probes};
use crate::tensor::{Generator, Tensor, Values};
use crate::terms::{Axis, Dtype, Shape};

/// See the module.
pub struct Gemm;

const AXES: &[Axis] = &[
    Axis::size("m"),
    Axis::size("n"),
    Axis::size("k"),
    Axis::switch("ta"),
    Axis::switch("tb"),
    Axis::size("batch").or(1).later(),
];

/// m n k ta tb of DeepBench's training products as it lists them, column-major.
/// Source: baidu-research/DeepBench, code/kernels/gemm_problems.h (Apache-2.0), see NOTICE.
const DEEPBENCH: &str = include_str!("deepbench_gemm.csv");

/// Products of many small matrices, as attention and convolutions over tiles have them.
const BATCHED: &[[u64; 4]] = &[[512, 32, 32, 32], [64, 64, 64, 64], [16, 256, 256, 256]];

fn product(shape: &Shape) -> Product {
    Product {
        batch: shape.size("batch"),
        m: shape.size("m"),
        n: shape.size("n"),
        k: shape.size("k"),
        ta: shape.get("ta") == 1,
        tb: shape.get("tb") == 1,
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
        let [m, n, k, batch] = ["m", "n", "k", "batch"].map(|axis| shape.get(axis));
        let all = |sizes: &[u64]| sizes.iter().fold(batch, |all, size| all.saturating_mul(*size));
        let flop = all(&[m, n, k, 2]);
        let elements = [[m, k], [k, n], [m, n]].into_iter().map(|sizes| all(&sizes));
        let elements = elements.fold(0, u64::saturating_add);
        Work { flop_count: flop, flop_exact: flop, elements_moved: elements }
    }

    fn check(&self) -> Check<'_> {
        Check::ExactSums(self)
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        product(shape).inputs().to_vec()
    }

    fn output(&self, shape: &Shape) -> usize {
        ["batch", "m", "n"].into_iter().map(|axis| shape.size(axis)).product()
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
            Preset::Blob => {
                return BLOB.iter().flat_map(|text| preset::family(self, text)).collect();
            }
            Preset::ResNet50 | Preset::Vgg16 | Preset::UNet => return Vec::new(),
        };
        let cube = |size| Shape::of(AXES, &[size, size, size, 0, 0, 1]);
        let mut entries = Entry::sweep("mnk", sizes.iter().copied(), cube);
        if preset != Preset::Quick {
            entries.extend(shapes_of_training());
            entries.extend(batched());
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
        // Products begin anywhere, with few of them and with more than threads.
        let batches: &[[u64; 4]] = &[[2, 1, 1, 1], [3, 15, 33, 65], [7, 5, 3, 9], [5, 64, 48, 32]];
        let one = sizes.iter().map(|[m, n, k]| [1, *m, *n, *k]);
        let all = one.chain(batches.iter().copied());
        let shapes = |[batch, m, n, k]: [u64; 4]| {
            transposes.map(|[ta, tb]| Shape::of(AXES, &[m, n, k, ta, tb, batch]))
        };
        all.flat_map(shapes).collect()
    }

    fn label(&self, shape: &Shape) -> String {
        let Product { batch, m, n, k, ta, tb } = product(shape);
        let flag = |is_set: bool, word: &'static str| if is_set { word } else { "" };
        let flags = format!("{}{}", flag(ta, " ta"), flag(tb, " tb"));
        let times = if batch > 1 { format!("{batch} of ") } else { String::new() };
        if m == n && n == k {
            return format!("{times}{m}³{flags}");
        }
        format!("{times}{m}×{n}×{k}{flags}")
    }
}

impl ExactSums for Gemm {
    fn reduction(&self, shape: &Shape) -> u64 {
        shape.get("k")
    }

    fn reference(&self, shape: &Shape, inputs: &[Tensor], at: Option<&[usize]>) -> Reference {
        product(shape).reference(inputs, at)
    }

    fn form(&self, shape: &Shape, output: Values<'_>, signs: Generator) -> Vec<f64> {
        product(shape).form(output, signs)
    }

    fn expected_form(&self, shape: &Shape, inputs: &[Tensor], signs: Generator) -> Vec<f64> {
        product(shape).expected_form(inputs, signs)
    }

    fn form_element(&self) -> &'static str {
        "row"
    }

    fn probes(&self, shape: &Shape, tile: (usize, usize), count: usize) -> Vec<usize> {
        let Product { batch, m, n, .. } = product(shape);
        probes::of_matrices(batch, (m, n), tile, count)
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
        Entry::line(Shape::of(AXES, &[&values[..], &[1]].concat()), "training", name.to_string())
    };
    shapes.iter().map(entry).collect()
}

fn batched() -> impl Iterator<Item = Entry> {
    BATCHED.iter().map(|[batch, m, n, k]| {
        let shape = Shape::of(AXES, &[*m, *n, *k, 0, 0, *batch]);
        let label = Gemm.label(&shape);
        Entry::line(shape, "batched", label)
    })
}

/// DeepBench is column-major: its (m, n, k, a_t, b_t) is our m = n', n = m', ta = b_t, tb = a_t.
fn deepbench() -> Vec<Entry> {
    let line = |text: &str| {
        let fields: Vec<&str> = text.split(',').collect();
        let size = |i: usize| fields[i].parse::<u64>().expect("the embedded table holds sizes");
        let turned = |i: usize| u64::from(fields[i] == "T");
        let shape = Shape::of(AXES, &[size(1), size(0), size(2), turned(4), turned(3), 1]);
        let flop = Gemm.work(&shape).flop_count;
        Entry::deepbench(shape, fields.join(" "), flop)
    };
    DEEPBENCH.lines().skip(1).map(line).collect()
}

#[cfg(test)]
mod tests;
