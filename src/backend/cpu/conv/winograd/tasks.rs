//! Winograd's algorithm as tasks: the loops round the work on vectors.

use std::ops::Range;

use super::cells::Cells;
use super::filters::{Filters, GROUP};
use super::input::Input;
use super::output::Output;
use super::plan::{First, PORTION, Plan};
use super::problem::{Problem, WIDE};
use super::product::Product;
use crate::backend::cpu::conv::engine::{Rounds, Scratch, Tensors};
use crate::backend::cpu::simd::Isa;
use crate::workload::Algorithm;

/// A convolution with its plan. Rounds come in pairs: in the first of two all threads make some parts of
/// the shared operand, in the second each task goes through these with a part of the other.
pub(super) struct Winograd {
    isa: Isa,
    problem: Problem,
    plan: Plan,
    is_reduced: bool,
}

impl Winograd {
    /// Within `scratch_limit` bytes, if possible. Panics unless the CPU has the instructions.
    pub fn new(isa: Isa, threads: usize, problem: Problem, scratch_limit: u64) -> Winograd {
        assert!(isa.is_available());
        let limit = usize::try_from(scratch_limit / 4).unwrap_or(usize::MAX);
        let plan = Plan::new(&problem, isa, threads, limit);
        let free = Plan::new(&problem, isa, threads, usize::MAX);
        Winograd { isa, problem, plan, is_reduced: plan != free }
    }

    /// The parts of the shared operand that a pair of rounds is about.
    fn together(&self, pair: usize) -> Range<usize> {
        let (start, parts) = (pair * self.plan.together, self.plan.firsts().parts);
        start..parts.min(start + self.plan.together)
    }
}

impl Rounds for Winograd {
    fn lengths(&self) -> [usize; 3] {
        [self.problem.input_len(), self.problem.filters_len(), self.problem.output_len()]
    }

    fn scratch(&self) -> Scratch {
        let (local, shared) = (self.plan.local(), self.plan.shared());
        Scratch { threads: self.plan.threads, local, shared, table_bytes: 0 }
    }

    fn tasks(&self, round: usize) -> Option<usize> {
        let together = self.together(round / 2);
        let tasks = match round % 2 {
            0 => together.len() * self.plan.chunks.parts * self.plan.portions(),
            _ => self.plan.owns().parts,
        };
        (!together.is_empty()).then_some(tasks)
    }

    unsafe fn run(&self, tensors: &Tensors<'_>, round: usize, task: usize, local: &mut [f32]) {
        let Winograd { isa, problem, plan, .. } = self;
        let (job, together) = (Job { isa: *isa, problem, plan, tensors }, self.together(round / 2));
        // SAFETY: the caller's; and what the second round of a pair reads was made in the first.
        unsafe {
            match round % 2 {
                0 => job.share(together.start, task),
                _ => job.compute(task, together, local.as_mut_ptr()),
            }
        }
    }

    fn is_reduced(&self) -> bool {
        self.is_reduced
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Winograd(self.problem.m)
    }
}

/// What all tasks of a run see.
struct Job<'a> {
    isa: Isa,
    problem: &'a Problem,
    plan: &'a Plan,
    tensors: &'a Tensors<'a>,
}

