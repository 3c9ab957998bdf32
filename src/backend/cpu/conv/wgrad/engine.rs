//! Runs a plan.

use super::Prepared;
use super::chunk::Chunk;
use super::pack::{Sums, pack_columns, pack_window};
use super::plan::{Cell, LINE, Plan};
use super::task::{Shared, each};
use super::tile::{ROWS, Tile, multiply};
use crate::backend::cpu::Pool;
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::{Isa, Routine, Vector};

/// The gradient of the filters by a [`Plan`].
pub(super) struct Engine {
    isa: Isa,
    plan: Plan,
    is_reduced: bool,
    /// Where pixels are in the operand that makes rows: those of the largest chunk, whose start
    /// smaller ones use.
    pixels: Vec<usize>,
    /// Where the rows of a block are in it.
    rows: Vec<usize>,
    scratch: Vec<f32>,
}

/// What all threads see of a run.
struct Run<'a> {
    plan: &'a Plan,
    /// As of the engine.
    pixels: &'a [usize],
    row_offsets: &'a [usize],
    /// The operands that make rows and columns.
    rows: &'a [f32],
    columns: &'a [f32],
    dw: Shared,
    /// Packed columns and windows of every task.
    copies: Shared,
    sums: Shared,
}

impl Engine {
    pub fn new(isa: Isa, plan: Plan, is_reduced: bool) -> Engine {
        let (pixels, rows) = (plan.pixel_offsets(), plan.row_offsets());
        let scratch = vec![0.0; plan.scratch() - 2 * (pixels.len() + rows.len())];
        Engine { isa, is_reduced, pixels, rows, scratch, plan }
    }
}

impl Prepared for Engine {
    fn run(&mut self, pool: &Pool, dy: &[f32], x: &[f32], dw: &mut [f32]) {
        let plan = &self.plan;
        let product = &plan.product;
        let (rows, columns) = if product.is_swapped { (dy, x) } else { (x, dy) };
        let images = product.images * product.groups;
        assert_eq!(rows.len(), images * product.channels * product.image_len());
        assert_eq!(columns.len(), images * product.columns * product.plane());
        assert_eq!(dw.len(), product.groups * product.columns * product.rows());
        let tasks = plan.tasks();
        let start = self.scratch.as_ptr().align_offset(4 * LINE).min(LINE);
        let scratch = &mut self.scratch[start..];
        let (copies, sums) = scratch.split_at_mut(tasks * (plan.columns_len() + plan.window_len()));
        let run = Run {
            plan,
            pixels: &self.pixels,
            row_offsets: &self.rows,
            rows,
            columns,
            dw: Shared(dw.as_mut_ptr()),
            copies: Shared(copies.as_mut_ptr()),
            sums: Shared(sums.as_mut_ptr()),
        };
        let step = |step| {
            each(pool, tasks, |task| {
                // SAFETY: `wgrad` has checked that the CPU has the instructions.
                unsafe { self.isa.run(Task { run: &run, task, step }) }
            });
        };
        step(Step::Cells);
        if plan.chunk_parts() > 1 {
            step(Step::Totals);
        }
    }

    fn scratch_bytes(&self) -> u64 {
        let tables = size_of_val(&self.pixels[..]) + size_of_val(&self.rows[..]);
        (tables + size_of_val(&self.scratch[..])) as u64
    }

    fn is_reduced(&self) -> bool {
        self.is_reduced
    }
}

/// What a task does.
#[derive(Clone, Copy)]
enum Step {
    /// Its cells.
    Cells,
    /// Its share of the sums of several cells each.
    Totals,
}

/// A task of a run.
struct Task<'a> {
    run: &'a Run<'a>,
    task: usize,
    step: Step,
}

