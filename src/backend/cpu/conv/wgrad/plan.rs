//! How a product is cut up, chosen once by an estimate of the time it takes.

use std::ops::Range;

use super::chunk::{Chunk, Chunks};
use super::pack::SLACK;
use super::product::Product;
use super::tile::{ROWS, most_vectors};
use crate::backend::cpu::aligned::LINE;
use crate::backend::cpu::conv::engine::Scratch;
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::Isa;

/// The most pixels of a chunk, to choose from. A panel of more than the first doesn't stay in a near enough
/// cache.
const CHUNKS: [usize; 9] = [400, 200, 100, 50, 25, 8, 4, 2, 1];

/// About so many rows make a block: some tiles then use the same panel, and whole squares of sums are
/// written.
const BLOCK: usize = 48;

/// Estimated cycles of a tile beside those of its pixels.
const TILE: f64 = 40.0;

/// Estimated cycles of transposing a vector.
const TRANSPOSED: f64 = 5.0;

/// Estimated cycles of copying a vector, or of adding one to another in memory.
pub(super) const COPIED: f64 = 3.0;

/// Estimated cycles of reading a number in place.
const READ: f64 = 0.1;

/// Estimated cycles of starting a round of all threads and waiting for it.
pub(super) const ROUND: f64 = 20e3;

/// What a plan goes by of the CPU.
#[derive(Clone, Copy, Debug)]
pub(super) struct Machine {
    pub threads: usize,
    /// Floats of a vector.
    pub lanes: usize,
    /// The most vectors side by side in a tile.
    pub vectors: usize,
}

impl Machine {
    /// So many threads with these instructions.
    pub fn of(isa: Isa, threads: usize) -> Machine {
        Machine { threads, lanes: isa.lanes(), vectors: most_vectors(isa.registers()) }
    }
}

/// A product cut into cells, each of which is a task: some panels (of columns), some blocks (of rows) and some
/// chunks (of pixels) of a group.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    pub product: Product,
    pub machine: Machine,
    pub chunks: Chunks,
    /// The number of vectors that hold all columns of a group.
    vectors: usize,
    /// The number of panels of a group, each at most as wide as a tile.
    panels: usize,
    /// Channels of a whole block.
    pub block: usize,
    /// The number of blocks of a group.
    pub blocks: usize,
    /// The number of parts of the panels, the blocks and the chunks: cells of a group each way.
    parts: [usize; 3],
    /// Estimated cycles.
    pub cost: f64,
}

/// The group, panels, blocks and chunks of a cell of a [`Plan`].
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub group: usize,
    pub panels: Range<usize>,
    pub blocks: Range<usize>,
    pub chunks: Range<usize>,
}

/// The numbers of parts of `whole`, up to `most`, that are worth a try: of those with equally long parts the
/// least.
pub(super) fn useful_parts(whole: usize, most: usize) -> impl Iterator<Item = usize> {
    (1..=whole.min(most)).filter(move |&n| n == 1 || whole.div_ceil(n) < whole.div_ceil(n - 1))
}

impl Plan {
    /// All that are worth a try.
    pub fn all(product: Product, machine: Machine) -> impl Iterator<Item = Plan> {
        let mut chunks = CHUNKS.map(|most| Chunks::of(&product, most)).to_vec();
        chunks.dedup();
        let full = full_block(&product);
        let mut blocks = vec![full, full.div_ceil(4), 1];
        blocks.dedup();
        chunks.into_iter().flat_map(move |chunks| {
            let plans = move |block| Plan::with(product, machine, chunks, block);
            blocks.clone().into_iter().flat_map(plans)
        })
    }

    /// Those with these chunks and blocks of so many channels.
    fn with(
        product: Product,
        machine: Machine,
        chunks: Chunks,
        block: usize,
    ) -> impl Iterator<Item = Plan> {
        let vectors = product.columns.div_ceil(machine.lanes);
        let panels = vectors.div_ceil(machine.vectors);
        let blocks = product.channels.div_ceil(block);
        let plan = move |parts| Plan {
            product,
            machine,
            chunks,
            vectors,
            panels,
            block,
            blocks,
            parts,
            cost: 0.0,
        };
        let parts = useful_parts(panels, panels).flat_map(move |panels| {
            useful_parts(blocks, blocks).flat_map(move |blocks| {
                useful_parts(chunks.count(), machine.threads).map(move |c| [panels, blocks, c])
            })
        });
        parts.map(plan).map(|plan| Plan { cost: plan.estimate(), ..plan })
    }

