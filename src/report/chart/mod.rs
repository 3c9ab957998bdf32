//! Drawing, with no knowledge of workloads: lines over an axis, and dots in rows.
//!
//! | file | holds |
//! | --- | --- |
//! | `lines.rs` | values over sizes, one line a series, labelled at its end |
//! | `roofline.rs` | rates over intensities, under roofs |
//! | `labels.rs` | labels at the ends of lines |
//! | `frame.rs` | the rectangle of a plot with its axes |
//! | `dots.rs` | values of a short list, one row a line of the list |
//! | `heat.rs` | ratios over two axes, a colour each |
//! | `spark.rs` | a line no larger than a word |
//! | `stacks.rs` | what bars are made up of, one row a bar |
//! | `scale.rs` | axes and their ticks |
//! | `place.rs` | places for labels that don't touch |
//! | `text.rs` | estimated widths of texts |
//! | `canvas.rs` | lines, markers and texts through plotters |
//! | `theme.rs` | colours, light and dark |
//! | `raster.rs` `font/` | drawings as PNG, with a font of their own: the feature `png` |
//! | `snapshots.rs` `snapshots/` | drawings of hard data, as they should be; `layout.rs` reads where things lie |

mod canvas;
mod dots;
mod frame;
mod heat;
mod labels;
#[cfg(all(test, feature = "png"))]
mod layout;
mod lines;
mod place;
#[cfg(feature = "png")]
mod raster;
mod roofline;
mod scale;
#[cfg(test)]
mod snapshots;
mod spark;
mod stacks;
mod text;
mod theme;

use crate::units;

use canvas::{Anchor, Canvas, Font, Look};
use scale::Scale;

pub use canvas::is_ours;
pub use dots::Dots;
pub use heat::{Cell, Column, Heat};
#[cfg(all(test, feature = "png"))]
pub use layout::Layout;
pub use lines::{Lines, Mark};
#[cfg(feature = "png")]
pub use raster::Raster;
pub use roofline::{Roof, Roofline};
pub use scale::{LOG_FROM, XScale};
pub use spark::Spark;
pub use stacks::{Bar, Stacks};
pub use theme::{AXIS, FAINT, MUTED, Tone, css, device, kind};

/// Width of every chart in pixels.
const WIDTH: f64 = 920.0;

/// Space round everything.
const MARGIN: f64 = 20.0;

/// A value with its interval, in the unit of its axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Value {
    /// The value.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// Beyond what the machine can do: drawn hollow and off the lines.
    pub suspect: bool,
}

impl Value {
    /// A value that an axis can show; an end of the interval that it can't is the value itself.
    pub fn new(value: f64, low: f64, high: f64, suspect: bool) -> Option<Value> {
        let fit = |v: f64| v.is_finite() && v > 0.0;
        let end = |v: f64| if fit(v) { v } else { value };
        fit(value).then(|| Value {
            value,
            low: end(low).min(value),
            high: end(high).max(value),
            suspect,
        })
    }

    /// A value without an interval.
    pub fn exact(value: f64) -> Option<Value> {
        Value::new(value, value, value, false)
    }

    fn ends(&self) -> [f64; 3] {
        [self.low, self.value, self.high]
    }
}

/// A place on the x axis, or a row, and what was measured there; none leaves a gap.
pub type Point = (f64, Option<Value>);

/// One device and implementation, in every chart of the same look.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// First line of its label: the device.
    pub name: String,
    /// Second line: implementation and what else tells it apart.
    pub detail: String,
    /// Third line, where there is room: what was found.
    pub note: String,
    /// Its colour: that of its device, or of its kind of work.
    pub tone: Tone,
    /// Number of its implementation, for the marker.
    pub marker: usize,
    /// Drawn in dashes.
    pub dashed: bool,
    /// What is shown of it.
    pub points: Vec<Point>,
}

impl Series {
    /// Of the first look, with no text but its name.
    pub fn new(name: impl Into<String>, tone: Tone, points: Vec<Point>) -> Series {
        let (name, detail, note) = (name.into(), String::new(), String::new());
        Series { name, detail, note, tone, marker: 0, dashed: false, points }
    }

    /// Whether there is anything to see of it.
    pub fn has_values(&self) -> bool {
        self.points.iter().any(|(_, value)| value.is_some())
    }

