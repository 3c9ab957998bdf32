//! WHAT is computed: names, axes, shapes, data, f64 references and work. Knows no device.

mod check;
mod conv;
mod gemm;
mod gemv;
mod launch;
mod layernorm;
mod peak;
mod preset;
mod probes;
mod product;
mod rows;
mod softmax;
mod stream;
mod train;
mod transfer;

use crate::error::{self, Result};
use crate::network::Network;
use crate::terms::{Axis, Dtype, Family, Format, Formats, Role, Scope, Shape};

pub use check::{Algorithm, Bounded, Bounds, Check, ExactSums, Reference, Terms, Transformed};
pub use conv::Pass;
pub use peak::{CHAINS, LENGTH, Peak, work as peak_work};
pub use preset::{Entry, Host, Preset};
pub use stream::{DOT, SCALAR, TRIAD};

/// Every workload, in the order of runs and reports: first those that answer, then those that say why. `launch`
/// ends the list, since what a driver has compiled may stay in memory.
pub const WORKLOADS: &[&dyn Workload] = &[
    &gemm::Gemm,
    &gemv::Gemv,
    &conv::FPROP,
    &conv::DGRAD,
    &conv::WGRAD,
    &softmax::Softmax,
    &layernorm::LayerNorm,
    &train::MLP,
    &train::CNN,
    &train::LSTM,
    &train::TRANSFORMER,
    &stream::COPY,
    &stream::SCALE,
    &stream::ADD,
    &TRIAD,
    &DOT,
    &Peak,
    &transfer::H2D,
    &transfer::D2H,
    &launch::Launch,
];

/// Finds a workload by its name, or says which ones there are.
pub fn find(name: &str) -> Result<&'static dyn Workload> {
    error::named("workload", name, WORKLOADS.iter().copied(), |w| w.name())
}

/// What the workload of this name tells about; one that is unknown, from another version's files, is
/// taken for a model.
pub fn role(name: &str) -> Role {
    WORKLOADS.iter().find(|w| w.name() == name).map_or(Role::Model, |w| w.role())
}

/// The workload that trains a network by one step.
pub fn of_network(network: &Network) -> Result<&'static dyn Workload> {
    find(&format!("train-{}", network.name))
}

/// The work of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// Nominal floating-point operations; the same for every algorithm.
    pub flop_count: u64,
    /// Operations that are really needed: without padding taps.
    pub flop_exact: u64,
    /// Elements of the compulsory traffic: each operand and each result once.
    pub elements_moved: u64,
}

impl Work {
    /// Compulsory traffic in bytes, where an element lies in memory in this format.
    pub fn bytes_moved(&self, format: Format) -> u64 {
        self.elements_moved.saturating_mul(format.bytes())
    }
}

/// Places of `length` elements, a part at a time: references of all of them at once may not fit.
pub fn parts(length: usize) -> impl Iterator<Item = Vec<usize>> {
    const PART: usize = 1 << 18;
    (0..length).step_by(PART).map(move |start| (start..(start + PART).min(length)).collect())
}

/// One workload, described once: everything else takes names, sizes and work from here. What its results
/// must be is told by its [`Check`].
pub trait Workload: Sync {
    /// Its name in files and on the command line.
    fn name(&self) -> &'static str;

