//! WHAT is computed: names, axes, shapes, data, f64 references and work. Knows no device.

mod conv;
mod gemm;
mod launch;
mod peak;
mod preset;
mod probes;
mod stream;
mod train;
mod transfer;

use std::ops::Range;

use crate::error::{Error, Result, did_you_mean};
use crate::network::Network;
use crate::tensor::Stream;
use crate::terms::{Axis, Dtype, Role, Scope, Shape};

pub use conv::Pass;
pub use peak::{CHAINS, LENGTH, work as peak_work};
pub use preset::{Entry, Host, Preset};
pub use stream::SCALAR;

/// Every workload, in the order of reports.
pub const WORKLOADS: &[&dyn Workload] = &[
    &gemm::Gemm,
    &conv::FPROP,
    &conv::DGRAD,
    &conv::WGRAD,
    &stream::COPY,
    &stream::SCALE,
    &stream::ADD,
    &stream::TRIAD,
    &stream::DOT,
    &peak::Peak,
    &transfer::H2D,
    &transfer::D2H,
    &launch::Launch,
    &train::MLP,
    &train::CNN,
    &train::LSTM,
    &train::TRANSFORMER,
];

/// Finds a workload by its name, or says which ones there are.
pub fn find(name: &str) -> Result<&'static dyn Workload> {
    WORKLOADS.iter().copied().find(|w| w.name() == name).ok_or_else(|| {
        let names: Vec<&str> = WORKLOADS.iter().map(|w| w.name()).collect();
        let hint = did_you_mean(name, names.iter().copied());
        Error::usage(format!("unknown workload '{name}'; there is {}{hint}", names.join(", ")))
    })
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
    /// Compulsory traffic in bytes: each operand once.
    pub bytes_moved: u64,
}

/// Reference values of some output elements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// The exact result, computed in f64.
    pub value: Vec<f64>,
    /// The sum of the magnitudes of the terms, |A||B| for a product: scales the error bound.
    pub magnitude: Vec<f64>,
}

/// How an implementation comes to its results, as far as it changes their error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// By the sums of the definition, in any order.
    #[default]
    Direct,
    /// By Winograd's minimal filtering with so many outputs a tile in each direction: 2 or 4.
    Winograd(usize),
}

/// A part of the output as an algorithm that is not exact on integers may give it.
#[derive(Clone, Debug, PartialEq)]
pub struct Transformed {
    /// Which elements.
    pub elements: Range<usize>,
    /// The exact results.
    pub value: Vec<f64>,
    /// What the algorithm's errors are relative to.
    pub magnitude: Vec<f64>,
    /// Roundings on the way, n in gamma(n).
    pub roundings: u64,
}

/// Places of `length` elements, a part at a time: references of all of them at once may not fit.
pub fn parts(length: usize) -> impl Iterator<Item = Vec<usize>> {
    const PART: usize = 1 << 18;
    (0..length).step_by(PART).map(move |start| (start..(start + PART).min(length)).collect())
}

/// One workload, described once: everything else takes sizes, data and work from here.
pub trait Workload: Sync {
    /// Its name in files and on the command line.
    fn name(&self) -> &'static str;

    /// Its axes in canonical order.
    fn axes(&self) -> &'static [Axis];

    /// Reads a shape, `A=N,..`, and fills in defaults.
    fn shape(&self, text: &str) -> Result<Shape> {
        Shape::parse(self.name(), self.axes(), text)
    }

