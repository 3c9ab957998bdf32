//! Images cut into phases, so that every tap sees them without strides.

use super::chunk::Chunk;
use super::pack::{Window, copy_row};
use super::product::Product;
use crate::backend::cpu::simd::Vector;

/// How the copies of a chunk lie. The padded image is cut into phases: phase (a, b) has every `stride`th row
/// from a on and every `stride`th column from b on. What a tap multiplies a pixel of dy with then lies
/// equally far from the pixel's own place for all pixels, as long as rows of both copies are equally long.
/// Rows of dy end in zeros.
#[derive(Clone, Debug)]
pub(super) struct Phases {
    /// The number of phases along the rows and along the columns.
    counts: [usize; 2],
    /// Rows of a phase.
    rows: usize,
    /// How many of these rows there are beyond the rows of the chunk.
    below: usize,
    /// Columns of a phase, which is the number of floats of a row of both copies.
    pub row: usize,
}

impl Phases {
    /// The phases that fit the largest chunk and so all others.
    pub fn of(product: &Product, largest: &Chunk) -> Phases {
        let reach = |i: usize| (product.taps[i] - 1) * product.dilation[i];
        let count = |i: usize| product.stride[i].min(reach(i) + 1);
        let [below, beside] = [0, 1].map(|i| reach(i) / product.stride[i]);
        let [rows, columns] = largest.size;
        Phases { counts: [count(0), count(1)], rows: rows + below, below, row: columns + beside }
    }

    /// Floats of all phases of one channel of an image.
    pub fn len(&self) -> usize {
        self.counts[0] * self.counts[1] * self.rows * self.row
    }

    /// For each tap, the floats from the start of the phases to what it multiplies the first pixel with.
    pub fn taps(&self, product: &Product) -> Vec<usize> {
        let [r, s] = product.taps;
        let at = |i: usize, tap: usize| {
            let far = tap * product.dilation[i];
            (far % product.stride[i], far / product.stride[i])
        };
        let tap = |r, s| {
            let ((a, row), (b, column)) = (at(0, r), at(1, s));
            ((a * self.counts[1] + b) * self.rows + row) * self.row + column
        };
        (0..r).flat_map(|r| (0..s).map(move |s| tap(r, s))).collect()
    }

    /// Floats from the first to the last pixel of a chunk of dy, in rows of the copy's length.
    pub fn span(&self, chunk: &Chunk) -> usize {
        (chunk.size[0] - 1) * self.row + chunk.size[1]
    }

    /// Copies all that a chunk sees of one channel of an image, cut into phases.
    ///
    /// # Safety
    /// The CPU has the vector's instructions. From `from` on `product.image_len()` floats may be read, and at
    /// `to` there is room for [`Phases::len`] floats and [`SLACK`](super::pack::SLACK) more.
    #[inline(always)]
    pub unsafe fn pack_image<V: Vector>(
        &self,
        product: &Product,
        chunk: &Chunk,
        from: *const f32,
        to: *mut f32,
    ) {
        let step = product.stride;
        let [top, left] = [0, 1].map(|i| chunk.at[i] * step[i]);
        let size = [chunk.size[0] + self.below, self.row];
        for a in 0..self.counts[0] {
            for b in 0..self.counts[1] {
                let to = to.wrapping_add((a * self.counts[1] + b) * self.rows * self.row);
                let window = Window::new(product, [top + a, left + b], step, size);
                // SAFETY: the caller's.
                unsafe { window.copy::<V>(product, from, to, self.row) };
            }
        }
    }

    /// Copies a chunk of one channel of an image of dy, in rows of [`Phases::row`] floats.
    ///
    /// # Safety
    /// The CPU has the vector's instructions. From `from` on `product.plane()` floats may be read, and at `to`
    /// there is room for the chunk's rows and [`SLACK`](super::pack::SLACK) floats more.
    #[inline(always)]
    pub unsafe fn pack_pixels<V: Vector>(
        &self,
        product: &Product,
        chunk: &Chunk,
        from: *const f32,
        to: *mut f32,
    ) {
        let ([row, column], [rows, columns]) = (chunk.at, chunk.size);
        for i in 0..rows {
            // SAFETY: the caller's.
            unsafe {
                let from = from.add((row + i) * product.pixels[1] + column);
                copy_row::<V>(from, 1, 0..columns, self.row, to.add(i * self.row));
            }
        }
    }
}
