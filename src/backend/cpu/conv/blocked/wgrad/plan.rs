//! How the gradient of the filters is cut up.

use std::ops::Range;

use super::kernel::most_vectors;
use crate::backend::cpu::conv::blocked::Blocks;
use crate::backend::cpu::conv::share;
use crate::backend::cpu::conv::wgrad::chunk::Chunks;
use crate::backend::cpu::conv::wgrad::plan::{ROUND, useful_parts};
use crate::backend::cpu::conv::wgrad::product::Product;
use crate::backend::cpu::simd::Isa;

/// Pixels of a chunk to choose from: what a tile reads of them should be near when the next one reads it.
const CHUNKS: [usize; 3] = [128, 256, 512];

/// Floats that the first two levels of cache hold beside everything else. A tile reads four vectors in
/// eight cycles: more than the second level gives.
const FIRST: usize = 8 << 10;
const SECOND: usize = 96 << 10;

/// Floats of dy and x that the last level of cache holds.
const LAST: usize = 4 << 20;

/// Estimates in cycles: of a cache line of dy or x that comes from afar, of one that comes from the last
/// level of cache, of a tile besides its sums,
/// of a vector of sums that comes from the second level of cache, or from behind it.
const FAR_LINE: f64 = 8.0;
const LINE: f64 = 3.0;
const TILE: f64 = 60.0;
const NEAR_SUM: f64 = 3.0;
const FAR_SUM: f64 = 12.0;

/// Each task computes a unit, or a part of its chunks: some panels of filters and some blocks of
/// channels, of a group.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub product: Product,
    pub chunks: Chunks,
    /// Channels of a block of x.
    block: usize,
    /// Vectors of filters of a group, in panels as wide as a tile.
    vectors: usize,
    panels: usize,
    /// Blocks of channels of a group.
    blocks: usize,
    /// Parts of the panels, the blocks and the chunks.
    rows: usize,
    columns: usize,
    pub parts: usize,
    lanes: usize,
}

/// What a task computes.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub group: usize,
    pub panels: Range<usize>,
    /// Of the group.
    pub channels: Range<usize>,
}

impl Plan {
    /// The one whose slowest thread should be done first, with at most so many floats of sums where that
    /// is enough for any.
    pub fn of(isa: Isa, threads: usize, product: Product, x: &Blocks, floats: usize) -> Plan {
        let vectors = product.columns.div_ceil(isa.lanes());
        let panels = vectors.div_ceil(most_vectors(isa.registers()));
        let blocks = product.channels.div_ceil(x.block);
        let mut best: Option<(f64, Plan)> = None;
        for most in CHUNKS {
            let chunks = Chunks::of(&product, most);
            for rows in useful_parts(panels, panels) {
                for columns in useful_parts(blocks, blocks) {
                    for parts in useful_parts(chunks.count(), threads) {
                        let plan = Plan {
                            product,
                            chunks,
                            block: x.block,
                            vectors,
                            panels,
                            blocks,
                            rows,
                            columns,
                            parts,
                            lanes: isa.lanes(),
                        };
                        let fits = plan.sums(threads) <= floats;
                        let cost = plan.cycles(threads) * if fits { 1.0 } else { 1e6 };
                        if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                            best = Some((cost, plan));
                        }
                    }
                }
            }
        }
        best.expect("there is always one of one part").1
    }

    /// Units of all groups.
    pub fn units(&self) -> usize {
        self.product.groups * self.rows * self.columns
    }

    pub fn unit(&self, index: usize) -> Unit {
        let (row, column) = (index / self.columns % self.rows, index % self.columns);
        let blocks = share(self.blocks, self.columns, column);
        let end = self.product.channels.min(blocks.end * self.block);
        Unit {
            group: index / self.columns / self.rows,
            panels: share(self.panels, self.rows, row),
            channels: blocks.start * self.block..end,
        }
    }

    /// Vectors of a panel.
    pub fn panel(&self, panel: usize) -> Range<usize> {
        share(self.vectors, self.panels, panel)
    }

    /// Where the sums of a panel are among those of a unit.
    pub fn sums_at(&self, unit: &Unit, panel: usize) -> usize {
        let before = self.panel(panel).start - self.panel(unit.panels.start).start;
        before * self.lanes * unit.channels.len() * self.product.channel_rows()
    }

    /// Blocks and vectors of the largest unit.
    fn largest(&self) -> (usize, usize) {
        let width = self.vectors.div_ceil(self.panels);
        (self.blocks.div_ceil(self.columns), self.panels.div_ceil(self.rows) * width)
    }

    /// Floats of the sums of a unit.
    pub fn sums_len(&self) -> usize {
        let (blocks, vectors) = self.largest();
        blocks * self.block * self.product.channel_rows() * vectors * self.lanes
    }

    /// Floats of all sums that are there at once.
    pub fn sums(&self, threads: usize) -> usize {
        let most = if self.parts > 1 { self.units() * self.parts } else { threads };
        most * self.sums_len()
    }

    /// Cycles of the slowest thread.
    fn cycles(&self, threads: usize) -> f64 {
        let (blocks, vectors) = self.largest();
        let tasks = (self.units() * self.parts).div_ceil(threads) as f64;
        let chunks = self.chunks.count().div_ceil(self.parts) as f64;
        let pixels = (self.product.images * self.product.plane()) as f64 / self.parts as f64;
        let sums = self.sums_len() / self.lanes;
        let product = &self.product;
        let all = product.images
            * product.groups
            * (product.columns * product.plane() + product.channels * product.image_len());
        let line = if all > LAST { FAR_LINE } else { LINE };
        let far = (vectors + blocks * product.stride[1]) as f64 * line;
        let of_panel = self.chunks.largest().pixels() * (self.vectors.div_ceil(self.panels) + 1);
        let slow = if of_panel * self.lanes > FIRST { 1.3 } else { 1.0 };
        let sum = match self.sums_len() {
            ..FIRST => 0.0,
            FIRST..SECOND => NEAR_SUM,
            _ => FAR_SUM,
        };
        let tiles = sums as f64 * (TILE / 20.0 + sum);
        let rounds = if self.parts > 1 { ROUND + 4.0 * self.sums_len() as f64 } else { 0.0 };
        rounds + tasks * (pixels * (sums as f64 / 2.0 * slow + far) + chunks * tiles)
    }
}
