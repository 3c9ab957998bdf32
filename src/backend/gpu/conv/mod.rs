//! `conv-fprop`, `conv-dgrad`, `conv-wgrad`. Twin of `kernels/conv/`.

mod depthwise;
mod local;
mod naive;
mod packed;
mod product;
mod register;
mod view;

pub use naive::naive;
pub use packed::packed;

use std::collections::HashSet;

use super::geometry::Tile;
use super::recipe::{Argument, Build, Launch, Recipe, Step};
use super::target::Target;
use super::tuned::{Chooser, Parameters, Tuned};
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

/// A kernel that computes a `Product`.
struct Kernel {
    name: &'static str,
    program: &'static str,
    /// The product of a pass and the parameters that suit it.
    plan: fn(Chooser<'_>, &Conv, Pass) -> Result<(Product, Parameters)>,
    tile: fn(&Parameters) -> Tile,
}

/// Local-memory tiles.
pub fn local(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    recipe_by(target, task, &local::KERNEL)
}

/// Registers only.
pub fn register(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    recipe_by(target, task, &register::KERNEL)
}

/// The recipe of a pass by a kernel that serves products, or by that for depthwise filters.
fn recipe_by(target: &Target, task: &Task<'_>, kernel: &Kernel) -> Result<Recipe> {
    let (conv, pass) = (Conv::of(task.shape), pass_of(task)?);
    if let Some(recipe) = depthwise::depthwise(target, task, &conv, pass) {
        return Ok(recipe);
    }
    let (product, parameters) = (kernel.plan)(target.tuned.at(task.parameters), &conv, pass)?;
    Ok(recipe(target, task, pass, product, kernel, &parameters))
}

/// Every GPU kernel of the family as a class of devices builds it, each build once.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let tuned = Tuned::of_class(class);
    let mut builds = Vec::new();
    for kernel in [local::KERNEL, register::KERNEL] {
        for (word, conv) in kinds() {
            for pass in Pass::ALL {
                let planned = (kernel.plan)(tuned.at(None), &conv, pass);
                let (_, parameters) = planned.expect("the sizes are small");
                let name = format!("conv {} {} {word}", kernel.name, pass.workload());
                let options = parameters.options();
                builds.push(Build { name, program: kernel.program, options });
            }
        }
    }
    builds.extend(depthwise::gpu_builds(class));
    let mut seen = HashSet::new();
    builds.retain(|build| seen.insert((build.program, build.options.clone())));
    builds
}

/// A square filter over square images, without padding.
fn square([n, c, h, k, r]: [usize; 5]) -> Conv {
    Conv { n, c, h, w: h, k, r, s: r, stride: [1; 2], pad: [0; 2], dilation: [1; 2], groups: 1 }
}

/// A convolution of each kind that makes the kernels build differently: channels that fill whole
/// tiles and ones that do not, many and few filters, with and without padding and aligned rows.
fn kinds() -> Vec<(&'static str, Conv)> {
    let conv = |c, h, k, r, pad| Conv { pad: [pad; 2], ..square([2, c, h, k, r]) };
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

/// The steps of a product: filters into the order of k where that differs, the product itself, and
/// the sum of the slices where there are not enough tiles for the device's compute units.
fn recipe(
    target: &Target,
    task: &Task<'_>,
    pass: Pass,
    mut product: Product,
    kernel: &Kernel,
    parameters: &Parameters,
) -> Recipe {
    let output = task.workload.output(task.shape);
    let (m, n) = (product.views[0].m, product.n());
    let phases = product.views.len();
    let (tile, count) = ((kernel.tile)(parameters), product.groups * phases);
    let wanted = slices(tile.groups(m, n) * count, target.units(), product.k(), output);
    let slices = product.cut(wanted, output);

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
                int(if product.tapwise { product.depth } else { 1 }),
                sources,
                a,
                int(product.filter_steps[0]),
                int(product.filter_steps[1]),
                ordered,
            ],
            launch: Launch {
                global: [lda.next_multiple_of(64).max(64), m, count],
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
        options: parameters.options(),
        arguments: vec![int(product.groups), int(phases), views, taps, a, b, sum],
        launch: tile.launch(m, n, count * slices),
        local_bytes: 4 * tile.numbers as u64,
    });
    if slices > 1 {
        steps.push(add_slices(output, slices, sum));
    }
    let (tile, tuned) = ((tile.rows, tile.columns), Some(parameters.tuning()));
    Recipe { steps, scratch, tables, tile, tuned, work: None }
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
        launch: Launch::of_groups(len.div_ceil(128), 128),
        local_bytes: 0,
    }
}
