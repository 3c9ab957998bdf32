//! Workloads whose results are sums: products, convolutions, streams.
//!
//! Two modes. Up to 2^27 multiply-adds the whole result on small integers must equal the reference
//! exactly, and the whole result on the measured data must lie within the componentwise bound
//! gamma(K + 2) |A||B| (Higham, "Accuracy and Stability of Numerical Algorithms", section 3.1).
//! Above that, integers are checked through the workload's linear form with vectors of signs
//! (Freivalds 1979, exact in integer arithmetic), and the measured data at sampled elements. In both
//! the checked elements together must lie within 8 u sqrt(K) of the root of the sum of their squared terms
//! in the L2 norm, which is what rejects reduced precision. (Relative to the results themselves, which may
//! cancel, right ones of few elements would fail.)
//!
//! Results that are rounded once more when they are stored, to a format narrower than that of the sums,
//! must be the exact integers rounded to the nearest, ties to even, and may err by that rounding on the
//! measured data. Their linear forms are taken on so few integers that no result is rounded; probes of the
//! usual ones show the rounding.
//!
//! Two exceptions. Sums so long that neither small integers nor the bound say anything (2^23 terms in
//! f32) are measured on data of 1 and -1, on which the result must be exact. An algorithm that is not
//! exact on integers (Winograd's) is held to a bound of its own, in one image at least.

use std::ops::Range;

use super::errors::{Errors, TINY};
use super::known::Subject;
use super::{LEAST_SHARE, Proof, Verify, computed, likely_share, on_all_cores, scopes};
use crate::backend::{Details, Runner};
use crate::error::{Error, Result};
use crate::tensor::{Data, Element, Generator, Operands, Values, with_values};
use crate::terms::{Dtype, Formats, Scope, Shape};
use crate::workload::{Algorithm, ExactSums, Reference, Transformed, Workload, parts};

/// Above this many multiply-adds the reference is sampled.
const WHOLE_LIMIT: u64 = 1 << 27;

/// Vectors of signs.
const SIGN_VECTORS: u64 = 5;

/// Elements that are sampled.
const PROBES: usize = 512;

/// Largest small integer; smaller where the sum would pass 2^24, up to which f32 is exact.
const MOST_INTEGER: u64 = 8;

/// Up to this many terms a reference element is computed at once.
const CHEAP_TERMS: u64 = 4;

/// A workload at a shape with its data and references, which all runners of a case share.
pub struct Sums<'a> {
    subject: Subject<'a>,
    workload: &'a dyn Workload,
    sums: &'a dyn ExactSums,
    shape: &'a Shape,
    formats: Formats,
    seed: u64,
    measured: Operands,
    integers: Operands,
    mode: Mode,
}

/// How much of a result is checked, and what with.
enum Mode {
    /// All elements, against references that were dear enough to keep: on integers, and on the
    /// measured data.
    Kept(Vec<f64>, Reference),
    /// Against references computed when they are needed: integers at all elements, the measured
    /// data too where that is not too much.
    Cheap,
    /// Integers through linear forms, one for each vector of signs; the measured data at some elements.
    Sampled {
        /// The expected forms.
        forms: Vec<Vec<f64>>,
        /// The operands of the forms where results are rounded when they are stored: few enough numbers
        /// that each result is exact all the same. None where the integers serve.
        exact: Option<Operands>,
    },
}

impl Mode {
    /// Of what [`references`] gave.
    fn kept(mut numbers: Vec<f64>) -> Mode {
        let length = numbers.len() / 4;
        let spread = numbers.split_off(3 * length);
        let magnitude = numbers.split_off(2 * length);
        let value = numbers.split_off(length);
        Mode::Kept(numbers, Reference { value, magnitude, spread })
    }
}

/// What [`of_numbers`] makes of them again. They are whole ones, which f64 holds, and those of each element.
fn numbers_of(transformed: Transformed) -> Vec<f64> {
    let Transformed { elements, value, magnitude, spread, roundings } = transformed;
    let whole = [elements.start as f64, elements.end as f64, roundings as f64];
    [whole.to_vec(), value, magnitude, spread].concat()
}

/// None of numbers that are not those of any.
fn of_numbers(numbers: Vec<f64>) -> Option<Transformed> {
    let ([start, end, roundings], numbers) = numbers.split_first_chunk()?;
    let elements = *start as usize..*end as usize;
    let mut each = numbers.chunks_exact(elements.len().max(1)).map(<[f64]>::to_vec);
    let [value, magnitude, spread] = [each.next()?, each.next()?, each.next()?];
    Some(Transformed { elements, value, magnitude, spread, roundings: *roundings as u64 })
}

