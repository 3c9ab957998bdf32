//! The gradient of the filters, of tensors in blocks of channels.
//!
//! Vectors run along filters, which lie side by side in every pixel of dy, and so do channels in x:
//! neither is copied. What a tap sees outside of the image is no pixel of its sums.
//!
//! ```text
//! for each part of filters and channels, in parallel                 plan.rs
//!   for a chunk of pixels          dy and x: near, from the first tile on
//!     for a panel of filters, a block of channels, a tap
//!       for some channels          4 channels x 4 vectors of the gradient: in registers   kernel.rs
//! ```
//!
//! Where pixels are divided too, each part has sums of its own; these are added up in order. Who
//! computes what never depends on time, so the bits of a result never do.

mod kernel;
mod plan;

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::super::gather::{at, meeting};
use super::super::wgrad::chunk::Chunk;
use super::super::wgrad::pack::Sums;
use super::super::wgrad::plan::LINE;
use super::super::wgrad::product::Product;
use super::super::wgrad::task::{Shared, each};
use super::super::{Isa, Pool, Prepared, share};
use super::Blocks;
use crate::backend::cpu::simd::{Vector, Work};
use crate::terms::Conv;
use kernel::{Tile, most_channels, multiply, step};
use plan::{Plan, Unit};

/// The gradient of the filters made ready.
pub(super) struct Engine {
    isa: Isa,
    plan: Plan,
    x: Blocks,
    dy: Blocks,
    /// Rows and columns of dy whose pixels see the image, by row and column of the filter.
    inside: [Vec<Range<usize>>; 2],
    /// Of each thread; or one with all parts of all units.
    sums: Vec<Mutex<Vec<f32>>>,
    is_reduced: bool,
}

impl Engine {
    /// Panics unless the CPU has the instructions.
    pub fn new(
        isa: Isa,
        threads: usize,
        conv: &Conv,
        [x, dy]: [Blocks; 2],
        scratch_limit: u64,
    ) -> Engine {
        assert!(isa.is_available());
        let product = Product::all(conv)[0];
        let floats = usize::try_from(scratch_limit / 4).unwrap_or(usize::MAX);
        let plan = Plan::of(isa, threads, product, &x, floats);
        let whole = Plan::of(isa, threads, product, &x, usize::MAX);
        let rooms = if plan.parts > 1 { 1 } else { threads };
        let room = plan.sums(threads) / rooms + LINE;
        Engine {
            isa,
            x,
            dy,
            inside: [0, 1].map(|d| {
                let offset = |tap: usize| at(tap * product.dilation[d]) - at(product.pad[d]);
                let range = |tap| {
                    let (pixels, size) = (product.pixels[d], product.image[d]);
                    meeting(pixels, product.stride[d], offset(tap), size)
                        .map_or(0..0, |(first, last)| first..last + 1)
                };
                (0..product.taps[d]).map(range).collect()
            }),
            sums: (0..rooms).map(|_| Mutex::new(vec![0.0; room])).collect(),
            is_reduced: plan.sums(threads) != whole.sums(threads),
            plan,
        }
    }
}

