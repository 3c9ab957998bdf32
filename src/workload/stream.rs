//! `stream-copy` `-scale` `-add` `-triad` `-dot`: one pass over arrays, f32. What memory and caches
//! give.
//!
//! The first four are those of STREAM (McCalpin, "Memory bandwidth and machine balance in current
//! high performance computers", 1995), dot is BabelStream's (Deakin et al., 2018). STREAM's scalar is
//! 3.

use std::iter;

use super::{Check, Entry, ExactSums, Host, Preset, Reference, Terms, Work, Workload};
use crate::tensor::{Generator, Tensor};
use crate::terms::{Axis, Role, Shape};
use crate::units;

/// The scalar of scale and triad.
pub const SCALAR: f32 = 3.0;
const S: f64 = SCALAR as f64;

/// a
pub const COPY: Stream = Stream::new("stream-copy", 1, 0, Outcome::Map([1.0, 0.0]));
/// s a
pub const SCALE: Stream = Stream::new("stream-scale", 1, 1, Outcome::Map([S, 0.0]));
/// a + b
pub const ADD: Stream = Stream::new("stream-add", 2, 1, Outcome::Map([1.0, 1.0]));
/// a + s b
pub const TRIAD: Stream = Stream::new("stream-triad", 2, 2, Outcome::Map([1.0, S]));
/// The sum of a b
pub const DOT: Stream = Stream::new("stream-dot", 2, 2, Outcome::Dot);

/// See the module.
pub struct Stream {
    name: &'static str,
    /// Arrays that are read.
    arrays: usize,
    /// FLOP of an element.
    flop: u64,
    outcome: Outcome,
}

/// What comes out of a stream.
#[derive(Clone, Copy, PartialEq)]
enum Outcome {
    /// An array: of every element of the arrays that are read, so many times each, the sum.
    Map([f64; 2]),
    /// The sum of the products of all elements.
    Dot,
}

/// `bytes` of one array; whole floats.
const AXES: &[Axis] = &[Axis::size("bytes").from(4)];

/// The smallest array of a sweep.
const SMALLEST: u64 = 16 << 10;

/// The largest one is this many times the last cache, between these bounds: a virtual machine may be told the
/// cache of its host, and three arrays of the larger one take less than 1 GB.
const TIMES_CACHE: u64 = 4;
const LEAST_LARGEST: u64 = 64 << 20;
const MOST_LARGEST: u64 = 256 << 20;

/// Share of the memory that is free when a run begins which three arrays may take.
const MEMORY_SHARE: u64 = 8;

impl Stream {
    const fn new(name: &'static str, arrays: usize, flop: u64, outcome: Outcome) -> Stream {
        Stream { name, arrays, flop, outcome }
    }

    fn is_sum(&self) -> bool {
        self.outcome == Outcome::Dot
    }
}

/// Bytes of the largest array that there is room for, a power of 2: shapes are the same where nearly as much is free.
fn room(host: &Host) -> u64 {
    match host.free_memory_bytes / MEMORY_SHARE / 3 {
        0 => u64::MAX,
        bytes => (1 << bytes.ilog2()).max(SMALLEST),
    }
}

/// Elements of an array.
fn elements(shape: &Shape) -> usize {
    shape.size("bytes") / 4
}

impl Workload for Stream {
    fn name(&self) -> &'static str {
        self.name
    }

    fn axes(&self) -> &'static [Axis] {
        AXES
    }

    fn work(&self, shape: &Shape) -> Work {
        let n = elements(shape) as u64;
        let (flop, arrays) = (self.flop * n, self.arrays + usize::from(!self.is_sum()));
        Work { flop_count: flop, flop_exact: flop, elements_moved: arrays as u64 * n }
    }

    fn check(&self) -> Check<'_> {
        Check::ExactSums(self)
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        vec![elements(shape); self.arrays]
    }

    fn output(&self, shape: &Shape) -> usize {
        if self.is_sum() { 1 } else { elements(shape) }
    }

    fn role(&self) -> Role {
        Role::Memory
    }

    fn preset(&self, preset: Preset, host: &Host) -> Vec<Entry> {
        let (step, times_cache, if_unknown) = match preset {
            Preset::Quick => (64, TIMES_CACHE / 2, LEAST_LARGEST),
            Preset::Standard => (4, TIMES_CACHE, MOST_LARGEST),
            Preset::Full => (2, TIMES_CACHE, MOST_LARGEST),
            _ => return Vec::new(),
        };
        let largest = match host.last_level_cache_bytes {
            0 => if_unknown,
            told => told.saturating_mul(times_cache).clamp(LEAST_LARGEST, MOST_LARGEST),
        };
        let largest = largest.min(room(host));
        let sizes = iter::successors(Some(largest), |size| Some(size / step));
        let sizes: Vec<u64> = sizes.take_while(|size| *size >= SMALLEST).collect();
        Entry::sweep("bytes", sizes.into_iter().rev(), |bytes| Shape::of(AXES, &[bytes]))
    }

    fn awkward_shapes(&self) -> Vec<Shape> {
        let elements: [u64; 14] =
            [1, 2, 3, 15, 16, 17, 63, 64, 65, 1000, 4095, 4097, 65_537, 1_000_003];
        elements.iter().map(|n| Shape::of(AXES, &[4 * n])).collect()
    }

    fn label(&self, shape: &Shape) -> String {
        units::bytes(shape.get("bytes") as f64)
    }
}

impl ExactSums for Stream {
    fn reduction(&self, shape: &Shape) -> u64 {
        (if self.is_sum() { elements(shape) } else { self.arrays }) as u64
    }

    fn reference(&self, shape: &Shape, inputs: &[Tensor], at: Option<&[usize]>) -> Reference {
        let all = 0..elements(shape);
        let a = inputs[0].f32s();
        // Where only one array is read, it stands for the other, none times.
        let b = inputs.get(1).map_or(a, Tensor::f32s);
        let factors = |i: usize| [f64::from(a[i]), f64::from(b[i])];
        let Outcome::Map([of_a, of_b]) = self.outcome else {
            let product = |i| factors(i)[0] * factors(i)[1];
            return iter::once(all.map(product).collect::<Terms>()).collect();
        };
        let element = |i: usize| -> Terms {
            let [a, b] = factors(i);
            [of_a * a, of_b * b].into_iter().collect()
        };
        match at {
            Some(at) => at.iter().map(|i| element(*i)).collect(),
            None => all.map(element).collect(),
        }
    }

    fn probes(&self, shape: &Shape, (_, tile): (usize, usize), count: usize) -> Vec<usize> {
        let length = self.output(shape);
        let random = Generator::new(0x0090_47e5, 1);
        let mut found: Vec<usize> = (0..count as u64)
            .map(|i| {
                let place = random.below(i, length);
                // Every other one beside the edge of a tile.
                if i % 2 == 0 { place } else { place / tile * tile }
            })
            .chain([0, length - 1])
            .collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}

#[cfg(test)]
mod tests;
