//! Output pixels in vectors: where the lanes of each are read and written.
//!
//! The pixels of many images are numbered through, so that images of 7 x 7 fill vectors too. The lanes of a
//! vector may then lie in several rows or images: they are read and written in segments, each of which is
//! a place and a mask of lanes. Lanes that would be read outside the source are in no segment.
//!
//! Places are those of the first channel of the first group, and so lie inside these: to add another
//! channel's distance from it gives the same place in that one.

use super::correlation::{Correlation, Phase, Tensor, at};
use crate::backend::cpu::simd::first;

/// Lanes of a vector that lie one stride apart. Lane 0, whether it is in the mask or not, lies `offset` floats
/// from the start of the channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Segment {
    pub offset: isize,
    pub mask: u32,
}

/// All pixels of phases that have the same number of rows and columns, in vectors. What repeats from batch
/// to batch of images is kept once.
#[derive(Debug)]
pub(super) struct Vectors {
    /// The number of vectors.
    pub count: usize,
    /// The number of reads, each of which has a list of segments for every vector.
    reads: usize,
    /// The number of phases, each of which writes every vector by a list of segments.
    writes: usize,
    /// The number of batches of as many images as the first.
    whole: usize,
    /// Floats from one batch to the next, in the source and in the output.
    steps: [isize; 2],
    /// A whole batch and, if it is smaller, the last one.
    batches: Vec<Batch>,
}

/// The vectors of some images after each other.
#[derive(Debug, Default)]
struct Batch {
    /// The number of vectors.
    vectors: usize,
    /// Segments to be read: `[vector][read]`.
    reads: Lists,
    /// Segments to be written: `[vector][phase]`.
    writes: Lists,
}

/// Lists of segments, one behind the other.
#[derive(Debug, Default)]
struct Lists {
    segments: Vec<Segment>,
    /// The number of the segment at which each list starts, and at which the last one ends.
    starts: Vec<u32>,
}

impl Lists {
    /// The list of this number.
    #[inline]
    fn get(&self, index: usize) -> &[Segment] {
        &self.segments[self.starts[index] as usize..self.starts[index + 1] as usize]
    }

    /// Bytes of all lists.
    fn bytes(&self) -> u64 {
        (size_of_val(&self.segments[..]) + size_of_val(&self.starts[..])) as u64
    }

    /// Adds the list of a vector whose lanes lie at these places, in floats. Lanes without a place are in no
    /// segment.
    fn push(&mut self, stride: usize, places: impl Iterator<Item = Option<isize>>) {
        let start = self.segments.len();
        self.starts.resize(self.starts.len().max(1), 0);
        for (lane, place) in places.enumerate() {
            let Some(place) = place else { continue };
            let offset = place - at(lane * stride);
            match self.segments[start..].iter_mut().find(|s| s.offset == offset) {
                Some(segment) => segment.mask |= 1 << lane,
                None => self.segments.push(Segment { offset, mask: 1 << lane }),
            }
        }
        self.starts.push(self.segments.len() as u32);
    }
}

/// One vector, and where its batch of images lies.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    vectors: &'a Vectors,
    batch: &'a Batch,
    index: usize,
    /// Floats from the first batch to the vector's own, in the source and in the output.
    base: [isize; 2],
}

impl<'a> Place<'a> {
    /// The segments by which a read finds the lanes, and the floats to be added to their offsets.
    #[inline]
    pub fn reads(&self, read: usize) -> (&'a [Segment], isize) {
        (self.batch.reads.get(self.index * self.vectors.reads + read), self.base[0])
    }

    /// The segments by which a phase writes the lanes, and the floats to be added to their offsets.
    #[inline]
    pub fn writes(&self, phase: usize) -> (&'a [Segment], isize) {
        (self.batch.writes.get(self.index * self.vectors.writes + phase), self.base[1])
    }
}

/// Floats from the start of the channel to a vector, by its segments and what is to be added to their offsets,
/// if all of its `lanes` lie in one segment.
#[inline(always)]
pub(super) fn whole((segments, base): (&[Segment], isize), lanes: usize) -> Option<isize> {
    match segments {
        [Segment { offset, mask }] if *mask == first(lanes) => Some(base + offset),
        _ => None,
    }
}

impl Vectors {
    /// The vectors of `all` images, for phases of the same number of rows and columns whose taps read the
    /// source at these offsets (`reads`).
    pub fn new(
        correlation: &Correlation,
        all: usize,
        phases: &[Phase],
        reads: &[[isize; 2]],
        lanes: usize,
    ) -> Vectors {
        let pixels = phases[0].rows * phases[0].columns;
        // As many images as fill whole vectors.
        let images = (1..lanes).find(|n| (n * pixels).is_multiple_of(lanes)).unwrap_or(lanes);
        let images = images.min(all);
        let (whole, rest) = (all / images, all % images);
        let batch = |images| Batch::new(correlation, phases, reads, lanes, images);
        let batches: Vec<Batch> =
            [images, rest].into_iter().filter(|images| *images > 0).map(batch).collect();
        let image = |t: Tensor| at(images * correlation.groups * t.channels * t.plane());
        Vectors {
            count: whole * batches[0].vectors + batches.get(1).map_or(0, |rest| rest.vectors),
            reads: reads.len(),
            writes: phases.len(),
            whole,
            steps: [image(correlation.source), image(correlation.output)],
            batches,
        }
    }

    /// Bytes of all lists of segments.
    pub fn bytes(&self) -> u64 {
        self.batches.iter().map(|b| b.reads.bytes() + b.writes.bytes()).sum()
    }

    /// The vector of this number.
    #[inline]
    pub fn get(&self, vector: usize) -> Place<'_> {
        let per_batch = self.batches[0].vectors;
        let index = (vector / per_batch).min(self.whole);
        Place {
            vectors: self,
            batch: &self.batches[if index < self.whole { 0 } else { 1 }],
            index: vector - index * per_batch,
            base: self.steps.map(|step| at(index) * step),
        }
    }
}

impl Batch {
    /// The vectors of so many images; else as [`Vectors::new`].
    fn new(
        correlation: &Correlation,
        phases: &[Phase],
        reads: &[[isize; 2]],
        lanes: usize,
        images: usize,
    ) -> Batch {
        let Correlation { groups, source, output, .. } = correlation;
        let Phase { rows, columns, stride, .. } = phases[0];
        let pixels = images * rows * columns;
        // Image, row and column of a pixel.
        let pixel =
            |index: usize| (index / columns / rows, index / columns % rows, index % columns);
        let mut batch = Batch { vectors: pixels.div_ceil(lanes), ..Batch::default() };
        for start in (0..pixels).step_by(lanes) {
            let vector = || (start..pixels.min(start + lanes)).map(pixel);
            for read in reads {
                let place = |(n, i, j): (usize, usize, usize)| {
                    let [row, column] = [0, 1].map(|d| at([i, j][d] * stride[d]) + read[d]);
                    let inside = (0..at(source.rows)).contains(&row)
                        && (0..at(source.columns)).contains(&column);
                    let image = at(n * groups * source.channels * source.plane());
                    inside.then(|| image + row * at(source.columns) + column)
                };
                batch.reads.push(stride[1], vector().map(place));
            }
            for Phase { first, step, .. } in phases {
                let place = |(n, i, j): (usize, usize, usize)| {
                    let [row, column] = [0, 1].map(|d| first[d] + [i, j][d] * step[d]);
                    let image = n * groups * output.channels * output.plane();
                    Some(at(image + row * output.columns + column))
                };
                batch.writes.push(step[1], vector().map(place));
            }
        }
        batch
    }
}
