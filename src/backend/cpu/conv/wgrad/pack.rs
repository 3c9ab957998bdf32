//! Copies that the micro-kernel reads, and the way of its sums into the filters.

use std::ops::Range;

use super::chunk::Chunk;
use super::product::{Layout, Product};
use crate::backend::cpu::simd::prefetch;
use crate::backend::cpu::simd::{Vector, first};

/// Vectors of the widest CPU are this long: room for a square of them on the stack.
const MOST_LANES: usize = 16;

/// Floats to prefetch ahead of a row that is read: the rows lie too far apart for the hardware to
/// foresee all of them.
const AHEAD: usize = 32;

/// Floats that may be written behind a strip.
pub(super) const SLACK: usize = MOST_LANES;

/// Copies `count` channels at a chunk's pixels to `to` as `[pixels][vectors]`, with zeros behind the
/// last channel. `from` is the first of the channels in the operand's first image.
///
/// # Safety
/// The CPU has the vector's instructions; `0 < count <= vectors LANES`; from `from` on there are the
/// `count` channels of `product.plane()` floats each, and the same every `image_len` floats for the
/// chunk's images; `to` has room for `chunk.pixels()` times the vectors.
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
                    if pixels == V::LANES && channels == V::LANES {
                        transpose::<V, true>(from, plane, channels, to, width, pixels);
                    } else {
                        transpose::<V, false>(from, plane, channels, to, width, pixels);
                    }
                }
            }
            to = to.wrapping_add(pixels * width);
        }
    }
}

/// Transposes `rows` rows of `columns` floats, both at most `LANES` and just as many if `WHOLE`. What
/// is missing in a row that is written becomes zero.
///
/// # Safety
/// The CPU has the vector's instructions; the rows may be read, and `columns` vectors written, where
/// the distances of one to the next say.
#[inline(always)]
unsafe fn transpose<V: Vector, const WHOLE: bool>(
    from: *const f32,
    from_row: usize,
    rows: usize,
    to: *mut f32,
    to_row: usize,
    columns: usize,
) {
    let (rows, columns) = if WHOLE { (V::LANES, V::LANES) } else { (rows, columns) };
    // SAFETY: the caller's.
    unsafe {
        let mut square = [V::splat(0.0); MOST_LANES];
        let square = &mut square[..V::LANES];
        for (i, line) in square.iter_mut().enumerate().take(rows) {
            let from = from.wrapping_add(i * from_row);
            prefetch(from.wrapping_add(AHEAD));
            *line = if WHOLE { V::load(from) } else { line.load_masked(from, first(columns)) };
        }
        V::transpose(square);
        for (i, line) in square.iter().enumerate().take(columns) {
            line.store(to.wrapping_add(i * to_row));
        }
    }
}

/// Copies what a chunk's pixels see of `channels` channels of an image with its pad to `to`, which
/// lies as `layout` says.
///
/// # Safety
/// The CPU has the vector's instructions; `from` is the first of `channels` images of
/// `product.image_len()` floats; `to` has room for the windows and [`SLACK`] floats more, and a row
/// of `layout` for one of the window.
#[inline(always)]
pub(super) unsafe fn pack_window<V: Vector>(
    product: &Product,
    chunk: &Chunk,
    from: *const f32,
    channels: usize,
    layout: &Layout,
    to: *mut f32,
) {
    let [h, w] = product.image;
    let [rows, columns] = product.window(chunk.size);
    let top = chunk.at[0] * product.stride[0];
    let left = chunk.at[1] * product.stride[1];
    // Columns of the window that lie inside the image.
    let inside = product.pad[1].saturating_sub(left).min(columns);
    let end = (w + product.pad[1]).saturating_sub(left).clamp(inside, columns);
    for c in 0..channels {
        for row in 0..rows {
            let to = to.wrapping_add(c * layout.channel + row * layout.row);
            let y = (top + row).wrapping_sub(product.pad[0]);
            let (y, inside, end) = if y < h { (y, inside, end) } else { (0, columns, columns) };
            let from = from.wrapping_add(c * product.image_len() + y * w + left);
            let from = from.wrapping_sub(product.pad[1]);
            // SAFETY: only columns from `inside` to `end` of a row inside the image are read.
            unsafe { copy_row::<V>(from, 1, inside..end, columns, to) };
        }
    }
}

/// Copies every `stride`th float to a row of `len` from its place `inside.start` on, with zeros
/// round them. `from` is where a float for place 0 would be.
///
/// # Safety
/// The CPU has the vector's instructions; the floats for all places `inside`, which lies in
/// `0..len`, may be read. `to` has room for `len` floats and [`SLACK`] more.
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

/// Sums of a block as they lie in scratch: `parts` times `[rows][vectors]`, `part` floats apart.
#[derive(Clone, Copy)]
pub(super) struct Sums {
    pub from: *const f32,
    pub parts: usize,
    pub part: usize,
    pub rows: usize,
    pub columns: usize,
    pub vectors: usize,
}

impl Sums {
    /// The sum of all parts, in their order.
    ///
    /// # Safety
    /// As of [`Sums::write`]; row and vector are of the block.
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

    /// Writes the block to `to`, where its rows are `row` floats apart and its columns one.
    ///
    /// # Safety
    /// The CPU has the vector's instructions; all parts may be read; `to` has room for all rows and
    /// columns.
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

    /// Writes the block to `to`, where its columns are `column` floats apart and its rows one.
    ///
    /// # Safety
    /// As of [`Sums::write`].
    #[inline(always)]
    pub unsafe fn write_transposed<V: Vector>(&self, to: *mut f32, column: usize) {
        for r in (0..self.rows).step_by(V::LANES) {
            let rows = V::LANES.min(self.rows - r);
            for v in 0..self.vectors {
                let columns = self.columns.saturating_sub(v * V::LANES).min(V::LANES);
                let to = to.wrapping_add(v * V::LANES * column + r);
                // SAFETY: the caller's: rows and columns are of the block.
                unsafe {
                    if rows == V::LANES && columns == V::LANES {
                        self.write_square::<V, true>(r, v, to, column, rows, columns);
                    } else {
                        self.write_square::<V, false>(r, v, to, column, rows, columns);
                    }
                }
            }
        }
    }

    /// Writes the square at a row and a vector, of which there are `rows` and `columns`: all if
    /// `WHOLE`.
    ///
    /// # Safety
    /// As of [`Sums::write`].
    #[inline(always)]
    unsafe fn write_square<V: Vector, const WHOLE: bool>(
        &self,
        row: usize,
        vector: usize,
        to: *mut f32,
        column: usize,
        rows: usize,
        columns: usize,
    ) {
        let (rows, columns) = if WHOLE { (V::LANES, V::LANES) } else { (rows, columns) };
        // SAFETY: the caller's.
        unsafe {
            let mut square = [V::splat(0.0); MOST_LANES];
            let square = &mut square[..V::LANES];
            for (i, line) in square.iter_mut().enumerate().take(rows) {
                *line = self.total::<V>(row + i, vector);
            }
            V::transpose(square);
            for (i, line) in square.iter().enumerate().take(columns) {
                let to = to.wrapping_add(i * column);
                if WHOLE { line.store(to) } else { line.store_masked(to, first(rows)) }
            }
        }
    }
}
