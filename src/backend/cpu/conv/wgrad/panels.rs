//! The gradient of the filters by a plan: filters in vectors, tiles of the gradient in registers.

use super::chunk::Chunk;
use super::pack::{Sums, pack_columns, pack_window};
use super::plan::{Cell, Plan};
use super::tile::{ROWS, Tile, multiply};
use crate::backend::cpu::conv::engine::{Rounds, Scratch, Tensors};
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::{Isa, Routine, Vector};

/// A [`Plan`] with its tables. In the first round the sums of all cells are computed. Where the pixels
/// are divided, a second round adds up those of the cells of different pixels.
pub(super) struct Panels {
    isa: Isa,
    plan: Plan,
    is_reduced: bool,
    /// Where pixels are in the operand that makes rows, in floats from the first: those of the largest
    /// chunk, whose start smaller ones use.
    pixels: Vec<usize>,
    /// Where the rows of a whole block are in it, in floats from the first.
    rows: Vec<usize>,
}

impl Panels {
    /// The CPU must have the instructions.
    pub fn new(isa: Isa, plan: Plan, is_reduced: bool) -> Panels {
        let (pixels, rows) = (plan.pixel_offsets(), plan.row_offsets());
        Panels { isa, is_reduced, pixels, rows, plan }
    }
}

impl Rounds for Panels {
    fn lengths(&self) -> [usize; 3] {
        let product = &self.plan.product;
        let images = product.images * product.groups;
        let rows = images * product.channels * product.image_len();
        let columns = images * product.columns * product.plane();
        let (dy, x) = if product.is_swapped { (rows, columns) } else { (columns, rows) };
        [dy, x, product.groups * product.columns * product.rows()]
    }

    fn scratch(&self) -> Scratch {
        self.plan.scratch()
    }

    fn tasks(&self, round: usize) -> Option<usize> {
        match round {
            0 => Some(self.plan.cells()),
            1 if self.plan.chunk_parts() > 1 => Some(self.plan.threads()),
            _ => None,
        }
    }

    unsafe fn run(&self, tensors: &Tensors<'_>, round: usize, task: usize, local: &mut [f32]) {
        let (plan, dy, x) = (&self.plan, tensors.a, tensors.b);
        let (rows, columns) = if plan.product.is_swapped { (dy, x) } else { (x, dy) };
        let task = Task { panels: self, plan, tensors, rows, columns, round, task, local };
        // SAFETY: the CPU has the instructions, see `new`; the rest is the caller's.
        unsafe { self.isa.run(task) }
    }

    fn is_reduced(&self) -> bool {
        self.is_reduced
    }
}

/// A task of a round.
struct Task<'a> {
    panels: &'a Panels,
    plan: &'a Plan,
    tensors: &'a Tensors<'a>,
    /// The operands that make rows and columns.
    rows: &'a [f32],
    columns: &'a [f32],
    round: usize,
    task: usize,
    /// Packed columns, the window, and the sums if these are of this task alone.
    local: &'a mut [f32],
}

impl Routine for Task<'_> {
    type Output = ();

    /// # Safety
    /// That of [`Rounds::run`] holds, and the CPU has the vector's instructions.
    #[inline(always)]
    unsafe fn run<V: Vector>(mut self) {
        // SAFETY: the caller's.
        unsafe { if self.round == 0 { self.cell::<V>() } else { self.totals::<V>() } }
    }
}

/// A block of rows at a chunk.
#[derive(Clone, Copy)]
struct Block {
    /// Its number.
    index: usize,
    /// Where its first channel has what the chunk's first pixel sees first.
    from: *const f32,
}

impl Task<'_> {
    /// Sums up a cell, and writes the sums to the gradient where no other cell has parts of them.
    ///
    /// # Safety
    /// That of [`Rounds::run`] holds, in the first round.
    #[inline(always)]
    unsafe fn cell<V: Vector>(&mut self) {
        let plan = self.plan;
        let cell = plan.cell(self.task);
        let is_whole = plan.chunk_parts() == 1;
        let copies = self.local.as_mut_ptr();
        let window = copies.wrapping_add(plan.columns_len());
        let sums = if is_whole {
            window.wrapping_add(plan.window_len())
        } else {
            self.tensors.shared.at(self.task * plan.sums_len())
        };
        for c in cell.chunks.clone() {
            let chunk = plan.chunks.get(c);
            // SAFETY: the caller's; copies, window and sums are this task's alone and as long as
            // `Plan::scratch` says.
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
    ///
    /// # Safety
    /// That of [`Task::cell`] holds, and at `copies` there is room for [`Plan::columns_len`] floats.
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

    /// Where the rows of a block are: in place, or, where some see padding, in the window, which this fills.
    ///
    /// # Safety
    /// That of [`Task::cell`] holds, and at `window` there is room for [`Plan::window_len`] floats.
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
    ///
    /// # Safety
    /// That of [`Task::cell`] holds. `columns` are the panel's packed columns of the chunk, `block` is where
    /// [`Task::rows_of`] found its rows, and `sums` has room for the vectors of all its rows, which are read
    /// if `add`.
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
                    offsets: self.panels.pixels.as_ptr(),
                    from: block.from,
                    rows: self.panels.rows.as_ptr().add(row),
                    panel: columns,
                    sums: sums.add(row * vectors * V::LANES),
                    add,
                };
                multiply::<V>(tile, ROWS.min(rows - row), vectors);
            }
        }
    }

    /// Floats from the start of a cell's packed columns to those of a panel.
    fn panel_at<V: Vector>(&self, cell: &Cell, chunk: &Chunk, panel: usize) -> usize {
        let first = self.plan.panel(cell.panels.start).start;
        (self.plan.panel(panel).start - first) * V::LANES * chunk.pixels()
    }

    /// Floats from the start of a cell's sums to those of a block and a panel.
    fn sums_at<V: Vector>(&self, cell: &Cell, block: usize, panel: usize) -> usize {
        if self.plan.is_single() {
            return 0;
        }
        let vectors = self.plan.panel(panel);
        let before = vectors.start - self.plan.panel(cell.panels.start).start;
        let rows = (block - cell.blocks.start) * self.plan.block_rows();
        (before * self.plan.rows_in_cell() + rows * vectors.len()) * V::LANES
    }

    /// Adds up the parts of the sums in this task's share of the blocks, and writes them to the gradient.
    ///
    /// # Safety
    /// That of [`Rounds::run`] holds, in the second round.
    #[inline(always)]
    unsafe fn totals<V: Vector>(&self) {
        let plan = self.plan;
        let parts = plan.chunk_parts();
        let share = even_part(plan.product.groups * plan.blocks(), plan.threads(), self.task);
        for index in (0..plan.cells()).step_by(parts) {
            let cell = plan.cell(index);
            let sums = self.tensors.shared.at(index * plan.sums_len());
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

    /// Adds up the parts of the sums of a block and a panel, and writes them to where they belong in the
    /// gradient.
    ///
    /// # Safety
    /// The CPU has the vector's instructions. From `sums` on lie the sums of the first part, and those of the
    /// others each [`Plan::sums_len`] floats further on. Nothing else refers to the elements that are written.
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
                let to = self.tensors.out.at(filters + row * product.columns + column);
                sums.write::<V>(to, product.columns);
            } else {
                let to = self.tensors.out.at(filters + column * product.rows() + row);
                sums.write_transposed::<V>(to, product.rows());
            }
        }
    }
}
