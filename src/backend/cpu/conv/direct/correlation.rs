//! A convolution as a correlation: every output pixel is a sum over taps, each of which reads one pixel of
//! the source or, outside of it, zero.
//!
//! Forwards that is the definition. Backwards, pixel h of dx is read by the taps r for which
//! `h + pad - r dilation` is a multiple of the stride, and these are the same for all pixels whose
//! rows and columns leave the same rest when divided by the stride: a phase.

use crate::terms::Conv;

/// A forward pass or a data gradient, in sizes of one group of channels.
#[derive(Debug)]
pub(super) struct Correlation {
    pub images: usize,
    pub groups: usize,
    /// What one group reads: x, or dy.
    pub source: Tensor,
    /// What one group writes: y, or dx.
    pub output: Tensor,
    pub filters: Filters,
    /// The output pixels, each in one phase.
    pub phases: Vec<Phase>,
}

/// A tensor of one group: its channels, and the rows and columns of an image.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tensor {
    pub channels: usize,
    pub rows: usize,
    pub columns: usize,
}

impl Tensor {
    /// Floats of one channel of one image.
    pub fn plane(&self) -> usize {
        self.rows * self.columns
    }
}

/// Where the taps of a group's filters lie, in floats.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filters {
    /// Floats from one output channel to the next.
    pub output: usize,
    /// Floats from one source channel to the next.
    pub channel: usize,
    /// Taps of a pair of an output and a source channel, which lie side by side.
    pub taps: usize,
}

impl Filters {
    /// Whether all of an output channel lies side by side, as in forward passes. In data gradients all of a
    /// source channel does.
    pub fn by_output(&self) -> bool {
        self.channel == self.taps
    }
}

/// The output pixels at rows `first[0] + i step[0]` and columns `first[1] + j step[1]`, for i in `0..rows`
/// and j in `0..columns`: all of them see the same taps.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Phase {
    pub rows: usize,
    pub columns: usize,
    pub first: [usize; 2],
    pub step: [usize; 2],
    /// Rows and columns of the source from what one pixel reads to what the next one reads.
    pub stride: [usize; 2],
    /// The taps that see pixels of the source, in the order of the filter. Those that would only read
    /// zeros are left out.
    pub taps: Vec<Tap>,
}

/// One tap of a filter: pixel (i, j) of a phase reads the source at row `i stride[0] + offset[0]` and column
/// `j stride[1] + offset[1]`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Tap {
    /// Its place among the taps of a pair of channels, in floats.
    pub place: usize,
    pub offset: [isize; 2],
}

impl Correlation {
    /// The forward pass: (x, filters) -> y.
    pub fn fprop(conv: &Conv) -> Correlation {
        let tap = |r: usize, s: usize| Tap {
            place: r * conv.s + s,
            offset: [0, 1].map(|d| at([r, s][d] * conv.dilation[d]) - at(conv.pad[d])),
        };
        let taps = (0..conv.r).flat_map(|r| (0..conv.s).map(move |s| tap(r, s))).collect();
        let phase = Phase {
            rows: conv.p(),
            columns: conv.q(),
            first: [0, 0],
            step: [1, 1],
            stride: conv.stride,
            taps,
        };
        let taps = conv.r * conv.s;
        Correlation {
            images: conv.n,
            groups: conv.groups,
            source: Tensor { channels: conv.group_c(), rows: conv.h, columns: conv.w },
            output: Tensor { channels: conv.group_k(), rows: conv.p(), columns: conv.q() },
            filters: Filters { output: conv.group_c() * taps, channel: taps, taps },
            phases: vec![phase],
        }
        .reduced()
    }

    /// The data gradient: (dy, filters) -> dx.
    pub fn dgrad(conv: &Conv) -> Correlation {
        let sizes = [conv.h, conv.w];
        let phase = |first: [usize; 2]| {
            let tap = |r: usize, s: usize| {
                let distance =
                    |d: usize| at(first[d] + conv.pad[d]) - at([r, s][d] * conv.dilation[d]);
                let reads = |d: usize| distance(d) % at(conv.stride[d]) == 0;
                let offset = [0, 1].map(|d| distance(d) / at(conv.stride[d]));
                (reads(0) && reads(1)).then_some(Tap { place: r * conv.s + s, offset })
            };
            let pixels = |d: usize| sizes[d].saturating_sub(first[d]).div_ceil(conv.stride[d]);
            Phase {
                rows: pixels(0),
                columns: pixels(1),
                first,
                step: conv.stride,
                stride: [1, 1],
                taps: (0..conv.r)
                    .flat_map(|r| (0..conv.s).filter_map(move |s| tap(r, s)))
                    .collect(),
            }
        };
        let [rows, columns] = conv.stride;
        let taps = conv.r * conv.s;
        Correlation {
            images: conv.n,
            groups: conv.groups,
            source: Tensor { channels: conv.group_k(), rows: conv.p(), columns: conv.q() },
            output: Tensor { channels: conv.group_c(), rows: conv.h, columns: conv.w },
            filters: Filters { output: taps, channel: conv.group_c() * taps, taps },
            phases: (0..rows).flat_map(|i| (0..columns).map(move |j| phase([i, j]))).collect(),
        }
        .reduced()
    }

    /// Floats of the source, the filters and the output, all images and groups of them.
    pub fn lengths(&self) -> [usize; 3] {
        let len = |t: Tensor| self.images * self.groups * t.channels * t.plane();
        let pairs = self.groups * self.source.channels * self.output.channels;
        [len(self.source), pairs * self.filters.taps, len(self.output)]
    }

    /// Leaves out phases of no pixels, and taps that meet no pixel. Images of which every pixel reads the
    /// pixel at its own place alone become one row.
    fn reduced(mut self) -> Correlation {
        let source = self.source;
        self.phases.retain(|phase| phase.rows * phase.columns > 0);
        for phase in &mut self.phases {
            let (pixels, stride) = ([phase.rows, phase.columns], phase.stride);
            let sizes = [source.rows, source.columns];
            let meets = |tap: &Tap, d: usize| {
                meeting(pixels[d], stride[d], tap.offset[d], sizes[d]).is_some()
            };
            phase.taps.retain(|tap| meets(tap, 0) && meets(tap, 1));
        }
        let same = source.rows == self.output.rows && source.columns == self.output.columns;
        if let [phase] = &mut self.phases[..]
            && let [Tap { offset: [0, 0], .. }] = phase.taps[..]
            && same
        {
            (phase.rows, phase.columns) = (1, source.plane());
            (phase.stride, phase.step) = ([1, 1], [1, 1]);
            let flat = |t: Tensor| Tensor { rows: 1, columns: t.plane(), ..t };
            (self.source, self.output) = (flat(source), flat(self.output));
        }
        self
    }
}

/// The first and last of `0..pixels` for which `i stride + offset` lies in `0..size`.
pub(super) fn meeting(
    pixels: usize,
    stride: usize,
    offset: isize,
    size: usize,
) -> Option<(usize, usize)> {
    let first = if offset < 0 { offset.unsigned_abs().div_ceil(stride) } else { 0 };
    let past = at(size) - offset;
    let last = usize::try_from(past - 1).ok()?.checked_div(stride)?.min(pixels.checked_sub(1)?);
    (first <= last).then_some((first, last))
}

/// A size as a signed place, so that it can be added to one that is negative.
pub(super) fn at(size: usize) -> isize {
    size.cast_signed()
}
