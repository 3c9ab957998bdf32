//! What is searched.
//!
//! | file | holds |
//! | --- | --- |
//! | `kernels.rs` | the kernels, the values of their parameters, the rules between them |
//! | `classes.rs` | the classes of shapes, with one that stands for each |

mod classes;
pub mod kernels;

use std::cmp::Reverse;

use super::tuned::store::Entry;
use super::tuned::{Tuned, part};
use crate::backend::tunable::{Dimension, Point, Tunable, family};
use crate::machine::DeviceEntry;
use crate::terms::{DeviceKind, Dtype};

use classes::{CLASSES, shape_on};
use kernels::{KERNELS, Kernel};

/// What can be tuned on a device whose work-groups hold up to `max_group_size` items.
pub fn tunables(tuned: &Tuned, device: &DeviceEntry, max_group_size: usize) -> Vec<Tunable> {
    let is_cpu = device.kind == DeviceKind::Cpu;
    let all = CLASSES.iter().filter_map(|class| {
        let (workload, implementation, shape_class, cases, shape) = *class;
        let kernel = find(family(workload), implementation, is_cpu)?;
        let mut tunable = Tunable {
            workload,
            implementation,
            prepared_as: prepared_as(implementation),
            part: (kernel.family == "train").then(|| part(implementation, shape_class)),
            shape_class,
            shape: shape_on(device, shape)?,
            dtype: Dtype::F32,
            space: kernel.space,
            seeds: vec![defaults(tuned, kernel, cases)],
            max_group_size,
        };
        let is_it = |e: &&Entry| e.is_for(kernel.family, implementation, shape_class, Dtype::F32);
        let mut entries: Vec<&Entry> = tuned.entries.iter().filter(is_it).collect();
        // What is in use comes first.
        entries.sort_by_key(|entry| Reverse(entry.origin));
        for entry in entries {
            tunable.add_seed(&entry.parameters);
        }
        // What serves another class of shapes may serve this one.
        for (other, name, _, cases, _) in CLASSES {
            if (family(other), *name) == (kernel.family, implementation) {
                tunable.add_seed(&defaults(tuned, kernel, cases));
            }
        }
        Some(tunable)
    });
    all.collect()
}

/// The implementation that a kernel is, or is a part of.
fn prepared_as(kernel: &'static str) -> &'static str {
    match kernel {
        "depthwise" => "local",
        name => name.split('-').next().unwrap_or(name),
    }
}

fn find(family: &str, implementation: &str, is_cpu: bool) -> Option<&'static Kernel> {
    KERNELS.iter().find(|kernel| {
        (kernel.family, kernel.implementation, kernel.for_cpus) == (family, implementation, is_cpu)
    })
}

/// The searched parameters as the class of the device has them.
fn defaults(tuned: &Tuned, kernel: &Kernel, cases: &[&str]) -> Point {
    let parameters = tuned.specials(kernel.family, kernel.implementation, cases);
    let set = |(name, _): &Dimension| Some((*name, parameters.number(name)?));
    Point::of(&kernel.space.dimensions.iter().filter_map(set).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests;
