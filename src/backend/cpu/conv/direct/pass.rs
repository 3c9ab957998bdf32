//! A pass: phases that are computed together, as they have the same pixels.

use std::ops::Range;

use super::correlation::{Correlation, Filters, Phase};
use super::kernel::{NV, Step, most_rows};
use super::plan::{Budget, Load, Plan, TOGETHER};
use super::vectors::{Vectors, whole};
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::{Isa, Vector};

/// Phases of the same number of rows and columns, computed from one copy of the pixels and filters that
/// they read.
pub(super) struct Pass {
    /// The phases, at least one.
    pub phases: Vec<Phase>,
    /// Their pixels in vectors.
    pub vectors: Vectors,
    pub plan: Plan,
    /// Panels of filters that are copied together.
    pub together: usize,
    /// Floats of each copied panel of filters, whole cache lines.
    pub filter_panel: usize,
    /// Floats from one row to the next in a copied panel of filters.
    pub filter_row: usize,
    /// All vectors, [`NV`] at a time.
    pub panels: Vec<Panel>,
    /// The panels of each part of the plan.
    pub parts: Vec<Range<usize>>,
    /// Where the vectors of each panel are written by each phase, in floats from the start of the output
    /// channel, if the lanes of all of them lie side by side. `[panel][phase]`.
    pub whole: Vec<Option<[isize; NV]>>,
    /// The steps of all panels; panels that read alike have the same.
    pub steps: Vec<Steps>,
    /// The most floats of source that a task copies.
    pub source: usize,
    /// Whether the limit of scratch made it another plan.
    pub is_reduced: bool,
}

/// Up to [`NV`] vectors, which make the width of a tile.
pub(super) struct Panel {
    /// The number of the first vector.
    pub start: usize,
    /// The number of vectors.
    pub count: usize,
    /// The number of its [`Steps`] in [`Pass::steps`].
    pub steps: usize,
}

/// The micro-kernel's steps over channels and taps, for panels that find pixels by the same reads.
pub(super) struct Steps {
    /// The numbers of the reads by which any lane of the panel finds a pixel. Only these are copied.
    pub reads: Vec<usize>,
    /// The steps of each phase, channel after channel.
    pub phases: Vec<Vec<Step>>,
}

impl Pass {
    /// The pass of some phases, cut up for so many threads.
    pub fn new(
        isa: Isa,
        threads: usize,
        correlation: &Correlation,
        phases: Vec<Phase>,
        budget: Budget,
    ) -> Pass {
        let (rows, lanes) = (most_rows(isa.registers()), isa.lanes());
        let filters = correlation.filters;
        let reads = reads(&phases);
        let vectors = Vectors::new(correlation, correlation.images, &phases, &reads, lanes);
        let load = Load {
            vectors: vectors.count,
            reads: reads.len(),
            phases: phases.iter().map(|phase| phase.taps.len()).collect(),
            groups: correlation.groups,
            channels: correlation.source.channels,
            outputs: correlation.output.channels,
            taps: filters.taps,
        };
        let plan = Plan::of(isa, threads, &load, budget);
        // As much as fills whole cache lines.
        let lines = (4 * LINE).div_ceil(rows * filters.taps).min(TOGETHER);
        let depth = plan.channels * filters.taps;
        let by_output = filters.by_output();
        let mut pass = Pass {
            phases,
            vectors,
            plan,
            together: if by_output { 1 } else { lines },
            filter_panel: (rows * depth).next_multiple_of(LINE),
            filter_row: if by_output { depth } else { filters.taps },
            panels: Vec::new(),
            parts: Vec::new(),
            whole: Vec::new(),
            steps: Vec::new(),
            source: 0,
            is_reduced: plan != Plan::of(isa, threads, &load, Budget::WHOLE),
        };
        for part in 0..plan.parts.0 {
            pass.add_part(isa, filters, &reads, even_part(pass.vectors.count, plan.parts.0, part));
        }
        pass
    }

    /// Adds the panels of a part of the vectors, whose reads are at `offsets`.
    fn add_part(&mut self, isa: Isa, filters: Filters, offsets: &[[isize; 2]], part: Range<usize>) {
        let (first, mut source) = (self.panels.len(), 0);
        for start in part.clone().step_by(NV) {
            let count = NV.min(part.end - start);
            let places = || (start..start + count).map(|vector| self.vectors.get(vector));
            let is_read = |read: &usize| places().any(|place| !place.reads(*read).0.is_empty());
            let reads: Vec<usize> = (0..offsets.len()).filter(is_read).collect();
            for (index, phase) in self.phases.iter().enumerate() {
                let mut all = [0; NV];
                let whole = phase.step[1] == 1
                    && places().zip(&mut all).all(|(place, to)| {
                        let start = whole(place.writes(index), isa.lanes());
                        start.inspect(|start| *to = *start).is_some()
                    });
                self.whole.push(whole.then_some(all));
            }
            source += reads.len() * self.plan.channels * NV * isa.lanes();
            let known = self.steps.iter().position(|steps| steps.reads == reads);
            let steps = known.unwrap_or_else(|| {
                let steps = self.steps(isa, filters, offsets, reads);
                self.steps.push(steps);
                self.steps.len() - 1
            });
            self.panels.push(Panel { start, count, steps });
        }
        self.source = self.source.max(source);
        self.parts.push(first..self.panels.len());
    }

    /// The steps over the channels of a block and the taps that find a pixel by one of `reads`.
    fn steps(
        &self,
        isa: Isa,
        filters: Filters,
        offsets: &[[isize; 2]],
        reads: Vec<usize>,
    ) -> Steps {
        let rows = most_rows(isa.registers());
        let channel_len = if filters.by_output() { filters.taps } else { rows * filters.taps };
        let phase = |phase: &Phase| {
            let mut steps = Vec::new();
            for channel in 0..self.plan.channels {
                for tap in &phase.taps {
                    let found = reads.iter().position(|read| offsets[*read] == tap.offset);
                    let Some(read) = found else { continue };
                    let filter = channel * channel_len + tap.place;
                    let source = (channel * reads.len() + read) * NV * isa.lanes();
                    // What the micro-kernel relies on.
                    assert!(filter + (rows - 1) * self.filter_row < self.filter_panel);
                    steps.push(Step { filter: filter as u32, source: source as u32 });
                }
            }
            steps
        };
        let phases = self.phases.iter().map(phase).collect();
        Steps { reads, phases }
    }

    /// Floats that what a panel reads of so many channels takes in a copy of the source.
    pub fn panel_floats<V: Vector>(&self, panel: &Panel, channels: usize) -> usize {
        channels * self.steps[panel.steps].reads.len() * NV * V::LANES
    }

    /// Bytes of all tables.
    pub fn bytes(&self) -> u64 {
        let steps = self.steps.iter().flat_map(|steps| &steps.phases);
        let steps: usize = steps.map(|steps| size_of_val(&steps[..])).sum();
        let panels = size_of_val(&self.panels[..]) + size_of_val(&self.whole[..]);
        self.vectors.bytes() + (steps + panels) as u64
    }
}

/// The different offsets at which taps read, in the order in which they first come up. Their numbers in
/// this list are the numbers of reads.
fn reads(phases: &[Phase]) -> Vec<[isize; 2]> {
    let mut reads: Vec<[isize; 2]> = Vec::new();
    for tap in phases.iter().flat_map(|phase| &phase.taps) {
        if !reads.contains(&tap.offset) {
            reads.push(tap.offset);
        }
    }
    reads
}
