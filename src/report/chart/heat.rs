//! A ratio over two axes: a column for each size, a row for each number of uses, and the line on which it is 1.

use super::canvas::{Anchor, At, Canvas, Font, Stroke};
use super::frame::TICK;
use super::theme::{self, INK, MUTED, PAPER};
use super::{Drawing, MARGIN, WIDTH, text};
use crate::units;

/// Room for the labels of rows, and of the line.
const COLUMN: f64 = 96.0;
/// Height of a row, and the gap before the last one, which is no number.
const PITCH: f64 = 25.0;
const GAP: f64 = 7.0;
/// A column is no wider, and has its ratios written where it is no narrower.
const WIDEST: f64 = 92.0;
const ROOM: f64 = 33.0;
/// From one stroke of a hatch to the next.
const HATCH: f64 = 9.0;
const NUMBER: f64 = 10.5;

/// A ratio, where there is one, and whether it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cell {
    /// Times as fast.
    pub ratio: f64,
    /// Else it follows from others, and is hatched.
    pub measured: bool,
}

/// A column.
pub struct Column {
    /// Its label.
    pub label: String,
    /// From the first row up; as many as there are rows.
    pub cells: Vec<Option<Cell>>,
    /// The number of uses at which the ratio is 1, with the ends of its interval; infinite where it is never.
    pub even: Option<[f64; 3]>,
}

/// A chart of ratios over sizes and uses.
pub struct Heat {
    /// Its title.
    pub title: String,
    /// How to read it.
    pub subtitle: String,
    /// What it shows, for those who can't see it.
    pub description: String,
    /// What the columns are.
    pub x_title: String,
    /// What the rows are.
    pub y_title: String,
    /// Uses of each row from the first up, ascending, without the last row, which has no number.
    pub uses: Vec<f64>,
    /// Label of the last row.
    pub last: String,
    /// From the left.
    pub columns: Vec<Column>,
}

/// Where everything lies.
struct Frame {
    left: f64,
    top: f64,
    bottom: f64,
    width: f64,
}

impl Heat {
    /// Draws it; none where no column has a ratio.
    pub fn draw(&self) -> Option<Drawing> {
        if self.columns.iter().all(|column| column.cells.iter().all(Option::is_none)) {
            return None;
        }
        let left = MARGIN + COLUMN;
        let top = MARGIN + 98.0;
        let bottom = top + PITCH * (self.uses.len() + 1) as f64 + GAP;
        let width = ((WIDTH - MARGIN - left) / self.columns.len() as f64).min(WIDEST);
        let frame = Frame { left, top, bottom, width };
        let height = bottom + 52.0 + MARGIN;
        Some(Drawing::new(&self.title, &self.subtitle, &self.description, height, |c| {
            self.draw_key(c);
            self.draw_cells(c, &frame);
            self.draw_even(c, &frame);
            self.draw_axes(c, &frame);
        }))
    }

    /// The colours with what they mean, from the left.
    fn draw_key(&self, c: &Canvas<'_>) {
        let y = MARGIN + 58.0;
        let mut x = MARGIN;
        for (tone, label) in theme::HEAT.iter().zip(KEYS) {
            c.fill((x, y - 7.0), (x + 46.0, y + 7.0), *tone, 1.0);
            c.text((x + 23.0, y), Anchor::Center, Font::new(10.0, theme::heat_label(*tone)), label);
            x += 47.0;
        }
        let words = [("derived from the first and last row", true), ("as fast as the CPU", false)];
        for (label, is_hatch) in words {
            x += 18.0;
            if is_hatch {
                c.fill((x, y - 7.0), (x + 22.0, y + 7.0), theme::HEAT[1], 1.0);
                hatch(c, (x, y - 7.0), (x + 22.0, y + 7.0));
            } else {
                c.line(&[(x, y), (x + 22.0, y)], Stroke::new(INK, 2.2));
            }
            x += 28.0;
            c.text((x, y), Anchor::Left, Font::new(11.0, MUTED), label);
            x += text::width(label, 11.0);
        }
    }

    /// Lower edge of a row.
    fn floor(&self, f: &Frame, row: usize) -> f64 {
        let gap = if row == self.uses.len() { GAP } else { 0.0 };
        f.bottom - PITCH * row as f64 - gap
    }

    fn draw_cells(&self, c: &Canvas<'_>, f: &Frame) {
        let rows = 0..=self.uses.len();
        let each = |of: &dyn Fn(Cell, At, At)| {
            for (i, column) in self.columns.iter().enumerate() {
                for (row, cell) in rows.clone().zip(&column.cells) {
                    let (x, floor) = (f.left + f.width * i as f64, self.floor(f, row));
                    // A gap in the colour of the paper keeps neighbours apart.
                    let corners = ((x, floor - PITCH + 1.0), (x + f.width - 1.0, floor));
                    cell.iter().for_each(|cell| of(*cell, corners.0, corners.1));
                }
            }
        };
        each(&|cell, from, to| c.fill(from, to, theme::heat(cell.ratio), 1.0));
        each(&|cell, from, to| {
            if !cell.measured {
                hatch(c, from, to);
            }
            if f.width >= ROOM {
                let font = Font::new(NUMBER, theme::heat_label(theme::heat(cell.ratio)));
                let middle = ((from.0 + to.0) / 2.0, (from.1 + to.1) / 2.0);
                let number = units::ratio(cell.ratio);
                let number = text::shorten(&number, NUMBER, f.width - 2.0);
                c.text(middle, Anchor::Center, font, &number);
            }
        });
    }