    /// What it can be computed in; each is a case of its own.
    fn dtypes(&self) -> &'static [Dtype] {
        &[Dtype::F32]
    }

    /// FLOP and bytes of one run. Zero FLOP where a runner decides: it tells what it did.
    fn work(&self, shape: &Shape) -> Work;

    /// Elements of each input tensor, in order.
    fn inputs(&self, shape: &Shape) -> Vec<usize>;

    /// Elements of the output.
    fn output(&self, shape: &Shape) -> usize;

    /// Length of the longest sum behind an output element.
    fn reduction(&self, shape: &Shape) -> u64;

    /// The network that one run trains by one step; then inputs are its parameters, a mini-batch and
    /// its labels, and the output is the loss, every gradient and every parameter after the step. Such a
    /// workload has no sums to be checked by themselves.
    fn network(&self) -> Option<&Network> {
        None
    }

    /// Elements of each tensor that makes up the output, one after the other.
    fn outputs(&self, shape: &Shape) -> Vec<usize> {
        vec![self.output(shape)]
    }

    /// The reference for the output elements `at`, or for all of them in order.
    fn reference(&self, _: &Shape, _: &[Vec<f32>], _at: Option<&[usize]>) -> Reference {
        Reference::default()
    }

    /// The output times a vector of signs, summed over some of its axes. It is linear, so that it can be
    /// had without the output: [`Workload::expected_form`]. On small integers both are exact, and any
    /// single wrong element of the output shows (Freivalds 1979). Without long sums: the output itself.
    fn form(&self, _shape: &Shape, output: &[f32], _signs: Stream) -> Vec<f64> {
        output.iter().map(|x| f64::from(*x)).collect()
    }

    /// What [`Workload::form`] must give, from the operands.
    fn expected_form(&self, shape: &Shape, inputs: &[Vec<f32>], _signs: Stream) -> Vec<f64> {
        self.reference(shape, inputs, None).value
    }

    /// What an element of a form is called: `row` of a product.
    fn form_element(&self) -> &'static str {
        "element"
    }

    /// What the last images of the output, as many as asked for, may be by an algorithm other than
    /// the sums of the definition. None where there is no such algorithm for this workload.
    fn transformed(
        &self,
        _shape: &Shape,
        _inputs: &[Vec<f32>],
        _algorithm: Algorithm,
        _images: usize,
    ) -> Option<Transformed> {
        None
    }

    /// FLOP that are really needed by an algorithm.
    fn flop_exact_by(&self, shape: &Shape, _algorithm: Algorithm) -> u64 {
        self.work(shape).flop_exact
    }

    /// Output elements worth a look where not all are checked: corners and both sides of the edges
    /// of `tile` (rows, columns), the rest at random. Sorted, without repeats.
    fn probes(&self, _: &Shape, _tile: (usize, usize), _count: usize) -> Vec<usize> {
        Vec::new()
    }

    /// What it tells about.
    fn role(&self) -> Role {
        Role::Model
    }

    /// Which scopes can be measured.
    fn scopes(&self) -> &'static [Scope] {
        &[Scope::Compute, Scope::EndToEnd]
    }

    /// The shapes of a preset, sweep by sweep and list by list.
    fn preset(&self, preset: Preset, host: &Host) -> Vec<Entry>;

    /// Axes that make one sweep when they change together (`m n k` as `mnk`), with its name.
    fn joint_axes(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[]
    }

    /// An axis by its name, or the first of joint axes by theirs.
    fn axis(&self, name: &str) -> Option<&'static Axis> {
        let joint = self.joint_axes().iter().find(|(joint, _)| *joint == name);
        let name = joint.map_or(name, |(_, axes)| axes[0]);
        self.axes().iter().find(|a| a.name == name)
    }

    /// The shape with an axis, or joint axes, at another value; none where it has no such axis.
    fn moved(&self, shape: &Shape, axis: &str, value: u64) -> Option<Shape> {
        if let Some((_, axes)) = self.joint_axes().iter().find(|(name, _)| *name == axis) {
            return Some(shape.with(axes, value));
        }
        self.axes().iter().any(|a| a.name == axis).then(|| shape.with(&[axis], value))
    }

    /// Whether there is such a shape, and if not, why: its axes don't fit each other. Each alone is in
    /// its range.
    fn check(&self, _shape: &Shape) -> std::result::Result<(), String> {
        Ok(())
    }

    /// Shapes at which every implementation is verified: 1, primes, one under and over each tile.
    fn awkward_shapes(&self) -> Vec<Shape>;

    /// The shape in a few characters for a chart or a table.
    fn label(&self, shape: &Shape) -> String;
}
