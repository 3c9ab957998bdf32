//! Softmax and layer norm over rows. Twin of `kernels/rows/`.

use super::recipe::{Argument, Build, Launch, Recipe, Step};
use super::target::Target;
use super::tuned::{Parameters, Tuned};
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::network::NORM_EPS;
use crate::terms::DeviceKind;

/// A work-group for a row, with its sums in local memory.
pub fn local(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    recipe(target, task, "local")
}

/// A work-item for a row, in vectors and without barriers: for CPUs.
pub fn packed(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    if target.entry.kind != DeviceKind::Cpu {
        return Err(Error::Unsupported("a work-item for a row is for CPUs".into()));
    }
    recipe(target, task, "packed")
}

/// A kernel that works on rows.
struct Function {
    name: &'static str,
    program: &'static str,
    kernel: &'static str,
}

const SOFTMAX: Function =
    Function { name: "softmax", program: "rows/softmax", kernel: "softmax_rows" };
const LAYERNORM: Function =
    Function { name: "layernorm", program: "rows/layernorm", kernel: "layernorm_rows" };

/// Parameters as they are built for rows of a width, which the caches hold or do not; and how many floats of
/// a row local memory keeps.
fn built(parameters: &Parameters, width: usize, in_cache: bool) -> (Parameters, usize) {
    let is_whole = width.is_multiple_of(parameters.get("VW"));
    let nt = parameters.get("NT") == 1 && is_whole && !in_cache;
    let kept = Some(parameters.get("KEEP")).filter(|kept| width <= *kept).unwrap_or(0);
    let changes = [("NT", usize::from(nt)), ("ALIGNED", usize::from(is_whole)), ("KEEP", kept)];
    (parameters.with(&changes), kept)
}

/// The GPU kernels as a class of devices builds them, for rows that are aligned and ones that are not.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let tuned = Tuned::of_class(class);
    let mut builds = Vec::new();
    for Function { name, program, .. } in [SOFTMAX, LAYERNORM] {
        let parameters = tuned.parameters(name, "local");
        for (width, word) in [(64, "aligned"), (63, "unaligned")] {
            let options = built(&parameters, width, false).0.options();
            builds.push(Build { name: format!("{name} local {word}"), program, options });
        }
    }
    builds
}

fn recipe(target: &Target, task: &Task<'_>, implementation: &str) -> Result<Recipe> {
    let workload = task.workload.name();
    let (rows, width) = (task.shape.size("rows"), task.shape.size("columns"));
    let sizes = [Argument::Int(rows as i32), Argument::Int(width as i32)];
    let x = Argument::Input(0);
    let (Function { program, kernel, .. }, operands) = match workload {
        "softmax" => (SOFTMAX, vec![x]),
        "layernorm" => {
            let eps = Argument::Float(NORM_EPS as f32);
            (LAYERNORM, vec![eps, x, Argument::Input(1), Argument::Input(2)])
        }
        _ => return Err(Error::Unsupported("the kernels have no such function of rows".into())),
    };
    let bytes = task.workload.bytes_moved(task.shape, task.dtype);
    let in_cache = target.entry.cache_bytes.is_some_and(|cache| bytes < cache);
    let parameters = target.tuned.parameters(workload, implementation);
    let (parameters, kept) = built(&parameters, width, in_cache);
    let group = parameters.get("WG");
    let groups = (parameters.get("GROUPS_PER_UNIT") * target.units()).clamp(1, rows);
    let step = Step {
        program,
        kernel,
        options: parameters.options(),
        arguments: [&sizes[..], &operands, &[Argument::Output]].concat(),
        launch: Launch { global: [groups * group, 1, 1], local: [group, 1, 1] },
        local_bytes: 4 * (kept + if group > 1 { group } else { 0 }) as u64,
    };
    Ok(Recipe {
        steps: vec![step],
        scratch: Vec::new(),
        tables: Vec::new(),
        tile: (1, group * parameters.get("VW")),
        tuned: Some(parameters.tuning()),
        work: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tuned::{Tuned, classes};

    /// The rules at the top of the kernels, for every class.
    #[test]
    fn shipped_parameters_are_legal() {
        for class in classes() {
            for workload in ["softmax", "layernorm"] {
                let packed = (class == "cpu").then_some("packed");
                for implementation in ["local"].into_iter().chain(packed) {
                    let p = Tuned::of_class(class).parameters(workload, implementation);
                    assert!([1, 4, 16].contains(&p.get("VW")), "{class} {workload}");
                    assert!(p.get("WG").is_power_of_two() && p.get("NT") <= 1, "{class}");
                    assert!(p.get("KEEP").is_multiple_of(p.get("VW")), "{class} {workload}");
                    assert!(p.get("GROUPS_PER_UNIT") >= 1, "{class} {workload}");
                }
            }
        }
    }
}
