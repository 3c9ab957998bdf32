//! The copies of both operands that the micro-kernel reads, and the way of its sums into the gradient.

use std::ops::Range;

use super::chunk::Chunk;
use super::product::Product;
use crate::backend::cpu::simd::{MOST_LANES, Vector, first, transpose};

/// Floats to prefetch ahead in each channel that is read: channels lie too far apart for the hardware to
/// foresee all of them.
const AHEAD: usize = 32;

/// Floats that may be written behind the end of a row that is copied.
pub(super) const SLACK: usize = MOST_LANES;

/// Copies `count` channels of a chunk's pixels to `to` as `[pixels][vectors]`, channels in lanes, with zeros
/// behind the last one. `from` is the first of these channels in the operand's first image.
///
/// # Safety
/// The CPU has the vector's instructions, and `0 < count <= vectors * LANES`. In each image of the chunk, which
/// lie `image_len` floats apart, `count` channels of `product.plane()` floats each may be read from `from` on.
/// At `to` there is room for `vectors` vectors of each of `chunk.pixels()` pixels.
#[inline(always)]
pub(super) unsafe fn pack_columns<V: Vector>(
    product: &Product,
    chunk: &Chunk,
    from: *const f32,
    image_len: usize,
    count: usize,
    vectors: usize,
    to: *mut f32,
) {
    let plane = product.plane();
    // One stretch of each channel, as more rows than one are always whole.
    let start = chunk.at[0] * product.pixels[1] + chunk.at[1];
    let len = chunk.size[0] * chunk.size[1];
    let width = vectors * V::LANES;
    let mut to = to;
    for image in chunk.image..chunk.image + chunk.images {
        for at in (0..len).step_by(V::LANES) {
            let pixels = V::LANES.min(len - at);
            for v in 0..vectors {
                let channels = (count - v * V::LANES).min(V::LANES);
                // SAFETY: the caller's: channels below `count`, pixels below `len`.
                unsafe {
                    let channel = v * V::LANES * plane;
                    let from = from.add(image * image_len + channel + start + at);
                    let to = to.add(v * V::LANES);
                    transpose::<V>((from, plane), (channels, pixels), (to, width), AHEAD);
                }
            }
            to = to.wrapping_add(pixels * width);
        }
    }
}

/// What is copied of a channel of an image with its pad.
pub(super) struct Window {
    /// The first row and column, counted with the pad.
    at: [usize; 2],
    /// Rows, and columns, from one that is copied to the next.
    step: [usize; 2],
    /// The number of rows and columns that are copied.
    size: [usize; 2],
    /// Those of the columns that lie inside the image.
    inside: Range<usize>,
}

impl Window {
    pub fn new(product: &Product, at: [usize; 2], step: [usize; 2], size: [usize; 2]) -> Window {
        let left = at[1];
        let start = product.pad[1].saturating_sub(left).div_ceil(step[1]).min(size[1]);
        let end = (product.image[1] + product.pad[1]).saturating_sub(left).div_ceil(step[1]);
        Window { at, step, size, inside: start..end.clamp(start, size[1]) }
    }

    /// Copies it from a channel to rows that lie `row` floats apart.
    ///
    /// # Safety
    /// The CPU has the vector's instructions. From `from` on `product.image_len()` floats may be read. At `to`
    /// there is room for the rows, each at most `row` long, and [`SLACK`] floats more.
    #[inline(always)]
    pub unsafe fn copy<V: Vector>(
        &self,
        product: &Product,
        from: *const f32,
        to: *mut f32,
        row: usize,
    ) {
        let ([h, w], [rows, columns]) = (product.image, self.size);
        for i in 0..rows {
            let y = (self.at[0] + i * self.step[0]).wrapping_sub(product.pad[0]);
            let (y, inside) = if y < h { (y, self.inside.clone()) } else { (0, columns..columns) };
            let from = from.wrapping_add(y * w + self.at[1]).wrapping_sub(product.pad[1]);
            // SAFETY: only columns inside a row of the image are read.
            unsafe {
                match self.step[1] {
                    1 => copy_row::<V>(from, 1, inside, columns, to.add(i * row)),
                    step => copy_row::<V>(from, step, inside, columns, to.add(i * row)),
                }
            }
        }
    }
}