    /// Estimated cycles that the slowest thread takes.
    fn estimate(&self) -> f64 {
        let (product, largest) = (&self.product, self.chunks.largest());
        let [panels, blocks, chunks] = self.most_in_cell();
        let vectors = self.vectors_in_cell();
        let block_rows = self.block * product.channel_rows();
        let tiles = blocks * block_rows.div_ceil(ROWS);
        let channels = blocks * self.block;
        let pixels = chunks * largest.pixels();
        let f = |n: usize| n as f64;
        let multiplied = f(tiles * ROWS * vectors) * f(pixels) / 2.0;
        let tiled = f(tiles * panels * chunks) * TILE;
        let packed = f(vectors * pixels) * TRANSPOSED;
        let read = if product.is_padded() {
            let [rows, columns] = product.window(largest.size);
            let lines = rows * columns.div_ceil(self.machine.lanes);
            f(chunks * largest.images * channels * lines) * COPIED
        } else {
            f(channels * pixels) * READ
        };
        let sums = f(tiles * ROWS * vectors);
        let added = if self.is_single() { 0.0 } else { sums * f(chunks) * COPIED };
        let cells = f(self.cells().div_ceil(self.machine.threads));
        let mut cycles = cells * (multiplied + tiled + packed + read + added);
        let all = f(product.groups * product.rows() * self.vectors);
        let threads = f(self.machine.threads.min(self.cells()));
        cycles += all / threads * (TRANSPOSED + COPIED * f(self.parts[2] - 1));
        cycles
            + if self.parts[2] > 1 { ROUND } else { 0.0 }
            + if threads > 1.0 { ROUND } else { 0.0 }
    }

    /// The largest numbers of panels, blocks and chunks in a cell.
    fn most_in_cell(&self) -> [usize; 3] {
        let [panels, blocks, chunks] = self.parts;
        [
            self.panels.div_ceil(panels),
            self.blocks.div_ceil(blocks),
            self.chunks.count().div_ceil(chunks),
        ]
    }

    /// The largest number of vectors in a cell.
    fn vectors_in_cell(&self) -> usize {
        (self.most_in_cell()[0] * self.vectors.div_ceil(self.panels)).min(self.vectors)
    }

    /// The largest number of rows in a cell.
    pub fn rows_in_cell(&self) -> usize {
        (self.most_in_cell()[1] * self.block_rows()).min(self.product.rows())
    }

    /// Cells of all groups.
    pub fn cells(&self) -> usize {
        self.product.groups * self.parts.iter().product::<usize>()
    }

    /// The number of parts of the sum over pixels. If there is more than one, they are added up in a round of
    /// their own.
    pub fn chunk_parts(&self) -> usize {
        self.parts[2]
    }

    /// The cell of this number. Those with parts of the same sums follow each other.
    pub fn cell(&self, index: usize) -> Cell {
        let [panels, blocks, chunks] = self.parts;
        Cell {
            group: index / (panels * blocks * chunks),
            panels: even_part(self.panels, panels, index / (blocks * chunks) % panels),
            blocks: even_part(self.blocks, blocks, index / chunks % blocks),
            chunks: even_part(self.chunks.count(), chunks, index % chunks),
        }
    }

    /// The vectors of a panel, counted in its group.
    pub fn panel(&self, index: usize) -> Range<usize> {
        even_part(self.vectors, self.panels, index)
    }

    /// The channels of a block, counted in its group.
    pub fn block(&self, index: usize) -> Range<usize> {
        let start = index * self.block;
        start..(start + self.block).min(self.product.channels)
    }

    /// Rows of a whole block.
    pub fn block_rows(&self) -> usize {
        self.block * self.product.channel_rows()
    }

