//! `conv-fprop`, `conv-dgrad`, `conv-wgrad`: a 2-d convolution and its two gradients, f32.
//!
//! | pass | operands | output |
//! | --- | --- | --- |
//! | fprop | x (n,c,h,w), filters (k,c/groups,r,s) | y (n,k,p,q) |
//! | dgrad | dy (n,k,p,q), filters | dx (n,c,h,w) |
//! | wgrad | dy, x | the filters' gradient (k,c/groups,r,s) |
//!
//! | file | holds |
//! | --- | --- |
//! | `reference.rs` | the three passes in f64 |
//! | `winograd.rs` | bounds of implementations by Winograd's minimal filtering |
//! | `lists.rs` | shapes to be measured and verified |

mod lists;
mod reference;
#[cfg(test)]
mod tests;
mod winograd;

use super::{
    Algorithm, Check, Entry, ExactSums, Host, Preset, Reference, Transformed, Work, Workload,
    probes,
};
use crate::tensor::{Generator, Tensor, Values};
use crate::terms::{Axis, Conv, Shape, Window, conv};

pub use reference::Pass;

/// One pass of a convolution as a workload.
pub struct Convolution(Pass);

/// From images to images.
pub const FPROP: Convolution = Convolution(Pass::Fprop);

/// The gradient of the input.
pub const DGRAD: Convolution = Convolution(Pass::Dgrad);

/// The gradient of the filters.
pub const WGRAD: Convolution = Convolution(Pass::Wgrad);

impl Workload for Convolution {
    fn name(&self) -> &'static str {
        self.0.workload()
    }

    fn axes(&self) -> &'static [Axis] {
        conv::AXES
    }

    fn validate(&self, shape: &Shape) -> Result<(), String> {
        conv::check(shape)
    }

    /// The same FLOP for all passes: each is an order of summation of the same products.
    fn work(&self, shape: &Shape) -> Work {
        let conv = Conv::of(shape);
        let product =
            |factors: &[usize]| factors.iter().fold(1u64, |p, f| p.saturating_mul(*f as u64));
        let through = |places: [usize; 2]| {
            product(&[2, conv.n, conv.k, conv.group_c(), places[0], places[1]])
        };
        let inside = |window: Window| (0..window.taps).map(|tap| window.inside(tap).len()).sum();
        let elements = conv.x_len() + conv.f_len() + conv.y_len();
        Work {
            flop_count: through([conv.p() * conv.r, conv.q() * conv.s]),
            flop_exact: through([inside(conv.rows()), inside(conv.columns())]),
            elements_moved: elements as u64,
        }
    }

    fn check(&self) -> Check<'_> {
        Check::ExactSums(self)
    }

    fn inputs(&self, shape: &Shape) -> Vec<usize> {
        let conv = Conv::of(shape);
        match self.0 {
            Pass::Fprop => vec![conv.x_len(), conv.f_len()],
            Pass::Dgrad => vec![conv.y_len(), conv.f_len()],
            Pass::Wgrad => vec![conv.y_len(), conv.x_len()],
        }
    }

    fn output(&self, shape: &Shape) -> usize {
        self.0.output(&Conv::of(shape))
    }

    fn flop_exact_by(&self, shape: &Shape, algorithm: Algorithm) -> u64 {
        match algorithm {
            Algorithm::Direct => self.work(shape).flop_exact,
            Algorithm::Winograd(m) => winograd::flop(&Conv::of(shape), m, self.0),
        }
    }

    fn preset(&self, preset: Preset, _: &Host) -> Vec<Entry> {
        lists::preset(preset)
    }

    fn joint_axes(&self) -> &'static [(&'static str, &'static [&'static str])] {
        &[("channels", &["c", "k"]), ("image", &["h", "w"])]
    }

    fn awkward_shapes(&self) -> Vec<Shape> {
        lists::awkward()
    }

    fn label(&self, shape: &Shape) -> String {
        lists::label(&Conv::of(shape))
    }
}

impl ExactSums for Convolution {
    fn reduction(&self, shape: &Shape) -> u64 {
        let conv = Conv::of(shape);
        let terms = match self.0 {
            Pass::Fprop => conv.group_c() * conv.r * conv.s,
            Pass::Dgrad => conv.group_k() * conv.r * conv.s,
            Pass::Wgrad => conv.n * conv.p() * conv.q(),
        };
        terms as u64
    }

