//! The store of kernel parameters: one file per class of device under `kernels/tuned/`, embedded, and
//! on top of it what `crossover tune` found: shipped for some drivers, and the user's own.

mod origin;
pub mod shapes;
pub mod store;

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::backend::gpu::kernels::Kernels;
use crate::backend::tunable::{Pinned, Point, Tunable};
use crate::machine::DeviceEntry;
use crate::terms::Dtype;

use origin::Origin;
pub use origin::{Change, Tuning};
use store::Entry;

/// Class and text of each shipped file. `gpu` serves what a class leaves out.
const SHIPPED: &[(&str, &str)] = &[
    ("adreno", include_str!("../../../../kernels/tuned/adreno.toml")),
    ("amd", include_str!("../../../../kernels/tuned/amd.toml")),
    ("apple", include_str!("../../../../kernels/tuned/apple.toml")),
    ("cpu", include_str!("../../../../kernels/tuned/cpu.toml")),
    ("gpu", include_str!("../../../../kernels/tuned/gpu.toml")),
    ("intel", include_str!("../../../../kernels/tuned/intel.toml")),
    ("mali", include_str!("../../../../kernels/tuned/mali.toml")),
    ("nvidia", include_str!("../../../../kernels/tuned/nvidia.toml")),
];

/// The macros of one kernel with their values.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    values: BTreeMap<String, String>,
    tuning: Tuning,
    /// Implementation and class of shapes that they were chosen for.
    of: String,
}

impl Parameters {
    fn read(table: &Table) -> Parameters {
        let text = |value: &Value| match value {
            Value::Integer(n) => Some(n.to_string()),
            Value::String(s) => Some(s.clone()),
            _ => None,
        };
        let values = table.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?)));
        Parameters { values: values.collect(), ..Parameters::default() }
    }

    /// Where they come from.
    pub fn tuning(&self) -> Tuning {
        self.tuning
    }

    /// Implementation and class of shapes that they were chosen for; empty where they are the same for all.
    pub fn of_what(&self) -> &str {
        &self.of
    }

    /// A macro's value as a size; zero where the file does not set it.
    pub fn get(&self, name: &str) -> usize {
        self.values.get(name).and_then(|v| v.parse().ok()).unwrap_or(0)
    }

    /// The same; none where the file does not set it.
    pub fn number(&self, name: &str) -> Option<usize> {
        self.values.get(name)?.parse().ok()
    }

    /// The same with some values replaced.
    pub fn with<T: ToString>(&self, changes: &[(&str, T)]) -> Parameters {
        let mut values = self.values.clone();
        values.extend(changes.iter().map(|(name, value)| (name.to_string(), value.to_string())));
        Parameters { values, ..self.clone() }
    }

    /// The same with those of a point on top.
    fn at(mut self, point: &Point, origin: Origin) -> Parameters {
        let values = point.0.iter();
        self.values.extend(values.map(|(name, value)| (name.clone(), value.to_string())));
        self.tuning.origin = origin;
        self
    }

    fn overlaid(mut self, other: Parameters) -> Parameters {
        self.values.extend(other.values);
        self
    }

    /// As `-D` options.
    pub fn options(&self) -> String {
        let one = |(name, value): (&String, &String)| format!("-D {name}={value}");
        self.values.iter().map(one).collect::<Vec<_>>().join(" ")
    }
}

/// The parameters of one device.
pub struct Tuned {
    /// The defaults of the class, and those of `gpu` for what it leaves out.
    defaults: [Table; 2],
    /// What searches found, the most trusted first.
    pub entries: Vec<Entry>,
}

/// The parameters of one device as one task goes by them.
#[derive(Clone, Copy)]
pub struct Chooser<'a> {
    tuned: &'a Tuned,
    dtype: Dtype,
    pinned: Option<Pinned<'a>>,
}

impl Tuned {
    /// The defaults of a class; those of `gpu` for a class without a file.
    pub fn of_class(class: &str) -> Tuned {
        let table = |class: &str| {
            let text = SHIPPED.iter().find(|(name, _)| *name == class).map_or("", |(_, text)| text);
            text.parse::<Table>().expect("a test parses every shipped file")
        };
        Tuned { defaults: [table(class), table("gpu")], entries: Vec::new() }
    }

    /// The defaults of a device's class with what was found for the device and these kernels.
    pub fn of_device(device: &DeviceEntry, kernels: &Kernels) -> Tuned {
        Tuned { entries: store::entries(device, kernels), ..Tuned::of_class(&device.class) }
    }

