//! `conv-fprop`, `conv-dgrad`, `conv-wgrad`. Twin of `kernels/conv/`.

mod depthwise;
mod local;
mod naive;
mod packed;
mod product;
mod register;
mod view;

pub use local::local;
pub use naive::naive;
pub use packed::{packed_dgrad, packed_fprop, packed_wgrad};
pub use register::register;

use std::collections::HashSet;

use super::recipe::{Argument, Build, Launch, Recipe, Step};
use super::target::Target;
use super::tuned::{Chooser, Parameters, Tuned, Tuning};
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::terms::Conv;
use crate::workload::Pass;
use product::Product;

/// The pass that a task is.
fn pass_of(task: &Task<'_>) -> Result<Pass> {
    let found = Pass::ALL.into_iter().find(|pass| pass.workload() == task.workload.name());
    found.ok_or_else(|| Error::Unsupported("the kernels have no such pass".into()))
}

/// Which inputs are A and B of the product.
fn operands(pass: Pass) -> [Argument; 2] {
    match pass {
        // (x, f) and (dy, f)
        Pass::Fprop | Pass::Dgrad => [Argument::Input(1), Argument::Input(0)],
        // (dy, x)
        Pass::Wgrad => [Argument::Input(0), Argument::Input(1)],
    }
}

/// Every GPU kernel of the family as a class of devices builds it, each build once.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let builds =
        [local::gpu_builds(class), register::gpu_builds(class), depthwise::gpu_builds(class)];
    let mut seen = HashSet::new();
    let first = |build: &Build| seen.insert((build.program, build.options.clone()));
    builds.into_iter().flatten().filter(first).collect()
}

