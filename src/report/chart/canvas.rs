//! A drawing in pixels with fractions, written as SVG by plotters.

use std::borrow::Cow;

use plotters::coord::Shift;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::{Pos, VPos};

use super::text;
use super::theme::{self, Tone};

/// Which end of a text its place names, or that it names its middle.
pub use plotters::style::text_anchor::HPos as Anchor;

/// plotters draws on whole numbers: this many of them are a pixel.
const FINE: f64 = 10.0;

/// plotters divides font sizes by this on their way into an SVG file.
const FONT_FACTOR: f64 = 1.24;

/// A point in pixels, from the upper left corner.
pub type At = (f64, f64);

/// How a text looks.
#[derive(Clone, Copy, Debug)]
pub struct Font {
    /// Size in pixels.
    pub size: f64,
    /// Bold or not.
    pub bold: bool,
    /// Colour.
    pub tone: Tone,
}

impl Font {
    /// A regular font.
    pub const fn new(size: f64, tone: Tone) -> Font {
        Font { size, bold: false, tone }
    }

    /// A bold font.
    pub const fn bold(size: f64, tone: Tone) -> Font {
        Font { size, bold: true, tone }
    }
}

/// How a line looks.
#[derive(Clone, Copy, Debug)]
pub struct Stroke {
    /// Colour.
    pub tone: Tone,
    /// Width in pixels.
    pub width: f64,
    /// From 0 to 1.
    pub opacity: f64,
    /// Broken into dashes.
    pub dashed: bool,
}

impl Stroke {
    /// A solid line.
    pub const fn new(tone: Tone, width: f64) -> Stroke {
        Stroke { tone, width, opacity: 1.0, dashed: false }
    }
}

/// How a marker is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// In full colour.
    Solid,
    /// In half the colour: a series drawn in dashes, where there is no line to show it.
    Pale,
    /// Not at all: a value that is not to be trusted.
    Hollow,
}

/// The corners of each marker in units of its radius; the first, a circle, has none.
const MARKERS: [&[At]; 6] = [
    &[],
    &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
    &[(0.0, -1.3), (1.3, 0.0), (0.0, 1.3), (-1.3, 0.0)],
    &[(0.0, -1.2), (1.2, 0.9), (-1.2, 0.9)],
    &[(0.0, 1.2), (1.2, -0.9), (-1.2, -0.9)],
    &[(-1.2, -0.5), (1.2, -0.5), (1.2, 0.5), (-1.2, 0.5)],
];

/// A surface to draw on.
pub struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
}

