//! The gradient of the filters as a product of two matrices.

use crate::terms::Conv;

/// In each group `dw` is a matrix of rows and columns, each element a sum over the pixels of dy. The operand
/// that makes columns lies in vectors along them, which takes a transposed copy; the one that makes rows is
/// read number by number where it is. Columns are the filters, which dy has for channels; rows are the
/// channels of x, each with all taps. Where there is one tap and no stride it may be the other way round,
/// which pays if x has fewer channels to copy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Product {
    pub images: usize,
    pub groups: usize,
    /// Channels in a group of the operand that makes columns.
    pub columns: usize,
    /// Channels in a group of the operand that makes rows.
    pub channels: usize,
    /// Rows and columns of an image of the operand that makes rows.
    pub image: [usize; 2],
    /// Rows and columns of an image of dy.
    pub pixels: [usize; 2],
    /// Rows and columns of a filter.
    pub taps: [usize; 2],
    pub stride: [usize; 2],
    pub pad: [usize; 2],
    pub dilation: [usize; 2],
    /// Whether filters make the rows and channels of x the columns.
    pub is_swapped: bool,
}

impl Product {
    /// The one or two ways to see a convolution as a product.
    pub fn all(conv: &Conv) -> Vec<Product> {
        let mut product = Product {
            images: conv.n,
            groups: conv.groups,
            columns: conv.group_k(),
            channels: conv.group_c(),
            image: [conv.h, conv.w],
            pixels: [conv.p(), conv.q()],
            taps: [conv.r, conv.s],
            stride: conv.stride,
            pad: conv.pad,
            dilation: conv.dilation,
            is_swapped: false,
        };
        if conv.r * conv.s != 1 || conv.stride != [1, 1] || conv.pad != [0, 0] {
            return vec![product];
        }
        // Every pixel meets its like: an image may be one long row.
        product.image = [1, conv.h * conv.w];
        product.pixels = product.image;
        let swapped = Product {
            columns: product.channels,
            channels: product.columns,
            is_swapped: true,
            ..product
        };
        vec![product, swapped]
    }

    /// Floats of dy, x and the filters' gradient.
    pub fn lengths(&self) -> [usize; 3] {
        let images = self.images * self.groups;
        let rows = images * self.channels * self.image_len();
        let columns = images * self.columns * self.plane();
        let (dy, x) = if self.is_swapped { (rows, columns) } else { (columns, rows) };
        [dy, x, self.groups * self.columns * self.rows()]
    }

    /// Rows that a channel makes: one for each tap.
    pub fn channel_rows(&self) -> usize {
        self.taps[0] * self.taps[1]
    }

    /// Rows that a group makes.
    pub fn rows(&self) -> usize {
        self.channels * self.channel_rows()
    }

    /// Whether some taps see padding.
    pub fn is_padded(&self) -> bool {
        self.pad != [0, 0]
    }

    /// Pixels of an image of dy.
    pub fn plane(&self) -> usize {
        self.pixels[0] * self.pixels[1]
    }

    /// Floats of one channel of an image of the operand that makes rows.
    pub fn image_len(&self) -> usize {
        self.image[0] * self.image[1]
    }

    /// Rows and columns of the padded image that so many rows and columns of pixels see.
    pub fn window(&self, pixels: [usize; 2]) -> [usize; 2] {
        let along =
            |i: usize| (pixels[i] - 1) * self.stride[i] + (self.taps[i] - 1) * self.dilation[i] + 1;
        [along(0), along(1)]
    }
}
