//! How a gather of blocks is cut up.

use super::super::super::simd::Isa;
use super::kernel::most_vectors;
use super::places::PIXELS;

/// Most channels times taps of a step: what the filters of a tile read then fits the second-level
/// cache beside the pixels.
const DEPTH: usize = 512;

/// Floats of the source that tiles read in a step, one after another, before the next filters.
const SOURCE: usize = 64 << 10;

/// Most tiles of a step, for which it is kept where they read and write.
const TILES: usize = 64;

/// Estimates in cycles: of a tile besides its sums, of a vector of filters copied, of a task.
const TILE: f64 = 150.0;
const COPIED: f64 = 4.0;
const TASK: f64 = 2000.0;

/// What a phase has to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Pixels of all images.
    pub pixels: usize,
    pub taps: usize,
    pub groups: usize,
    /// Source channels of a group, and of a block of them.
    pub channels: usize,
    pub block: usize,
    /// Output channels of a group.
    pub outputs: usize,
}

/// How it is cut up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    /// Vectors of output channels of a group, and how many panels they make.
    pub vectors: usize,
    pub panels: usize,
    /// Parts of the tiles and of the panels.
    pub parts: (usize, usize),
    /// Blocks of channels and taps of a step: fewer than all taps only where that is of one block.
    pub blocks: usize,
    pub taps: usize,
    /// Panels whose filters are copied together.
    pub together: usize,
    /// Floats of a copied panel.
    pub panel: usize,
    /// Tiles that go through all copied panels, one after another.
    pub tiles: usize,
}

impl Plan {
    /// The one whose slowest thread should be done first, with so many floats for copies of filters in
    /// each thread, where that is enough for any.
    pub fn of(isa: Isa, threads: usize, load: &Load, floats: usize) -> Plan {
        let most = most_vectors(isa.registers());
        let vectors = load.outputs.div_ceil(isa.lanes());
        let panels = vectors.div_ceil(most);
        let width = vectors.div_ceil(panels) * isa.lanes();
        let depth = DEPTH.min(floats / width);
        let even = |all: usize, most: usize| all.div_ceil(all.div_ceil(most.max(1)));
        let all_taps = load.taps.max(1);
        let (blocks, taps) = if all_taps * load.block <= depth {
            (even(load.channels.div_ceil(load.block), depth / (all_taps * load.block)), all_taps)
        } else {
            (1, even(all_taps, depth / load.block))
        };
        let panel = blocks * taps * load.block * width;
        let step = blocks * load.block * PIXELS;
        let mut plan = Plan {
            vectors,
            panels,
            parts: (1, 1),
            blocks,
            taps,
            together: 1,
            panel,
            tiles: (SOURCE / step).clamp(1, TILES),
        };
        let tiles = load.pixels.div_ceil(PIXELS);
        let mut best = f64::INFINITY;
        for rows in 1..=panels {
            // A few parts for each thread, so that one that comes late takes fewer.
            for columns in 1..=tiles.min(4 * threads) {
                let tasks = (load.groups * columns * rows).div_ceil(threads) as f64;
                let cost =
                    tasks * plan.cycles(load, tiles.div_ceil(columns), panels.div_ceil(rows));
                if cost < best {
                    (best, plan.parts) = (cost, (columns, rows));
                }
            }
        }
        plan.together = (floats / panel.max(1)).clamp(1, panels.div_ceil(plan.parts.1));
        plan
    }

    /// Cycles of a task of so many tiles and panels.
    fn cycles(&self, load: &Load, tiles: usize, panels: usize) -> f64 {
        let vectors = panels as f64 * self.vectors as f64 / self.panels as f64;
        let depth = (load.channels * load.taps) as f64;
        let steps =
            load.channels.div_ceil(self.blocks * load.block) * load.taps.div_ceil(self.taps);
        let sums = tiles as f64 * vectors * depth * PIXELS as f64 / 2.0;
        TASK + vectors * depth * COPIED + sums + (tiles * panels * steps) as f64 * TILE
    }
}