    /// Its axes in canonical order; without any it has one shape.
    fn axes(&self) -> &'static [Axis] {
        &[]
    }

    /// Reads a shape, `A=N,..`, and fills in defaults.
    fn shape(&self, text: &str) -> Result<Shape> {
        Shape::parse(self.name(), self.axes(), text)
    }

    /// What it can be computed in; each is a case of its own.
    fn dtypes(&self) -> &'static [Dtype] {
        &[Dtype::F32]
    }

    /// What it is computed in where the user names none.
    fn usual_dtypes(&self) -> &'static [Dtype] {
        &[Dtype::F32]
    }

    /// The formats of operands, results and sums in a dtype.
    fn formats(&self, dtype: Dtype) -> Formats {
        dtype.formats()
    }

    /// FLOP and elements of one run. Zero FLOP where a runner decides: it tells what it did.
    fn work(&self, shape: &Shape) -> Work;

    /// Bytes of the compulsory traffic of one run in a dtype.
    fn bytes_moved(&self, shape: &Shape, dtype: Dtype) -> u64 {
        self.work(shape).bytes_moved(self.formats(dtype).storage)
    }

    /// Elements of each input tensor, in order.
    fn inputs(&self, shape: &Shape) -> Vec<usize>;

    /// Elements of the output.
    fn output(&self, shape: &Shape) -> usize;

    /// How its results are checked.
    fn check(&self) -> Check<'_>;

    /// Its check, where results are sums of products.
    fn exact_sums(&self) -> Option<&dyn ExactSums> {
        match self.check() {
            Check::ExactSums(sums) => Some(sums),
            Check::Bounded(_) | Check::Network(_) => None,
        }
    }

    /// The network that one run trains by one step.
    fn network(&self) -> Option<&Network> {
        match self.check() {
            Check::Network(network) => Some(network),
            Check::ExactSums(_) | Check::Bounded(_) => None,
        }
    }

    /// Elements of each tensor that makes up the output, one after the other.
    fn outputs(&self, shape: &Shape) -> Vec<usize> {
        vec![self.output(shape)]
    }

    /// FLOP that are really needed by an algorithm.
    fn flop_exact_by(&self, shape: &Shape, _algorithm: Algorithm) -> u64 {
        self.work(shape).flop_exact
    }

    /// What it tells about.
    fn role(&self) -> Role {
        Role::Model
    }

    /// Which scopes can be measured.
    fn scopes(&self) -> &'static [Scope] {
        self.role().scopes()
    }

    /// Whether a device may use data several times between one upload and one download. A training step has
    /// another mini-batch each time.
    fn reuses_data(&self) -> bool {
        self.role() == Role::Model && !matches!(self.check(), Check::Network(_))
    }

    /// The shapes of a preset, sweep by sweep and list by list.
    fn preset(&self, preset: Preset, host: &Host) -> Vec<Entry>;

    /// Axes that make one sweep when they change together (`m n k` as `mnk`), with its name.
    fn joint_axes(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[]
    }

    /// An axis by its name, or the first of those that grow by the name of joint axes or of a family.
    fn axis(&self, name: &str) -> Option<&'static Axis> {
        let joint = self.joint_axes().iter().find(|(joint, _)| *joint == name);
        let free = || Some(Family::named(self.axes(), name)?.free()[0]);
        let name = joint.map(|(_, axes)| axes[0]).or_else(free).unwrap_or(name);
        self.axes().iter().find(|a| a.name == name)
    }

    /// What a sweep along a family is called: by the name of joint axes, where they alone are given.
    fn family_name(&self, family: &Family) -> String {
        let joint = self.joint_axes().iter().find(|(_, axes)| family.is_only(axes));
        joint.map_or_else(|| family.name(), |(name, _)| name.to_string())
    }

    /// The shape with an axis, or joint axes, at another value, or the one of a family; none where it has no such
    /// axis.
    fn moved(&self, shape: &Shape, axis: &str, value: u64) -> Option<Shape> {
        if let Some((_, axes)) = self.joint_axes().iter().find(|(name, _)| *name == axis) {
            return Some(shape.with(axes, value));
        }
        if self.axes().iter().any(|a| a.name == axis) {
            return Some(shape.with(&[axis], value));
        }
        Family::named(self.axes(), axis)?.at(value).ok()
    }

    /// Whether there is such a shape, and if not, why: its axes don't fit each other. Each alone is in
    /// its range.
    fn validate(&self, _shape: &Shape) -> std::result::Result<(), String> {
        Ok(())
    }

    /// Shapes at which every implementation is verified: 1, primes, one under and over each tile.
    fn awkward_shapes(&self) -> Vec<Shape>;

    /// The shape in a few characters for a chart or a table.
    fn label(&self, shape: &Shape) -> String {
        shape.short()
    }
}
