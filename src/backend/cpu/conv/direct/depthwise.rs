//! Groups of so few channels that nothing is worth copying, as those of depthwise convolutions: every
//! vector of the output is summed up from the source where it lies.

use std::ops::Range;

use super::super::Means;
use super::super::engine::{Rounds, Scratch, Task, Tensors};
use super::correlation::{Correlation, Phase, Tensor};
use super::lanes;
use super::vectors::{Segment, Vectors};
use crate::backend::cpu::share::even_part;
use crate::backend::cpu::simd::Vector;

/// Tasks for each thread, so that a thread that comes late takes fewer.
const TASKS: usize = 8;

/// Output channels that are computed together: they find their pixels at the same places, and their
/// sums don't wait for each other.
const TOGETHER: usize = 8;

/// A correlation of small groups made ready.
pub(super) struct Depthwise {
    threads: usize,
    correlation: Correlation,
    /// The vectors of one image, for each phase.
    vectors: Vec<Vectors>,
    /// The number of parts that the vectors of an image are cut into.
    bands: usize,
    /// The number of tasks, each of which computes some bands of some channels of some images.
    tasks: usize,
}

impl Depthwise {
    /// Whether this is faster than [`Passes`](super::Passes).
    pub fn suits(correlation: &Correlation) -> bool {
        correlation.source.channels * correlation.output.channels <= 4
    }

    /// Makes vectors for all phases.
    pub fn new(Means { isa, threads, .. }: Means, correlation: Correlation) -> Depthwise {
        let vectors = |phase: &Phase| {
            let reads: Vec<[isize; 2]> = phase.taps.iter().map(|tap| tap.offset).collect();
            Vectors::new(&correlation, 1, std::slice::from_ref(phase), &reads, isa.lanes())
        };
        let vectors: Vec<Vectors> = correlation.phases.iter().map(vectors).collect();
        let blocks = correlation.images
            * (correlation.groups * correlation.output.channels).div_ceil(TOGETHER);
        let most = vectors.iter().map(|vectors| vectors.count).max().unwrap_or(1);
        let bands = (TASKS * threads).div_ceil(blocks).min(most);
        let tasks = (TASKS * threads).min(blocks * bands);
        Depthwise { threads, vectors, bands, tasks, correlation }
    }

    /// Where some output channels of an image are computed. Those that don't exist repeat the last one.
    fn block(&self, image: usize, first: usize, tensors: &Tensors<'_>) -> Block {
        let Correlation { groups, source: from, output: to, filters: order, .. } =
            &self.correlation;
        let all = |tensor: &Tensor| groups * tensor.channels * tensor.plane();
        let channels: [usize; TOGETHER] =
            std::array::from_fn(|i| (first + i).min(groups * to.channels - 1));
        let group = |channel: usize| channel / to.channels;
        Block {
            source: channels.map(|channel| {
                let place = image * all(from) + group(channel) * from.channels * from.plane();
                tensors.a[place..].as_ptr()
            }),
            filters: channels.map(|channel| {
                let pairs = group(channel) * from.channels * to.channels * order.taps;
                tensors.b[pairs + channel % to.channels * order.output..].as_ptr()
            }),
            output: channels.map(|channel| tensors.out.at(image * all(to) + channel * to.plane())),
        }
    }

    /// Sums up vectors of a phase whose lanes lie `stride` floats apart in the source.
    ///
    /// # Safety
    /// That of [`Rounds::run`] holds, and no other task has these vectors of the block.
    #[inline(always)]
    unsafe fn sum_up<V: Vector>(
        &self,
        block: &Block,
        phase: &Phase,
        vectors: &Vectors,
        range: Range<usize>,
        stride: usize,
    ) {
        let Correlation { source, filters, .. } = &self.correlation;
        let step = phase.step[1];
        // SAFETY: the caller's. Segments lie in the first channel of an image, and the groups and channels
        // of the block are some of the tensors'. What is in no mask counts as zero.
        unsafe {
            for vector in range {
                let place = vectors.get(vector);
                let mut sums = [V::splat(0.0); TOGETHER];
                for c in 0..source.channels {
                    let channel = c * source.plane();
                    for (read, tap) in phase.taps.iter().enumerate() {
                        let filter = c * filters.channel + tap.place;
                        for Segment { offset, mask } in place.reads(read).0 {
                            for (i, sum) in sums.iter_mut().enumerate() {
                                let from = block.source[i].wrapping_add(channel);
                                let from = from.wrapping_offset(*offset);
                                let pixels = lanes::read(from, *mask, stride);
                                let filter = V::splat(*block.filters[i].wrapping_add(filter));
                                *sum = sum.add_product(filter, pixels);
                            }
                        }
                    }
                }
                // A copy in memory: the loops above then keep their sums in registers.
                let sums: [V; TOGETHER] = std::array::from_fn(|i| sums[i]);
                for Segment { offset, mask } in place.writes(0).0 {
                    for (sum, to) in sums.iter().zip(block.output) {
                        lanes::write(*sum, to.wrapping_offset(*offset), *mask, step, false);
                    }
                }
            }
        }
    }
}

impl Rounds for Depthwise {
    fn lengths(&self) -> [usize; 3] {
        self.correlation.lengths()
    }

    fn scratch(&self) -> Scratch {
        let table_bytes = self.vectors.iter().map(Vectors::bytes).sum();
        Scratch { threads: self.threads, local: 0, shared: 0, table_bytes }
    }

    fn tasks(&self, round: usize) -> Option<usize> {
        (round == 0).then_some(self.tasks)
    }

    #[inline(always)]
    unsafe fn run<V: Vector>(&self, Task { tensors, number, .. }: Task<'_>) {
        let Correlation { images, groups, output, phases, .. } = &self.correlation;
        let blocks = (groups * output.channels).div_ceil(TOGETHER);
        for unit in even_part(images * blocks * self.bands, self.tasks, number) {
            let (block, band) = (unit / self.bands, unit % self.bands);
            let block = self.block(block / blocks, block % blocks * TOGETHER, tensors);
            for (phase, vectors) in phases.iter().zip(&self.vectors) {
                let range = even_part(vectors.count, self.bands, band);
                // SAFETY: the caller's. Tasks differ in blocks or bands, phases have no pixel in common.
                unsafe {
                    match phase.stride[1] {
                        1 => self.sum_up::<V>(&block, phase, vectors, range, 1),
                        2 => self.sum_up::<V>(&block, phase, vectors, range, 2),
                        stride => self.sum_up::<V>(&block, phase, vectors, range, stride),
                    }
                }
            }
        }
    }
}

/// Output channels that are computed together, of one image.
struct Block {
    /// For each, the first source channel of its group in the image.
    source: [*const f32; TOGETHER],
    /// For each, its filter of the first source channel.
    filters: [*const f32; TOGETHER],
    /// The channels themselves.
    output: [*mut f32; TOGETHER],
}