/// The exact results on integers, and those on the measured data with what scales their bounds, one after the
/// other.
fn references(
    sums: &dyn ExactSums,
    shape: &Shape,
    integers: &Operands,
    measured: &Operands,
) -> Vec<f64> {
    let Reference { value, magnitude, spread } = sums.reference(shape, measured, None);
    [sums.values(shape, integers), value, magnitude, spread].concat()
}

impl<'a> Sums<'a> {
    /// Makes the data and, where they are kept, the references.
    pub fn new(
        workload: &'a dyn Workload,
        sums: &'a dyn ExactSums,
        shape: &'a Shape,
        dtype: Dtype,
        seed: u64,
    ) -> Sums<'a> {
        let subject = Subject { workload, shape, dtype, seed };
        let formats = workload.formats(dtype);
        let k = sums.reduction(shape);
        let lengths = workload.inputs(shape);
        let operands = |data: Data| data.operands(formats.storage, &lengths);
        let both = [integers(k, seed, formats), measured(k, seed, formats)];
        let [integers, measured] = both_at_once(both, operands);
        let mode = if is_cheap(sums, shape) {
            Mode::Cheap
        } else if is_whole(workload, shape) {
            let count = 4 * workload.output(shape);
            let numbers = subject
                .numbers("sums", count..=count, || references(sums, shape, &integers, &measured));
            Mode::kept(numbers)
        } else {
            let exact = formats.rounds_results().then(|| operands(sparse(k, seed, formats)));
            let tensors = exact.as_ref().unwrap_or(&integers);
            let vectors: Vec<Generator> = sign_vectors(seed).collect();
            let forms = on_all_cores(vectors.len(), 1, |part| {
                let form = |signs: &Generator| sums.expected_form(shape, tensors, *signs);
                vectors[part].iter().map(form).collect::<Vec<_>>()
            });
            Mode::Sampled { forms: forms.into_iter().flatten().collect(), exact }
        };
        Sums { subject, workload, sums, shape, formats, seed, measured, integers, mode }
    }

    /// Bytes of host memory that a problem holds.
    pub fn footprint_bytes(
        workload: &dyn Workload,
        sums: &dyn ExactSums,
        shape: &Shape,
        formats: Formats,
    ) -> u64 {
        let inputs = workload.inputs(shape).iter().sum::<usize>() as u64;
        let output = workload.output(shape) as u64;
        // Whole references are nine f64 an element while they are computed.
        let is_kept = is_whole(workload, shape) && !is_cheap(sums, shape);
        let reference = if is_kept { 72 } else { 0 };
        let has_third = !is_whole(workload, shape) && formats.rounds_results();
        let sets = if has_third { 3 } else { 2 };
        sets * formats.storage.bytes() * inputs + reference * output
    }

    /// What an algorithm that is not exact on integers must give, in one image.
    fn transformed(&self, algorithm: Algorithm) -> Option<Transformed> {
        if algorithm == Algorithm::Direct {
            return None;
        }
        let known = match &self.mode {
            Mode::Kept(_, measured) => Some(&measured.value[..]),
            _ => None,
        };
        let most = 3 * (self.workload.output(self.shape) + 1);
        let numbers = self.subject.numbers(&format!("{algorithm:?}"), 0..=most, || {
            let transformed =
                self.sums.transformed(self.shape, &self.measured, algorithm, 1, known);
            transformed.map(numbers_of).unwrap_or_default()
        });
        of_numbers(numbers)
    }

    /// Has results computed on some operands, which stay loaded, and looks at those of these scopes. `look` is
    /// told the tile of the runner too.
    fn in_scopes(
        &self,
        scopes: &[Scope],
        runner: &mut dyn Runner,
        operands: &Operands,
        mut look: impl FnMut(Values<'_>, (usize, usize)) -> Result<()>,
    ) -> Result<()> {
        runner.load(operands)?;
        let length = self.workload.output(self.shape);
        for scope in scopes {
            let tile = runner.details().tile;
            look(computed(runner, *scope, length)?, tile)?;
        }
        Ok(())
    }

    /// The places of a result that are looked at, a part at a time: all of them, or probes.
    fn places(
        &self,
        all: bool,
        output: Values<'_>,
        tile: (usize, usize),
    ) -> impl Iterator<Item = Vec<usize>> + use<> {
        let probes = (!all).then(|| self.sums.probes(self.shape, tile, PROBES));
        parts(if all { output.len() } else { 0 }).chain(probes)
    }

    /// Holds elements of the result on small integers to the exact ones, rounded as they are stored:
    /// all of them, or probes where the whole result is known by its forms only.
    fn check_integers(&self, output: Values<'_>, tile: (usize, usize)) -> Result<()> {
        let all = !matches!(self.mode, Mode::Sampled { .. });
        for at in self.places(all, output, tile) {
            for part in
                on_all_cores(at.len(), LEAST_SHARE, |part| self.hold_integers(output, &at, part))
            {
                part?;
            }
        }
        Ok(())
    }

    /// Holds a part of the elements `at` to the exact integers.
    fn hold_integers(&self, output: Values<'_>, at: &[usize], part: Range<usize>) -> Result<()> {
        let at = &at[part];
        let computed;
        let expected = match &self.mode {
            Mode::Kept(integers, _) => &integers[at[0]..][..at.len()],
            _ => {
                computed = self.sums.reference(self.shape, &self.integers, Some(at)).value;
                &computed[..]
            }
        };
        with_values!(output, found => {
            for (place, expected) in at.iter().zip(expected) {
                let (found, expected) = (found[*place].to_f64(), nearest(found, *expected));
                if found != expected {
                    return Err(Error::wrong(format!(
                        "on small integers element {place} is {found}, not {expected}"
                    )));
                }
            }
        });
        Ok(())
    }

    /// Holds the linear forms of a result to what they must be.
    fn check_forms(&self, output: Values<'_>, forms: &[Vec<f64>]) -> Result<()> {
        sign_vectors(self.seed).zip(forms).try_for_each(|(signs, expected)| {
            let found = self.sums.form(self.shape, output, signs);
            let place = found.iter().zip(expected).position(|(f, e)| f != e);
            let what = self.sums.form_element();
            place.map_or(Ok(()), |i| {
                Err(Error::wrong(format!("on small integers {what} {i} of the result is wrong")))
            })
        })
    }

    /// Largest error over bound of the measured data by an algorithm with a bound of its own. Elements
    /// outside the part whose bound is known are held to the largest there.
    fn check_transformed(
        &self,
        output: Values<'_>,
        expected: &Transformed,
        tile: (usize, usize),
    ) -> Result<f64> {
        let n = expected.roundings;
        // Transforms round terms that are larger than those of the sums, which short sums don't hide.
        let k = self.sums.reduction(self.shape) + 4 * n;
        let bound = Bound::new(k, n, self.formats);
        let mut errors = Errors::default();
        let Transformed { elements, value, magnitude, spread, .. } = expected;
        bound.hold(&mut errors, output, |i| elements.start + i, [value, magnitude, spread])?;
        let largest = |all: &[f64]| all.iter().copied().fold(0.0, f64::max);
        let (most, average) = (largest(magnitude), largest(spread));
        let mut hold = |place: &(dyn Fn(usize) -> usize + Sync), value: &[f64]| {
            let bounds = [most, average].map(|bound| vec![bound; value.len()]);
            bound.hold(&mut errors, output, place, [value, &bounds[0], &bounds[1]])
        };
        if let Mode::Kept(_, Reference { value, .. }) = &self.mode {
            hold(&|i| i, &value[..elements.start])?;
            hold(&|i| elements.end + i, &value[elements.end..])?;
        } else {
            let mut probes = self.sums.probes(self.shape, tile, PROBES);
            probes.retain(|i| !elements.contains(i));
            let value = self.sums.reference(self.shape, &self.measured, Some(&probes)).value;
            hold(&|i| probes[i], &value)?;
        }
        errors.largest_ratio()
    }

    /// Largest error over bound of the measured data, by whichever algorithm.
    fn check_numbers(
        &self,
        output: Values<'_>,
        tile: (usize, usize),
        transformed: Option<&Transformed>,
    ) -> Result<f64> {
        match transformed {
            Some(expected) => self.check_transformed(output, expected, tile),
            None => self.check_measured(output, tile),
        }
    }

    /// Largest error over bound of the measured data, of plain sums.
    fn check_measured(&self, output: Values<'_>, tile: (usize, usize)) -> Result<f64> {
        let inputs = &self.measured;
        let k = self.sums.reduction(self.shape);
        let bound = Bound::new(k, k + 2, self.formats);
        let mut errors = Errors::default();
        for at in self.places(is_whole(self.workload, self.shape), output, tile) {
            if let Mode::Kept(_, Reference { value, magnitude, spread }) = &self.mode {
                let part = at[0]..at[0] + at.len();
                let expected = [value, magnitude, spread].map(|all| &all[part.clone()]);
                bound.hold(&mut errors, output, |i| at[i], expected)?;
            } else {
                let references = on_all_cores(at.len(), LEAST_SHARE, |part| {
                    self.sums.reference(self.shape, inputs, Some(&at[part]))
                });
                let Reference { value, magnitude, spread } = joined(references);
                bound.hold(&mut errors, output, |i| at[i], [&value, &magnitude, &spread])?;
            }
        }
        errors.largest_ratio()
    }
}

