//! Sizes of a convolution and what follows from them.

use std::ops::Range;

use super::{Axis, Shape};

/// n c h w k r s stride_h stride_w pad_h pad_w dilation_h dilation_w groups.
pub const AXES: &[Axis] = &[
    Axis::size("n"),
    Axis::size("c"),
    Axis::size("h"),
    Axis::size("w"),
    Axis::size("k"),
    Axis::size("r"),
    Axis::size("s"),
    Axis::size("stride_h").or(1),
    Axis::size("stride_w").or(1),
    Axis::size("pad_h").from(0).or(0),
    Axis::size("pad_w").from(0).or(0),
    Axis::size("dilation_h").or(1),
    Axis::size("dilation_w").or(1),
    Axis::size("groups").or(1),
];

/// Most floats of a tensor: beyond any memory, and far from what 64 bits count.
const MOST_FLOATS: u128 = 1 << 46;

/// Sizes of a 2-d cross-correlation: `y[n][k][p][q] = sum over c r s of f[k][c][r][s] *
/// x[n][c][p stride_h + r dilation_h - pad_h][q stride_w + s dilation_w - pad_w]`, where c runs over
/// the channels of k's group and x is zero outside. x is NCHW, the filters f are KCRS with c / groups
/// channels, y is n k p q; all dense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Conv {
    /// Images.
    pub n: usize,
    /// Channels of x.
    pub c: usize,
    /// Rows of an image of x.
    pub h: usize,
    /// Columns of an image of x.
    pub w: usize,
    /// Filters, the channels of y.
    pub k: usize,
    /// Rows of a filter.
    pub r: usize,
    /// Columns of a filter.
    pub s: usize,
    /// Rows and columns from one place of the filter to the next.
    pub stride: [usize; 2],
    /// Rows and columns of zeros on each side.
    pub pad: [usize; 2],
    /// Rows and columns from one tap to the next.
    pub dilation: [usize; 2],
    /// Groups of channels; those of one see only each other.
    pub groups: usize,
}

impl Conv {
    /// The convolution of a shape.
    pub fn of(shape: &Shape) -> Conv {
        let pair =
            |name: &str| [shape.size(&format!("{name}_h")), shape.size(&format!("{name}_w"))];
        Conv {
            n: shape.size("n"),
            c: shape.size("c"),
            h: shape.size("h"),
            w: shape.size("w"),
            k: shape.size("k"),
            r: shape.size("r"),
            s: shape.size("s"),
            stride: pair("stride"),
            pad: pair("pad"),
            dilation: pair("dilation"),
            groups: shape.size("groups"),
        }
    }

    /// Its shape.
    pub fn shape(&self) -> Shape {
        Shape::of(AXES, &self.sizes().map(|size| size as u64))
    }

    /// The sizes in the order of [`AXES`].
    pub fn sizes(&self) -> [usize; 14] {
        let Conv { n, c, h, w, k, r, s, groups, .. } = *self;
        let ([sh, sw], [ph, pw], [dh, dw]) = (self.stride, self.pad, self.dilation);
        [n, c, h, w, k, r, s, sh, sw, ph, pw, dh, dw, groups]
    }

    /// Rows of an image of y.
    pub fn p(&self) -> usize {
        (self.h + 2 * self.pad[0] - self.dilation[0] * (self.r - 1) - 1) / self.stride[0] + 1
    }

    /// Columns of an image of y.
    pub fn q(&self) -> usize {
        (self.w + 2 * self.pad[1] - self.dilation[1] * (self.s - 1) - 1) / self.stride[1] + 1
    }

    /// Channels of x in a group.
    pub fn group_c(&self) -> usize {
        self.c / self.groups
    }

    /// Filters in a group.
    pub fn group_k(&self) -> usize {
        self.k / self.groups
    }

    /// Elements of x.
    pub fn x_len(&self) -> usize {
        self.n * self.c * self.h * self.w
    }

    /// Elements of the filters.
    pub fn f_len(&self) -> usize {
        self.k * self.group_c() * self.r * self.s
    }

    /// Elements of y.
    pub fn y_len(&self) -> usize {
        self.n * self.k * self.p() * self.q()
    }

    /// How rows of x and y belong together.
    pub fn rows(&self) -> Window {
        self.window(0, self.r, self.h, self.p())
    }

    /// How columns of x and y belong together.
    pub fn columns(&self) -> Window {
        self.window(1, self.s, self.w, self.q())
    }

    fn window(&self, direction: usize, taps: usize, x: usize, y: usize) -> Window {
        Window {
            stride: self.stride[direction],
            pad: self.pad[direction],
            dilation: self.dilation[direction],
            taps,
            x,
            y,
        }
    }
}

/// A convolution in one direction: output o sees input `o stride + tap dilation - pad` through a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Inputs from one output to the next.
    pub stride: usize,
    /// Zeros on each side.
    pub pad: usize,
    /// Inputs from one tap to the next.
    pub dilation: usize,
    /// Taps of the filter.
    pub taps: usize,
    /// Length of the input.
    pub x: usize,
    /// Length of the output.
    pub y: usize,
}

impl Window {
    /// The outputs that see an input through `tap` and not padding.
    pub fn inside(&self, tap: usize) -> Range<usize> {
        let shift = tap * self.dilation;
        let first = self.pad.saturating_sub(shift).div_ceil(self.stride);
        let end = (self.x + self.pad).saturating_sub(shift).div_ceil(self.stride).min(self.y);
        first.min(end)..end
    }

    /// The input that output `o` sees through `tap`. Only for those that are `inside`.
    pub fn at(&self, o: usize, tap: usize) -> usize {
        o * self.stride + tap * self.dilation - self.pad
    }

    /// The output that sees input `i` through `tap`.
    pub fn output(&self, i: usize, tap: usize) -> Option<usize> {
        let place = (i + self.pad).checked_sub(tap * self.dilation)?;
        let output = place / self.stride;
        (place.is_multiple_of(self.stride) && output < self.y).then_some(output)
    }
}

/// Why there is no such convolution. What it says holds for any values that the axes allow.
pub fn check(shape: &Shape) -> Result<(), String> {
    let get = |axis: &str| u128::from(shape.get(axis));
    let groups = get("groups");
    for axis in ["c", "k"] {
        if !get(axis).is_multiple_of(groups) {
            return Err(format!("groups={groups} does not divide {axis}={}", get(axis)));
        }
    }
    let mut output = [0; 2];
    for (i, (taps, size, direction)) in [("r", "h", "h"), ("s", "w", "w")].into_iter().enumerate() {
        let of = |name: &str| get(&format!("{name}_{direction}"));
        let reach = of("dilation") * (get(taps) - 1) + 1;
        let padded = get(size) + 2 * of("pad");
        if reach > padded {
            let dilation = if of("dilation") > 1 { ", dilation included," } else { "" };
            return Err(format!(
                "the filter's {reach}{dilation} are more than the {padded} of the padded image \
                 ({taps} and {size})"
            ));
        }
        output[i] = (padded - reach) / of("stride") + 1;
    }
    let tensors = [
        vec![get("n"), get("c"), get("h"), get("w")],
        vec![get("k"), get("c") / groups, get("r"), get("s")],
        vec![get("n"), get("k"), output[0], output[1]],
    ];
    let floats = |sizes: &Vec<u128>| {
        sizes.iter().try_fold(1u128, |product, size| product.checked_mul(*size))
    };
    if tensors.iter().any(|t| floats(t).is_none_or(|floats| floats > MOST_FLOATS)) {
        return Err("beyond any memory: a tensor takes more than 256 TiB".to_string());
    }
    Ok(())
}
