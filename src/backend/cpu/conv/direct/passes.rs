//! A correlation as tasks: the loops round the micro-kernel.

use std::ops::Range;

use super::super::Means;
use super::super::engine::{Rounds, Scratch, Task, Tensors};
use super::correlation::{Correlation, Phase, Tensor};
use super::kernel::{Output, Tile, most_rows};
use super::pack::{CopyFilters, CopySource};
use super::pass::Pass;
use super::plan::Budget;
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::share::even_part_of_units;
use crate::backend::cpu::simd::{Vector, store_fence};

/// Outputs of this many bytes and more, if each element is written once, go past the caches: they would
/// push out what is still to be read, and be read themselves before they are written.
const STREAM: usize = 4 << 20;

/// A correlation made ready: its passes, whose tasks are done in any order.
pub(super) struct Passes {
    threads: usize,
    correlation: Correlation,
    passes: Vec<Pass>,
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

impl Passes {
    /// Within the limit of scratch, if possible.
    pub fn new(means: Means, all: Correlation) -> Passes {
        let passes = Passes::within(means, all, means.scratch_limit);
        let scratch = passes.scratch();
        if scratch.bytes() <= means.scratch_limit {
            return passes;
        }
        // Only now is it known how much of that the tables take.
        let rest = means.scratch_limit.saturating_sub(scratch.table_bytes);
        Passes::within(means, passes.correlation, rest)
    }

    /// With `bytes` of scratch beside the tables, if possible.
    fn within(Means { isa, threads, .. }: Means, correlation: Correlation, bytes: u64) -> Passes {
        let floats = usize::try_from(bytes / 4).unwrap_or(usize::MAX) / threads;
        let budget = Budget::of(isa, floats);
        let Correlation { phases, output, .. } = &correlation;
        let mut alike: Vec<Vec<Phase>> = Vec::new();
        for phase in phases {
            let fits = |other: &&mut Vec<Phase>| {
                (other[0].rows, other[0].columns) == (phase.rows, phase.columns)
            };
            match alike.iter_mut().find(fits) {
                Some(phases) => phases.push(phase.clone()),
                None => alike.push(vec![phase.clone()]),
            }
        }
        let pass = |phases| Pass::new(isa, threads, &correlation, phases, budget);
        let passes: Vec<Pass> = alike.into_iter().map(pass).collect();
        let [_, _, len] = correlation.lengths();
        let once = |pass: &Pass| pass.plan.channels == correlation.source.channels;
        let lines = phases.len() == 1 && output.plane().is_multiple_of(LINE);
        let stream = 4 * len > STREAM && lines && passes.iter().all(once);
        Passes { threads, stream, passes, correlation }
    }

    /// Whether the limit of scratch made some pass another plan.
    pub fn is_reduced(&self) -> bool {
        self.passes.iter().any(|pass| pass.is_reduced)
    }

    /// The number of tasks of a pass: all parts in all groups.
    fn tasks_of(&self, pass: &Pass) -> usize {
        self.correlation.groups * pass.plan.parts.0 * pass.plan.parts.1
    }

    /// What task `index` of all passes computes, in tiles of `most` output channels.
    fn part<'a>(&'a self, most: usize, mut index: usize, tensors: &Tensors<'_>) -> Part<'a> {
        let mut passes = self.passes.iter();
        let mut pass = passes.next().expect("an output has pixels");
        while index >= self.tasks_of(pass) {
            index -= self.tasks_of(pass);
            pass = passes.next().expect("there are no more tasks");
        }
        let (columns, rows) = pass.plan.parts;
        let (group, column, row) = (index / rows / columns, index / rows % columns, index % rows);
        let Correlation { source, output, filters, .. } = &self.correlation;
        let of_group = |tensor: &Tensor| group * tensor.channels * tensor.plane();
        let filters = group * source.channels * output.channels * filters.taps;
        Part {
            pass,
            panels: pass.parts[column].clone(),
            rows: even_part_of_units(output.channels, most, rows, row),
            source: tensors.a[of_group(source)..].as_ptr(),
            filters: tensors.b[filters..].as_ptr(),
            output: tensors.out.at(of_group(output)),
        }
    }

