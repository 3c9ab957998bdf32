//! The pixels of dy in chunks. A tile's sums stay in registers over one of them.

use super::product::Product;
use crate::backend::cpu::share::even_part;

/// A box of pixels of dy. It has more than one image only if these are whole, and more than one row only
/// if these are whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The first image.
    pub image: usize,
    /// The number of images.
    pub images: usize,
    /// The first row and column.
    pub at: [usize; 2],
    /// The number of rows and columns.
    pub size: [usize; 2],
}

impl Chunk {
    /// The number of pixels.
    pub fn pixels(&self) -> usize {
        self.images * self.size[0] * self.size[1]
    }
}

/// All pixels of dy, cut into chunks of about the same size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    /// The number of chunks along the images, the rows and the columns.
    counts: [usize; 3],
    /// The number of images, of rows and of columns that are cut.
    whole: [usize; 3],
}

impl Chunks {
    /// Chunks of at most `most` pixels.
    pub fn of(product: &Product, most: usize) -> Chunks {
        let [p, q] = product.pixels;
        let whole = [product.images, p, q];
        let counts = if p * q <= most {
            [product.images.div_ceil(most / (p * q)), 1, 1]
        } else if q <= most {
            [product.images, p.div_ceil(most / q), 1]
        } else {
            [product.images, p, q.div_ceil(most)]
        };
        Chunks { counts, whole }
    }

    /// The number of chunks.
    pub fn count(&self) -> usize {
        self.counts.iter().product()
    }

    /// The chunk of this number. Columns change fastest, then rows, then images.
    pub fn get(&self, index: usize) -> Chunk {
        let [_, down, across] = self.counts;
        let along = |axis: usize, i: usize| {
            let part = even_part(self.whole[axis], self.counts[axis], i);
            (part.start, part.len())
        };
        let (image, images) = along(0, index / (down * across));
        let (row, rows) = along(1, index / across % down);
        let (column, columns) = along(2, index % across);
        Chunk { image, images, at: [row, column], size: [rows, columns] }
    }

    /// A chunk that has at least as many images, rows and columns as every other.
    pub fn largest(&self) -> Chunk {
        let most = |axis: usize| self.whole[axis].div_ceil(self.counts[axis]);
        Chunk { image: 0, images: most(0), at: [0, 0], size: [most(1), most(2)] }
    }
}
