//! The loops round the micro-kernel.

use std::ops::Range;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::super::simd::store_fence;
use super::gather::{Gather, Phase, Tensor};
use super::kernel::{NV, Output, Tile, most_rows};
use super::pack::{CopyFilters, CopySource};
use super::pass::{LINE, Panel, Pass};
use super::plan::Budget;
use super::{Isa, Pool, Prepared};
use crate::backend::cpu::share::even_part;

/// Phases up to that many are computed together, where they can be.
const SHARED: usize = 4;

/// Outputs from that many bytes on, if each element is written once, go past the caches: they would
/// push out what is still to be read, and be read themselves before they are written.
const STREAM: usize = 4 << 20;

/// A gather made ready.
pub(super) struct Engine {
    isa: Isa,
    gather: Gather,
    passes: Vec<Pass>,
    /// One for each thread.
    scratch: Vec<Mutex<Vec<f32>>>,
    table_bytes: u64,
    reduced: bool,
    /// Whether the output is written past the caches.
    stream: bool,
}

/// The operands of a run.
struct Operands<'a> {
    source: &'a [f32],
    filters: &'a [f32],
    output: AtomicPtr<f32>,
}

/// What a task computes: panels of vectors, and output channels of a group.
struct Part<'a> {
    pass: &'a Pass,
    panels: Range<usize>,
    rows: Range<usize>,
    /// Where the group starts.
    source: *const f32,
    filters: *const f32,
    output: *mut f32,
}

/// Channels and taps of a step over the sums.
#[derive(Clone)]
struct Block {
    channels: Range<usize>,
    /// All, unless the pass is split.
    taps: Range<usize>,
    /// Whether it is the first.
    first: bool,
}

impl Block {
    /// How many pixels' vectors and filters are copied of so many.
    fn of(&self, all: usize) -> usize {
        self.taps.end.min(all) - self.taps.start
    }
}

impl Engine {
    /// Panics unless the CPU has the instructions.
    pub fn new(isa: Isa, threads: usize, gather: Gather, scratch_limit: u64) -> Engine {
        assert!(isa.is_available());
        let engine = Engine::within(isa, threads, gather, scratch_limit);
        if engine.scratch_bytes() <= scratch_limit {
            return engine;
        }
        // Only now is it known how much of that the tables take.
        let rest = scratch_limit.saturating_sub(engine.table_bytes);
        Engine::within(isa, threads, engine.gather, rest)
    }

    /// With so many bytes beside the tables.
    fn within(isa: Isa, threads: usize, gather: Gather, bytes: u64) -> Engine {
        let floats = usize::try_from(bytes / 4).unwrap_or(usize::MAX) / threads;
        let budget = Budget::of(isa, floats);
        let is_apart = |depth: usize| gather.phases.len() > SHARED || gather.filters.taps > depth;
        let apart = is_apart(budget.depth);
        let mut alike: Vec<Vec<Phase>> = Vec::new();
        for phase in &gather.phases {
            let fits = |other: &&mut Vec<Phase>| {
                !apart && (other[0].rows, other[0].columns) == (phase.rows, phase.columns)
            };
            match alike.iter_mut().find(fits) {
                Some(phases) => phases.push(phase.clone()),
                None => alike.push(vec![phase.clone()]),
            }
        }
        let pass = |phases| Pass::new(isa, threads, &gather, phases, apart, budget);
        let passes: Vec<Pass> = alike.into_iter().map(pass).collect();
        let need = |pass: &Pass| LINE + pass.together * pass.filter_panel + pass.source;
        let need = passes.iter().map(need).max().unwrap_or(0);
        let output = gather.images * gather.groups * gather.output.channels * gather.output.plane();
        let once = |pass: &Pass| pass.plan.channels == gather.source.channels && !pass.is_split();
        let lines = gather.phases.len() == 1 && gather.output.plane().is_multiple_of(LINE);
        Engine {
            isa,
            stream: 4 * output > STREAM && lines && passes.iter().all(once),
            table_bytes: passes.iter().map(Pass::bytes).sum(),
            reduced: apart != is_apart(Budget::WHOLE.depth) || passes.iter().any(|p| p.is_reduced),
            passes,
            scratch: (0..threads).map(|_| Mutex::new(vec![0.0; need])).collect(),
            gather,
        }
    }

    /// Tasks of a pass.
    fn tasks(&self, pass: &Pass) -> usize {
        self.gather.groups * pass.plan.parts.0 * pass.plan.parts.1
    }