/// What chooses a product's parameters.
type Choose = fn(Chooser<'_>, &Conv, Pass) -> Result<(Product, Parameters)>;

/// The recipe of a pass by the kernel that serves products, or by that for depthwise filters.
fn recipe_by(
    target: &Target,
    task: &Task<'_>,
    choose: Choose,
    kernel: fn(&Parameters) -> Kernel,
) -> Result<Recipe> {
    let (conv, pass) = (Conv::of(task.shape), pass_of(task)?);
    if let Some(recipe) = depthwise::depthwise(target, task, &conv, pass)? {
        return Ok(recipe);
    }
    let (product, parameters) = choose(target.tuned.at(task.parameters), &conv, pass)?;
    Ok(recipe(target, task, pass, product, &kernel(&parameters)))
}

/// A product's kernel as a class of devices builds it for every pass of every kind.
fn builds_of(class: &str, kernel: &str, program: &'static str, choose: Choose) -> Vec<Build> {
    let tuned = Tuned::of_class(class);
    let mut builds = Vec::new();
    for (word, conv) in kinds() {
        for pass in Pass::ALL {
            let (_, parameters) = choose(tuned.at(None), &conv, pass).expect("the sizes are small");
            let name = format!("conv {kernel} {} {word}", pass.workload());
            builds.push(Build { name, program, options: parameters.options() });
        }
    }
    builds
}

/// A convolution of each kind that makes the kernels build differently: channels that fill whole
/// tiles and ones that do not, many and few filters, with and without padding and aligned rows.
fn kinds() -> Vec<(&'static str, Conv)> {
    let conv = |c, h, k, r, pad| Conv {
        n: 2,
        c,
        h,
        w: h,
        k,
        r,
        s: r,
        stride: [1, 1],
        pad: [pad, pad],
        dilation: [1, 1],
        groups: 1,
    };
    vec![
        ("3x3", conv(128, 16, 128, 3, 1)),
        ("3x3 narrow", conv(64, 16, 64, 3, 1)),
        ("3x3 odd", conv(65, 15, 67, 3, 1)),
        ("3x3 inside", conv(128, 15, 128, 3, 0)),
        ("1x1", conv(128, 16, 128, 1, 0)),
        ("1x1 odd", conv(65, 15, 67, 1, 0)),
    ]
}

/// Most memory between kernels, in floats.
const MAX_SCRATCH: usize = 16 << 20;

/// A kernel that computes a `Product`.
struct Kernel {
    program: &'static str,
    options: String,
    /// Rows and columns of a work-group's tile, and its work-items.
    tile: (usize, usize),
    items: usize,
    local_bytes: u64,
    /// Where its parameters come from.
    tuned: Tuning,
    /// How much of k one turn of its loop takes.
    depth: usize,
}

/// The steps of a product: filters into the order of k where that differs, the product itself, and
/// the sum of the slices where there are not enough tiles for the device's compute units.
fn recipe(
    target: &Target,
    task: &Task<'_>,
    pass: Pass,
    mut product: Product,
    kernel: &Kernel,
) -> Recipe {
    let output = task.workload.output(task.shape);
    let (m, n) = (product.views[0].m, product.n());
    let phases = product.views.len();
    let tiles = [n.div_ceil(kernel.tile.1), m.div_ceil(kernel.tile.0), product.groups * phases];
    let units = target.units();
    let wanted = slices(tiles.iter().product(), units, product.k(), output);
    let slices = product.cut(wanted, kernel.depth, output);

    let int = |size: usize| Argument::Int(size as i32);
    let (views, taps, sources) = (Argument::Table(0), Argument::Table(1), Argument::Table(2));
    let mut tables = vec![product.view_table(), product.tap_table()];
    let mut scratch = Vec::new();
    let mut steps = Vec::new();
    let [mut a, b] = operands(pass);
    if let Some(order) = &product.sources {
        let lda = product.views.iter().map(|view| view.lda).max().unwrap_or(0);
        let ordered = Argument::Scratch(scratch.len());
        scratch.push(product.ordered_len().max(1));
        // A kernel argument is never an empty buffer.
        tables.push([order.as_slice(), &[0]].concat());
        steps.push(Step {
            program: "conv/order",
            kernel: "order",
            options: String::new(),
            arguments: vec![
                int(product.groups),
                views,
                int(if product.tapwise { kernel.depth } else { 1 }),
                sources,
                a,
                int(product.filter_steps[0]),
                int(product.filter_steps[1]),
                ordered,
            ],
            launch: Launch {
                global: [lda.next_multiple_of(64).max(64), m, product.groups * phases],
                local: [64, 1, 1],
            },
            local_bytes: 0,
        });
        a = ordered;
    }
    let sum = if slices == 1 {
        Argument::Output
    } else {
        scratch.push(slices * output);
        Argument::Scratch(scratch.len() - 1)
    };
    steps.push(Step {
        program: kernel.program,
        kernel: "conv",
        options: kernel.options.clone(),
        arguments: vec![int(product.groups), int(phases), views, taps, a, b, sum],
        launch: Launch {
            global: [tiles[0] * kernel.items, tiles[1], tiles[2] * slices],
            local: [kernel.items, 1, 1],
        },
        local_bytes: kernel.local_bytes,
    });
    if slices > 1 {
        steps.push(add_slices(output, slices, sum));
    }
    Recipe { steps, scratch, tables, tile: kernel.tile, tuned: Some(kernel.tuned), work: None }
}

/// Into how many slices to share out the sums: two work-groups for each compute unit, but no less
/// than 128 steps of k for each.
fn slices(tiles: usize, units: usize, k: usize, output: usize) -> usize {
    let wanted = (2 * units) / tiles.max(1);
    wanted.min(k / 128).min(MAX_SCRATCH / output.max(1)).max(1)
}

/// Adds up slices of the output.
fn add_slices(len: usize, slices: usize, part: Argument) -> Step {
    Step {
        program: "conv/slices",
        kernel: "add_slices",
        options: String::new(),
        arguments: vec![
            Argument::Int(len as i32),
            Argument::Int(slices as i32),
            part,
            Argument::Output,
        ],
        launch: Launch { global: [len.next_multiple_of(128), 1, 1], local: [128, 1, 1] },
        local_bytes: 0,
    }
}
