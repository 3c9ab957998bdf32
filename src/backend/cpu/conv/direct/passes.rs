//! A correlation as tasks: the loops round the micro-kernel.

use std::ops::Range;

use super::super::Isa;
use super::super::engine::{Rounds, Scratch, Tensors};
use super::correlation::{Correlation, Phase, Tensor};
use super::kernel::{NV, Output, Tile, most_rows};
use super::pack::{CopyFilters, CopySource};
use super::pass::{Panel, Pass};
use super::plan::Budget;
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::store_fence;

/// At most this many phases are computed together, where they can be.
const SHARED: usize = 4;

/// Outputs of this many bytes and more, if each element is written once, go past the caches: they would
/// push out what is still to be read, and be read themselves before they are written.
const STREAM: usize = 4 << 20;

/// A correlation made ready: its passes, whose tasks are done in any order.
pub(super) struct Passes {
    isa: Isa,
    threads: usize,
    correlation: Correlation,
    passes: Vec<Pass>,
    is_reduced: bool,
    /// Whether the output is written past the caches.
    stream: bool,
}

/// What a task computes: some vectors of pixels in panels, and some output channels of a group.
struct Part<'a> {
    pass: &'a Pass,
    /// Panels of the pass.
    panels: Range<usize>,
    /// Output channels of the group.
    rows: Range<usize>,
    /// Source, filters and output of the group, in the first image.
    source: *const f32,
    filters: *const f32,
    output: *mut f32,
}

/// Source channels and taps of a step over the sums.
#[derive(Clone)]
struct Block {
    channels: Range<usize>,
    /// All taps, unless the pass is split.
    taps: Range<usize>,
    /// Whether it is the first, whose sums are written and not added.
    is_first: bool,
}

impl Block {
    /// How many of `all` taps the block has.
    fn of(&self, all: usize) -> usize {
        self.taps.end.min(all) - self.taps.start
    }
}

impl Passes {
    /// Within `scratch_limit` bytes of scratch, if possible. Panics unless the CPU has the instructions.
    pub fn new(isa: Isa, threads: usize, all: Correlation, scratch_limit: u64) -> Passes {
        assert!(isa.is_available());
        let passes = Passes::within(isa, threads, all, scratch_limit);
        let scratch = passes.scratch();
        if scratch.bytes() <= scratch_limit {
            return passes;
        }
        // Only now is it known how much of that the tables take.
        let rest = scratch_limit.saturating_sub(scratch.table_bytes);
        Passes::within(isa, threads, passes.correlation, rest)
    }

    /// With `bytes` of scratch beside the tables, if possible.
    fn within(isa: Isa, threads: usize, correlation: Correlation, bytes: u64) -> Passes {
        let floats = usize::try_from(bytes / 4).unwrap_or(usize::MAX) / threads;
        let budget = Budget::of(isa, floats);
        let Correlation { phases, filters, output, .. } = &correlation;
        let is_apart = |depth: usize| phases.len() > SHARED || filters.taps > depth;
        let apart = is_apart(budget.depth);
        let mut alike: Vec<Vec<Phase>> = Vec::new();
        for phase in phases {
            let fits = |other: &&mut Vec<Phase>| {
                !apart && (other[0].rows, other[0].columns) == (phase.rows, phase.columns)
            };
            match alike.iter_mut().find(fits) {
                Some(phases) => phases.push(phase.clone()),
                None => alike.push(vec![phase.clone()]),
            }
        }
        let pass = |phases| Pass::new(isa, threads, &correlation, phases, apart, budget);
        let passes: Vec<Pass> = alike.into_iter().map(pass).collect();
        let [_, _, len] = correlation.lengths();
        let once =
            |pass: &Pass| pass.plan.channels == correlation.source.channels && !pass.is_split();
        let lines = phases.len() == 1 && output.plane().is_multiple_of(LINE);
        Passes {
            isa,
            threads,
            stream: 4 * len > STREAM && lines && passes.iter().all(once),
            is_reduced: apart != is_apart(Budget::WHOLE.depth)
                || passes.iter().any(|pass| pass.is_reduced),
            passes,
            correlation,
        }
    }

