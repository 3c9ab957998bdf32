//! `train-mlp` `train-cnn` `train-lstm` `train-transformer`: every operation of a step is a list of launches, all
//! planned before the first one. Twin of `kernels/train/`.
//!
//! | file | holds |
//! | --- | --- |
//! | `plan.rs` | a whole step: its tensors and the launches of every operation |
//! | `planner.rs` | a launch of each kind of kernel |
//! | `slots.rs` `sizes.rs` | where kernels read and write; how long each tensor is |
//! | `product.rs` | matrix products |
//! | `linear.rs` `conv.rs` `norm.rs` `lstm.rs` `attention.rs` `sums.rs` | a kind of layer each; losses and means |
//! | `optimizer.rs` | the update, and the way back to the start |
//!
//! Implementations go by the products inside: `packed` for CPU devices, `local`, `register`, `naive`.

mod attention;
mod conv;
mod linear;
mod lstm;
mod norm;
mod optimizer;
mod plan;
mod planner;
mod product;
mod sizes;
mod slots;
mod sums;

use super::recipe::Build;
use super::target::Target;
use super::tuned::{Chooser, Parameters, Tuned};
use crate::backend::Task;
use crate::error::{Error, Result};
use crate::network::Graph;

pub use optimizer::changing;
pub use plan::Plan;
pub use sizes::{Layout, Sizes};
pub use slots::{Call, Schedule, Slot, Value};

/// Every implementation, in the order of [`Kind`].
pub const NAMES: [&str; 4] = ["local", "register", "packed", "naive"];

/// Which products an implementation is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Local,
    Register,
    Packed,
    Naive,
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Local, Kind::Register, Kind::Packed, Kind::Naive];

    fn of(implementation: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.name() == implementation)
    }

    fn name(self) -> &'static str {
        NAMES[self as usize]
    }

    /// Parameters of the kernels that work on rows, columns, channels or elements of a class of shapes.
    fn parameters(self, tuned: Chooser<'_>, what: &str, shape_class: &str) -> Parameters {
        let makers = if self == Kind::Packed { "packed" } else { "local" };
        tuned.chosen("train", &format!("{makers}-{what}"), &[], shape_class)
    }
}

/// The network that a task trains.
fn graph_of(task: &Task<'_>) -> Option<Graph> {
    task.workload.network().map(|network| (network.graph)(task.shape))
}

/// The network of a task in one of `NAMES`, and the plan of its step on a device.
pub fn plan(target: &Target, task: &Task<'_>) -> Result<(Graph, Plan)> {
    let unsupported = |what: &str| Error::Unsupported(what.to_string());
    let graph = graph_of(task).ok_or_else(|| unsupported("it trains no network"))?;
    let kind = Kind::of(task.implementation).ok_or_else(|| unsupported("no such kernels"))?;
    if kind.parameters(target.tuned.at(task.parameters), "rows", "wide").get("VW") == 0 {
        return Err(unsupported("packed is for CPU devices"));
    }
    let plan = Plan::new(target, &graph, kind, task.parameters)?;
    Ok((graph, plan))
}

/// Memory that a step takes on the device and on the host together, in bytes; none for what is no
/// training.
pub fn footprint_bytes(target: &Target, task: &Task<'_>) -> Option<u64> {
    let graph = graph_of(task)?;
    let kind = Kind::of(task.implementation)?;
    let recipes = conv::recipes(target, &graph, kind, task.parameters).unwrap_or_default();
    let sizes = Sizes::of(target.base_alignment, &graph, kind, &recipes);
    let on_host = graph.values[graph.input()].len() + 2 * graph.parameter_count() as usize;
    Some(4 * (sizes.lengths().iter().sum::<usize>() + on_host) as u64)
}

/// The GPU kernels as a class of devices builds them.
pub fn gpu_builds(class: &str) -> Vec<Build> {
    let tuned = Tuned::of_class(class);
    let tuned = tuned.at(None);
    [product::gpu_builds(tuned), planner::gpu_builds(tuned)].into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::gpu::tuned::classes;

    #[test]
    fn every_name_is_a_kind() {
        assert_eq!(NAMES.map(Kind::of), Kind::ALL.map(Some));
        assert_eq!(Kind::Naive.name(), "naive");
    }

    /// The rules at the top of the kernel files, for every class.
    #[test]
    fn shipped_parameters_are_legal() {
        for class in classes() {
            let tuned = Tuned::of_class(class);
            for kind in Kind::ALL {
                let served = kind != Kind::Packed || class == "cpu";
                for what in ["rows", "channels", "elements"] {
                    let p = kind.parameters(tuned.at(None), what, "all");
                    assert_eq!([4, 16].contains(&p.get("VW")), served, "{class} {what}");
                    assert!(!served || p.get("WG").is_power_of_two(), "{class} {what}");
                }
                let p = kind.parameters(tuned.at(None), "columns", "all");
                assert_eq!([1, 4, 16].contains(&p.get("VW")), served, "{class}");
                assert!(!served || p.get("LY").is_power_of_two() && p.get("UC") >= 1, "{class}");
            }
        }
    }
}