    /// Task `index` of all passes.
    fn part<'a>(&'a self, mut index: usize, operands: &Operands<'_>) -> Part<'a> {
        let mut passes = self.passes.iter();
        let mut pass = passes.next().expect("an output has pixels");
        while index >= self.tasks(pass) {
            index -= self.tasks(pass);
            pass = passes.next().expect("there are no more tasks");
        }
        let (columns, rows) = pass.plan.parts;
        let (group, column, row) = (index / rows / columns, index / rows % columns, index % rows);
        let Gather { source, output, filters, .. } = &self.gather;
        let most = most_rows(self.isa.registers());
        let panels = even_part(output.channels.div_ceil(most), rows, row);
        let of_group = |tensor: &Tensor| group * tensor.channels * tensor.plane();
        let filters = group * source.channels * output.channels * filters.taps;
        Part {
            pass,
            panels: pass.parts[column].clone(),
            rows: panels.start * most..(panels.end * most).min(output.channels),
            source: operands.source.as_ptr().wrapping_add(of_group(source)),
            filters: operands.filters.as_ptr().wrapping_add(filters),
            output: operands.output.load(Ordering::Relaxed).wrapping_add(of_group(output)),
        }
    }

    /// Computes a part.
    fn compute(&self, part: &Part<'_>, scratch: &mut [f32]) {
        let Pass { plan, together, filter_panel, .. } = part.pass;
        let start = scratch.as_ptr().align_offset(4 * LINE).min(LINE);
        let (filters, source) = scratch[start..].split_at_mut(together * filter_panel);
        let most = most_rows(self.isa.registers());
        let all = if part.pass.is_split() { part.pass.phases[0].taps.len() } else { 1 };
        let channels = self.gather.source.channels;
        for c in (0..channels).step_by(plan.channels) {
            for t in (0..all).step_by(plan.taps) {
                let block = Block {
                    channels: c..channels.min(c + plan.channels),
                    taps: if part.pass.is_split() { t..t + plan.taps } else { 0..usize::MAX },
                    first: c + t == 0,
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

    /// Floats that a panel takes in a copy of the source.
    fn panel_floats(&self, pass: &Pass, panel: &Panel, block: &Block) -> usize {
        let reads = block.of(pass.steps[panel.steps].reads.len());
        block.channels.len() * reads * NV * self.isa.lanes()
    }

    fn copy_source(&self, part: &Part<'_>, block: &Block, mut to: &mut [f32]) {
        let plane = self.gather.source.plane();
        for panel in &part.pass.panels[part.panels.clone()] {
            let reads = &part.pass.steps[panel.steps].reads;
            let (copied, rest) = to.split_at_mut(self.panel_floats(part.pass, panel, block));
            // SAFETY: the CPU has the instructions, see `new`. Segments lie in the first channel of the
            // first group, for every image; the group of the part is one of these, the channels of
            // the block are some of its own, and `run` has checked how long the source is. What is
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

    fn copy_filters(&self, part: &Part<'_>, block: &Block, rows: Range<usize>, to: &mut [f32]) {
        let filters = self.gather.filters;
        let taps = &part.pass.phases[0].taps;
        let from = rows.start * filters.output + block.channels.start * filters.channel;
        // SAFETY: the CPU has the instructions, see `new`. Rows, channels and taps are some of the
        // group's own, and `run` has checked how many filters there are. A panel is as long as the
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

    /// Computes the tiles of some output channels.
    fn multiply(
        &self,
        part: &Part<'_>,
        block: &Block,
        rows: Range<usize>,
        filters: &[f32],
        mut source: &[f32],
    ) {
        let Pass { phases, panels, whole, steps: all_steps, filter_row, vectors, .. } = part.pass;
        let plane = self.gather.output.plane();
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
                if steps.is_empty() && !block.first {
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
                        add: !block.first,
                        stream: self.stream,
                    },
                };
                // SAFETY: the CPU has the instructions, see `new`. Steps are those of the panel: each
                // reads one of the vectors just copied to `source`, and a number of each row in
                // `filters`, see `Pass::steps`. Segments lie in the first channel of the first group
                // of the output, whose length `run` has checked; group and rows are some of its own.
                // No other task has the same vectors of the same phase and the same rows.
                unsafe { self.isa.run(tile) };
            }
            source = &source[self.panel_floats(part.pass, panel, block)..];
        }
    }
}

impl Prepared for Engine {
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        self.gather.check(a, b, out);
        let tasks: usize = self.passes.iter().map(|pass| self.tasks(pass)).sum();
        let operands = Operands { source: a, filters: b, output: AtomicPtr::new(out.as_mut_ptr()) };
        let next = AtomicUsize::new(0);
        pool.each(self.scratch.len(), |slot| {
            let mut scratch = self.scratch[slot].lock().unwrap_or_else(PoisonError::into_inner);
            loop {
                let task = next.fetch_add(1, Ordering::Relaxed);
                if task >= tasks {
                    break;
                }
                self.compute(&self.part(task, &operands), &mut scratch);
            }
            if self.stream {
                store_fence();
            }
        });
    }

    fn scratch_bytes(&self) -> u64 {
        let scratch = |scratch: &Mutex<Vec<f32>>| {
            let scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
            size_of_val(&scratch[..]) as u64
        };
        self.table_bytes + self.scratch.iter().map(scratch).sum::<u64>()
    }

    fn is_reduced(&self) -> bool {
        self.reduced
    }
}