/// Fills a row of `len` floats: place i becomes the float at `from + i stride` for i in `inside`, and zero
/// elsewhere.
///
/// # Safety
/// The CPU has the vector's instructions. `inside` lies in `0..len`, and the floats for its places may be
/// read. At `to` there is room for `len` floats and [`SLACK`] more.
#[inline(always)]
pub(super) unsafe fn copy_row<V: Vector>(
    from: *const f32,
    stride: usize,
    inside: Range<usize>,
    len: usize,
    to: *mut f32,
) {
    let from = |at: usize| from.wrapping_add(at * stride);
    // SAFETY: the caller's. Every store starts inside the row. Every other of two vectors' floats is
    // only read where one more comes behind them.
    unsafe {
        let zero = V::splat(0.0);
        if stride == 1 && len <= V::LANES {
            let mask = first(inside.end) & !first(inside.start);
            return zero.load_masked(from(0), mask).store(to);
        }
        for at in (0..inside.start).step_by(V::LANES) {
            zero.store(to.add(at));
        }
        let mut at = inside.start;
        while stride == 1 && at + V::LANES <= inside.end {
            V::load(from(at)).store(to.add(at));
            at += V::LANES;
        }
        while stride == 2 && at + V::LANES < inside.end {
            let (low, high) = (V::load(from(at)), V::load(from(at).wrapping_add(V::LANES)));
            low.even(high).store(to.add(at));
            at += V::LANES;
        }
        if stride == 1 && at < inside.end {
            zero.load_masked(from(at), first(inside.end - at)).store(to.add(at));
            at += V::LANES;
        }
        for at in at..inside.end {
            *to.add(at) = *from(at);
        }
        for at in (at.max(inside.end)..len).step_by(V::LANES) {
            zero.store(to.add(at));
        }
    }
}

/// The sums of a block and a panel as they lie in scratch: `[rows][vectors]` for each part of the pixels.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    /// The sums of the first part.
    pub from: *const f32,
    /// The number of parts, all of which are added up.
    pub parts: usize,
    /// Floats from one part to the next.
    pub part: usize,
    pub rows: usize,
    /// Columns, which may leave lanes of the last vector empty.
    pub columns: usize,
    /// Vectors that hold the columns of a row.
    pub vectors: usize,
}

impl Sums {
    /// The sum of all parts, added up in their order, of a vector of a row.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, all parts may be read, and there are such a row and vector.
    #[inline(always)]
    unsafe fn total<V: Vector>(&self, row: usize, vector: usize) -> V {
        // SAFETY: the caller's.
        unsafe {
            let from = self.from.add((row * self.vectors + vector) * V::LANES);
            let mut total = V::load(from);
            for part in 1..self.parts {
                total = total.add(V::load(from.add(part * self.part)));
            }
            total
        }
    }

    /// Writes the totals to `to`, where rows are `row` floats apart and columns side by side.
    ///
    /// # Safety
    /// The CPU has the vector's instructions, all parts may be read, and the elements of all rows and
    /// columns at `to` may be written.
    #[inline(always)]
    pub unsafe fn write<V: Vector>(&self, to: *mut f32, row: usize) {
        for r in 0..self.rows {
            for v in 0..self.vectors {
                let columns = self.columns.saturating_sub(v * V::LANES).min(V::LANES);
                // SAFETY: the caller's; the mask ends where the columns do.
                unsafe {
                    let to = to.wrapping_add(r * row + v * V::LANES);
                    self.total::<V>(r, v).store_masked(to, first(columns));
                }
            }
        }
    }

    /// Writes the totals to `to`, where columns are `column` floats apart and rows side by side.
    ///
    /// # Safety
    /// That of [`Sums::write`] holds.
    #[inline(always)]
    pub unsafe fn write_transposed<V: Vector>(&self, to: *mut f32, column: usize) {
        for r in (0..self.rows).step_by(V::LANES) {
            let rows = V::LANES.min(self.rows - r);
            for v in 0..self.vectors {
                let columns = self.columns.saturating_sub(v * V::LANES).min(V::LANES);
                let to = to.wrapping_add(v * V::LANES * column + r);
                // SAFETY: the caller's: rows and columns are of the block.
                unsafe {
                    self.write_square::<V>(r, v, to, column, rows, columns);
                }
            }
        }
    }

    /// Writes the square of `rows` rows from `row` on and `columns` columns of a vector, transposed.
    ///
    /// # Safety
    /// That of [`Sums::write`] holds, and there are so many rows and columns.
    #[inline(always)]
    unsafe fn write_square<V: Vector>(
        &self,
        row: usize,
        vector: usize,
        to: *mut f32,
        column: usize,
        rows: usize,
        columns: usize,
    ) {
        // SAFETY: the caller's.
        unsafe {
            let mut square = [V::splat(0.0); MOST_LANES];
            let square = &mut square[..V::LANES];
            for (i, line) in square.iter_mut().enumerate() {
                // Conditions, not fewer rounds: those are unrolled, and lines stay in registers.
                if i < rows {
                    *line = self.total::<V>(row + i, vector);
                }
            }
            V::transpose(square);
            for (i, line) in square.iter().enumerate() {
                if i < columns {
                    line.store_masked(to.wrapping_add(i * column), first(rows));
                }
            }
        }
    }
}