    fn reference(&self, shape: &Shape, inputs: &[Tensor], at: Option<&[usize]>) -> Reference {
        let conv = Conv::of(shape);
        let (a, b) = (inputs[0].f32s(), inputs[1].f32s());
        match at {
            Some(at) => reference::some(self.0, &conv, a, b, at),
            None => reference::all(self.0, &conv, a, b),
        }
    }

    fn values(&self, shape: &Shape, inputs: &[Tensor]) -> Vec<f64> {
        let (a, b) = (inputs[0].f32s(), inputs[1].f32s());
        reference::values(self.0, &Conv::of(shape), a, b)
    }

    fn form(&self, shape: &Shape, output: Values<'_>, signs: Generator) -> Vec<f64> {
        reference::form(self.0, &Conv::of(shape), output.f32s(), signs)
    }

    fn expected_form(&self, shape: &Shape, inputs: &[Tensor], signs: Generator) -> Vec<f64> {
        let (a, b) = (inputs[0].f32s(), inputs[1].f32s());
        reference::expected_form(self.0, &Conv::of(shape), a, b, signs)
    }

    fn form_element(&self) -> &'static str {
        match self.0 {
            Pass::Fprop | Pass::Dgrad => "pixel",
            Pass::Wgrad => "tap",
        }
    }

    fn transformed(
        &self,
        shape: &Shape,
        inputs: &[Tensor],
        algorithm: Algorithm,
        images: usize,
        known: Option<&[f64]>,
    ) -> Option<Transformed> {
        let Algorithm::Winograd(m) = algorithm else { return None };
        let conv = Conv::of(shape);
        // The last ones: an image that is taken for another shows there.
        let images = (conv.n - images.clamp(1, conv.n), conv.n);
        let (a, f) = (inputs[0].f32s(), inputs[1].f32s());
        Some(winograd::transformed(self.0, &conv, [a, f], m, images, known))
    }

    fn probes(&self, shape: &Shape, tile: (usize, usize), count: usize) -> Vec<usize> {
        let conv = Conv::of(shape);
        match self.0 {
            Pass::Fprop => of_images((conv.n, conv.k, conv.p(), conv.q()), tile, count),
            Pass::Dgrad => of_images((conv.n, conv.c, conv.h, conv.w), tile, count),
            Pass::Wgrad => probes::of_matrix(conv.k, conv.group_c() * conv.r * conv.s, tile, count),
        }
    }
}

/// Elements of images n x channels x height x width. A kernel may fold pixels, or images and pixels,
/// into the columns of its tiles; and the borders are where padding is.
fn of_images(
    (images, channels, height, width): (usize, usize, usize, usize),
    tile: (usize, usize),
    count: usize,
) -> Vec<usize> {
    let pixels = height * width;
    let draw = probes::Draw::new();
    let ends = |i: u64, length: usize| if draw.anywhere(i, 2) == 0 { 0 } else { length - 1 };
    let element =
        |image: usize, channel: usize, pixel: usize| (image * channels + channel) * pixels + pixel;
    let mut found = std::collections::BTreeSet::new();
    for (image, channel) in [(0, 0), (0, channels - 1), (images - 1, 0), (images - 1, channels - 1)]
    {
        for pixel in [0, width - 1, pixels - width, pixels - 1] {
            found.insert(element(image, channel, pixel));
        }
    }
    // Draws repeat, so there are more of them than needed.
    for i in 0..4 * count as u64 {
        if found.len() >= count {
            break;
        }
        let j = 16 * i;
        let channel = match i % 2 {
            0 => draw.edge(j, channels, tile.0),
            _ => draw.anywhere(j, channels),
        };
        let image = draw.anywhere(j + 4, images);
        let (row, column) = (draw.anywhere(j + 5, height), draw.anywhere(j + 6, width));
        found.insert(match i % 5 {
            0 => element(image, channel, draw.edge(j + 4, pixels, tile.1)),
            1 => {
                let folded = draw.edge(j + 4, images * pixels, tile.1);
                element(folded / pixels, channel, folded % pixels)
            }
            2 => element(image, channel, ends(j + 7, height) * width + column),
            3 => element(image, channel, row * width + ends(j + 7, width)),
            _ => element(image, channel, row * width + column),
        });
    }
    found.into_iter().collect()
}