impl Verify for Sums<'_> {
    fn verify(&self, runner: &mut dyn Runner) -> Result<Proof> {
        let scopes = scopes(self.workload, runner);
        let transformed = self.transformed(runner.details().algorithm);
        if transformed.is_none() {
            if let Mode::Sampled { forms, exact } = &self.mode {
                let operands = exact.as_ref().unwrap_or(&self.integers);
                self.in_scopes(scopes, runner, operands, |output, _| {
                    self.check_forms(output, forms)
                })?;
            }
            if !matches!(self.mode, Mode::Sampled { exact: None, .. }) {
                // Where the measured data are looked at as a whole, they show what is amiss with transfers.
                let count = if is_whole(self.workload, self.shape) { 1 } else { scopes.len() };
                self.in_scopes(&scopes[..count], runner, &self.integers, |output, tile| {
                    self.check_integers(output, tile)
                })?;
            }
        }
        let mut worst = 0.0f64;
        self.in_scopes(scopes, runner, &self.measured, |output, tile| {
            worst = worst.max(self.check_numbers(output, tile, transformed.as_ref())?);
            Ok(())
        })?;
        Ok(Proof { max_error_ratio: worst, is_cornered: false })
    }

    fn verify_in(&self, runner: &mut dyn Runner, scope: Scope) -> Result<f64> {
        let Details { algorithm, tile, .. } = runner.details();
        let transformed = self.transformed(algorithm);
        let output = computed(runner, scope, self.workload.output(self.shape))?;
        self.check_numbers(output, tile, transformed.as_ref())
    }
}