    /// Whether there is one chunk, so that the sums of a block and a panel go straight into the gradient.
    pub fn is_single(&self) -> bool {
        self.parts[2] == self.chunks.count() && self.parts[2] == 1
    }

    /// Floats of the packed columns of a chunk in a cell.
    pub fn columns_len(&self) -> usize {
        lines(self.chunks.largest().pixels() * self.vectors_in_cell() * self.machine.lanes)
    }

    /// Floats of the padded channels of a block at a chunk.
    pub fn window_len(&self) -> usize {
        if !self.product.is_padded() {
            return 0;
        }
        let largest = self.chunks.largest();
        let [rows, columns] = self.product.window(largest.size);
        lines(largest.images * self.block * rows * columns + SLACK)
    }

    /// Floats of the sums of a cell.
    pub fn sums_len(&self) -> usize {
        let (rows, vectors) = if self.is_single() {
            (self.block_rows(), self.vectors.div_ceil(self.panels))
        } else {
            (self.rows_in_cell(), self.vectors_in_cell())
        };
        lines(rows * vectors * self.machine.lanes)
    }

    /// Threads that have cells.
    pub fn threads(&self) -> usize {
        self.machine.threads.min(self.cells())
    }

    /// What is held: packed columns and windows of every thread, and sums of every thread, or of every
    /// cell where they are added in the end.
    pub fn scratch(&self) -> Scratch {
        let copies = self.columns_len() + self.window_len();
        let (sums, table) = (self.sums_len(), self.chunks.largest().pixels() + self.block_rows());
        let (local, shared) = match self.parts[2] {
            1 => (copies + sums, 0),
            _ => (copies, self.cells() * sums),
        };
        let table_bytes = (table * size_of::<usize>()) as u64;
        Scratch { threads: self.threads(), local, shared, table_bytes }
    }

    /// Floats from one image, channel and row of the operand that makes rows to the next where tiles read it: in
    /// place, or in windows.
    pub fn layout(&self) -> [usize; 3] {
        let product = &self.product;
        let (channels, [rows, columns]) = if product.is_padded() {
            (self.block, product.window(self.chunks.largest().size))
        } else {
            (product.groups * product.channels, product.image)
        };
        [channels * rows * columns, rows * columns, columns]
    }

    /// For each pixel of the largest chunk, the floats from the first to it in the operand that makes rows.
    pub fn pixel_offsets(&self) -> Vec<usize> {
        let Chunk { images, size: [rows, columns], .. } = self.chunks.largest();
        let ([image, _, row], [down, across]) = (self.layout(), self.product.stride);
        places([images, rows, columns], [image, down * row, across])
    }

    /// For each row of a whole block, the floats from the first to it in the operand that makes rows.
    pub fn row_offsets(&self) -> Vec<usize> {
        let ([_, channel, row], [r, s]) = (self.layout(), self.product.taps);
        let [down, across] = self.product.dilation;
        places([self.block, r, s], [channel, down * row, across])
    }
}

/// Every place of a grid of so many along each axis, that lie so many floats apart.
fn places(counts: [usize; 3], steps: [usize; 3]) -> Vec<usize> {
    let along = |axis: usize| (0..counts[axis]).map(move |i| i * steps[axis]);
    along(0).flat_map(|a| along(1).flat_map(move |b| along(2).map(move |c| a + b + c))).collect()
}

/// The floats of as many whole cache lines as hold `floats`.
pub(super) fn lines(floats: usize) -> usize {
    floats.next_multiple_of(LINE)
}

/// Channels of a block: about [`BLOCK`] rows, if possible in whole tiles, all of about the same size.
fn full_block(product: &Product) -> usize {
    let rows = product.channel_rows();
    let whole = (1..ROWS).find(|n| (n * rows).is_multiple_of(ROWS)).unwrap_or(ROWS);
    let wanted = BLOCK.div_ceil(rows);
    let blocks = product.channels.div_ceil(wanted.next_multiple_of(whole));
    product.channels.div_ceil(blocks).next_multiple_of(whole).min(product.channels)
}
