//! The rectangle of a plot: its axes, and where in it a value lies.

use super::canvas::{Anchor, At, Canvas, Font, Look, Stroke};
use super::scale::{Scale, TICK_SIZE};
use super::theme::{AXIS, GRID, INK, MUTED};
use super::{Series, Unit, text};

/// Labels of ticks, and what is said of one beside it.
pub const TICK: Font = Font::new(TICK_SIZE, MUTED);
pub const NOTE: Font = Font::new(10.5, MUTED);

/// The line of a tick through the plot, and its label: the one that others are set against stands out.
pub fn tick_look(is_same: bool) -> (Stroke, Font) {
    if is_same {
        (Stroke::new(AXIS, 1.5), Font::bold(TICK_SIZE, INK))
    } else {
        (Stroke::new(GRID, 1.0), TICK)
    }
}

/// The plot's place and axes.
pub struct Frame {
    /// Left edge in pixels.
    pub left: f64,
    /// Right edge.
    pub right: f64,
    /// Upper edge.
    pub top: f64,
    /// Lower edge.
    pub bottom: f64,
    /// From left to right.
    pub x: Scale,
    /// From the lower edge up.
    pub y: Scale,
}

impl Frame {
    /// Where a place on the x axis is.
    pub fn x_at(&self, value: f64) -> f64 {
        self.left + self.x.place(value) * (self.right - self.left)
    }

    /// How high a value lies.
    pub fn y_at(&self, value: f64) -> f64 {
        self.bottom - self.y.place(value) * (self.bottom - self.top)
    }

    /// Where a value lies.
    pub fn at(&self, x: f64, y: f64) -> At {
        (self.x_at(x), self.y_at(y))
    }

    /// Grid, ticks and the title of the x axis.
    pub fn draw(&self, c: &Canvas<'_>, x_title: &str, unit: Unit) {
        for tick in &self.y.ticks {
            let y = self.y_at(tick.value);
            let same = unit.same().filter(|_| tick.value == 1.0);
            let (stroke, font) = tick_look(same.is_some());
            c.line(&[(self.left, y), (self.right, y)], stroke);
            c.text((self.left - 10.0, y), Anchor::Right, font, &tick.label);
            if let Some(same) = same {
                c.text((self.left - 10.0, y + 13.0), Anchor::Right, NOTE, same);
            }
        }
        c.line(&[(self.left, self.bottom), (self.right, self.bottom)], Stroke::new(AXIS, 1.0));
        for tick in &self.x.ticks {
            let x = self.x_at(tick.value);
            c.line(&[(x, self.bottom), (x, self.bottom + 5.0)], Stroke::new(AXIS, 1.0));
            c.text((x, self.bottom + 17.0), Anchor::Center, TICK, &tick.label);
        }
        let title = text::shorten(x_title, 12.0, self.right - self.left);
        let middle = ((self.left + self.right) / 2.0, self.bottom + 40.0);
        c.text(middle, Anchor::Center, Font::new(12.0, MUTED), &title);
    }

    /// The markers of a series.
    pub fn draw_points(&self, c: &Canvas<'_>, series: &Series, joined: bool, radius: f64) {
        for (x, value) in &series.points {
            let Some(v) = value else { continue };
            let look = if v.suspect { Look::Hollow } else { series.look(joined) };
            c.marker(self.at(*x, v.value), series.marker, series.tone, radius, look);
        }
    }

    /// Where the series' label belongs: its last point.
    pub fn end(&self, series: &Series) -> At {
        let solid = series.points.iter().rev().find_map(|(x, v)| v.map(|v| (*x, v.value)));
        solid.map_or((self.right, self.bottom), |(x, y)| self.at(x, y))
    }
}

/// The radius of a marker among so many: many are small ones, or they would hide their own line.
pub fn radius(series: &[Series]) -> f64 {
    let most = series.iter().map(|s| s.points.len()).max().unwrap_or(0);
    match (most, most * series.len()) {
        (..=24, ..=100) => 4.2,
        (..=24, ..=400) => 3.2,
        _ => 2.4,
    }
}