    /// How high a number of uses lies: rows are at the middle of their cells. Between the last number and no
    /// number at all, what is more than any row's.
    fn height(&self, f: &Frame, uses: f64) -> f64 {
        let last = self.uses.len() - 1;
        let place = match self.uses.iter().rposition(|row| *row <= uses) {
            None => 0.0,
            Some(row) if row == last => {
                last as f64 + if uses > self.uses[last] { 0.5 } else { 0.0 }
            }
            Some(row) => {
                let (low, high) = (self.uses[row], self.uses[row + 1]);
                row as f64 + (uses / low).ln() / (high / low).ln()
            }
        };
        f.bottom - PITCH * (place + 0.5)
    }

    /// The line on which the ratio is 1 with its band: above it the device is faster.
    fn draw_even(&self, c: &Canvas<'_>, f: &Frame) {
        let at = |i: usize, uses: f64| (f.left + f.width * (i as f64 + 0.5), self.height(f, uses));
        let known: Vec<(usize, [f64; 3])> =
            (0..).zip(&self.columns).filter_map(|(i, column)| Some((i, column.even?))).collect();
        // A line joins neighbours only, and those that have a number.
        let is_joined = |a: &(usize, [f64; 3]), b: &(usize, [f64; 3])| {
            a.0 + 1 == b.0 && a.1[0].is_finite() && b.1[0].is_finite()
        };
        for part in known.chunk_by(is_joined).filter(|part| part[0].1[0].is_finite()) {
            let along = |end: usize| part.iter().map(move |(i, even)| at(*i, even[end]));
            let band: Vec<At> = along(1).chain(along(2).rev()).collect();
            c.polygon(&band, INK, 0.25);
            let line: Vec<At> = along(0).collect();
            // A rim in the colour of the paper sets it off from every cell.
            c.line(&line, Stroke::new(PAPER, 4.6));
            c.line(&line, Stroke::new(INK, 2.2));
            line.iter().for_each(|place| c.marker(*place, 0, INK, 2.6, super::Look::Solid));
        }
    }

    fn draw_axes(&self, c: &Canvas<'_>, f: &Frame) {
        let labels = self.uses.iter().map(f64::to_string).chain([self.last.clone()]);
        for (row, label) in labels.enumerate() {
            let y = self.floor(f, row) - PITCH / 2.0;
            let label = text::shorten(&label, TICK.size, COLUMN - 14.0);
            c.text((f.left - 8.0, y), Anchor::Right, TICK, &label);
        }
        c.text((MARGIN, f.top - 12.0), Anchor::Left, Font::new(12.0, MUTED), &self.y_title);
        let widest = self.columns.iter().map(|column| text::width(&column.label, TICK.size));
        let step = (widest.fold(0.0, f64::max) + 6.0) / f.width;
        let step = (step.ceil() as usize).max(1);
        for (i, column) in self.columns.iter().enumerate().step_by(step) {
            let x = f.left + f.width * (i as f64 + 0.5);
            c.text((x, f.bottom + 15.0), Anchor::Center, TICK, &column.label);
        }
        let right = f.left + f.width * self.columns.len() as f64;
        let title = text::shorten(&self.x_title, 12.0, WIDTH - 2.0 * MARGIN);
        let middle = ((f.left + right) / 2.0).max(MARGIN + text::width(&title, 12.0) / 2.0);
        c.text((middle, f.bottom + 38.0), Anchor::Center, Font::new(12.0, MUTED), &title);
    }
}

/// What the colours of [`theme::HEAT`] stand for.
const KEYS: [&str; 9] = ["≤1/8×", "1/4×", "1/2×", "4/5×", "1×", "1.25×", "2×", "4×", "≥8×"];

/// Strokes across a rectangle, from its lower left to its upper right.
fn hatch(c: &Canvas<'_>, (left, top): At, (right, bottom): At) {
    let stroke = Stroke { opacity: 0.4, ..Stroke::new(PAPER, 0.9) };
    let height = bottom - top;
    let mut x = left - height + HATCH;
    while x < right {
        // From the lower edge to the upper one, as far as it is inside.
        let from = (x.max(left), bottom - (x.max(left) - x));
        let end = (x + height).min(right);
        c.line(&[from, (end, bottom - (end - x))], stroke);
        x += HATCH;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heat(columns: Vec<Column>) -> Heat {
        let (title, subtitle, description, x_title, y_title) = Default::default();
        let uses = vec![1.0, 2.0, 4.0];
        Heat {
            title,
            subtitle,
            description,
            x_title,
            y_title,
            uses,
            last: "resident".into(),
            columns,
        }
    }

    #[test]
    fn uses_lie_between_the_rows_that_they_are_between() {
        let chart = heat(Vec::new());
        let frame = Frame { left: 0.0, top: 0.0, bottom: 100.0, width: 10.0 };
        let heights = [0.5, 1.0, 2f64.sqrt(), 2.0, 4.0, 5.0, f64::INFINITY];
        let places = heights.map(|uses| (100.0 - chart.height(&frame, uses)) / PITCH - 0.5);
        let expected = [0.0, 0.0, 0.5, 1.0, 2.0, 2.5, 2.5];
        assert!(places.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{places:?}");
    }

    #[test]
    fn a_chart_without_a_ratio_is_none() {
        let column = |cell| Column { label: "64".into(), cells: vec![cell; 4], even: None };
        assert!(heat(vec![column(None)]).draw().is_none());
        let cell = Cell { ratio: 2.0, measured: true };
        assert!(heat(vec![column(Some(cell))]).draw().is_some());
    }
}