/// Draws a picture of a size in pixels and gives its SVG elements, without the outermost one.
pub fn paint(width: f64, height: f64, draw: impl FnOnce(&Canvas<'_>)) -> String {
    let mut svg = String::new();
    {
        let size = ((width * FINE).round() as u32, (height * FINE).round() as u32);
        let area = SVGBackend::with_string(&mut svg, size);
        let canvas = Canvas { area: area.into_drawing_area() };
        draw(&canvas);
        canvas.area.present().expect("a string takes every drawing");
    }
    let body = svg.split_once('>').map_or("", |(_, rest)| rest);
    body.trim_end().trim_end_matches("</svg>").to_string()
}

/// How every file of a chart begins.
const BEGINNING: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" ";

/// Whether a file is a chart that this program drew.
pub fn is_ours(file: &[u8]) -> bool {
    file.starts_with(BEGINNING.as_bytes())
}

/// The outermost element for a painted body. `standalone` adds what an HTML page has already: the
/// style sheet and the title. `description` is for those who can't see it.
pub fn wrap(body: &str, size: At, title: &str, description: &str, standalone: bool) -> String {
    let escape = |text: &str| -> String {
        let text = text::clean(text).replace('&', "&amp;").replace('<', "&lt;");
        text.replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
    };
    let (width, height) = size;
    let extra = if standalone {
        format!("<title>{}</title>\n<style>{}</style>\n", escape(title), theme::css())
    } else {
        String::new()
    };
    format!(
        "{BEGINNING}width=\"{width:.0}\" \
         height=\"{height:.0}\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"{}\">\n\
         {extra}{}\n</svg>\n",
        width * FINE,
        height * FINE,
        escape(&format!("{title}. {description}")),
        body.trim()
    )
}

fn whole(at: At) -> (i32, i32) {
    // The cast keeps within the type's range, whatever the number.
    ((at.0 * FINE).round() as i32, (at.1 * FINE).round() as i32)
}

fn style(tone: Tone, opacity: f64, width: f64, filled: bool) -> ShapeStyle {
    let (r, g, b) = tone.light;
    let color = RGBColor(r, g, b).mix(opacity);
    ShapeStyle { color, filled, stroke_width: (width * FINE).round() as u32 }
}

impl Canvas<'_> {
    /// A filled rectangle.
    pub fn fill(&self, from: At, to: At, tone: Tone, opacity: f64) {
        let shape = Rectangle::new([whole(from), whole(to)], style(tone, opacity, 0.0, true));
        self.area.draw(&shape).expect("a string takes every drawing");
    }

    /// A line through some points.
    pub fn line(&self, points: &[At], stroke: Stroke) {
        let points: Vec<(i32, i32)> = points.iter().copied().map(whole).collect();
        let style = style(stroke.tone, stroke.opacity, stroke.width, false);
        let drawn = if stroke.dashed {
            let (dash, gap) = (5.0 * FINE, 4.0 * FINE);
            self.area.draw(&DashedPathElement::new(points, dash as i32, gap as i32, style))
        } else {
            self.area.draw(&PathElement::new(points, style))
        };
        drawn.expect("a string takes every drawing");
    }

    /// A filled polygon.
    pub fn polygon(&self, points: &[At], tone: Tone, opacity: f64) {
        let points: Vec<(i32, i32)> = points.iter().copied().map(whole).collect();
        let shape = Polygon::new(points, style(tone, opacity, 0.0, true));
        self.area.draw(&shape).expect("a string takes every drawing");
    }

    /// A marker of one of six shapes.
    pub fn marker(&self, at: At, kind: usize, tone: Tone, radius: f64, look: Look) {
        // A rim in the colour of the paper keeps markers apart from lines and from each other.
        self.shape(at, kind, theme::PAPER, 1.0, radius * 1.35);
        let opacity = if look == Look::Pale { 0.45 } else { 1.0 };
        self.shape(at, kind, tone, opacity, radius);
        if look == Look::Hollow {
            self.shape(at, kind, theme::PAPER, 1.0, radius * 0.62);
        }
    }

    fn shape(&self, at: At, kind: usize, tone: Tone, opacity: f64, radius: f64) {
        let corners = MARKERS[kind % MARKERS.len()];
        if corners.is_empty() {
            let radius = (radius * FINE).round() as i32;
            let shape = Circle::new(whole(at), radius, style(tone, opacity, 0.0, true));
            self.area.draw(&shape).expect("a string takes every drawing");
            return;
        }
        let place = |c: &At| (at.0 + c.0 * radius, at.1 + c.1 * radius);
        self.polygon(&corners.iter().map(place).collect::<Vec<_>>(), tone, opacity);
    }

    /// A text with its middle at the height of `at`.
    pub fn text(&self, at: At, anchor: Anchor, font: Font, text: &str) {
        let (r, g, b) = font.tone.light;
        let color = RGBColor(r, g, b);
        let weight = if font.bold { FontStyle::Bold } else { FontStyle::Normal };
        let size = font.size * FINE * FONT_FACTOR;
        let style = TextStyle::from(FontDesc::new(FontFamily::SansSerif, size, weight))
            .color(&color)
            .pos(Pos::new(anchor, VPos::Center));
        let label = Text::new(Cow::Owned::<'_, str>(text::clean(text)), whole(at), style);
        self.area.draw(&label).expect("a string takes every drawing");
    }
}
