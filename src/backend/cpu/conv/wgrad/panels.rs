//! The gradient of the filters by a plan: filters in vectors, tiles of the gradient in registers.

use super::chunk::Chunk;
use super::pack::{Sums, Window, pack_columns};
use super::plan::{Cell, Plan};
use super::tile::{Tiles, multiply};
use crate::backend::cpu::conv::engine::{Rounds, Scratch, Task, Tensors};
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::Vector;

/// A [`Plan`] with its tables. In the first round the sums of all cells are computed. Where the pixels
/// are divided, a second round adds up those of the cells of different pixels.
pub(super) struct Panels {
    plan: Plan,
    /// Where pixels are in the operand that makes rows, in floats from the first: those of the largest
    /// chunk, whose start smaller ones use.
    pixels: Vec<usize>,
    /// Where the rows of a whole block are in it, in floats from the first.
    rows: Vec<usize>,
}

impl Rounds for Panels {
    fn lengths(&self) -> [usize; 3] {
        self.plan.product.lengths()
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

    #[inline(always)]
    unsafe fn run<V: Vector>(&self, Task { tensors, round, number, local }: Task<'_>) {
        // SAFETY: the caller's.
        unsafe {
            if round == 0 {
                self.cell::<V>(tensors, number, local.as_mut_ptr());
            } else {
                self.totals::<V>(tensors, number);
            }
        }
    }
}

impl Panels {
    pub fn new(plan: Plan) -> Panels {
        let (pixels, rows) = (plan.pixel_offsets(), plan.row_offsets());
        Panels { pixels, rows, plan }
    }

    /// Sums up a cell, and writes the sums to the gradient where no other cell has parts of them. `local` are
    /// packed columns, the window, and the sums if these are of this task alone.
    ///
    /// # Safety
    /// That of [`Rounds::run`] holds, in the first round.
    #[inline(always)]
    unsafe fn cell<V: Vector>(&self, tensors: &Tensors<'_>, task: usize, local: *mut f32) {
        let plan = &self.plan;
        let cell = plan.cell(task);
        let is_whole = plan.chunk_parts() == 1;
        let window = local.wrapping_add(plan.columns_len());
        let sums = if is_whole {
            window.wrapping_add(plan.window_len())
        } else {
            tensors.shared.at(task * plan.sums_len())
        };
        for c in cell.chunks.clone() {
            let chunk = plan.chunks.get(c);
            // SAFETY: the caller's; copies, window and sums are this task's alone and as long as
            // `Plan::scratch` says.
            unsafe {
                self.pack::<V>(tensors, &cell, &chunk, local);
                for block in cell.blocks.clone() {
                    let from = self.rows_of::<V>(tensors, &cell, &chunk, block, window);
                    let rows = plan.block(block).len() * plan.product.channel_rows();
                    for panel in cell.panels.clone() {
                        let sums = sums.add(self.sums_at::<V>(&cell, block, panel));
                        let tiles = Tiles {
                            pixels: chunk.pixels(),
                            offsets: self.pixels.as_ptr(),
                            from,
                            rows: self.rows.as_ptr(),
                            panel: local.add(self.panel_at::<V>(&cell, &chunk, panel)),
                            sums,
                            add: c > cell.chunks.start,
                        };
                        multiply::<V>(tiles, rows, plan.panel(panel).len());
                        if is_whole && c + 1 == cell.chunks.end {
                            self.write::<V>(tensors, cell.group, block, panel, sums);
                        }
                    }
                }
            }
        }
    }

    /// Packs the columns of a chunk in all panels of a cell.
    ///
    /// # Safety
    /// That of [`Panels::cell`] holds, and at `copies` there is room for [`Plan::columns_len`] floats.
    #[inline(always)]
    unsafe fn pack<V: Vector>(
        &self,
        tensors: &Tensors<'_>,
        cell: &Cell,
        chunk: &Chunk,
        copies: *mut f32,
    ) {
        let product = &self.plan.product;
        let operand = if product.is_swapped { tensors.b } else { tensors.a };
        let image_len = product.groups * product.columns * product.plane();
        for panel in cell.panels.clone() {
            let vectors = self.plan.panel(panel);
            let first = vectors.start * V::LANES;
            let count = product.columns.min(vectors.end * V::LANES) - first;
            let channel = cell.group * product.columns + first;
            // SAFETY: the caller's; there are as many columns in every image.
            unsafe {
                let from = operand.as_ptr().add(channel * product.plane());
                let to = copies.add(self.panel_at::<V>(cell, chunk, panel));
                pack_columns::<V>(product, chunk, from, image_len, count, vectors.len(), to);
            }
        }
    }

    /// Where the rows of a block are: in place, or, where some see padding, in the window, which this fills.
    ///
    /// # Safety
    /// That of [`Panels::cell`] holds, and at `window` there is room for [`Plan::window_len`] floats.
    #[inline(always)]
    unsafe fn rows_of<V: Vector>(
        &self,
        tensors: &Tensors<'_>,
        cell: &Cell,
        chunk: &Chunk,
        block: usize,
        window: *mut f32,
    ) -> *const f32 {
        let (plan, product) = (&self.plan, &self.plan.product);
        let operand = if product.is_swapped { tensors.a } else { tensors.b };
        let channels = plan.block(block);
        let in_image = cell.group * product.channels + channels.start;
        let at = |image: usize| {
            let channel = image * product.groups * product.channels + in_image;
            operand.as_ptr().wrapping_add(channel * product.image_len())
        };
        let first = [0, 1].map(|i| chunk.at[i] * product.stride[i]);
        if !product.is_padded() {
            return at(chunk.image).wrapping_add(first[0] * product.image[1] + first[1]);
        }
        let [image, channel, row] = plan.layout();
        let copied = Window::new(product, first, [1, 1], product.window(chunk.size));
        for (i, c) in (0..chunk.images).flat_map(|i| (0..channels.len()).map(move |c| (i, c))) {
            let from = at(chunk.image + i).wrapping_add(c * product.image_len());
            let to = window.wrapping_add(i * image + c * channel);
            // SAFETY: the caller's; the channels are in every image.
            unsafe { copied.copy::<V>(product, from, to, row) };
        }
        window
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
    unsafe fn totals<V: Vector>(&self, tensors: &Tensors<'_>, task: usize) {
        let plan = &self.plan;
        let parts = plan.chunk_parts();
        let share = even_part(plan.product.groups * plan.blocks, plan.threads(), task);
        for index in (0..plan.cells()).step_by(parts) {
            let cell = plan.cell(index);
            let sums = tensors.shared.at(index * plan.sums_len());
            let blocks = cell.blocks.clone();
            for block in blocks.filter(|b| share.contains(&(cell.group * plan.blocks + b))) {
                for panel in cell.panels.clone() {
                    // SAFETY: the caller's; the first of the parts, and the others follow.
                    unsafe {
                        let sums = sums.add(self.sums_at::<V>(&cell, block, panel));
                        self.write::<V>(tensors, cell.group, block, panel, sums);
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
    unsafe fn write<V: Vector>(
        &self,
        tensors: &Tensors<'_>,
        group: usize,
        block: usize,
        panel: usize,
        sums: *const f32,
    ) {
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
                let to = tensors.out.at(filters + row * product.columns + column);
                sums.write::<V>(to, product.columns);
            } else {
                let to = tensors.out.at(filters + column * product.rows() + row);
                sums.write_transposed::<V>(to, product.rows());
            }
        }
    }
}
