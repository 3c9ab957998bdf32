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
mod tests {
    use super::*;
    use crate::backend::gpu::Target;

    #[test]
    fn every_shipped_file_is_read_and_names_a_default() {
        for (class, text) in SHIPPED {
            text.parse::<Table>().unwrap_or_else(|e| panic!("{class}: {e}"));
            let tuned = Tuned::of_class(class);
            for dtype in [Dtype::F32, Dtype::F64, Dtype::Bf16] {
                let name = tuned.implementation("gemm", dtype);
                let name = name.unwrap_or_else(|| panic!("{class}"));
                assert!(tuned.find("gemm", &name).is_some(), "{class}: {name}");
            }
        }
    }

    #[test]
    fn special_cases_lie_on_top() {
        let tuned = Tuned::of_class("nvidia");
        let plain = tuned.parameters("gemm", "local");
        let odd = tuned.specials("gemm", "local", &["unaligned"]);
        assert_eq!((plain.get("VA"), odd.get("VA")), (4, 1));
        assert_eq!(plain.get("TM"), odd.get("TM"));
        assert!(plain.options().contains("-D TM=128"));
        assert!(plain.options().contains("-D RESTRICT="), "{}", plain.options());
    }

    #[test]
    fn pinned_parameters_are_for_one_kernel_and_class_of_shapes() {
        let target = Target::made_up("nvidia");
        let tunables = target.tunables();
        let tunable = tunables.iter().find(|t| t.name() == "gemm local small").unwrap();
        let point = Point::of(&[("TM", 32), ("DB", 0)]);
        let pinned = target.tuned.at(Some(Pinned { tunable, point: &point }));
        let free = target.tuned.at(None);
        let there = pinned.chosen("gemm", "local", &[], "small");
        assert_eq!((there.get("TM"), there.get("DB")), (32, 0));
        assert_eq!(there.get("TN"), free.chosen("gemm", "local", &[], "small").get("TN"));
        for (implementation, class) in [("local", "large"), ("register", "small")] {
            let [a, b] = [pinned, free].map(|t| t.chosen("gemm", implementation, &[], class));
            assert_eq!(a, b, "{implementation} {class}");
        }
        let [a, b] = [pinned, free].map(|t| t.in_dtype(Dtype::F64));
        let [a, b] = [a, b].map(|t| t.chosen("gemm", "local", &[], "small"));
        assert_eq!(a, b, "another dtype");
    }

    #[test]
    fn a_dtype_has_its_own_default_and_its_own_parameters() {
        let tuned = Tuned::of_class("cpu");
        let names = [Dtype::F32, Dtype::F64, Dtype::Bf16].map(|d| tuned.implementation("gemm", d));
        assert_eq!(names.map(Option::unwrap), ["packed", "packed", "register"]);
        let panels = |dtype| tuned.at(None).in_dtype(dtype).chosen("gemm", "packed", &[], "large");
        assert_eq!((panels(Dtype::F32).get("NV"), panels(Dtype::F64).get("NV")), (4, 2));
    }

    #[test]
    fn a_class_without_an_implementation_has_the_general_one() {
        let general = Tuned::of_class("gpu").parameters("gemm", "local");
        assert_eq!(Tuned::of_class("cpu").parameters("gemm", "local"), general);
        assert_eq!(Tuned::of_class("unheard-of").parameters("gemm", "local"), general);
    }
}