    /// How its markers are filled: where lines show dashes, no other sign is needed.
    fn look(&self, joined: bool) -> Look {
        if self.dashed && !joined { Look::Pale } else { Look::Solid }
    }

    /// What it has in a row of a list.
    fn value_at(&self, row: usize) -> Option<Value> {
        self.points.iter().find(|(x, _)| *x == row as f64)?.1
    }

    /// Every number that its value axis must show.
    fn values(&self) -> impl Iterator<Item = f64> {
        self.points.iter().filter_map(|(_, v)| v.as_ref()).flat_map(Value::ends)
    }
}

/// What the value axis shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// FLOP/s.
    Flops,
    /// Bytes/s.
    Bytes,
    /// Seconds a run.
    Seconds,
    /// Times as fast as the CPU.
    Ratio,
    /// Times as fast as the first of several runs.
    Compared,
}

impl Unit {
    /// What the line at 1x means, for ratios.
    fn same(self) -> Option<&'static str> {
        match self {
            Unit::Ratio => Some("same as the CPU"),
            Unit::Compared => Some("same as the first"),
            Unit::Flops | Unit::Bytes | Unit::Seconds => None,
        }
    }

    fn scale(self, series: &[Series], length: f64, vertical: bool, log_from: f64) -> Scale {
        let values: Vec<f64> = series.iter().flat_map(Series::values).collect();
        match self {
            Unit::Ratio | Unit::Compared => {
                Scale::ratios(&values, length, vertical, |v| self.tick(v))
            }
            _ => Scale::amounts(&values, length, vertical, log_from, |v| self.tick(v)),
        }
    }

    /// A measured number: `2.00 TFLOP/s`.
    pub fn show(self, value: f64) -> String {
        match self {
            _ if !value.is_finite() => "-".to_string(),
            Unit::Flops => units::flop_per_s(value),
            Unit::Bytes => units::bytes_per_s(value),
            Unit::Seconds => units::seconds(value),
            Unit::Ratio | Unit::Compared => units::ratio(value),
        }
    }

    /// A round number: `2 TFLOP/s`, without the zeros that a measured one would carry.
    fn tick(self, value: f64) -> String {
        match self {
            _ if value == 0.0 => "0".to_string(),
            Unit::Ratio | Unit::Compared if value < 1.0 / 1.5 && (1.0 / value).fract() == 0.0 => {
                format!("1/{:.0}×", 1.0 / value)
            }
            _ => trim_zeros(&self.show(value)),
        }
    }
}

/// `2.00 TFLOP/s` as `2 TFLOP/s`.
pub fn trim_zeros(text: &str) -> String {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    if !number.contains('.') {
        return text.to_string();
    }
    format!("{}{rest}", number.trim_end_matches('0').trim_end_matches('.'))
}

/// A finished drawing.
#[derive(Clone, Debug)]
pub struct Drawing {
    /// Its title.
    pub title: String,
    /// What it shows, for those who can't see it.
    pub description: String,
    height: f64,
    body: String,
}

impl Drawing {
    /// Title and subtitle on paper of a height, and what `draw` adds.
    fn new(
        title: &str,
        subtitle: &str,
        description: &str,
        height: f64,
        draw: impl FnOnce(&Canvas<'_>),
    ) -> Drawing {
        let head = |c: &Canvas<'_>, below: f64, text: &str, font: Font| {
            let wide = if font.bold { text::BOLD } else { 1.0 };
            let text = text::shorten(text, font.size * wide, WIDTH - 2.0 * MARGIN);
            c.text((MARGIN, MARGIN + below), Anchor::Left, font, &text);
        };
        let body = canvas::paint(WIDTH, height, |c| {
            c.fill((0.0, 0.0), (WIDTH, height), theme::PAPER, 1.0);
            head(c, 6.0, title, Font::bold(15.0, theme::INK));
            head(c, 28.0, subtitle, Font::new(12.0, MUTED));
            draw(c);
        });
        Drawing { title: title.to_string(), description: description.to_string(), height, body }
    }

    /// As a file of its own.
    pub fn file(&self) -> String {
        self.wrapped(true)
    }

    /// As part of a page that has [`css`].
    pub fn inline(&self) -> String {
        self.wrapped(false)
    }

    fn wrapped(&self, standalone: bool) -> String {
        let size = (WIDTH, self.height);
        canvas::wrap(&self.body, size, &self.title, &self.description, standalone)
    }
}
