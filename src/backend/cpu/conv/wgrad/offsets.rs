//! Where tiles read the operand that makes rows: in place, or where there is padding in windows.

use super::chunk::Chunk;
use super::plan::Plan;
use super::product::Layout;

impl Plan {
    /// How the operand that makes rows lies where tiles read it: in place, or in windows.
    pub fn layout(&self) -> Layout {
        let product = &self.product;
        let (channels, [rows, columns]) = if product.is_padded() {
            (self.block, product.window(self.chunks.largest().size))
        } else {
            (product.groups * product.channels, product.image)
        };
        Layout { image: channels * rows * columns, channel: rows * columns, row: columns }
    }

    /// For each pixel of the largest chunk, the floats from the first to it in the operand that makes rows.
    pub fn pixel_offsets(&self) -> Vec<usize> {
        let Chunk { images, size: [rows, columns], .. } = self.chunks.largest();
        let (layout, [down, across]) = (self.layout(), self.product.stride);
        let mut offsets = Vec::with_capacity(images * rows * columns);
        for i in 0..images {
            for p in 0..rows {
                let row = i * layout.image + p * down * layout.row;
                offsets.extend((0..columns).map(|q| row + q * across));
            }
        }
        offsets
    }

    /// For each row of a whole block, the floats from the first to it in the operand that makes rows.
    pub fn row_offsets(&self) -> Vec<usize> {
        let (layout, [r, s]) = (self.layout(), self.product.taps);
        let [down, across] = self.product.dilation;
        let mut offsets = Vec::with_capacity(self.block_rows());
        for c in 0..self.block {
            for r in 0..r {
                let row = c * layout.channel + r * down * layout.row;
                offsets.extend((0..s).map(|s| row + s * across));
            }
        }
        offsets
    }
}