impl Prepared for Engine {
    fn run(&mut self, pool: &Pool, dy: &[f32], x: &[f32], dw: &mut [f32]) {
        let (plan, product) = (&self.plan, &self.plan.product);
        assert_eq!((x.len(), dy.len()), (self.x.len(), self.dy.len()));
        assert_eq!(dw.len(), product.groups * product.columns * product.rows());
        let run = Run { engine: self, x, dy, dw: Shared(dw.as_mut_ptr()) };
        let (units, threads) = (plan.units(), pool.threads());
        let aligned = |room: &mut Vec<f32>| {
            let start = room.as_ptr().align_offset(4 * LINE).min(LINE);
            room[start..].as_mut_ptr()
        };
        if plan.parts == 1 {
            each(pool, self.sums.len(), |task| {
                let mut room = self.sums[task].lock().unwrap_or_else(PoisonError::into_inner);
                let sums = aligned(&mut room);
                for unit in share(units, self.sums.len(), task) {
                    // SAFETY: `new` has checked that the CPU has the instructions; the sums are this task's
                    // and as long as the plan says.
                    unsafe {
                        self.isa.run(Part { run: &run, unit, part: 0, sums });
                        self.isa.run(Total { run: &run, unit, sums });
                    }
                }
            });
            return;
        }
        let mut room = self.sums[0].lock().unwrap_or_else(PoisonError::into_inner);
        let sums = Shared(aligned(&mut room));
        let sums = &sums;
        let of_part = |index: usize| sums.0.wrapping_add(index * plan.sums_len());
        each(pool, threads, |task| {
            for index in share(units * plan.parts, threads, task) {
                let (unit, part, sums) = (index / plan.parts, index % plan.parts, of_part(index));
                // SAFETY: as above; each part has sums of its own.
                unsafe { self.isa.run(Part { run: &run, unit, part, sums }) };
            }
        });
        each(pool, threads, |task| {
            for unit in share(units, threads, task) {
                // SAFETY: as above; the parts of a unit lie one behind the other.
                unsafe {
                    self.isa.run(Total { run: &run, unit, sums: of_part(unit * plan.parts) })
                };
            }
        });
    }

    fn scratch_bytes(&self) -> u64 {
        let room = |room: &Mutex<Vec<f32>>| {
            let room = room.lock().unwrap_or_else(PoisonError::into_inner);
            size_of_val(&room[..]) as u64
        };
        self.sums.iter().map(room).sum()
    }

    fn is_reduced(&self) -> bool {
        self.is_reduced
    }

    fn layouts(&self) -> [Option<Blocks>; 3] {
        [Some(self.dy), Some(self.x), None]
    }
}

/// What all threads see of a run.
struct Run<'a> {
    engine: &'a Engine,
    x: &'a [f32],
    dy: &'a [f32],
    dw: Shared,
}

/// Sums up a part of the chunks of a unit.
struct Part<'a> {
    run: &'a Run<'a>,
    unit: usize,
    part: usize,
    /// By panel `[channel][tap][vectors]`.
    sums: *mut f32,
}

impl Work for Part<'_> {
    /// # Safety
    /// The unit and the part are some of the plan's, the sums as long as it says and nobody else's.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Plan { chunks, parts, .. } = &self.run.engine.plan;
        let plan = &self.run.engine.plan;
        let unit = plan.unit(self.unit);
        // SAFETY: the caller's.
        unsafe {
            for i in (0..plan.sums_len()).step_by(V::LANES) {
                V::splat(0.0).store(self.sums.wrapping_add(i));
            }
            for chunk in share(chunks.count(), *parts, self.part) {
                self.add_chunk::<V>(&unit, &chunks.get(chunk));
            }
        }
    }
}

