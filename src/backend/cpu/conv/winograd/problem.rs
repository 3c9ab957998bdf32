//! Forward pass and data gradient as one: a convolution of images with filters of 3 x 3.

use crate::error::{Error, Result};
use crate::terms::Conv;

/// Columns of the output that a cell has: one tile of F(4x4) or two of F(2x2) side by side.
pub(super) const WIDE: usize = 4;

/// Input (n, c, h, w) -> output (n, k, p, q), each dense: images, channels, rows, columns. Output row i sees the input rows from `i - pad[0]`
/// to `i - pad[0] + 2`; so it is with columns and `pad[1]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem {
    /// Rows, and columns, of the outputs of a tile: 2 or 4.
    pub m: usize,
    pub n: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
    pub k: usize,
    pub p: usize,
    pub q: usize,
    /// Rows and columns of zeros on the first sides of an image of the input, at most 2.
    pub pad: [usize; 2],
    pub filters: FilterOrder,
}

/// Where the filter of an output and an input channel lies, in filters of nine floats.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilterOrder {
    /// Filters from one output channel to the next.
    pub k: usize,
    /// Filters from one input channel to the next.
    pub c: usize,
    /// Whether the last tap comes first.
    pub turned: bool,
}

impl Problem {
    /// (x, filters) -> y by tiles of `m` x `m` outputs. `Error::Unsupported` where the algorithm does not
    /// serve the convolution.
    pub fn fprop(m: usize, conv: &Conv) -> Result<Problem> {
        check(conv)?;
        Ok(Problem::of(m, conv, FilterOrder { k: conv.c, c: 1, turned: false }))
    }

    /// (dy, filters) -> dx; else as [`Problem::fprop`].
    pub fn dgrad(m: usize, conv: &Conv) -> Result<Problem> {
        check(conv)?;
        let (h, w, pad) = (conv.p(), conv.q(), conv.pad.map(|pad| 2 - pad));
        let back = Conv { c: conv.k, h, w, k: conv.c, pad, ..*conv };
        Ok(Problem::of(m, &back, FilterOrder { k: 1, c: conv.c, turned: true }))
    }

    fn of(m: usize, conv: &Conv, filters: FilterOrder) -> Problem {
        let Conv { n, c, h, w, k, pad, .. } = *conv;
        Problem { m, n, c, h, w, k, p: conv.p(), q: conv.q(), pad, filters }
    }

    /// Positions of a tile: products of each channel.
    pub fn positions(&self) -> usize {
        (self.m + 2) * (self.m + 2)
    }

    /// Floats of the input, the filters and the output.
    pub fn lengths(&self) -> [usize; 3] {
        let Problem { n, c, h, w, k, .. } = *self;
        [n * c * h * w, k * c * 9, n * k * self.plane()]
    }

    /// Floats of a channel of an image of the output.
    pub fn plane(&self) -> usize {
        self.p * self.q
    }

    /// Rows and columns of cells of an image.
    pub fn cells(&self) -> [usize; 2] {
        [self.p.div_ceil(self.m), self.q.div_ceil(WIDE)]
    }
}

/// `Error::Unsupported` where the algorithm does not serve the convolution.
fn check(conv: &Conv) -> Result<()> {
    let plain = conv.stride == [1; 2] && conv.dilation == [1; 2] && conv.groups == 1;
    if !plain || (conv.r, conv.s) != (3, 3) {
        let what = "winograd takes 3 x 3 filters without stride, dilation and groups";
        return Err(Error::Unsupported(what.into()));
    }
    if conv.pad.iter().any(|pad| *pad > 2) {
        return Err(Error::Unsupported("winograd takes pads of at most 2".into()));
    }
    Ok(())
}