impl Routine for Task<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let plan = self.run.plan;
        // SAFETY: the caller's.
        unsafe {
            match self.step {
                Step::Cells => {
                    for index in even_part(plan.cells(), plan.tasks(), self.task) {
                        self.run.cell::<V>(self.task, index);
                    }
                }
                Step::Totals => self.run.totals::<V>(self.task),
            }
        }
    }
}

/// Where a block's rows are.
#[derive(Clone, Copy)]
struct Block {
    index: usize,
    /// Its first channel at the chunk's first pixel.
    from: *const f32,
}

impl Run<'_> {
    /// Sums up a cell.
    #[inline(always)]
    unsafe fn cell<V: Vector>(&self, task: usize, index: usize) {
        let plan = self.plan;
        let cell = plan.cell(index);
        let copies = self.copies.0.wrapping_add(task * (plan.columns_len() + plan.window_len()));
        let window = copies.wrapping_add(plan.columns_len());
        let is_whole = plan.chunk_parts() == 1;
        let sums = self.sums.0.wrapping_add(plan.sums_len() * if is_whole { task } else { index });
        for c in cell.chunks.clone() {
            let chunk = plan.chunks.get(c);
            // SAFETY: the caller's; copies, window and sums are this task's alone and as long as
            // the plan says.
            unsafe {
                self.pack::<V>(&cell, &chunk, copies);
                for index in cell.blocks.clone() {
                    let from = self.rows_of::<V>(&cell, &chunk, index, window);
                    let block = Block { index, from };
                    for panel in cell.panels.clone() {
                        let sums = sums.add(self.sums_at::<V>(&cell, index, panel));
                        let columns = copies.add(self.panel_at::<V>(&cell, &chunk, panel));
                        let add = c > cell.chunks.start;
                        self.multiply::<V>(&chunk, block, panel, columns, sums, add);
                        if is_whole && c + 1 == cell.chunks.end {
                            self.write::<V>(cell.group, index, panel, sums);
                        }
                    }
                }
            }
        }
    }

    /// Packs the columns of a chunk in all panels of a cell.
    #[inline(always)]
    unsafe fn pack<V: Vector>(&self, cell: &Cell, chunk: &Chunk, copies: *mut f32) {
        let product = &self.plan.product;
        let image_len = product.groups * product.columns * product.plane();
        for panel in cell.panels.clone() {
            let vectors = self.plan.panel(panel);
            let first = vectors.start * V::LANES;
            let count = product.columns.min(vectors.end * V::LANES) - first;
            let channel = cell.group * product.columns + first;
            // SAFETY: the caller's; there are as many columns in every image.
            unsafe {
                let from = self.columns.as_ptr().add(channel * product.plane());
                let to = copies.add(self.panel_at::<V>(cell, chunk, panel));
                pack_columns::<V>(product, chunk, from, image_len, count, vectors.len(), to);
            }
        }
    }

    /// Where the rows of a block are: in place, or where they see pad in a window that this fills.
    #[inline(always)]
    unsafe fn rows_of<V: Vector>(
        &self,
        cell: &Cell,
        chunk: &Chunk,
        block: usize,
        window: *mut f32,
    ) -> *const f32 {
        let (plan, product) = (self.plan, &self.plan.product);
        let channels = plan.block(block);
        let in_image = cell.group * product.channels + channels.start;
        let at = |image: usize| {
            let channel = image * product.groups * product.channels + in_image;
            self.rows.as_ptr().wrapping_add(channel * product.image_len())
        };
        if !product.is_padded() {
            let [row, column] = [0, 1].map(|i| chunk.at[i] * product.stride[i]);
            return at(chunk.image).wrapping_add(row * product.image[1] + column);
        }
        let layout = plan.layout();
        for i in 0..chunk.images {
            let to = window.wrapping_add(i * layout.image);
            // SAFETY: the caller's; the channels are in every image.
            unsafe {
                pack_window::<V>(product, chunk, at(chunk.image + i), channels.len(), &layout, to);
            }
        }
        window
    }

    /// Adds up a chunk in all tiles of a block and a panel.
    #[inline(always)]
    unsafe fn multiply<V: Vector>(
        &self,
        chunk: &Chunk,
        block: Block,
        panel: usize,
        columns: *const f32,
        sums: *mut f32,
        add: bool,
    ) {
        let vectors = self.plan.panel(panel).len();
        let rows = self.plan.block(block.index).len() * self.plan.product.channel_rows();
        for row in (0..rows).step_by(ROWS) {
            // SAFETY: the caller's; offsets of pixels and rows are those of this layout.
            unsafe {
                let tile = Tile {
                    pixels: chunk.pixels(),
                    offsets: self.pixels.as_ptr(),
                    from: block.from,
                    rows: self.row_offsets.as_ptr().add(row),
                    panel: columns,
                    sums: sums.add(row * vectors * V::LANES),
                    add,
                };
                multiply::<V>(tile, ROWS.min(rows - row), vectors);
            }
        }
    }

    /// Where a panel is among the packed columns of a cell.
    fn panel_at<V: Vector>(&self, cell: &Cell, chunk: &Chunk, panel: usize) -> usize {
        let first = self.plan.panel(cell.panels.start).start;
        (self.plan.panel(panel).start - first) * V::LANES * chunk.pixels()
    }

    /// Where the sums of a block and a panel are among those of a cell.
    fn sums_at<V: Vector>(&self, cell: &Cell, block: usize, panel: usize) -> usize {
        if self.plan.is_single() {
            return 0;
        }
        let vectors = self.plan.panel(panel);
        let before = vectors.start - self.plan.panel(cell.panels.start).start;
        let rows = (block - cell.blocks.start) * self.plan.block_rows();
        (before * self.plan.rows_in_cell() + rows * vectors.len()) * V::LANES
    }

    /// Adds up the parts of all sums, this task its share of the blocks.
    #[inline(always)]
    unsafe fn totals<V: Vector>(&self, task: usize) {
        let plan = self.plan;
        let parts = plan.chunk_parts();
        let share = even_part(plan.product.groups * plan.blocks(), plan.tasks(), task);
        for index in (0..plan.cells()).step_by(parts) {
            let cell = plan.cell(index);
            let sums = self.sums.0.wrapping_add(index * plan.sums_len());
            let blocks = cell.blocks.clone();
            for block in blocks.filter(|b| share.contains(&(cell.group * plan.blocks() + b))) {
                for panel in cell.panels.clone() {
                    // SAFETY: the caller's; the first of the parts, and the others follow.
                    unsafe {
                        let sums = sums.add(self.sums_at::<V>(&cell, block, panel));
                        self.write::<V>(cell.group, block, panel, sums);
                    }
                }
            }
        }
    }

    /// Writes the sums of a block and a panel to where they belong in the filters.
    #[inline(always)]
    unsafe fn write<V: Vector>(&self, group: usize, block: usize, panel: usize, sums: *const f32) {
        let product = &self.plan.product;
        let vectors = self.plan.panel(panel);
        let column = vectors.start * V::LANES;
        let channels = self.plan.block(block);
        let row = channels.start * product.channel_rows();
        let parts = self.plan.chunk_parts();
        let sums = Sums {
            from: sums,
            parts,
            part: self.plan.sums_len(),
            rows: channels.len() * product.channel_rows(),
            columns: product.columns.min(vectors.end * V::LANES) - column,
            vectors: vectors.len(),
        };
        let filters = group * product.columns * product.rows();
        // SAFETY: the caller's: the block and the panel are of the group.
        unsafe {
            if product.is_swapped {
                let to = self.dw.0.add(filters + row * product.columns + column);
                sums.write::<V>(to, product.columns);
            } else {
                let to = self.dw.0.add(filters + column * product.rows() + row);
                sums.write_transposed::<V>(to, product.rows());
            }
        }
    }
}