/// The vectors of signs of a run.
fn sign_vectors(seed: u64) -> impl Iterator<Item = Generator> {
    (0..SIGN_VECTORS).map(move |vector| Generator::new(seed, 0x51_6e50 + vector))
}

/// A number as it is stored among others.
fn nearest<T: Element>(_: &[T], value: f64) -> f64 {
    T::nearest(value).to_f64()
}

/// What work makes of two kinds of data, each on a core of its own.
fn both_at_once<T: Send>(both: [Data; 2], work: impl Fn(Data) -> T + Sync) -> [T; 2] {
    let mut made = on_all_cores(2, 1, |part| part.map(|i| work(both[i])).collect::<Vec<T>>())
        .into_iter()
        .flatten();
    std::array::from_fn(|_| made.next().expect("there is one of each"))
}

/// References of parts that follow each other.
fn joined(parts: Vec<Reference>) -> Reference {
    let mut all = Reference::default();
    for part in parts {
        all.value.extend(part.value);
        all.magnitude.extend(part.magnitude);
        all.spread.extend(part.spread);
    }
    all
}

/// What the error of a sum may come from: gamma of the roundings on the way, flushed subnormal terms, and
/// the rounding of the result where it is stored in a narrower format.
struct Bound {
    gamma: f64,
    flushed: f64,
    stored: f64,
    /// What the roundings on the way come to on average.
    likely: f64,
}

impl Bound {
    /// For sums of `k` terms. No error at all is allowed where the bound means nothing.
    fn new(k: u64, roundings: u64, formats: Formats) -> Bound {
        let stored = formats.result_roundoff();
        let likely = likely_share(k, formats.accumulator);
        if is_long(k, formats) {
            return Bound { gamma: 0.0, flushed: 0.0, stored, likely };
        }
        let gamma = formats.accumulator.gamma(roundings as f64);
        Bound { gamma, flushed: 2.0 * k as f64 * TINY, stored, likely }
    }

    /// The largest error of a sum of this value, whose terms have this magnitude together.
    fn of(&self, value: f64, magnitude: f64) -> f64 {
        let summed = self.gamma * magnitude + self.flushed;
        summed + self.stored * (value.abs() + summed)
    }

    /// Holds elements of a result to sums of these values, magnitudes and spreads.
    fn hold(
        &self,
        errors: &mut Errors,
        output: Values<'_>,
        place: impl Fn(usize) -> usize + Sync,
        [values, magnitudes, spreads]: [&[f64]; 3],
    ) -> Result<()> {
        let parts = on_all_cores(values.len(), LEAST_SHARE, |part| {
            let mut errors = Errors::default();
            with_values!(output, found => for i in part {
                let (place, value) = (place(i), values[i]);
                let likely = self.likely * spreads[i] + self.stored * value.abs();
                let bound = self.of(value, magnitudes[i]);
                errors.add(place, [found[place].to_f64(), value], bound, likely)?;
            });
            Ok(errors)
        });
        parts.into_iter().try_for_each(|part: Result<Errors>| part.map(|part| errors.merge(part)))
    }
}

