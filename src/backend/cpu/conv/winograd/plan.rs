//! How filters, tiles and channels are split, and how much of them is kept where.

use std::marker::PhantomData;
use std::ops::Range;

use super::problem::{Problem, WIDE};
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::Isa;

/// Filters of a group, which lie side by side in memory: a multiple of every vector's lanes.
pub(super) const GROUP: usize = 16;

/// The most floats of a task's own operand: with sums and what passes by, it fits a second-level cache of
/// 1 MiB.
const OWN: usize = 150 << 10;

/// The most floats of the shared operand that are made at once, so that a good part of it is in a
/// third-level cache.
const SHARED: usize = 4 << 20;

/// The most channels of the shared operand that are made by one task.
pub(super) const PORTION: usize = 32;

/// A convolution with its plan, by the transforms `F`.
pub(super) struct Winograd<F> {
    pub problem: Problem,
    pub plan: Plan,
    transforms: PhantomData<F>,
}

impl<F> Winograd<F> {
    pub fn new(problem: Problem, plan: Plan) -> Winograd<F> {
        Winograd { problem, plan, transforms: PhantomData }
    }
}

/// A number of things, cut into even parts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Split {
    pub total: usize,
    pub parts: usize,
}

impl Split {
    /// In parts of at most `most`, whose number is a multiple of `threads` where that many are there.
    fn new(total: usize, most: usize, threads: usize) -> Split {
        let parts = total.div_ceil(most).next_multiple_of(threads);
        Split { total, parts: parts.min(total) }
    }

    /// The things of a part.
    pub fn part(&self, index: usize) -> Range<usize> {
        even_part(self.total, self.parts, index)
    }

    /// How many the largest part has.
    pub fn most(&self) -> usize {
        self.total.div_ceil(self.parts)
    }
}

/// The operand that is made first, by all threads and for all of them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum First {
    Filters,
    Tiles,
}

/// The sizes of a convolution. A panel has some groups of filters, a block some vectors of cells, a chunk some
/// input channels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Plan {
    pub first: First,
    /// The groups of filters, in panels.
    pub panels: Split,
    /// The vectors of cells, in blocks.
    pub blocks: Split,
    /// The input channels, in chunks. Sums go on from chunk to chunk.
    pub chunks: Split,
    /// The number of parts of the shared operand that are made at once.
    pub together: usize,
    pub threads: usize,
    /// Positions of a tile: products of each channel.
    pub positions: usize,
    /// Floats of a row of tiles: those of the largest block.
    pub row: usize,
}

/// The most vectors of cells of a block, groups of filters of a panel, and channels of a chunk.
#[derive(Clone, Copy)]
struct Most {
    vectors: usize,
    groups: usize,
    channels: usize,
}

impl Plan {
    /// A plan that takes at most `limit` floats of scratch, unless the least that is possible takes more.
    pub fn new(problem: &Problem, isa: Isa, threads: usize, limit: usize) -> Plan {
        let mut most = Most { vectors: 3, groups: 2, channels: usize::MAX };
        loop {
            let plan = Plan::with(problem, isa, threads, limit, most);
            if plan.floats() <= limit || !most.shrink(plan.chunks.most()) {
                return plan;
            }
        }
    }

    /// The plan with at most these sizes.
    fn with(problem: &Problem, isa: Isa, threads: usize, limit: usize, most: Most) -> Plan {
        let [rows, columns] = problem.cells();
        let vectors = (problem.n * rows * columns).div_ceil(isa.lanes());
        let groups = problem.k.div_ceil(GROUP);
        let tiles = vectors * isa.lanes() * WIDE / problem.m;
        let first = if problem.k <= tiles { First::Filters } else { First::Tiles };
        // Each thread makes parts of its own of what is not made first.
        let (panels, blocks) = match first {
            First::Filters => (1, threads),
            First::Tiles => (threads, 1),
        };
        let panels = Split::new(groups, most.groups, panels);
        let blocks = Split::new(vectors, most.vectors, blocks);
        let row = blocks.most() * isa.lanes() * WIDE / problem.m;
        let own =
            problem.positions() * if first == First::Filters { row } else { panels.most() * GROUP };
        let channels = (OWN / own).clamp(1, most.channels);
        let mut plan = Plan {
            first,
            panels,
            blocks,
            chunks: Split::new(problem.c, channels, 1),
            together: 1,
            threads,
            positions: problem.positions(),
            row,
        };
        plan.together = plan.most_together(limit);
        plan
    }

    /// How many parts of the shared operand there may be at once.
    fn most_together(&self, limit: usize) -> usize {
        let part = self.chunks.parts * self.first();
        let sums = if self.chunks.parts > 1 { self.threads * self.sums() } else { 0 };
        let fits = limit.saturating_sub(self.threads * (self.own() + self.sums())) / (part + sums);
        fits.min(SHARED / part).clamp(1, self.firsts().parts)
    }

    /// The number of tasks that make a chunk of channels of a part of the shared operand.
    pub fn portions(&self) -> usize {
        self.chunks.most().div_ceil(PORTION)
    }

    /// The parts of what is made first.
    pub fn firsts(&self) -> Split {
        if self.first == First::Filters { self.panels } else { self.blocks }
    }

    /// The parts of what tasks make for themselves.
    pub fn owns(&self) -> Split {
        if self.first == First::Filters { self.blocks } else { self.panels }
    }

    /// Floats from one group of filters to the next.
    pub fn group(&self) -> usize {
        self.chunks.most() * GROUP
    }

    /// Floats from one position of filters to the next: a line more than they take, or positions would be powers
    /// of two apart and meet in the same sets of the cache.
    pub fn filter_position(&self) -> usize {
        self.panels.most() * self.group() + LINE
    }

    /// Floats from one position of tiles to the next.
    pub fn tile_position(&self) -> usize {
        self.chunks.most() * self.row + LINE
    }

    /// Floats from one position of sums to the next.
    pub fn sum_position(&self) -> usize {
        self.panels.most() * GROUP * self.row + LINE
    }

    /// Floats of a chunk of a part of what is made first, and of what tasks make for themselves.
    fn operands(&self) -> [usize; 2] {
        let filters = self.positions * self.filter_position();
        let tiles = self.positions * self.tile_position();
        if self.first == First::Filters { [filters, tiles] } else { [tiles, filters] }
    }

    /// Floats of a chunk of a part of what is made first.
    pub fn first(&self) -> usize {
        self.operands()[0]
    }

    /// Floats of a chunk of a part of what tasks make for themselves.
    pub fn own(&self) -> usize {
        self.operands()[1]
    }

    /// Floats of the sums of one panel and one block.
    pub fn sums(&self) -> usize {
        self.positions * self.sum_position()
    }

    /// Floats of all that is made first at once.
    pub fn shared(&self) -> usize {
        self.together * self.chunks.parts * self.first()
    }

    /// Floats of a thread: its part of an operand and its sums. With several chunks all sums are kept
    /// until the last.
    pub fn local(&self) -> usize {
        self.own() + self.sums() * if self.chunks.parts > 1 { self.together } else { 1 }
    }

    /// Floats of all scratch.
    pub fn floats(&self) -> usize {
        self.shared() + self.threads * self.local()
    }
}

impl Most {
    /// Takes the next smaller sizes, where chunks have at most `channels` now. False where there are none.
    fn shrink(&mut self, channels: usize) -> bool {
        match () {
            () if channels > 16 => self.channels = channels / 2,
            () if self.vectors > 1 => self.vectors -= 1,
            () if self.groups > 1 => self.groups -= 1,
            () if channels > 1 => self.channels = channels / 2,
            () => return false,
        }
        true
    }
}
