//! What can be tuned: a kernel for a class of shapes, and the values that its parameters may take.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::terms::Dtype;

/// Values of a kernel's parameters, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Point(pub BTreeMap<String, usize>);

impl Point {
    /// Of names and values.
    pub fn of(values: &[(&str, usize)]) -> Point {
        Point(values.iter().map(|(name, value)| (name.to_string(), *value)).collect())
    }

    /// A parameter's value; zero where it has none.
    pub fn get(&self, name: &str) -> usize {
        self.0.get(name).copied().unwrap_or(0)
    }
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<String> = self.0.iter().map(|(name, n)| format!("{name}={n}")).collect();
        f.write_str(&words.join(","))
    }
}

/// The values that one parameter may take, in their order.
pub type Dimension = (&'static str, &'static [usize]);

/// All points that may be tried.
#[derive(Clone, Copy, Debug)]
pub struct Space {
    /// The parameters.
    pub dimensions: &'static [Dimension],
    /// The rules between them that can be told without compiling.
    pub is_legal: fn(&Point) -> bool,
    /// Work-items of a group at a point.
    pub items: fn(&Point) -> usize,
}

/// A kernel that can be tuned for a class of shapes.
#[derive(Clone, Debug)]
pub struct Tunable {
    /// Workload of the shape that stands for the class.
    pub workload: &'static str,
    /// The kernel, which is an implementation or a part of one.
    pub implementation: &'static str,
    /// The implementation that runs it.
    pub prepared_as: &'static str,
    /// Name of the class of shapes.
    pub shape_class: &'static str,
    /// The shape that stands for it, as the command line takes it.
    pub shape: String,
    /// What it is computed in.
    pub dtype: Dtype,
    /// The part of a run that is timed: the kernels that go by the parameters; none where that is all.
    pub part: Option<String>,
    /// What may be tried.
    pub space: Space,
    /// Where a search begins: the defaults first, then what other devices and earlier searches found.
    pub seeds: Vec<Point>,
    /// Most work-items of a group on this device.
    pub max_group_size: usize,
}

impl Tunable {
    /// Whether a point keeps all rules that can be told without compiling.
    pub fn is_legal(&self, point: &Point) -> bool {
        (self.space.is_legal)(point) && (self.space.items)(point) <= self.max_group_size
    }

    /// Workloads that share the kernel's parameters: see [`family`].
    pub fn family(&self) -> &'static str {
        family(self.workload)
    }

    /// Whether points of the other one are points of this one.
    pub fn shares_kernel(&self, other: &Tunable) -> bool {
        let key = |t: &Tunable| (t.family(), t.implementation, t.dtype);
        key(self) == key(other)
    }

    /// Adds a point to begin at, unless it is there or breaks a rule.
    pub fn add_seed(&mut self, point: &Point) {
        if self.is_legal(point) && !self.seeds.contains(point) {
            self.seeds.push(point.clone());
        }
    }

    /// Workload, implementation, class and, where it is not f32, dtype, for people and for files.
    pub fn name(&self) -> String {
        let dtype = if self.dtype == Dtype::F32 { "" } else { self.dtype.name() };
        let words = [self.workload, self.implementation, self.shape_class, dtype];
        words.join(" ").trim_end().to_string()
    }
}

/// Workloads that share their parameters: `stream-copy` and its like are one family.
pub fn family(workload: &str) -> &str {
    workload.split('-').next().unwrap_or_default()
}

/// The parameters of one kernel for one class of shapes, in place of what is kept for it.
#[derive(Clone, Copy, Debug)]
pub struct Pinned<'a> {
    /// Which kernel, and which class of shapes.
    pub tunable: &'a Tunable,
    /// Its parameters.
    pub point: &'a Point,
}

/// What a search found for a tunable.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// The best point.
    pub point: Point,
    /// Seconds of a run at it.
    pub wall_s: f64,
    /// Seconds of a run with the defaults, measured beside it.
    pub default_s: f64,
}