impl Job<'_> {
    /// Makes a portion of the channels of a chunk of a part of the shared operand. Parts are counted from
    /// `start`.
    ///
    /// # Safety
    /// No other call of the round has the same task.
    unsafe fn share(&self, start: usize, task: usize) {
        let (plan, portions) = (self.plan, self.plan.portions());
        // The number of part and chunk, in whose order they lie in the shared scratch.
        let (place, portion) = (task / portions, task % portions);
        let (first, chunk) = (start + place / plan.chunks.parts, place % plan.chunks.parts);
        let chunk = plan.chunks.part(chunk);
        let skipped = portion * PORTION;
        let channels =
            (chunk.start + skipped).min(chunk.end)..chunk.end.min(chunk.start + skipped + PORTION);
        let to = self.tensors.shared.at(place * plan.first());
        // SAFETY: the shared scratch has room for `together` times `chunks.parts` of these, and no other
        // task has this place's portion: its channels are the only ones that are written. Past the end of
        // the chunk there are none.
        unsafe {
            match plan.first {
                First::Filters => self.filters(first, channels, to.wrapping_add(skipped * GROUP)),
                First::Tiles => self.tiles(first, channels, to.wrapping_add(skipped * plan.row)),
            }
        }
    }

    /// Computes everything of part `own` of what tasks make for themselves, with these parts of the shared
    /// operand.
    ///
    /// # Safety
    /// `local` has [`Plan::local`] floats that nothing else refers to, the shared scratch holds these
    /// parts, all of their chunks, and nothing writes it. No other call has the same `own` and `together`.
    unsafe fn compute(&self, own: usize, together: Range<usize>, local: *mut f32) {
        let plan = self.plan;
        let chunks = plan.chunks.parts;
        let all_sums = local.wrapping_add(plan.own());
        for chunk in 0..chunks {
            let channels = plan.chunks.part(chunk);
            let (count, is_last) = (channels.len(), chunk + 1 == chunks);
            // SAFETY: the caller's. `local` begins with a chunk of the thread's own operand; the sums of
            // one panel and block follow, or with several chunks those of all parts together. Each
            // panel and block is finished once, by this call.
            unsafe {
                match plan.first {
                    First::Filters => self.tiles(own, channels, local),
                    First::Tiles => self.filters(own, channels, local),
                }
                for (i, first) in together.clone().enumerate() {
                    let shared = self.tensors.shared.at((i * chunks + chunk) * plan.first());
                    let sums = if chunks == 1 { all_sums } else { all_sums.add(i * plan.sums()) };
                    let (panel, block, u, v) = match plan.first {
                        First::Filters => (first, own, shared.cast_const(), local.cast_const()),
                        First::Tiles => (own, first, local.cast_const(), shared.cast_const()),
                    };
                    self.multiply([panel, block], count, [u, v], sums, chunk > 0);
                    if is_last {
                        self.finish(panel, block, sums);
                    }
                }
            }
        }
    }

    /// Makes U of a panel and some channels.
    ///
    /// # Safety
    /// At `to` there is room for these channels of the largest panel, groups and positions as far apart as the
    /// plan says, and nothing else refers to it.
    unsafe fn filters(&self, panel: usize, channels: Range<usize>, to: *mut f32) {
        for (i, group) in self.plan.panels.part(panel).enumerate() {
            let work = Filters {
                m: self.problem.m,
                f: self.tensors.b,
                order: self.problem.filters,
                filters: group * GROUP..self.problem.k.min((group + 1) * GROUP),
                channels: channels.clone(),
                to: to.wrapping_add(i * self.plan.group()),
                position: self.plan.filter_position(),
            };
            // SAFETY: the CPU has the instructions, see `Winograd::new`. The group is one of the panel's, at
            // its own place in each position; steps are multiples of 16 floats.
            unsafe { self.isa.run(work) };
        }
    }

    /// Makes V of a block and some channels.
    ///
    /// # Safety
    /// At `to` there is room for these channels of the largest block, rows and positions as far apart as the plan
    /// says, and nothing else refers to it.
    unsafe fn tiles(&self, block: usize, channels: Range<usize>, to: *mut f32) {
        let lanes = self.isa.lanes();
        for (i, vector) in self.plan.blocks.part(block).enumerate() {
            let work = Input {
                m: self.problem.m,
                x: self.tensors.a,
                h: self.problem.h,
                w: self.problem.w,
                cells: &Cells::new(self.problem, lanes, vector * lanes),
                channels: channels.clone(),
                to: to.wrapping_add(i * lanes * WIDE / self.problem.m),
                position: self.plan.tile_position(),
                channel: self.plan.row,
            };
            // SAFETY: the CPU has the instructions, see `Winograd::new`. `x` has the problem's length, which
            // the engine has checked, and the cells come from the same problem. Each vector of cells has
            // its own place in the rows.
            unsafe { self.isa.run(work) };
        }
    }

    /// The filters of a panel, which are channels of the output.
    fn filters_of(&self, panel: usize) -> Range<usize> {
        let groups = self.plan.panels.part(panel);
        groups.start * GROUP..self.problem.k.min(groups.end * GROUP)
    }

    /// Adds up M of a panel and a block over some channels.
    ///
    /// # Safety
    /// `u` and `v` hold these channels of the panel and the block. `sums` has [`Plan::sums`] floats that nothing
    /// else refers to, and with `add` holds the sums so far.
    unsafe fn multiply(
        &self,
        [panel, block]: [usize; 2],
        channels: usize,
        [u, v]: [*const f32; 2],
        sums: *mut f32,
        add: bool,
    ) {
        let work = Product {
            positions: self.problem.positions(),
            channels,
            filters: self.filters_of(panel).len(),
            vectors: self.plan.blocks.part(block).len() * WIDE / self.problem.m,
            u,
            u_position: self.plan.filter_position(),
            u_group: self.plan.group(),
            v,
            v_position: self.plan.tile_position(),
            row: self.plan.row,
            sums,
            sums_position: self.plan.sum_position(),
            add,
        };
        // SAFETY: the CPU has the instructions, see `Winograd::new`; the rest is the caller's, with groups,
        // rows and positions as far apart as all were laid out.
        unsafe { self.isa.run(work) };
    }

    /// Makes the output of a panel and a block.
    ///
    /// # Safety
    /// `sums` holds M of them, and nothing else refers to their part of the output.
    unsafe fn finish(&self, panel: usize, block: usize, sums: *const f32) {
        let filters = self.filters_of(panel);
        let (plane, lanes) = (self.problem.p * self.problem.q, self.isa.lanes());
        for (i, vector) in self.plan.blocks.part(block).enumerate() {
            let work = Output {
                m: self.problem.m,
                from: sums.wrapping_add(i * lanes * WIDE / self.problem.m),
                position: self.plan.sum_position(),
                filter: self.plan.row,
                filters: filters.len(),
                cells: &Cells::new(self.problem, lanes, vector * lanes),
                y: self.tensors.out.at(filters.start * plane),
                plane,
                row: self.problem.q,
            };
            // SAFETY: the CPU has the instructions, see `Winograd::new`. The output has the problem's length,
            // which the engine has checked, and the cells come from the same problem; the rest is the
            // caller's.
            unsafe { self.isa.run(work) };
        }
    }
}
