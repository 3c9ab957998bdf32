//! One work-item an element.

use super::super::recipe::{Argument, Launch, Recipe, Step};
use super::super::target::Target;
use super::pass_of;
use crate::backend::Task;
use crate::error::Result;
use crate::terms::Conv;

/// The program.
const PROGRAM: &str = "conv/naive";

/// Plain loops.
pub fn naive(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    let pass = pass_of(task)?;
    let parameters = target.tuned.parameters("conv", "naive");
    let items = parameters.get("LX");
    let elements = task.workload.output(task.shape);
    let step = Step {
        program: PROGRAM,
        kernel: pass.name(),
        options: parameters.options(),
        arguments: vec![
            Argument::Table(0),
            Argument::Input(0),
            Argument::Input(1),
            Argument::Output,
        ],
        launch: Launch::of_groups(elements.div_ceil(items), items),
        local_bytes: 0,
    };
    Ok(Recipe {
        steps: vec![step],
        tables: vec![sizes(&Conv::of(task.shape))],
        tile: (1, items),
        tuned: Some(parameters.tuning()),
        ..Recipe::default()
    })
}

/// The struct of the kernels that take all sizes.
pub fn sizes(conv: &Conv) -> Vec<i32> {
    let image = [conv.n, conv.c, conv.h, conv.w, conv.k, conv.r, conv.s, conv.p(), conv.q()];
    let group = [conv.group_c(), conv.group_k()];
    let pairs = [conv.stride, conv.pad, conv.dilation].concat();
    image.iter().chain(&group).chain(&pairs).map(|size| *size as i32).collect()
}