    /// As a task in f32 goes by them whose parameters are pinned, or by all that is kept.
    pub fn at<'a>(&'a self, pinned: Option<Pinned<'a>>) -> Chooser<'a> {
        Chooser { tuned: self, dtype: Dtype::F32, pinned }
    }

    /// The implementation that is timed for a workload in a dtype where the user names none: the class's,
    /// unless another was found to be faster over all classes of shapes.
    pub fn implementation(&self, workload: &str, dtype: Dtype) -> Option<String> {
        let named = |table: &Table| Some(table.get("implementation")?.as_str()?.to_string());
        let in_file = |table: &Table| {
            let table = table.get(workload)?.as_table()?;
            let own = table.get(dtype.name()).and_then(Value::as_table).and_then(named);
            own.or_else(|| named(table))
        };
        let usual = self.defaults.iter().find_map(in_file)?;
        Some(store::fastest(&self.entries, (workload, dtype), &usual).unwrap_or(usual))
    }

    /// What has changed since the user tuned this device, where that leaves entries without use.
    pub fn change(&self) -> Option<Change> {
        let is_replaced = |old: &Entry| {
            let is_it = |e: &&Entry| e.is_of_class_of(old);
            self.entries.iter().filter(is_it).any(|e| e.origin == Origin::User)
        };
        self.entries.iter().filter(|e| !is_replaced(e)).find_map(|e| e.origin.change())
    }

    /// The parameters of an implementation.
    pub fn parameters(&self, workload: &str, implementation: &str) -> Parameters {
        self.find(workload, implementation).map(Parameters::read).unwrap_or_default()
    }

    /// The parameters of an implementation with those of special cases (`unaligned`, say), one on top of
    /// the other.
    pub fn specials(&self, workload: &str, implementation: &str, cases: &[&str]) -> Parameters {
        let table = self.find(workload, implementation);
        let special = |case: &&str| table?.get(*case)?.as_table().map(Parameters::read);
        let base = self.parameters(workload, implementation);
        cases.iter().filter_map(special).fold(base, Parameters::overlaid)
    }

    fn find(&self, workload: &str, implementation: &str) -> Option<&Table> {
        let mut tables = self.defaults.iter();
        tables.find_map(|table| table.get(workload)?.get(implementation)?.as_table())
    }
}

impl Chooser<'_> {
    /// The same for a task in another dtype.
    pub fn in_dtype(self, dtype: Dtype) -> Self {
        Chooser { dtype, ..self }
    }

    /// The parameters of an implementation for a class of shapes: its defaults with those of the special
    /// cases and of the dtype on top, then those that are pinned, or else what a search found for such
    /// shapes in this dtype.
    pub fn chosen(
        self,
        workload: &str,
        implementation: &str,
        cases: &[&str],
        shape_class: &str,
    ) -> Parameters {
        let cases = [cases, &[self.dtype.name()]].concat();
        let mut defaults = self.tuned.specials(workload, implementation, &cases);
        defaults.of = part(implementation, shape_class);
        let this = (workload, implementation, shape_class, self.dtype);
        let is_pinned =
            |t: &Tunable| (t.family(), t.implementation, t.shape_class, t.dtype) == this;
        if let Some(pinned) = self.pinned.filter(|pinned| is_pinned(pinned.tunable)) {
            return defaults.at(pinned.point, Origin::User);
        }
        let is_it = |e: &&Entry| e.is_for(workload, implementation, shape_class, self.dtype);
        let used = |e: &&Entry| is_it(e) && !e.origin.is_seed();
        let mut parameters = match self.tuned.entries.iter().find(used) {
            Some(entry) => defaults.at(&entry.parameters, entry.origin),
            None => defaults,
        };
        if parameters.tuning.origin != Origin::User {
            let mut all = self.tuned.entries.iter().filter(is_it);
            parameters.tuning.change = all.find_map(|e| e.origin.change());
        }
        parameters
    }

    /// The parameters of an implementation that is not searched.
    pub fn parameters(self, workload: &str, implementation: &str) -> Parameters {
        self.tuned.parameters(workload, implementation)
    }
}

/// What goes by the parameters of an implementation for a class of shapes.
pub fn part(implementation: &str, shape_class: &str) -> String {
    format!("{implementation} {shape_class}")
}

/// Names of all classes.
#[cfg(test)]
pub fn classes() -> Vec<&'static str> {
    SHIPPED.iter().map(|(name, _)| *name).collect()
}

#[cfg(test)]
mod tests;