    /// The number of tasks of a pass: all parts in all groups.
    fn tasks_of(&self, pass: &Pass) -> usize {
        self.correlation.groups * pass.plan.parts.0 * pass.plan.parts.1
    }

    /// What task `index` of all passes computes.
    fn part<'a>(&'a self, mut index: usize, tensors: &Tensors<'_>) -> Part<'a> {
        let mut passes = self.passes.iter();
        let mut pass = passes.next().expect("an output has pixels");
        while index >= self.tasks_of(pass) {
            index -= self.tasks_of(pass);
            pass = passes.next().expect("there are no more tasks");
        }
        let (columns, rows) = pass.plan.parts;
        let (group, column, row) = (index / rows / columns, index / rows % columns, index % rows);
        let Correlation { source, output, filters, .. } = &self.correlation;
        let most = most_rows(self.isa.registers());
        let panels = even_part(output.channels.div_ceil(most), rows, row);
        let of_group = |tensor: &Tensor| group * tensor.channels * tensor.plane();
        let filters = group * source.channels * output.channels * filters.taps;
        Part {
            pass,
            panels: pass.parts[column].clone(),
            rows: panels.start * most..(panels.end * most).min(output.channels),
            source: tensors.a[of_group(source)..].as_ptr(),
            filters: tensors.b[filters..].as_ptr(),
            output: tensors.out.at(of_group(output)),
        }
    }

    /// Computes a part, with copies of filters and source in `scratch`.
    fn compute(&self, part: &Part<'_>, scratch: &mut [f32]) {
        let Pass { plan, together, filter_panel, .. } = part.pass;
        let (filters, source) = scratch.split_at_mut(together * filter_panel);
        let most = most_rows(self.isa.registers());
        let all = if part.pass.is_split() { part.pass.phases[0].taps.len() } else { 1 };
        let channels = self.correlation.source.channels;
        for c in (0..channels).step_by(plan.channels) {
            for t in (0..all).step_by(plan.taps) {
                let block = Block {
                    channels: c..channels.min(c + plan.channels),
                    taps: if part.pass.is_split() { t..t + plan.taps } else { 0..usize::MAX },
                    is_first: c + t == 0,
                };
                self.copy_source(part, &block, source);
                for row in part.rows.clone().step_by(together * most) {
                    let rows = row..part.rows.end.min(row + together * most);
                    self.copy_filters(part, &block, rows.clone(), filters);
                    for (panel, row) in rows.clone().step_by(most).enumerate() {
                        let rows = row..rows.end.min(row + most);
                        let filters = &filters[panel * filter_panel..][..*filter_panel];
                        self.multiply(part, &block, rows, filters, source);
                    }
                }
            }
        }
    }

    /// Floats that what a panel reads of a block takes in a copy of the source.
    fn panel_floats(&self, pass: &Pass, panel: &Panel, block: &Block) -> usize {
        let reads = block.of(pass.steps[panel.steps].reads.len());
        block.channels.len() * reads * NV * self.isa.lanes()
    }

    /// Copies what the panels of a part read of a block, panel after panel.
    fn copy_source(&self, part: &Part<'_>, block: &Block, mut to: &mut [f32]) {
        let plane = self.correlation.source.plane();
        for panel in &part.pass.panels[part.panels.clone()] {
            let reads = &part.pass.steps[panel.steps].reads;
            let (copied, rest) = to.split_at_mut(self.panel_floats(part.pass, panel, block));
            // SAFETY: the CPU has the instructions, see `new`. Segments lie in the first channel of the
            // first group, for every image; the group of the part is one of these, the channels of
            // the block are some of its own, and the engine has checked how long the source is. What is
            // copied is a vector of each read for each of the NV vectors and each channel, which is
            // how `panel_floats` counts.
            unsafe {
                self.isa.run(CopySource {
                    vectors: &part.pass.vectors,
                    start: panel.start,
                    count: panel.count,
                    reads: &reads
                        [block.taps.start.min(reads.len())..block.taps.end.min(reads.len())],
                    stride: part.pass.phases[0].stride[1],
                    from: part.source.wrapping_add(block.channels.start * plane),
                    channels: block.channels.len(),
                    plane,
                    to: copied.as_mut_ptr(),
                });
            }
            to = rest;
        }
    }

