//! `peak-fma`: a vector width and a spelling of multiply-add. Twin of `kernels/peak.cl`.

use super::recipe::{Argument, Build, Launch, Recipe, Step};
use super::target::Target;
use super::tuned::{Parameters, Tuned};
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::terms::Dtype;
use crate::workload::{CHAINS, LENGTH, peak_work};

/// The program.
const PROGRAM: &str = "peak";

/// Spellings in the order of the kernel's parameter FMA_MODE.
const SPELLINGS: [&str; 4] = ["expression", "mad", "fma", "accumulate"];

/// Every implementation: vector width and spelling.
pub const NAMES: [&str; 20] = [
    "v1-expression",
    "v2-expression",
    "v4-expression",
    "v8-expression",
    "v16-expression",
    "v1-mad",
    "v2-mad",
    "v4-mad",
    "v8-mad",
    "v16-mad",
    "v1-fma",
    "v2-fma",
    "v4-fma",
    "v8-fma",
    "v16-fma",
    "v1-accumulate",
    "v2-accumulate",
    "v4-accumulate",
    "v8-accumulate",
    "v16-accumulate",
];

/// Chains in registers, as the implementation's name says.
pub fn peak(target: &Target, task: &Task<'_>) -> Result<Recipe> {
    let what = || Error::Unsupported(format!("no chains are computed in {}", task.dtype.name()));
    let type_name = chain_type(task.dtype).ok_or_else(what)?;
    let parameters = parameters(&target.tuned, task.implementation, task.dtype)?;
    let batches = parameters.get("BATCHES_PER_UNIT") * target.units();
    let per_item = parameters.get("ACC") * parameters.get("VW");
    let group = parameters.get("WG");
    let step = Step {
        program: PROGRAM,
        kernel: "peak",
        options: format!("{} -D TYPE={type_name}", parameters.options()),
        arguments: vec![
            Argument::Float(1.0),
            Argument::Input(0),
            Argument::Input(1),
            Argument::Scratch(0),
            Argument::Output,
        ],
        launch: Launch { global: [CHAINS / per_item * batches, 1, 1], local: [group, 1, 1] },
        local_bytes: 0,
    };
    Ok(Recipe {
        steps: vec![step],
        scratch: vec![(CHAINS / parameters.get("ACC") * (batches - 1)).max(1)],
        tile: (1, per_item),
        tuned: Some(parameters.tuning()),
        work: Some(peak_work(batches as u64)),
        ..Recipe::default()
    })
}

/// The type of a chain as C calls it; none where there are no chains of it.
fn chain_type(dtype: Dtype) -> Option<&'static str> {
    match dtype {
        Dtype::F32 => Some("float"),
        Dtype::F64 => Some("double"),
        Dtype::F16 => Some("half"),
        Dtype::Bf16 => None,
    }
}

/// The parameters of an implementation: those of the class, with the width and the spelling of its
/// name, and as many vectors as keep the registers of the class's own choice. A double takes two.
fn parameters(tuned: &Tuned, implementation: &str, dtype: Dtype) -> Result<Parameters> {
    let unknown = || Error::Unsupported(format!("no implementation '{implementation}'"));
    let (width, spelling) = implementation.split_once('-').ok_or_else(unknown)?;
    let width: usize = width.trim_start_matches('v').parse().map_err(|_| unknown())?;
    let mode = SPELLINGS.iter().position(|name| *name == spelling).ok_or_else(unknown)?;
    let base = tuned.parameters("peak", "chains");
    let words = if dtype == Dtype::F64 { 2 } else { 1 };
    let floats = base.get("CHAINS_PER_ITEM") / words;
    let acc = (floats / width).clamp(1, 16);
    let (vw, fma, length) = (("VW", width), ("FMA_MODE", mode), ("LENGTH", LENGTH));
    Ok(base.with(&[vw, fma, length, ("ACC", acc), ("CHAINS", CHAINS)]))
}

/// The kernels as a class of devices builds them, its own choice alone.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let tuned = Tuned::of_class(class);
    let name = tuned.implementation("peak", Dtype::F32).unwrap_or_default();
    let build = |dtype: Dtype| {
        let parameters = parameters(&tuned, &name, dtype).ok()?;
        let type_name = chain_type(dtype)?;
        Some(Build {
            name: format!("peak {name} {}", dtype.name()),
            program: PROGRAM,
            options: format!("{} -D TYPE={type_name}", parameters.options()),
        })
    };
    [Dtype::F32, Dtype::F64].into_iter().filter_map(build).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tuned::classes;
    use super::*;

    /// The rules at the top of peak.cl, for every class, implementation and type.
    #[test]
    fn shipped_parameters_are_legal() {
        for class in classes() {
            let tuned = Tuned::of_class(class);
            let usual = tuned.implementation("peak", Dtype::F32).unwrap();
            assert!(NAMES.contains(&usual.as_str()), "{class}");
            for name in NAMES {
                for dtype in [Dtype::F32, Dtype::F64, Dtype::F16] {
                    let p = parameters(&tuned, name, dtype).unwrap();
                    let get = |name| p.get(name);
                    let per_group = get("WG") * get("ACC") * get("VW");
                    assert!([1, 2, 4, 8, 16].contains(&get("ACC")), "{class} {name}");
                    assert!(CHAINS.is_multiple_of(per_group), "{class} {name}");
                    assert!(LENGTH.is_multiple_of(get("UNROLL")), "{class}");
                    assert!(get("BATCHES_PER_UNIT") >= 1 && get("WG") <= 256, "{class}");
                }
            }
        }
    }
}
