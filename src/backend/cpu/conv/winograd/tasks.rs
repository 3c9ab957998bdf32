//! Winograd's algorithm as tasks: the loops round the work on vectors.

use std::ops::Range;

use super::cells::Cells;
use super::filters::Filters;
use super::input::Input;
use super::output::Output;
use super::plan::{First, GROUP, PORTION, Winograd};
use super::product::Product;
use super::tile::Tile;
use crate::backend::cpu::conv::engine::{Rounds, Scratch, Task, Tensors};
use crate::backend::cpu::simd::Vector;
use crate::workload::Algorithm;

/// Rounds come in pairs: in the first of two all threads make some parts of the shared operand, in the second
/// each task goes through these with a part of the other.
impl<F: Tile> Rounds for Winograd<F> {
    fn lengths(&self) -> [usize; 3] {
        self.problem.lengths()
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

    unsafe fn run<V: Vector>(&self, Task { tensors, round, number, local }: Task<'_>) {
        let together = self.together(round / 2);
        // SAFETY: the caller's; and what the second round of a pair reads was made in the first.
        unsafe {
            match round % 2 {
                0 => self.share::<V>(tensors, together.start, number),
                _ => self.compute::<V>(tensors, number, together, local.as_mut_ptr()),
            }
        }
    }

    fn algorithm(&self) -> Algorithm {
        Algorithm::Winograd(F::M)
    }
}

impl<F: Tile> Winograd<F> {
    /// The parts of the shared operand that a pair of rounds is about.
    fn together(&self, pair: usize) -> Range<usize> {
        let (start, parts) = (pair * self.plan.together, self.plan.firsts().parts);
        start..parts.min(start + self.plan.together)
    }

    /// Makes a portion of the channels of a chunk of a part of the shared operand. Parts are counted from
    /// `start`.
    ///
    /// # Safety
    /// That of [`Rounds::run`] holds.
    unsafe fn share<V: Vector>(&self, tensors: &Tensors<'_>, start: usize, task: usize) {
        let (plan, portions) = (&self.plan, self.plan.portions());
        // The number of part and chunk, in whose order they lie in the shared scratch.
        let (place, portion) = (task / portions, task % portions);
        let (first, chunk) = (start + place / plan.chunks.parts, place % plan.chunks.parts);
        let chunk = plan.chunks.part(chunk);
        let skipped = portion * PORTION;
        let channels =
            (chunk.start + skipped).min(chunk.end)..chunk.end.min(chunk.start + skipped + PORTION);
        let to = tensors.shared.at(place * plan.first());
        // SAFETY: the shared scratch has room for `together` times `chunks.parts` of these, and no other
        // task has this place's portion: its channels are the only ones that are written. Past the end of
        // the chunk there are none.
        unsafe {
            match plan.first {
                First::Filters => {
                    self.filters::<V>(tensors, first, channels, to.wrapping_add(skipped * GROUP));
                }
                First::Tiles => {
                    self.tiles::<V>(tensors, first, channels, to.wrapping_add(skipped * plan.row));
                }
            }
        }
    }