    /// Computes a part, with copies of filters and source in `scratch`: block after block of channels.
    ///
    /// # Safety
    /// That of [`Rounds::run`] holds, and the part is the task's own.
    unsafe fn compute<V: Vector>(&self, part: &Part<'_>, scratch: &mut [f32]) {
        let Pass { plan, together, filter_panel, .. } = part.pass;
        let (filters, source) = scratch.split_at_mut(together * filter_panel);
        let most = most_rows(V::REGISTERS);
        let channels = self.correlation.source.channels;
        for c in (0..channels).step_by(plan.channels) {
            let block = c..channels.min(c + plan.channels);
            // SAFETY: the caller's; the block's channels are some of the group's, and the rows some of the
            // part's.
            unsafe {
                self.copy_source::<V>(part, &block, source);
                for row in part.rows.clone().step_by(together * most) {
                    let rows = row..part.rows.end.min(row + together * most);
                    self.copy_filters::<V>(part, &block, rows.clone(), filters);
                    for (panel, row) in rows.clone().step_by(most).enumerate() {
                        let rows = row..rows.end.min(row + most);
                        let filters = &filters[panel * filter_panel..][..*filter_panel];
                        self.multiply::<V>(part, &block, rows, filters, source);
                    }
                }
            }
        }
    }

    /// Copies what the panels of a part read of a block of channels, panel after panel.
    ///
    /// # Safety
    /// That of [`Passes::compute`] holds.
    unsafe fn copy_source<V: Vector>(
        &self,
        part: &Part<'_>,
        block: &Range<usize>,
        mut to: &mut [f32],
    ) {
        let plane = self.correlation.source.plane();
        for panel in &part.pass.panels[part.panels.clone()] {
            let len = part.pass.panel_floats::<V>(panel, block.len());
            let (copied, rest) = to.split_at_mut(len);
            // SAFETY: the caller's. Segments lie in the first channel of the first group, for every image; the
            // group of the part is one of these, the channels of the block are some of its own, and the
            // engine has checked how long the source is. What is copied is a vector of each read for each of
            // the NV vectors and each channel, which is how `panel_floats` counts.
            unsafe {
                V::call(CopySource {
                    vectors: &part.pass.vectors,
                    start: panel.start,
                    count: panel.count,
                    reads: &part.pass.steps[panel.steps].reads,
                    stride: part.pass.phases[0].stride[1],
                    from: part.source.wrapping_add(block.start * plane),
                    channels: block.len(),
                    plane,
                    to: copied.as_mut_ptr(),
                });
            }
            to = rest;
        }
    }

    /// Copies the filters of some output channels and a block, one panel of them after the other.
    ///
    /// # Safety
    /// That of [`Passes::compute`] holds.
    unsafe fn copy_filters<V: Vector>(
        &self,
        part: &Part<'_>,
        block: &Range<usize>,
        rows: Range<usize>,
        to: &mut [f32],
    ) {
        let filters = self.correlation.filters;
        let from = rows.start * filters.output + block.start * filters.channel;
        // SAFETY: the caller's. Rows and channels are some of the group's own, and the engine has checked how
        // many filters there are. A panel is as long as the largest block of the plan needs, for each of the
        // panels that are copied together.
        unsafe {
            V::call(CopyFilters {
                filters,
                from: part.filters.wrapping_add(from),
                channels: block.len(),
                rows: rows.len(),
                panel_rows: most_rows(V::REGISTERS),
                to: to.as_mut_ptr(),
                panel: part.pass.filter_panel,
                row: part.pass.filter_row,
            });
        }
    }

    /// Adds a block up in the tiles of the output channels of one panel of filters.
    ///
    /// # Safety
    /// That of [`Passes::compute`] holds; `filters` and `source` are copies of the block.
    unsafe fn multiply<V: Vector>(
        &self,
        part: &Part<'_>,
        block: &Range<usize>,
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
                // Channel after channel.
                let steps = &all_steps[panel.steps].phases[number];
                let steps = &steps[..steps.len() / part.pass.plan.channels * block.len()];
                if steps.is_empty() && block.start > 0 {
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
                        add: block.start > 0,
                        stream: self.stream,
                    },
                };
                // SAFETY: the caller's. Steps are those of the panel: each reads one of the vectors just copied
                // to `source`, and a number of each row in `filters`, see `Pass::steps`. Segments lie in the
                // first channel of the first group of the output, whose length the engine has checked; group
                // and rows are some of its own. No other task has the same vectors of the same phase and the
                // same rows.
                unsafe { V::call(tile) };
            }
            source = &source[part.pass.panel_floats::<V>(panel, block.len())..];
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

    unsafe fn run<V: Vector>(&self, Task { tensors, number, local, .. }: Task<'_>) {
        let part = self.part(most_rows(V::REGISTERS), number, tensors);
        // SAFETY: the caller's.
        unsafe { self.compute::<V>(&part, local) };
        if self.stream {
            store_fence();
        }
    }
}
