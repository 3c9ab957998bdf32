//! Filters that see one channel each.

use super::super::recipe::{Argument, Build, Launch, Recipe, Step};
use super::super::target::Target;
use super::super::tuned::{Chooser, Parameters, Tuned};
use super::{naive, square};
use crate::backend::Task;
use crate::terms::Conv;
use crate::workload::Pass;

/// The program.
const PROGRAM: &str = "conv/depthwise";

/// The longest filter and the most elements of a row that a work-item keeps in registers.
const MAX_TAPS: usize = 49;
const MAX_SPAN: usize = 32;

/// A recipe where each filter sees one channel and the kernel's registers suffice.
pub fn depthwise(target: &Target, task: &Task<'_>, conv: &Conv, pass: Pass) -> Option<Recipe> {
    let parameters = plan(target.tuned.at(task.parameters), conv, pass)?;
    let output = task.workload.output(task.shape);
    let (group, width) = (parameters.get("WG"), parameters.get("QW"));
    let by_rows = |rows: usize, length: usize| {
        Launch::of_groups((rows * length.div_ceil(width)).div_ceil(group), group)
    };
    let mut scratch = Vec::new();
    let mut sum = Argument::Output;
    let (launch, extra, slices, local_bytes) = match pass {
        Pass::Fprop => (by_rows(conv.n * conv.k * conv.p(), conv.q()), None, 1, 0),
        Pass::Dgrad => (by_rows(conv.n * conv.c * conv.h, conv.w), None, 1, 0),
        Pass::Wgrad => {
            let (rows, slices) = slices(conv, &parameters, target.units());
            if slices > 1 {
                scratch.push(slices * output);
                sum = Argument::Scratch(0);
            }
            let launch = Launch { global: [group, conv.k, slices], local: [group, 1, 1] };
            (launch, Some(Argument::Int(rows as i32)), slices, 4 * conv.r * conv.s * group)
        }
    };
    let operands = [Argument::Input(0), Argument::Input(1), sum];
    let step = Step {
        program: PROGRAM,
        kernel: pass.name(),
        options: parameters.options(),
        arguments: [Argument::Table(0)].into_iter().chain(extra).chain(operands).collect(),
        launch,
        local_bytes: local_bytes as u64,
    };
    let mut steps = vec![step];
    if slices > 1 {
        steps.push(super::add_slices(output, slices, sum));
    }
    Some(Recipe {
        steps,
        scratch,
        tables: vec![naive::sizes(conv)],
        tile: (1, width),
        tuned: Some(parameters.tuning()),
        work: None,
    })
}

/// The parameters; none where the kernel does not serve.
fn plan(tuned: Chooser<'_>, conv: &Conv, pass: Pass) -> Option<Parameters> {
    let parameters = tuned.chosen("conv", "depthwise", &[], pass.name());
    let ([_, stride], [_, pad], [_, dilation]) = (conv.stride, conv.pad, conv.dilation);
    let mut width = parameters.get("QW");
    let reach = (conv.s - 1) * dilation;
    let (low, span) = if pass == Pass::Dgrad {
        width = width.next_multiple_of(stride);
        let low = -((reach as isize - pad as isize).div_euclid(stride as isize));
        let high = ((width - 1 + pad) / stride) as isize;
        (low, high - low + 1)
    } else {
        (0, ((width - 1) * stride + reach + 1) as isize)
    };
    let serves = conv.group_c() == 1
        && conv.r * conv.s <= MAX_TAPS
        && span <= MAX_SPAN as isize
        && width <= MAX_SPAN;
    let sizes = [
        ("R", conv.r),
        ("S", conv.s),
        ("SH", conv.stride[0]),
        ("SW", stride),
        ("DH", conv.dilation[0]),
        ("DW", dilation),
        ("PAD_W", pad),
        ("QW", width),
        ("SPAN", span.max(1) as usize),
    ];
    serves.then(|| parameters.with(&sizes).with(&[("LOW", low)]))
}

/// Rows of dy in a slice of a filter's gradient, and how many slices: four work-groups for each
/// compute unit, but no item without work.
fn slices(conv: &Conv, parameters: &Parameters, units: usize) -> (usize, usize) {
    let rows = conv.n * conv.p();
    let blocks = rows * conv.q().div_ceil(parameters.get("QW"));
    let most = blocks.div_ceil(parameters.get("WG"));
    let wanted = (4 * units).div_ceil(conv.k).min(most).min(super::MAX_SCRATCH / conv.f_len());
    let in_slice = rows.div_ceil(wanted.max(1));
    (in_slice, rows.div_ceil(in_slice))
}

/// The kernels as a class of devices builds them.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let tuned = Tuned::of_class(class);
    let conv = |r: usize, stride| Conv {
        stride: [stride; 2],
        pad: [r / 2; 2],
        groups: 8,
        ..square([1, 8, 16, 8, r])
    };
    let kinds = [("3x3", conv(3, 1)), ("3x3 stride 2", conv(3, 2)), ("7x7", conv(7, 1))];
    let build = |(word, conv): &(&str, Conv), pass: Pass| {
        plan(tuned.at(None), conv, pass).map(|parameters| Build {
            name: format!("conv depthwise {} {word}", pass.workload()),
            program: PROGRAM,
            options: parameters.options(),
        })
    };
    kinds.iter().flat_map(|kind| Pass::ALL.map(|pass| build(kind, pass))).flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every element that a tap brings lies in the span.
    #[test]
    fn spans_hold_what_taps_bring() {
        let tuned = Tuned::of_class("gpu");
        let mut served = 0;
        for s in 1..8 {
            for pad in 0..9 {
                for (stride, dilation) in [(1, 1), (1, 3), (2, 1), (3, 2), (5, 1)] {
                    let conv = Conv {
                        s,
                        stride: [1, stride],
                        pad: [0, pad],
                        dilation: [1, dilation],
                        groups: 2,
                        ..square([1, 2, 40, 2, 1])
                    };
                    let Some(parameters) = plan(tuned.at(None), &conv, Pass::Dgrad) else {
                        continue;
                    };
                    served += 1;
                    let options = parameters.options();
                    let low = options.split("LOW=").nth(1).unwrap().split(' ').next().unwrap();
                    let low: isize = low.parse().unwrap();
                    let width = parameters.get("QW");
                    assert!(width.is_multiple_of(stride));
                    for tap in 0..s {
                        for j in 0..width {
                            let left = (j + pad) as isize - (tap * dilation) as isize;
                            if left % stride as isize == 0 {
                                let at = left / stride as isize - low;
                                assert!((0..parameters.get("SPAN") as isize).contains(&at));
                            }
                        }
                    }
                }
            }
        }
        assert!(served > 200);
    }

    #[test]
    fn slices_cover_all_rows() {
        let tuned = Tuned::of_class("gpu");
        for (n, h, k) in [(1, 1, 1), (8, 112, 32), (3, 17, 1000), (1, 500, 2)] {
            let conv = Conv { groups: k, ..square([n, k, h, k, 1]) };
            let parameters = plan(tuned.at(None), &conv, Pass::Wgrad).unwrap();
            for units in [1, 2, 132] {
                let (rows, slices) = slices(&conv, &parameters, units);
                assert!(rows * slices >= n * h && rows * (slices - 1) < n * h);
            }
        }
    }
}
