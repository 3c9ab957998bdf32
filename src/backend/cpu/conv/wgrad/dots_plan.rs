//! How dot products are cut up, chosen once by an estimate of the time they take.

use super::chunk::Chunks;
use super::pack::SLACK;
use super::phases::Phases;
use super::plan::{COPIED, Machine, ROUND, lines, useful_parts};
use super::product::Product;
use crate::backend::cpu::conv::engine::Scratch;

/// The most pixels of a chunk, to choose from: its copies should stay in the first-level cache.
const CHUNKS: [usize; 6] = [3000, 1000, 300, 50, 8, 1];

/// The most taps whose sums are kept in registers, beside a vector of dy.
pub(super) const TAPS: usize = 9;

/// Estimated cycles of multiplying a vector of dy with one of the image.
const MULTIPLIED: f64 = 0.7;

/// Estimated cycles of copying a single number.
const GATHERED: f64 = 1.5;

/// Estimated cycles of starting the dot products of some taps.
const STARTED: f64 = 30.0;

/// A product cut into cells, each of which is a task: some channels of a group and some chunks of pixels.
#[derive(Clone, Debug)]
pub(super) struct DotsPlan {
    pub product: Product,
    machine: Machine,
    pub chunks: Chunks,
    pub phases: Phases,
    /// The number of parts of a group's channels and of the chunks.
    pub parts: [usize; 2],
    /// Estimated cycles.
    pub cost: f64,
}

impl DotsPlan {
    /// All that are worth a try.
    pub fn all(product: Product, machine: Machine) -> impl Iterator<Item = DotsPlan> {
        CHUNKS.into_iter().flat_map(move |most| {
            let chunks = Chunks::of(&product, most);
            let plan = move |parts| {
                let phases = Phases::of(&product, &chunks.largest());
                let plan = DotsPlan { product, machine, chunks, phases, parts, cost: 0.0 };
                DotsPlan { cost: plan.estimate(), ..plan }
            };
            let parts = useful_parts(product.channels, machine.threads).flat_map(move |channels| {
                useful_parts(chunks.count(), machine.threads).map(move |pixels| [channels, pixels])
            });
            parts.map(plan)
        })
    }

    /// Estimated cycles that the slowest thread takes.
    fn estimate(&self) -> f64 {
        let (product, largest) = (&self.product, self.chunks.largest());
        let f = |n: usize| n as f64;
        let lanes = self.machine.lanes;
        let images = f(self.chunks.count().div_ceil(self.parts[1]) * largest.images);
        let channels = f(product.channels.div_ceil(self.parts[0]));
        let filters = f(product.columns);
        let taps = f(product.channel_rows());
        let vectors = f(self.phases.span(&largest).div_ceil(lanes));
        let dot = taps * vectors * MULTIPLIED + f(product.channel_rows().div_ceil(TAPS)) * STARTED;
        let row = self.phases.row;
        let copied = match product.stride[1] {
            1 | 2 => f(self.phases.len() / row * row.div_ceil(lanes)) * COPIED,
            _ => f(self.phases.len()) * GATHERED,
        };
        let packed = f(largest.size[0] * row.div_ceil(lanes)) * COPIED;
        let cell = images * (filters * packed + channels * (copied + filters * dot));
        let cells = f(self.cells().div_ceil(self.machine.threads)) * cell;
        let all = filters * f(product.groups * product.rows());
        let totals = all * f(self.parts[1]) * COPIED / f(self.threads());
        cells + totals + if self.threads() > 1 { 2.0 * ROUND } else { 0.0 }
    }

    /// The number of cells of all groups.
    pub fn cells(&self) -> usize {
        self.product.groups * self.parts[0] * self.parts[1]
    }

    /// Threads that have cells.
    pub fn threads(&self) -> usize {
        self.machine.threads.min(self.cells())
    }

    /// Floats of the filters' gradient.
    pub fn filters(&self) -> usize {
        self.product.lengths()[2]
    }

    /// Floats of the copy of a chunk of one filter and image of dy.
    pub fn pixels_len(&self) -> usize {
        self.chunks.largest().size[0] * self.phases.row
    }

    /// Floats of a task's copies of dy, all filters of a group, and of a channel of the images.
    pub fn copies(&self) -> [usize; 2] {
        let images = self.chunks.largest().images;
        let pixels = self.product.columns * images * self.pixels_len();
        [lines(pixels + SLACK), lines(images * self.phases.len() + SLACK)]
    }

    /// Floats of the sums: a vector for each element of the gradient and each part of the chunks.
    fn sums(&self) -> usize {
        self.filters() * self.parts[1] * self.machine.lanes
    }

    /// What is held: the copies of every thread, all sums, and the places of all taps.
    pub fn scratch(&self) -> Scratch {
        let table_bytes = (self.product.channel_rows() * size_of::<usize>()) as u64;
        let local = self.copies().iter().sum();
        Scratch { threads: self.threads(), local, shared: self.sums(), table_bytes }
    }
}