    /// Computes everything of part `own` of what tasks make for themselves, with these parts of the shared
    /// operand.
    ///
    /// # Safety
    /// That of [`Rounds::run`] holds: `local` has [`super::plan::Plan::local`] floats that nothing else refers to, the
    /// shared scratch holds these parts, all of their chunks, and nothing writes it. No other call has the
    /// same `own` and `together`.
    unsafe fn compute<V: Vector>(
        &self,
        tensors: &Tensors<'_>,
        own: usize,
        together: Range<usize>,
        local: *mut f32,
    ) {
        let plan = &self.plan;
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
                    First::Filters => self.tiles::<V>(tensors, own, channels, local),
                    First::Tiles => self.filters::<V>(tensors, own, channels, local),
                }
                for (i, first) in together.clone().enumerate() {
                    let shared = tensors.shared.at((i * chunks + chunk) * plan.first());
                    let sums = if chunks == 1 { all_sums } else { all_sums.add(i * plan.sums()) };
                    let (panel, block, u, v) = match plan.first {
                        First::Filters => (first, own, shared.cast_const(), local.cast_const()),
                        First::Tiles => (own, first, local.cast_const(), shared.cast_const()),
                    };
                    self.multiply::<V>([panel, block], count, [u, v], sums, chunk > 0);
                    if is_last {
                        self.finish::<V>(tensors, panel, block, sums);
                    }
                }
            }
        }
    }

    /// Makes U of a panel and some channels.
    ///
    /// # Safety
    /// The CPU has the vector's instructions. At `to` there is room for these channels of the largest panel,
    /// groups and positions as far apart as the plan says, and nothing else refers to it.
    unsafe fn filters<V: Vector>(
        &self,
        tensors: &Tensors<'_>,
        panel: usize,
        channels: Range<usize>,
        to: *mut f32,
    ) {
        for (i, group) in self.plan.panels.part(panel).enumerate() {
            let filters = group * GROUP..self.problem.k.min((group + 1) * GROUP);
            let to = to.wrapping_add(i * self.plan.group());
            // SAFETY: the caller's. The group is one of the panel's, at its own place in each position; steps
            // are multiples of 16 floats.
            unsafe {
                V::call(Filters { of: self, f: tensors.b, filters, channels: channels.clone(), to })
            };
        }
    }

    /// The cells of a block, a vector after the other, and where the first of their tiles stands in a row.
    fn cells<V: Vector>(&self, block: usize) -> impl Iterator<Item = (Cells, usize)> {
        self.plan.blocks.part(block).enumerate().map(move |(i, vector)| {
            let cells = Cells::new(&self.problem, V::LANES, vector * V::LANES);
            (cells, i * V::LANES * F::SPLIT)
        })
    }

    /// Makes V of a block and some channels.
    ///
    /// # Safety
    /// The CPU has the vector's instructions. At `to` there is room for these channels of the largest block,
    /// rows and positions as far apart as the plan says, and nothing else refers to it.
    unsafe fn tiles<V: Vector>(
        &self,
        tensors: &Tensors<'_>,
        block: usize,
        channels: Range<usize>,
        to: *mut f32,
    ) {
        for (cells, at) in self.cells::<V>(block) {
            let (cells, channels, to) = (&cells, channels.clone(), to.wrapping_add(at));
            // SAFETY: the caller's. `x` has the problem's length, which the engine has checked, and the cells
            // come from the same problem. Each vector of cells has its own place in the rows.
            unsafe { V::call(Input { of: self, x: tensors.a, cells, channels, to }) };
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
    /// The CPU has the vector's instructions. `u` and `v` hold these channels of the panel and the block. `sums`
    /// has [`Plan::sums`] floats that nothing else refers to, and with `add` holds the sums so far.
    unsafe fn multiply<V: Vector>(
        &self,
        [panel, block]: [usize; 2],
        channels: usize,
        [u, v]: [*const f32; 2],
        sums: *mut f32,
        add: bool,
    ) {
        let (plan, filters) = (&self.plan, self.filters_of(panel).len());
        let vectors = plan.blocks.part(block).len() * F::SPLIT;
        // SAFETY: the caller's, with groups, rows and positions as far apart as all were laid out.
        unsafe { V::call(Product { plan, channels, filters, vectors, u, v, sums, add }) };
    }

    /// Makes the output of a panel and a block.
    ///
    /// # Safety
    /// The CPU has the vector's instructions. `sums` holds M of them, and nothing else refers to their part of
    /// the output.
    unsafe fn finish<V: Vector>(
        &self,
        tensors: &Tensors<'_>,
        panel: usize,
        block: usize,
        sums: *const f32,
    ) {
        let filters = self.filters_of(panel);
        let y = tensors.out.at(filters.start * self.problem.plane());
        for (cells, at) in self.cells::<V>(block) {
            let (cells, filters, from) = (&cells, filters.len(), sums.wrapping_add(at));
            // SAFETY: the caller's. The output has the problem's length, which the engine has checked, and the
            // cells come from the same problem.
            unsafe { V::call(Output { of: self, from, filters, cells, y }) };
        }
    }
}
