//! Where tiles read the operand that makes rows: in place, or where there is padding in windows.

use super::chunk::Chunk;
use super::plan::Plan;

impl Plan {
    /// Floats from one image, channel and row of the operand that makes rows to the next where tiles read it: in
    /// place, or in windows.
    pub fn layout(&self) -> [usize; 3] {
        let product = &self.product;
        let (channels, [rows, columns]) = if product.is_padded() {
            (self.block, product.window(self.chunks.largest().size))
        } else {
            (product.groups * product.channels, product.image)
        };
        [channels * rows * columns, rows * columns, columns]
    }

    /// For each pixel of the largest chunk, the floats from the first to it in the operand that makes rows.
    pub fn pixel_offsets(&self) -> Vec<usize> {
        let Chunk { images, size: [rows, columns], .. } = self.chunks.largest();
        let ([image, _, row], [down, across]) = (self.layout(), self.product.stride);
        places([images, rows, columns], [image, down * row, across])
    }

    /// For each row of a whole block, the floats from the first to it in the operand that makes rows.
    pub fn row_offsets(&self) -> Vec<usize> {
        let ([_, channel, row], [r, s]) = (self.layout(), self.product.taps);
        let [down, across] = self.product.dilation;
        places([self.block, r, s], [channel, down * row, across])
    }
}

/// Every place of a grid of so many along each axis, that lie so many floats apart.
fn places(counts: [usize; 3], steps: [usize; 3]) -> Vec<usize> {
    let along = |axis: usize| (0..counts[axis]).map(move |i| i * steps[axis]);
    along(0).flat_map(|a| along(1).flat_map(move |b| along(2).map(move |c| a + b + c))).collect()
}