impl Part<'_> {
    /// # Safety
    /// As of `run`.
    #[inline(always)]
    unsafe fn add_chunk<V: Vector>(&self, unit: &Unit, chunk: &Chunk) {
        let Engine { plan, x, inside, .. } = self.run.engine;
        let [r, s] = plan.product.taps;
        for panel in unit.panels.clone() {
            for block in unit.channels.clone().step_by(x.block) {
                for tap in 0..r * s {
                    let rows = within(&inside[0][tap / s], chunk.at[0], chunk.size[0]);
                    let columns = within(&inside[1][tap % s], chunk.at[1], chunk.size[1]);
                    if rows.is_empty() || columns.is_empty() {
                        continue;
                    }
                    let tile = self.tile::<V>(unit, chunk, panel, tap, (&rows, &columns));
                    let channels = block..unit.channels.end.min(block + x.block);
                    // SAFETY: the caller's: channels and vectors are the unit's; the pixels are some of
                    // the chunk's, and see the image.
                    unsafe { self.multiply::<V>(unit, tile, channels) };
                }
            }
        }
    }

    /// Adds up the channels of a block in a tile that tells of the group's first.
    ///
    /// # Safety
    /// As of `run`; the tile is one of the unit's, except for its channels.
    #[inline(always)]
    unsafe fn multiply<V: Vector>(&self, unit: &Unit, tile: Tile, block: Range<usize>) {
        let x = &self.run.engine.x;
        let most = most_channels(V::REGISTERS, tile.vectors);
        let first = tile.x.wrapping_add(block.start / x.block * x.block_len());
        let mut channel = block.start;
        while channel < block.end {
            let channels = step(block.end - channel, most);
            let before = channel - unit.channels.start;
            // The next block is read after the last of these.
            let is_last = channel + channels == block.end;
            let tile = Tile {
                channels,
                x_ahead: if is_last { x.block_len() } else { 0 },
                x: first.wrapping_add(channel - block.start),
                sums: tile.sums.wrapping_add(before * tile.sums_channel),
                ..tile
            };
            // SAFETY: the caller's.
            unsafe { multiply::<V>(&tile) };
            channel += channels;
        }
    }

    /// The tile of a panel and a tap, at the first channel of the group.
    #[inline(always)]
    fn tile<V: Vector>(
        &self,
        unit: &Unit,
        chunk: &Chunk,
        panel: usize,
        tap: usize,
        (rows, columns): (&Range<usize>, &Range<usize>),
    ) -> Tile {
        let Engine { plan, x, dy, .. } = self.run.engine;
        let Product { taps, stride, pad, dilation, image, pixels, .. } = plan.product;
        let first = [rows.start, columns.start];
        let sees = [0, 1].map(|d| {
            first[d] * stride[d] + [tap / taps[1], tap % taps[1]][d] * dilation[d] - pad[d]
        });
        let group = unit.group * plan.product.channels / x.block * x.block_len();
        let x_place = chunk.image * x.image_len() + (sees[0] * image[1] + sees[1]) * x.block;
        let vectors = plan.panel(panel);
        let block = unit.group * plan.product.columns / dy.block + vectors.start;
        let dy_place = chunk.image * dy.image_len() + (first[0] * pixels[1] + first[1]) * dy.block;
        let width = vectors.len() * V::LANES;
        Tile {
            channels: 0,
            vectors: vectors.len(),
            size: [chunk.images, rows.len(), columns.len()],
            x: self.run.x.as_ptr().wrapping_add(group + x_place),
            x_steps: [x.image_len(), stride[0] * image[1] * x.block, stride[1] * x.block],
            x_ahead: 0,
            dy: self.run.dy.as_ptr().wrapping_add(block * dy.block_len() + dy_place),
            dy_steps: [dy.image_len(), pixels[1] * dy.block, dy.block],
            dy_block: dy.block_len(),
            lanes: dy.block,
            sums: self.sums.wrapping_add(plan.sums_at(unit, panel) + tap * width),
            sums_channel: plan.product.channel_rows() * width,
        }
    }
}

/// What lies in a range and in `size` from `start` on.
fn within(range: &Range<usize>, start: usize, size: usize) -> Range<usize> {
    range.start.max(start)..range.end.min(start + size)
}

/// Adds up the parts of a unit and writes them to the filters.
struct Total<'a> {
    run: &'a Run<'a>,
    unit: usize,
    sums: *const f32,
}

impl Work for Total<'_> {
    /// # Safety
    /// The unit is one of the plan's; its sums are all there, part after part. Nothing else refers to
    /// its filters during the call.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let plan = &self.run.engine.plan;
        let product = &plan.product;
        let unit = plan.unit(self.unit);
        let taps = product.channel_rows();
        for panel in unit.panels.clone() {
            let vectors = plan.panel(panel);
            let first = vectors.start * V::LANES;
            let filter = unit.group * product.columns + first;
            let to = filter * product.rows() + unit.channels.start * taps;
            let sums = Sums {
                from: self.sums.wrapping_add(plan.sums_at(&unit, panel)),
                parts: plan.parts,
                part: plan.sums_len(),
                rows: unit.channels.len() * taps,
                columns: product.columns.min(vectors.end * V::LANES) - first,
                vectors: vectors.len(),
            };
            // SAFETY: the caller's: filters and channels are some of the group's.
            unsafe { sums.write_transposed::<V>(self.run.dw.0.add(to), product.rows()) }
        }
    }
}
