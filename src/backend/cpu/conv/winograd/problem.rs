//! Both passes as one: a convolution of images with filters of 3 x 3.

use crate::terms::Conv;

/// Input (n, c, h, w) -> output (n, k, p, q), each dense. Output row i sees input rows
/// i - pad[0] .. i - pad[0] + 3, columns likewise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Problem {
    /// Rows and columns of outputs of a tile: 2 or 4.
    pub m: usize,
    pub n: usize,
    pub c: usize,
    pub h: usize,
    pub w: usize,
    pub k: usize,
    pub p: usize,
    pub q: usize,
    pub pad: [usize; 2],
    pub filters: FilterOrder,
}

/// Where the filter between two channels lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilterOrder {
    /// Filters from one output channel to the next.
    pub k: usize,
    /// Filters from one input channel to the next.
    pub c: usize,
    /// Taps come last first.
    pub turned: bool,
}

impl Problem {
    pub fn fprop(m: usize, conv: &Conv) -> Problem {
        Problem {
            m,
            n: conv.n,
            c: conv.c,
            h: conv.h,
            w: conv.w,
            k: conv.k,
            p: conv.p(),
            q: conv.q(),
            pad: conv.pad,
            filters: FilterOrder { k: conv.c, c: 1, turned: false },
        }
    }

    pub fn dgrad(m: usize, conv: &Conv) -> Problem {
        Problem {
            m,
            n: conv.n,
            c: conv.k,
            h: conv.p(),
            w: conv.q(),
            k: conv.c,
            p: conv.h,
            q: conv.w,
            pad: conv.pad.map(|pad| 2 - pad),
            filters: FilterOrder { k: 1, c: conv.c, turned: true },
        }
    }

    /// Positions of a tile.
    pub fn positions(&self) -> usize {
        (self.m + 2) * (self.m + 2)
    }

    pub fn input_len(&self) -> usize {
        self.n * self.c * self.h * self.w
    }

    pub fn filters_len(&self) -> usize {
        self.k * self.c * 9
    }

    pub fn output_len(&self) -> usize {
        self.n * self.k * self.p * self.q
    }

    /// Rows and columns of an image in cells.
    pub fn cells(&self) -> [usize; 2] {
        [self.p.div_ceil(self.m), self.q.div_ceil(super::cells::WIDE)]
    }
}
