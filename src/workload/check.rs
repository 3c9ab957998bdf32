//! How the results of a workload are checked: the workload says it, `verify` does it.

use std::ops::Range;

use crate::network::Network;
use crate::tensor::{Data, Generator, Tensor, Values};
use crate::terms::{Formats, Shape};

/// What kind of results a workload has, which is how they are checked.
pub enum Check<'a> {
    /// Sums of products: exact on small integers, within the error bound of sums on measured data.
    ExactSums(&'a dyn ExactSums),
    /// Functions of the operands, row by row, that no data make exact: within bounds on every element.
    Bounded(&'a dyn Bounded),
    /// One training step of a network, which is held against the same network in f64. Inputs are the
    /// parameters, a mini-batch and its labels; the output is the loss, every gradient, and every
    /// parameter after the step.
    Network(&'a Network),
}

/// Reference values of some output elements.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reference {
    /// The exact result, computed in f64.
    pub value: Vec<f64>,
    /// The sum of the magnitudes of the terms, |A||B| for a product: scales the error bound.
    pub magnitude: Vec<f64>,
    /// The root of the sum of the squared terms: about what the result is where its terms have both signs,
    /// and what honest errors are relative to on average, also where the terms happen to cancel.
    pub spread: Vec<f64>,
}

/// The terms of an output element, added up in f64.
#[derive(Clone, Copy, Debug, Default)]
pub struct Terms {
    value: f64,
    magnitude: f64,
    squares: f64,
}

impl Terms {
    /// Adds a term.
    pub fn add(&mut self, term: f64) {
        self.value += term;
        self.magnitude += term.abs();
        self.squares += term * term;
    }
}

impl FromIterator<f64> for Terms {
    fn from_iter<I: IntoIterator<Item = f64>>(terms: I) -> Terms {
        let mut sum = Terms::default();
        terms.into_iter().for_each(|term| sum.add(term));
        sum
    }
}

impl FromIterator<Terms> for Reference {
    fn from_iter<I: IntoIterator<Item = Terms>>(elements: I) -> Reference {
        let elements = elements.into_iter();
        let (least, _) = elements.size_hint();
        let vector = || Vec::with_capacity(least);
        let mut reference = Reference { value: vector(), magnitude: vector(), spread: vector() };
        for element in elements {
            reference.value.push(element.value);
            reference.magnitude.push(element.magnitude);
            reference.spread.push(element.squares.sqrt());
        }
        reference
    }
}

impl Reference {
    /// What must come out as it is, without an error.
    pub fn exact(value: Vec<f64>) -> Reference {
        let zeros = vec![0.0; value.len()];
        Reference { value, magnitude: zeros.clone(), spread: zeros }
    }
}

/// A workload whose results are sums of products of its operands.
pub trait ExactSums: Sync {
    /// Length of the longest sum behind an output element.
    fn reduction(&self, shape: &Shape) -> u64;

    /// The reference for the output elements `at`, or for all of them in order.
    fn reference(&self, shape: &Shape, inputs: &[Tensor], at: Option<&[usize]>) -> Reference;

    /// The exact results alone, of the whole output.
    fn values(&self, shape: &Shape, inputs: &[Tensor]) -> Vec<f64> {
        self.reference(shape, inputs, None).value
    }

    /// The output times a vector of signs, summed over some of its axes. It is linear, so that it can be
    /// had without the output: [`ExactSums::expected_form`]. On small integers both are exact, and any
    /// single wrong element of the output shows (Freivalds 1979). Without long sums: the output itself.
    fn form(&self, _shape: &Shape, output: Values<'_>, _signs: Generator) -> Vec<f64> {
        output.to_f64s()
    }

    /// What [`ExactSums::form`] must give, from the operands.
    fn expected_form(&self, shape: &Shape, inputs: &[Tensor], _signs: Generator) -> Vec<f64> {
        self.values(shape, inputs)
    }

    /// What an element of a form is called: `row` of a product.
    fn form_element(&self) -> &'static str {
        "element"
    }

    /// What the last images of the output, as many as asked for, may be by an algorithm other than
    /// the sums of the definition. None where there is no such algorithm for this workload. `known` are the
    /// exact results of the whole output, where they have been computed.
    fn transformed(
        &self,
        _shape: &Shape,
        _inputs: &[Tensor],
        _algorithm: Algorithm,
        _images: usize,
        _known: Option<&[f64]>,
    ) -> Option<Transformed> {
        None
    }

    /// Output elements worth a look where not all are checked: corners and both sides of the edges
    /// of `tile` (rows, columns), the rest at random. Sorted, without repeats.
    fn probes(&self, shape: &Shape, tile: (usize, usize), count: usize) -> Vec<usize>;
}

/// The exact results of some rows, and how far an honest computation may be from them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bounds {
    /// The exact results, computed in f64.
    pub value: Vec<f64>,
    /// The most that each element may be off, whatever the order of its sums.
    pub error: Vec<f64>,
    /// What the roundings of each element are relative to: on average they come to some unit roundoffs of
    /// this, far less than the most that they may be.
    pub magnitude: Vec<f64>,
}

/// A workload whose results are functions of rows of its operands, with roundings on every data.
pub trait Bounded: Sync {
    /// Rows of the output, and elements of each, which is also the length of the sums behind it.
    fn rows(&self, shape: &Shape) -> (usize, usize);

    /// The exact results of some rows, and their bounds.
    fn bounds(
        &self,
        shape: &Shape,
        inputs: &[Tensor],
        formats: Formats,
        rows: Range<usize>,
    ) -> Bounds;

    /// Data, beside the measured ones, on which careless arithmetic shows.
    fn further_data(&self, seed: u64) -> Vec<Data>;
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
    /// What the algorithm's errors are relative to at most.
    pub magnitude: Vec<f64>,
    /// What they are relative to on average.
    pub spread: Vec<f64>,
    /// Roundings on the way, n in gamma(n).
    pub roundings: u64,
}
