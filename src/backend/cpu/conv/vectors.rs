//! Output pixels in vectors: where the lanes of each are read and written.
//!
//! The pixels of many images are numbered through, so that images of 7 x 7 fill vectors too. A vector
//! then lies in several rows or images: it is read and written in segments, each of which is a place
//! and a mask. Lanes that a tap reads from outside the source are in no segment.

use super::super::simd::first;
use super::gather::{Gather, Phase, at};

/// Lanes that lie `stride` apart, of which lane 0, whether in the mask or not, is at `offset`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Segment {
    pub offset: isize,
    pub mask: u32,
}

/// The vectors of a phase. What repeats from batch to batch of images is kept once.
#[derive(Debug)]
pub(super) struct Vectors {
    pub count: usize,
    taps: usize,
    /// Batches of as many images as the first.
    whole: usize,
    /// Floats from one batch to the next, in source and output.
    steps: [isize; 2],
    /// That of whole batches, and that of the rest.
    batches: Vec<Batch>,
}

#[derive(Debug, Default)]
struct Batch {
    vectors: usize,
    /// By vector and tap.
    loads: Lists,
    /// By vector.
    stores: Lists,
}

/// Lists of segments, one behind the other.
#[derive(Debug, Default)]
struct Lists {
    segments: Vec<Segment>,
    ends: Vec<u32>,
}

impl Lists {
    fn get(&self, index: usize) -> &[Segment] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.segments[start..self.ends[index] as usize]
    }

    fn bytes(&self) -> u64 {
        (size_of_val(&self.segments[..]) + size_of_val(&self.ends[..])) as u64
    }

    /// Ends the list that holds the segments since the last end.
    fn end(&mut self) {
        self.ends.push(self.segments.len() as u32);
    }

    /// Adds a lane to the list at hand.
    fn add(&mut self, lane: usize, stride: usize, place: isize) {
        let offset = place - at(lane * stride);
        let start = self.ends.last().map_or(0, |end| *end as usize);
        match self.segments[start..].iter_mut().find(|s| s.offset == offset) {
            Some(segment) => segment.mask |= 1 << lane,
            None => self.segments.push(Segment { offset, mask: 1 << lane }),
        }
    }
}

impl Vectors {
    pub fn new(gather: &Gather, phase: &Phase, lanes: usize) -> Vectors {
        let pixels = phase.rows * phase.columns;
        let by_row = false;
        // As many images as fill whole vectors.
        let images = (1..lanes).find(|n| (n * pixels).is_multiple_of(lanes)).unwrap_or(lanes);
        let images = images.min(gather.images);
        let rest = gather.images % images;
        let whole = gather.images / images;
        let parts = [images, rest];
        let batches: Vec<Batch> = parts[..if rest > 0 { 2 } else { 1 }]
            .iter()
            .map(|images| Batch::new(gather, phase, lanes, *images, by_row))
            .collect();
        let behind = if rest > 0 { batches[1].vectors } else { 0 };
        let image = |t: super::gather::Tensor| at(images * gather.groups * t.channels * t.plane());
        Vectors {
            count: whole * batches[0].vectors + behind,
            taps: phase.taps.len(),
            whole,
            steps: [image(gather.source), image(gather.output)],
            batches,
        }
    }

    pub fn bytes(&self) -> u64 {
        self.batches.iter().map(|b| b.loads.bytes() + b.stores.bytes()).sum()
    }

    fn batch(&self, vector: usize) -> (&Batch, usize, isize) {
        let per_batch = self.batches[0].vectors;
        let index = (vector / per_batch).min(self.whole);
        let batch = if index < self.whole { &self.batches[0] } else { &self.batches[1] };
        (batch, vector - index * per_batch, at(index))
    }

    /// Where a tap reads a vector's lanes: segments, and what is to be added to their offsets.
    pub fn loads(&self, vector: usize, tap: usize) -> (&[Segment], isize) {
        let (batch, local, index) = self.batch(vector);
        (batch.loads.get(local * self.taps + tap), index * self.steps[0])
    }

    /// Where a vector's lanes are written.
    pub fn stores(&self, vector: usize) -> (&[Segment], isize) {
        let (batch, local, index) = self.batch(vector);
        (batch.stores.get(local), index * self.steps[1])
    }

    /// Where a vector starts whose lanes all lie side by side.
    pub fn whole(&self, vector: usize, lanes: usize) -> Option<isize> {
        match self.stores(vector) {
            ([Segment { offset, mask }], base) if *mask == first(lanes) => Some(base + offset),
            _ => None,
        }
    }

    /// The first tap and the one behind the last by which any of the vectors reads something.
    pub fn live(&self, vectors: std::ops::Range<usize>) -> (usize, usize) {
        let reads =
            |tap: &usize| vectors.clone().any(|vector| !self.loads(vector, *tap).0.is_empty());
        let first = (0..self.taps).find(reads).unwrap_or(0);
        let last = (first..self.taps).rfind(reads);
        (first, last.map_or(first, |last| last + 1))
    }
}

impl Batch {
    fn new(gather: &Gather, phase: &Phase, lanes: usize, images: usize, by_row: bool) -> Batch {
        let (source, output) = (gather.source, gather.output);
        let (source_image, output_image) = (
            gather.groups * source.channels * source.plane(),
            gather.groups * output.channels * output.plane(),
        );
        let columns = images * phase.rows * phase.columns;
        // Image, row and column of a pixel.
        let pixel = |index: usize| {
            let (j, index) = (index % phase.columns, index / phase.columns);
            if by_row {
                [index % images, index / images, j]
            } else {
                [index / phase.rows, index % phase.rows, j]
            }
        };
        let vectors = columns.div_ceil(lanes);
        let mut batch = Batch { vectors, ..Batch::default() };
        for start in (0..columns).step_by(lanes) {
            let pixels: Vec<[usize; 3]> = (start..columns.min(start + lanes)).map(pixel).collect();
            for (lane, [n, i, j]) in pixels.iter().enumerate() {
                let row = phase.first[0] + i * phase.step[0];
                let column = phase.first[1] + j * phase.step[1];
                let place = at(n * output_image + row * output.columns + column);
                batch.stores.add(lane, phase.step[1], place);
            }
            batch.stores.end();
            for tap in &phase.taps {
                for (lane, [n, i, j]) in pixels.iter().enumerate() {
                    let row = at(i * phase.stride[0]) + tap.offset[0];
                    let column = at(j * phase.stride[1]) + tap.offset[1];
                    if (0..at(source.rows)).contains(&row)
                        && (0..at(source.columns)).contains(&column)
                    {
                        let place = at(n * source_image) + row * at(source.columns) + column;
                        batch.loads.add(lane, phase.stride[1], place);
                    }
                }
                batch.loads.end();
            }
        }
        batch
    }
}