/// Whether a sum of `k` terms is so long that its error bound means nothing: it is checked on 1 and
/// -1, on which it is exact.
fn is_long(k: u64, formats: Formats) -> bool {
    2 * k >= 1 << formats.accumulator.precision()
}

fn is_whole(workload: &dyn Workload, shape: &Shape) -> bool {
    workload.work(shape).flop_count / 2 <= WHOLE_LIMIT
}

/// Whether references are computed faster than they are read back.
fn is_cheap(sums: &dyn ExactSums, shape: &Shape) -> bool {
    sums.reduction(shape) <= CHEAP_TERMS
}

/// The measured data of sums of `k` terms.
fn measured(k: u64, seed: u64, formats: Formats) -> Data {
    if is_long(k, formats) { Data::Signs(seed) } else { Data::Random(seed) }
}

/// The largest small integers whose sums of `k` products are exact; of long sums, 1 and -1.
fn integers(k: u64, seed: u64, formats: Formats) -> Data {
    let seed = seed ^ 0x1276;
    if is_long(k, formats) {
        return Data::Signs(seed);
    }
    let limit = 1 << formats.accumulator.precision();
    let most = (1..=MOST_INTEGER).rev().find(|m| k.saturating_mul(m * m) < limit).unwrap_or(1);
    Data::Integers { seed, most }
}

/// Signs between so many zeros that sums of `k` products are far from the largest whole number up to which
/// the stored format is exact: half as many terms as that, give or take a few.
fn sparse(k: u64, seed: u64, formats: Formats) -> Data {
    let terms = (1u64 << formats.storage.precision()) / 2;
    Data::Sparse { seed: seed ^ 0x1276, share: terms as f64 / k.max(terms) as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terms::Format;

    const F32: Formats = Dtype::F32.formats();

    #[test]
    fn what_an_algorithm_must_give_comes_back_from_its_numbers() {
        let [value, magnitude, spread] = [[1.5, -2.0], [3.0, 4.0], [0.5, f64::MIN_POSITIVE]];
        let [value, magnitude, spread] = [value, magnitude, spread].map(|of| of.to_vec());
        let whole = Transformed { elements: 7..9, value, magnitude, spread, roundings: 40 };
        let numbers = numbers_of(whole.clone());
        assert_eq!(of_numbers(numbers.clone()), Some(whole));
        assert_eq!(of_numbers(numbers[..7].to_vec()), None);
        assert_eq!(of_numbers(Vec::new()), None);
    }

    #[test]
    fn integer_sums_stay_exact() {
        for (k, most) in [(1, 8), (262_143, 8), (262_144, 7), ((1 << 23) - 1, 1)] {
            let data = integers(k, 0, F32);
            assert_eq!(data, Data::Integers { seed: 0x1276, most }, "{k}");
        }
        assert_eq!(integers(1 << 23, 0, F32), Data::Signs(0x1276));
        assert_eq!(measured(1 << 23, 3, F32), Data::Signs(3));
        // Chains of a peak in f16.
        let half = Formats { storage: Format::F32, accumulator: Format::F16 };
        assert_eq!(measured(1024, 3, half), Data::Signs(3));
        assert_eq!(measured(1024, 3, Dtype::F64.formats()), Data::Random(3));
    }

    #[test]
    fn the_bound_is_gamma() {
        let u = Format::F32.unit_roundoff();
        assert!((Bound::new(1, 3, F32).of(1.0, 1.0) / u - 3.0).abs() < 1e-5);
        assert_eq!(Bound::new(1 << 23, 3, F32).of(1.0, 1.0), 0.0);
        // The rounding of the result counts by its size, and not by that of its terms.
        let bf16 = Bound::new(1, 3, Dtype::Bf16.formats());
        assert!((bf16.of(1.0, 1.0) / Format::Bf16.unit_roundoff() - 1.0).abs() < 1e-3);
        assert!(bf16.of(0.0, 1.0) < 4.0 * u);
    }

    #[test]
    fn parts_cover_every_place_once() {
        for length in [1, (1 << 18) - 1, 1 << 18, 600_000] {
            let places: Vec<usize> = parts(length).flatten().collect();
            assert_eq!(places, (0..length).collect::<Vec<_>>());
        }
    }
}
