//! The loops round the micro-kernel.

use std::ops::Range;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::super::super::simd::fence;
use super::super::gather::{Gather, Phase};
use super::super::{Isa, Pool, Prepared, share};
use super::filters::CopyFilters;
use super::kernel::Tile;
use super::layout::Blocks;
use super::places::{PIXELS, Places, Reads, Room};
use super::plan::{Load, Plan};

/// Floats of a cache line.
const LINE: usize = 16;

/// Outputs from that many bytes on, if each element is written once, go past the caches: they would
/// push out what is still to be read, and be read themselves before they are written.
const STREAM: usize = 4 << 20;

/// A gather of blocked tensors made ready.
pub(super) struct Engine {
    isa: Isa,
    gather: Gather,
    source: Blocks,
    output: Blocks,
    passes: Vec<Pass>,
    /// One for each thread.
    scratch: Vec<Mutex<Scratch>>,
    is_reduced: bool,
    /// Whether the output may be written past the caches.
    stream: bool,
}

/// A phase with its plan.
struct Pass {
    phase: Phase,
    places: Places,
    plan: Plan,
}

/// What a thread needs for itself.
struct Scratch {
    filters: Vec<f32>,
    /// Of each tile: where it is written, and which of the reads are its own.
    tiles: Vec<([isize; PIXELS], Range<usize>)>,
    reads: Vec<Reads>,
    room: Room,
    slots: Vec<Option<u32>>,
}

/// The operands of a run.
struct Operands<'a> {
    source: &'a [f32],
    filters: &'a [f32],
    output: AtomicPtr<f32>,
    /// Whether the output is written past the caches.
    stream: bool,
}

/// What a task computes: tiles and panels of a group.
struct Part<'a> {
    pass: &'a Pass,
    tiles: Range<usize>,
    panels: Range<usize>,
    /// Where the group starts.
    source: *const f32,
    filters: *const f32,
    output: *mut f32,
    stream: bool,
}

/// Blocks of channels and taps of a step over the sums.
struct Step {
    blocks: Range<usize>,
    taps: Range<usize>,
    /// Whether it is the first.
    first: bool,
}

