//! Where the pixels of a phase are read and written.

use super::super::gather::{Gather, Phase, at};
use super::layout::Blocks;

/// Most pixels of a tile.
pub(super) const PIXELS: usize = 6;

/// Outside of the source, whatever is added once.
const OUTSIDE: isize = isize::MIN / 4;

/// Images of at most so many rows are gone through row by row, in all images together: taps that leave
/// the image there are left out for whole tiles.
const FEW_ROWS: usize = 32;

/// Where the pixels of a tile read for a tap.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reads {
    /// Which of the taps that are read.
    pub tap: usize,
    /// In floats from the start of a block of the first image; negative where that is outside.
    pub places: [isize; PIXELS],
}

/// All pixels of a phase, in an order.
pub(super) struct Places {
    images: usize,
    rows: usize,
    columns: usize,
    by_rows: bool,
    /// Rows and columns of a tap among those that taps read.
    taps: Vec<[usize; 2]>,
    /// By row of the phase, where each of the rows that taps read lies; and of columns.
    reads: [Vec<isize>; 2],
    /// How many rows and columns taps read.
    counts: [usize; 2],
    /// By row and column of the phase.
    writes: [Vec<isize>; 2],
    /// From image to image, of source and output.
    steps: [isize; 2],
}

/// Memory for the places of a tile.
#[derive(Default)]
pub(super) struct Room {
    rows: Vec<[isize; PIXELS]>,
    columns: Vec<[isize; PIXELS]>,
}

impl Places {
    pub fn new(gather: &Gather, phase: &Phase, source: &Blocks, output: &Blocks) -> Places {
        let sizes = [gather.source.rows, gather.source.columns];
        let pixels = [phase.rows, phase.columns];
        let source_steps = [gather.source.columns * source.block, source.block].map(at);
        let output_steps = [gather.output.columns * output.block, output.block].map(at);
        let offsets = [0, 1].map(|d| {
            let mut offsets: Vec<isize> = phase.taps.iter().map(|tap| tap.offset[d]).collect();
            offsets.sort_unstable();
            offsets.dedup();
            offsets
        });
        let reads = [0, 1].map(|d| {
            let read = |i: usize, offset: isize| {
                let place = at(i * phase.stride[d]) + offset;
                let is_inside = (0..at(sizes[d])).contains(&place);
                if is_inside { place * source_steps[d] } else { OUTSIDE }
            };
            (0..pixels[d]).flat_map(|i| offsets[d].iter().map(move |o| read(i, *o))).collect()
        });
        let writes = [0, 1].map(|d| {
            let place = |i: usize| at(phase.first[d] + i * phase.step[d]) * output_steps[d];
            (0..pixels[d]).map(place).collect()
        });
        let index = |d: usize, offset: isize| offsets[d].binary_search(&offset).unwrap_or(0);
        Places {
            images: gather.images,
            rows: phase.rows,
            columns: phase.columns,
            by_rows: phase.rows <= FEW_ROWS && offsets[0].len() > 1,
            taps: phase.taps.iter().map(|tap| [0, 1].map(|d| index(d, tap.offset[d]))).collect(),
            counts: offsets.each_ref().map(Vec::len),
            reads,
            writes,
            steps: [source.image_len(), output.image_len()].map(at),
        }
    }

    /// All pixels of all images.
    pub fn count(&self) -> usize {
        self.images * self.rows * self.columns
    }

    /// Image, row and column of a pixel.
    fn pixel(&self, index: usize) -> [usize; 3] {
        let (line, column) = (index / self.columns, index % self.columns);
        if self.by_rows {
            [line % self.images, line / self.images, column]
        } else {
            [line / self.rows, line % self.rows, column]
        }
    }

    /// Where `count` pixels from `first` on are written; and adds to `reads` where they read for those of
    /// `taps` for which any of them does. What is missing in a tile repeats the last pixel.
    pub fn tile(
        &self,
        first: usize,
        count: usize,
        taps: std::ops::Range<usize>,
        room: &mut Room,
        reads: &mut Vec<Reads>,
    ) -> [isize; PIXELS] {
        let mut writes = [0; PIXELS];
        room.rows.resize(self.counts[0], [0; PIXELS]);
        room.columns.resize(self.counts[1], [0; PIXELS]);
        let mut pixel = self.pixel(first);
        for (m, write) in writes.iter_mut().enumerate() {
            let [image, row, column] = pixel;
            *write = at(image) * self.steps[1] + self.writes[0][row] + self.writes[1][column];
            let rows = &self.reads[0][row * self.counts[0]..];
            for (to, read) in room.rows.iter_mut().zip(rows) {
                to[m] = at(image) * self.steps[0] + read;
            }
            let columns = &self.reads[1][column * self.counts[1]..];
            for (to, read) in room.columns.iter_mut().zip(columns) {
                to[m] = *read;
            }
            if m + 1 >= count {
                continue;
            }
            pixel[2] += 1;
            if pixel[2] == self.columns {
                pixel = self.pixel(first + m + 1);
            }
        }
        for (index, [row, column]) in self.taps[taps.clone()].iter().enumerate() {
            let (rows, columns) = (&room.rows[*row], &room.columns[*column]);
            let mut places = [0; PIXELS];
            for (place, (row, column)) in places.iter_mut().zip(rows.iter().zip(columns)) {
                *place = row + column;
            }
            // The sign is left where all have it.
            if places.iter().fold(-1, |all, place| all & place) >= 0 {
                reads.push(Reads { tap: index, places });
            }
        }
        writes
    }

    /// Of the tables.
    pub fn bytes(&self) -> u64 {
        let tables = self.reads.iter().chain(&self.writes);
        let bytes = tables.map(|table| size_of_val(&table[..])).sum::<usize>();
        (bytes + size_of_val(&self.taps[..])) as u64
    }
}
