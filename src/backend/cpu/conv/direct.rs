//! Groups of so few channels that nothing is worth copying, as of depthwise convolutions: every
//! vector of the output is summed up from the source where it lies.

use std::ops::Range;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::super::share::even_part;
use super::super::simd::{Routine, Vector};
use super::gather::{Gather, Phase, Tensor};
use super::lanes;
use super::vectors::{Segment, Vectors};
use super::{Isa, Pool, Prepared};

/// Tasks for each thread, so that one that comes late takes fewer.
const TASKS: usize = 8;

/// Output channels that are computed together: they find their pixels at the same places, and their
/// sums don't wait for each other.
const TOGETHER: usize = 8;

/// A gather of small groups made ready.
pub(super) struct Direct {
    isa: Isa,
    gather: Gather,
    /// Of one image, by phase.
    vectors: Vec<Vectors>,
    /// Parts of an image's vectors, and of all work.
    bands: usize,
    tasks: usize,
}

impl Direct {
    /// Whether this is faster than the engine.
    pub fn suits(gather: &Gather) -> bool {
        gather.source.channels * gather.output.channels <= 4
    }

    /// Panics unless the CPU has the instructions.
    pub fn new(isa: Isa, threads: usize, gather: Gather) -> Direct {
        assert!(isa.is_available());
        let vectors = |phase: &Phase| {
            let reads: Vec<[isize; 2]> = phase.taps.iter().map(|tap| tap.offset).collect();
            Vectors::new(&gather, 1, std::slice::from_ref(phase), &reads, isa.lanes())
        };
        let vectors: Vec<Vectors> = gather.phases.iter().map(vectors).collect();
        let blocks = gather.images * (gather.groups * gather.output.channels).div_ceil(TOGETHER);
        let most = vectors.iter().map(|vectors| vectors.count).max().unwrap_or(1);
        let bands = (TASKS * threads).div_ceil(blocks).min(most);
        Direct { isa, vectors, bands, tasks: (TASKS * threads).min(blocks * bands), gather }
    }

    /// Computes a band of some output channels of an image.
    fn compute(
        &self,
        image: usize,
        channels: Range<usize>,
        band: usize,
        source: &[f32],
        filters: &[f32],
        output: *mut f32,
    ) {
        let Gather { groups, source: from, output: to, filters: order, .. } = &self.gather;
        let all = |tensor: &Tensor| groups * tensor.channels * tensor.plane();
        // Those that don't exist repeat the last one.
        let channels: [usize; TOGETHER] =
            std::array::from_fn(|i| (channels.start + i).min(channels.end - 1));
        let group = |channel: usize| channel / to.channels;
        for (phase, vectors) in self.gather.phases.iter().zip(&self.vectors) {
            // SAFETY: the CPU has the instructions, see `new`. Segments lie in the first channel of an
            // image, and the groups and channels are some of the tensors'. No other task has this
            // band of these channels, and phases have no pixel in common.
            unsafe {
                self.isa.run(Band {
                    gather: &self.gather,
                    phase,
                    vectors,
                    range: even_part(vectors.count, self.bands, band),
                    source: channels.map(|channel| {
                        let place =
                            image * all(from) + group(channel) * from.channels * from.plane();
                        source[place..].as_ptr()
                    }),
                    filters: channels.map(|channel| {
                        let pairs = group(channel) * from.channels * to.channels * order.taps;
                        filters[pairs + channel % to.channels * order.output..].as_ptr()
                    }),
                    output: channels
                        .map(|channel| output.wrapping_add(image * all(to) + channel * to.plane())),
                });
            }
        }
    }
}

impl Prepared for Direct {
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        self.gather.check(a, b, out);
        let channels = self.gather.groups * self.gather.output.channels;
        let blocks = channels.div_ceil(TOGETHER);
        let out = AtomicPtr::new(out.as_mut_ptr());
        pool.each(self.tasks, |task| {
            for unit in even_part(self.gather.images * blocks * self.bands, self.tasks, task) {
                let (block, band) = (unit / self.bands, unit % self.bands);
                let start = block % blocks * TOGETHER;
                let channels = start..channels.min(start + TOGETHER);
                self.compute(block / blocks, channels, band, a, b, out.load(Ordering::Relaxed));
            }
        });
    }

    fn scratch_bytes(&self) -> u64 {
        self.vectors.iter().map(Vectors::bytes).sum()
    }

    fn is_reduced(&self) -> bool {
        false
    }
}

/// Some vectors of a phase, of several output channels of one image.
struct Band<'a> {
    gather: &'a Gather,
    phase: &'a Phase,
    vectors: &'a Vectors,
    range: Range<usize>,
    /// The first source channel of the group, for each output channel.
    source: [*const f32; TOGETHER],
    /// That of the output channel and the first source channel.
    filters: [*const f32; TOGETHER],
    output: [*mut f32; TOGETHER],
}

impl Routine for Band<'_> {
    type Output = ();

    /// # Safety
    /// All segments may be read in the source channels of each group, the filters too, and those of the
    /// output written, which nothing else refers to during the call.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's.
        unsafe {
            match self.phase.stride[1] {
                1 => self.sum_up::<V>(1),
                2 => self.sum_up::<V>(2),
                stride => self.sum_up::<V>(stride),
            }
        }
    }
}

impl Band<'_> {
    /// # Safety
    /// As of `run`.
    #[inline(always)]
    unsafe fn sum_up<V: Vector>(&self, stride: usize) {
        let Gather { source, filters, .. } = self.gather;
        let step = self.phase.step[1];
        // SAFETY: the caller's. What is in no mask counts as zero.
        unsafe {
            for vector in self.range.clone() {
                let place = self.vectors.get(vector);
                let mut sums = [V::splat(0.0); TOGETHER];
                for c in 0..source.channels {
                    let channel = c * source.plane();
                    for (read, tap) in self.phase.taps.iter().enumerate() {
                        let filter = c * filters.channel + tap.place;
                        for Segment { offset, mask } in place.reads(read).0 {
                            for (i, sum) in sums.iter_mut().enumerate() {
                                let from = self.source[i].wrapping_add(channel);
                                let from = from.wrapping_offset(*offset);
                                let pixels = lanes::read(from, *mask, stride);
                                let filter = V::splat(*self.filters[i].wrapping_add(filter));
                                *sum = sum.add_product(filter, pixels);
                            }
                        }
                    }
                }
                // A copy in memory: the loops above then keep their sums in registers.
                let sums: [V; TOGETHER] = std::array::from_fn(|i| sums[i]);
                for Segment { offset, mask } in place.writes(0).0 {
                    for (sum, to) in sums.iter().zip(self.output) {
                        lanes::write(*sum, to.wrapping_offset(*offset), *mask, step, false);
                    }
                }
            }
        }
    }
}
