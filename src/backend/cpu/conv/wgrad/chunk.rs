//! Pixels in chunks, each summed up in registers.

use super::product::Product;
use crate::backend::cpu::share::even_part;

/// A box of pixels: more than one image only of whole images, more than one row only of whole rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunk {
    pub image: usize,
    pub images: usize,
    /// First row and column of dy.
    pub at: [usize; 2],
    /// Rows and columns of dy.
    pub size: [usize; 2],
}

impl Chunk {
    pub fn pixels(&self) -> usize {
        self.images * self.size[0] * self.size[1]
    }
}

/// All pixels of dy as chunks of about the same size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Chunks {
    /// The number of them: along the images, the rows, the columns.
    counts: [usize; 3],
    /// The lengths that are cut.
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

    pub fn count(&self) -> usize {
        self.counts.iter().product()
    }

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

    /// One at least as large as every other, each way.
    pub fn largest(&self) -> Chunk {
        let most = |axis: usize| self.whole[axis].div_ceil(self.counts[axis]);
        Chunk { image: 0, images: most(0), at: [0, 0], size: [most(1), most(2)] }
    }
}