impl Engine {
    /// Panics unless the CPU has the instructions.
    pub fn new(
        isa: Isa,
        threads: usize,
        gather: Gather,
        [source, output]: [Blocks; 2],
        scratch_limit: u64,
    ) -> Engine {
        assert!(isa.is_available());
        let floats = usize::try_from(scratch_limit / 4).unwrap_or(usize::MAX) / threads;
        let mut is_reduced = false;
        let mut pass = |phase: &Phase| {
            let places = Places::new(&gather, phase, &source, &output);
            let load = Load {
                pixels: places.count(),
                taps: phase.taps.len(),
                groups: gather.groups,
                channels: gather.source.channels,
                block: source.block,
                outputs: gather.output.channels,
            };
            // Half of it leaves room for tables.
            let plan = Plan::of(isa, threads, &load, floats / 2);
            is_reduced |= plan != Plan::of(isa, threads, &load, usize::MAX);
            Pass { phase: phase.clone(), places, plan }
        };
        let passes: Vec<Pass> = gather.phases.iter().map(&mut pass).collect();
        let need = |pass: &Pass| LINE + pass.plan.together * pass.plan.panel;
        let need = passes.iter().map(need).max().unwrap_or(0);
        let once = |pass: &Pass| {
            let Plan { blocks, taps, .. } = pass.plan;
            blocks * source.block >= gather.source.channels && taps >= pass.phase.taps.len()
        };
        let lines = output.block == LINE && isa.lanes() == LINE;
        Engine {
            isa,
            stream: 4 * output.len() > STREAM && lines && passes.iter().all(once),
            source,
            output,
            scratch: (0..threads).map(|_| Mutex::new(Scratch::new(need))).collect(),
            passes,
            is_reduced,
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
        let blocks =
            |channels: usize, tensor: &Blocks| group * channels / tensor.block * tensor.block_len();
        let own = group * source.channels * output.channels * filters.taps;
        let start = operands.output.load(Ordering::Relaxed);
        Part {
            pass,
            tiles: share(pass.places.count().div_ceil(PIXELS), columns, column),
            panels: share(pass.plan.panels, rows, row),
            source: operands.source.as_ptr().wrapping_add(blocks(source.channels, &self.source)),
            filters: operands.filters.as_ptr().wrapping_add(own),
            output: start.wrapping_add(blocks(output.channels, &self.output)),
            stream: operands.stream,
        }
    }

    /// Computes a part.
    fn compute(&self, part: &Part<'_>, scratch: &mut Scratch) {
        let Pass { phase, plan, .. } = part.pass;
        let all_blocks = self.gather.source.channels.div_ceil(self.source.block);
        let all_taps = phase.taps.len().max(1);
        for block in (0..all_blocks).step_by(plan.blocks) {
            for tap in (0..all_taps).step_by(plan.taps) {
                let step = Step {
                    blocks: block..all_blocks.min(block + plan.blocks),
                    taps: tap..phase.taps.len().min(tap + plan.taps),
                    first: block + tap == 0,
                };
                for first in part.panels.clone().step_by(plan.together) {
                    let panels = first..part.panels.end.min(first + plan.together);
                    self.copy_filters(part, &step, panels.clone(), scratch);
                    for tile in part.tiles.clone().step_by(plan.tiles) {
                        let tiles = tile..part.tiles.end.min(tile + plan.tiles);
                        scratch.find(&part.pass.places, tiles.clone(), step.taps.clone());
                        for (index, panel) in panels.clone().enumerate() {
                            self.multiply(part, &step, panel, index, tiles.clone(), scratch);
                        }
                    }
                }
            }
        }
    }

    /// Source channels of a step.
    fn channels(&self, step: &Step) -> Range<usize> {
        let block = self.source.block;
        step.blocks.start * block..self.gather.source.channels.min(step.blocks.end * block)
    }

    fn copy_filters(
        &self,
        part: &Part<'_>,
        step: &Step,
        panels: Range<usize>,
        scratch: &mut Scratch,
    ) {
        let Pass { phase, plan, .. } = part.pass;
        let filters = self.gather.filters;
        scratch.slots.clear();
        scratch.slots.resize(filters.taps, None);
        for (slot, tap) in phase.taps[step.taps.clone()].iter().enumerate() {
            scratch.slots[tap.place] = Some(slot as u32);
        }
        let channels = self.channels(step);
        let start = scratch.filters.as_ptr().align_offset(4 * LINE).min(LINE);
        for (index, panel) in panels.enumerate() {
            let vectors = share(plan.vectors, plan.panels, panel);
            let output = vectors.start * self.isa.lanes();
            let copy = &mut scratch.filters[start + index * plan.panel..][..plan.panel];
            if step.taps.is_empty() {
                continue;
            }
            // SAFETY: the CPU has the instructions, see `new`. Output and source channels are some of the
            // group's own, and `run` has checked how many filters there are. A panel is as long as
            // the plan's largest step needs for its widest panel.
            unsafe {
                self.isa.run(CopyFilters {
                    filters,
                    from: part
                        .filters
                        .wrapping_add(output * filters.output + channels.start * filters.channel),
                    outputs: self.gather.output.channels - output,
                    vectors: vectors.len(),
                    channels: channels.len(),
                    block: self.source.block,
                    slots: &scratch.slots,
                    taps: step.taps.len(),
                    to: copy.as_mut_ptr(),
                });
            }
        }
    }

    /// Computes some tiles of a panel, whose filters are the copy number `index`.
    fn multiply(
        &self,
        part: &Part<'_>,
        step: &Step,
        panel: usize,
        index: usize,
        tiles: Range<usize>,
        scratch: &Scratch,
    ) {
        let Pass { places, plan, phase } = part.pass;
        let vectors = share(plan.vectors, plan.panels, panel);
        let start = scratch.filters.as_ptr().align_offset(4 * LINE).min(LINE);
        let filters = &scratch.filters[start + index * plan.panel..][..plan.panel];
        let block = self.source.block;
        let channels = self.channels(step);
        for (tile, (writes, reads)) in tiles.zip(&scratch.tiles) {
            if reads.is_empty() && !step.first {
                continue;
            }
            let tile = Tile {
                pixels: PIXELS.min(places.count() - tile * PIXELS),
                vectors: vectors.len(),
                taps: &scratch.reads[reads.clone()],
                source: part.source.wrapping_add(step.blocks.start * self.source.block_len()),
                source_block: self.source.block_len(),
                blocks: step.blocks.len(),
                channels: block,
                last: channels.len() - (step.blocks.len() - 1) * block,
                ahead: PIXELS * phase.stride[1] * block,
                filters: filters.as_ptr(),
                filter_taps: step.taps.len(),
                output: part.output.wrapping_add(vectors.start * self.output.block_len()),
                output_block: self.output.block_len(),
                writes: *writes,
                lanes: self.output.block,
                add: !step.first,
                stream: part.stream,
            };
            // SAFETY: the CPU has the instructions, see `new`. Reads lie in the first block of an image
            // or are negative, writes in the first of the output's, and the blocks of step and panel
            // are some of the group's own; `run` has checked how long the tensors are. Filters are
            // those just copied. No other task has the same tile of the same phase and panel.
            unsafe { self.isa.run(tile) };
        }
    }
}

impl Scratch {
    fn new(filters: usize) -> Scratch {
        Scratch {
            filters: vec![0.0; filters],
            tiles: Vec::new(),
            reads: Vec::new(),
            room: Room::default(),
            slots: Vec::new(),
        }
    }

    /// Finds where tiles read and write.
    fn find(&mut self, places: &Places, tiles: Range<usize>, taps: Range<usize>) {
        self.tiles.clear();
        self.reads.clear();
        for tile in tiles {
            let first = tile * PIXELS;
            let count = PIXELS.min(places.count() - first);
            let start = self.reads.len();
            let writes = places.tile(first, count, taps.clone(), &mut self.room, &mut self.reads);
            self.tiles.push((writes, start..self.reads.len()));
        }
    }
}

impl Prepared for Engine {
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        let pairs = self.gather.groups * self.gather.source.channels * self.gather.output.channels;
        assert_eq!(a.len(), self.source.len());
        assert_eq!(b.len(), pairs * self.gather.filters.taps);
        assert_eq!(out.len(), self.output.len());
        let stream = self.stream && out.as_ptr().addr().is_multiple_of(4 * LINE);
        let tasks: usize = self.passes.iter().map(|pass| self.tasks(pass)).sum();
        let output = AtomicPtr::new(out.as_mut_ptr());
        let operands = Operands { source: a, filters: b, output, stream };
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
            if stream {
                fence();
            }
        });
    }

    fn scratch_bytes(&self) -> u64 {
        let tables: u64 = self.passes.iter().map(|pass| pass.places.bytes()).sum();
        let scratch = |scratch: &Mutex<Scratch>| {
            let scratch = scratch.lock().unwrap_or_else(PoisonError::into_inner);
            size_of_val(&scratch.filters[..]) as u64
        };
        tables + self.scratch.iter().map(scratch).sum::<u64>()
    }

    fn is_reduced(&self) -> bool {
        self.is_reduced
    }

    fn layouts(&self) -> [Option<Blocks>; 3] {
        [Some(self.source), None, Some(self.output)]
    }
}