    /// Copies the filters of some output channels and a block, one panel of them after the other.
    fn copy_filters(&self, part: &Part<'_>, block: &Block, rows: Range<usize>, to: &mut [f32]) {
        let filters = self.correlation.filters;
        let taps = &part.pass.phases[0].taps;
        let from = rows.start * filters.output + block.channels.start * filters.channel;
        // SAFETY: the CPU has the instructions, see `new`. Rows, channels and taps are some of the
        // group's own, and the engine has checked how many filters there are. A panel is as long as the
        // largest block of the plan needs, for each of the panels that are copied together.
        unsafe {
            self.isa.run(CopyFilters {
                order: part.pass.order,
                filters,
                taps: &taps[block.taps.start.min(taps.len())..block.taps.end.min(taps.len())],
                from: part.filters.wrapping_add(from),
                channels: block.channels.len(),
                rows: rows.len(),
                panel_rows: most_rows(self.isa.registers()),
                to: to.as_mut_ptr(),
                panel: part.pass.filter_panel,
                row: part.pass.filter_row,
            });
        }
    }

    /// Adds a block up in the tiles of the output channels of one panel of filters.
    fn multiply(
        &self,
        part: &Part<'_>,
        block: &Block,
        rows: Range<usize>,
        filters: &[f32],
        mut source: &[f32],
    ) {
        let Pass { phases, panels, whole, steps: all_steps, filter_row, vectors, .. } = part.pass;
        let plane = self.correlation.output.plane();
        let start = part.output.wrapping_add(rows.start * plane);
        for index in part.panels.clone() {
            let panel = &panels[index];
            for (number, phase) in phases.iter().enumerate() {
                let steps = &all_steps[panel.steps].phases[number];
                // Channel after channel; a split pass has one, and a last block of fewer taps.
                let each = if part.pass.is_split() {
                    block.of(phase.taps.len())
                } else {
                    steps.len() / part.pass.plan.channels
                };
                let steps = &steps[..each * block.channels.len()];
                if steps.is_empty() && !block.is_first {
                    continue;
                }
                let tile = Tile {
                    rows: rows.len(),
                    vectors: panel.count,
                    steps,
                    filters: filters.as_ptr(),
                    filter_row: *filter_row,
                    source: source.as_ptr(),
                    output: Output {
                        start,
                        plane,
                        whole: whole[index * phases.len() + number],
                        vectors,
                        first: panel.start,
                        phase: number,
                        step: phase.step[1],
                        add: !block.is_first,
                        stream: self.stream,
                    },
                };
                // SAFETY: the CPU has the instructions, see `new`. Steps are those of the panel: each
                // reads one of the vectors just copied to `source`, and a number of each row in
                // `filters`, see `Pass::steps`. Segments lie in the first channel of the first group
                // of the output, whose length the engine has checked; group and rows are some of its own.
                // No other task has the same vectors of the same phase and the same rows.
                unsafe { self.isa.run(tile) };
            }
            source = &source[self.panel_floats(part.pass, panel, block)..];
        }
    }
}

impl Rounds for Passes {
    fn lengths(&self) -> [usize; 3] {
        self.correlation.lengths()
    }

    fn scratch(&self) -> Scratch {
        let local = |pass: &Pass| pass.together * pass.filter_panel + pass.source;
        Scratch {
            threads: self.threads,
            local: self.passes.iter().map(local).max().unwrap_or(0),
            shared: 0,
            table_bytes: self.passes.iter().map(Pass::bytes).sum(),
        }
    }

    fn tasks(&self, round: usize) -> Option<usize> {
        (round == 0).then(|| self.passes.iter().map(|pass| self.tasks_of(pass)).sum())
    }

    unsafe fn run(&self, tensors: &Tensors<'_>, _: usize, task: usize, local: &mut [f32]) {
        self.compute(&self.part(task, tensors), local);
        if self.stream {
            store_fence();
        }
    }

    fn is_reduced(&self) -> bool {
        self.is_reduced
    }
}
