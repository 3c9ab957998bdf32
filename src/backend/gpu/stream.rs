//! The five streams. Twin of `kernels/stream.cl`.

use super::recipe::{Argument, Build, Launch, Recipe, Step};
use super::target::Target;
use super::tuned::{Chooser, Parameters, Tuned, shapes};
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::workload::SCALAR;

/// The program.
const PROGRAM: &str = "stream";

/// Every stream, in the order of the kernel's parameter OP.
pub const NAMES: [&str; 5] =
    ["stream-copy", "stream-scale", "stream-add", "stream-triad", "stream-dot"];

/// OP of the sum.
const DOT: usize = 4;

/// Vectors, shared out as the class of the device asks.
pub fn vector(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    let operation = NAMES.iter().position(|name| *name == task.workload.name());
    let operation =
        operation.ok_or_else(|| Error::Unsupported("the kernel has no such stream".into()))?;
    let n = task.workload.inputs(task.shape)[0];
    let bytes = task.workload.bytes_moved(task.shape, task.dtype);
    let in_cache = target.entry.cache_bytes.is_some_and(|cache| bytes < cache);
    let parameters = parameters(target.tuned.at(task.parameters), operation, in_cache);
    let groups = groups(&parameters, operation, n, target.units());
    let group = parameters.get("WG");
    let step = |kernel, arguments, groups: usize| Step {
        program: PROGRAM,
        kernel,
        options: parameters.options(),
        arguments,
        launch: Launch::of_groups(groups, group),
        local_bytes: if operation == DOT { 4 * group as u64 } else { 0 },
    };
    let two = task.workload.inputs(task.shape).len() == 2;
    let stream = |output| {
        // What an operation does not name it leaves alone.
        let b = Argument::Input(usize::from(two));
        let sizes = [Argument::Int(n as i32), Argument::Float(SCALAR)];
        [sizes.as_slice(), &[Argument::Input(0), b, output]].concat()
    };
    let (steps, scratch) = if operation == DOT {
        let partial = Argument::Scratch(0);
        let reduce = vec![Argument::Int(groups as i32), partial, Argument::Output];
        let steps = vec![step("stream", stream(partial), groups), step("dot_reduce", reduce, 1)];
        (steps, vec![groups])
    } else {
        (vec![step("stream", stream(Argument::Output), groups)], Vec::new())
    };
    let tile = (1, parameters.get("VW") * parameters.get("WPI"));
    let tuned = Some(parameters.tuning());
    Ok(Recipe { steps, scratch, tile, tuned, ..Recipe::default() })
}

fn parameters(tuned: Chooser<'_>, operation: usize, in_cache: bool) -> Parameters {
    let cases: &[&str] = if in_cache { &["in_cache"] } else { &[] };
    let class = shapes::stream(operation == DOT, in_cache);
    tuned.chosen("stream", "vector", cases, class).with(&[("OP", operation)])
}

/// Work-groups of a launch, as the kernel's head asks.
fn groups(parameters: &Parameters, operation: usize, n: usize, units: usize) -> usize {
    let get = |name| parameters.get(name);
    let per_group = get("VW") * get("WPI") * get("WG");
    let turns = n.div_ceil(per_group).max(1);
    if get("PATTERN") == 0 && operation != DOT {
        turns
    } else {
        // No more groups than there is work for.
        (get("GROUPS_PER_UNIT") * units).min(turns)
    }
}

/// The kernels as a class of devices builds them.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let tuned = Tuned::of_class(class);
    let build = |(operation, name): (usize, &&str)| Build {
        name: name.to_string(),
        program: PROGRAM,
        options: parameters(tuned.at(None), operation, false).options(),
    };
    NAMES.iter().enumerate().map(build).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tuned::classes;
    use super::*;

    /// The rules at the top of stream.cl, for every class.
    #[test]
    fn shipped_parameters_are_legal() {
        for class in classes() {
            let p = parameters(Tuned::of_class(class).at(None), 0, false);
            assert!([1, 2, 4, 8, 16].contains(&p.get("VW")), "{class}");
            assert!((1..=16).contains(&p.get("WPI")) && p.get("PATTERN") <= 1, "{class}");
            assert!((1..=256).contains(&p.get("WG")) && p.get("GROUPS_PER_UNIT") >= 1, "{class}");
        }
    }

    #[test]
    fn there_are_enough_groups_and_no_idle_ones() {
        let p = Tuned::of_class("gpu").parameters("stream", "vector");
        let per_group = p.get("VW") * p.get("WPI") * p.get("WG");
        assert_eq!(groups(&p, 0, 1, 8), 1);
        assert_eq!(groups(&p, 0, 10 * per_group + 1, 8), 11);
        assert_eq!(groups(&p, DOT, 1000 * per_group, 8), 8 * p.get("GROUPS_PER_UNIT"));
        assert_eq!(groups(&p, DOT, 2 * per_group, 8), 2);
    }
}
