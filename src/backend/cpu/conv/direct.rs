//! Groups of so few channels that nothing is worth copying, as of depthwise convolutions: every
//! vector of the output is summed up from the source where it lies.

use std::ops::Range;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::super::simd::{Vector, Work, first};
use super::gather::{Gather, Phase, Tap, Tensor, at, meeting};
use super::lanes;
use super::pass::share;
use super::{Isa, Pool, Prepared};

/// Tasks for each thread, so that one that comes late takes fewer.
const TASKS: usize = 8;

/// A gather of small groups made ready.
pub(super) struct Direct {
    isa: Isa,
    gather: Gather,
    /// Parts of the rows of an image.
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
        let planes = gather.images * gather.groups * gather.output.channels;
        let bands = (TASKS * threads).div_ceil(planes).min(gather.output.rows);
        Direct { isa, gather, bands, tasks: (TASKS * threads).min(planes * bands) }
    }
}

impl Prepared for Direct {
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        self.gather.check(a, b, out);
        let Gather { images, groups, source, output, filters, .. } = &self.gather;
        let out = AtomicPtr::new(out.as_mut_ptr());
        let planes = images * groups * output.channels;
        let image = |tensor: &Tensor| groups * tensor.channels * tensor.plane();
        pool.each(self.tasks, |task| {
            for unit in share(planes * self.bands, self.tasks, task) {
                let (plane, band) = (unit / self.bands, unit % self.bands);
                let (n, channel) =
                    (plane / (groups * output.channels), plane % (groups * output.channels));
                let (group, m) = (channel / output.channels, channel % output.channels);
                let from = n * image(source) + group * source.channels * source.plane();
                let filter = group * source.channels * output.channels * filters.taps;
                let filter = filter + m * filters.output;
                for phase in &self.gather.phases {
                    // SAFETY: the CPU has the instructions, see `new`, and `check` the sizes. This is
                    // the only task with this plane of the output and this band, and phases have no
                    // pixel in common.
                    unsafe {
                        self.isa.run(Band {
                            gather: &self.gather,
                            phase,
                            rows: share(phase.rows, self.bands, band),
                            source: a.as_ptr().wrapping_add(from),
                            filter: b.as_ptr().wrapping_add(filter),
                            output: out
                                .load(Ordering::Relaxed)
                                .wrapping_add(plane * output.plane()),
                        });
                    }
                }
            }
        });
    }

    fn scratch_bytes(&self) -> u64 {
        0
    }

    fn is_reduced(&self) -> bool {
        false
    }
}

/// Some rows of a phase of one output channel of one image.
struct Band<'a> {
    gather: &'a Gather,
    phase: &'a Phase,
    rows: Range<usize>,
    /// The first channel of the group.
    source: *const f32,
    /// That of the output channel, for the first channel of the group.
    filter: *const f32,
    output: *mut f32,
}

impl Work for Band<'_> {
    /// # Safety
    /// The channels of the group may be read, the filters too, and the output channel written, which
    /// nothing else refers to during the call.
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        let Gather { source, output, filters, .. } = self.gather;
        let Phase { columns, first: place, step, stride, ref taps, .. } = *self.phase;
        let width = at(source.columns);
        // Vectors that start here read nothing outside the source.
        let last = at(V::LANES * stride[1]) - 1;
        let starts = taps.iter().map(|tap| -tap.offset[1]).max().unwrap_or(0)
            ..=taps.iter().map(|tap| width - 1 - last - tap.offset[1]).min().unwrap_or(0);
        for i in self.rows {
            let row = |tap: &Tap| at(i * stride[0]) + tap.offset[0];
            let reads = |tap: &&Tap| (0..at(source.rows)).contains(&row(tap));
            for j in (0..columns).step_by(V::LANES) {
                let start = at(j * stride[1]);
                let count = V::LANES.min(columns - j);
                let inside = starts.contains(&start) && stride[1] <= 2;
                // SAFETY: the caller's. The tap's row is one of the source, and lanes are only read
                // where their columns are too; of a vector that is `inside` that is all of the last
                // lane and before, also where only every other one is meant. Pixels i, j of a phase
                // lie in the output.
                unsafe {
                    let mut sum = V::splat(0.0);
                    for c in 0..source.channels {
                        let channel = self.source.wrapping_add(c * source.plane());
                        let filter = self.filter.wrapping_add(c * filters.channel);
                        for tap in taps.iter().filter(reads) {
                            let column = start + tap.offset[1];
                            let from = channel.wrapping_offset(row(tap) * width + column);
                            let pixels = match (inside, stride[1]) {
                                (true, 1) => V::load(from),
                                (true, _) => {
                                    V::load(from).even(V::load(from.wrapping_add(V::LANES)))
                                }
                                _ => {
                                    let mask =
                                        inside_mask(count, stride[1], column, source.columns);
                                    lanes::read::<V>(from, mask, stride[1])
                                }
                            };
                            sum =
                                sum.add_product(V::splat(*filter.wrapping_add(tap.place)), pixels);
                        }
                    }
                    let to = (place[0] + i * step[0]) * output.columns + place[1] + j * step[1];
                    lanes::write(sum, self.output.wrapping_add(to), first(count), step[1], false);
                }
            }
        }
    }
}

/// The mask of those of `count` lanes, `stride` apart from `start` on, that lie in `0..size`.
fn inside_mask(count: usize, stride: usize, start: isize, size: usize) -> u32 {
    meeting(count, stride, start, size).map_or(0, |(low, high)| first(high + 1) & !first(low))
}
