//! Values of a short list: a row for each line of the list, a dot for each series.

use super::canvas::{Anchor, Canvas, Font, Look, Stroke};
use super::frame::{NOTE, tick_look};
use super::place::{self, Span};
use super::scale::{LOG_FROM, Scale, TICK_SIZE};
use super::theme::{GRID, INK};
use super::{Drawing, MARGIN, Series, Unit, Value, WIDTH, text};

/// Widest column of row labels.
const COLUMN: f64 = 260.0;
/// More rows than this, and the axis is labelled at both ends.
const FAR: usize = 12;
/// From one value of a row to the next, and the same with room for a text; and how wide that is.
const LANE: f64 = 7.0;
const TEXT_LANE: f64 = 17.0;
const TEXT: f64 = 84.0;
const LABEL: Font = Font::new(11.5, INK);

/// A chart of dots.
pub struct Dots {
    /// Its title.
    pub title: String,
    /// How to read it.
    pub subtitle: String,
    /// What it shows, for those who can't see it.
    pub description: String,
    /// What the axis is.
    pub unit: Unit,
    /// Labels of the rows, from the top.
    pub rows: Vec<String>,
    /// What is shown: x is the row's number.
    pub series: Vec<Series>,
    /// Whether each value is written beside its dot.
    pub labelled: bool,
}

struct Frame {
    left: f64,
    right: f64,
    top: f64,
    pitch: f64,
    x: Scale,
}

impl Frame {
    fn x_at(&self, value: f64) -> f64 {
        self.left + self.x.place(value) * (self.right - self.left)
    }
}

impl Dots {
    /// Draws it; none where there is no series.
    pub fn draw(&self) -> Option<Drawing> {
        let legend = self.legend();
        let frame = self.frame(legend.last()?.0.1 + 1);
        let bottom = frame.top + frame.pitch * self.rows.len() as f64;
        let height = bottom + 34.0 + MARGIN;
        Some(Drawing::new(&self.title, &self.subtitle, &self.description, height, |c| {
            for (series, ((x, row), label)) in self.series.iter().zip(&legend) {
                let y = MARGIN + 54.0 + *row as f64 * 20.0;
                c.marker((x + 5.0, y), series.marker, series.tone, 4.2, series.look(false));
                c.text((x + 16.0, y), Anchor::Left, LABEL, label);
            }
            self.draw_axes(c, &frame, bottom);
            self.draw_values(c, &frame);
        }))
    }

    /// Place with row, and text of each key, from left to right and down.
    fn legend(&self) -> Vec<((f64, usize), String)> {
        let label = |series: &Series| {
            let full = match series.detail.as_str() {
                "" => series.name.clone(),
                detail => format!("{}, {detail}", series.name),
            };
            text::shorten(&full, LABEL.size, WIDTH - 2.0 * MARGIN - 30.0)
        };
        let labels: Vec<String> = self.series.iter().map(label).collect();
        let widths = labels.iter().map(|label| 18.0 + text::width(label, LABEL.size) + 20.0);
        place::flow(widths, MARGIN, WIDTH - MARGIN).into_iter().zip(labels).collect()
    }

    fn frame(&self, legend_rows: usize) -> Frame {
        let widest = self.rows.iter().map(|r| text::width(r, LABEL.size)).fold(40.0, f64::max);
        let left = MARGIN + widest.min(COLUMN) + 14.0;
        let right = WIDTH - MARGIN - 20.0 - if self.labelled { TEXT } else { 0.0 };
        let top = MARGIN
            + 54.0
            + legend_rows as f64 * 20.0
            + if self.rows.len() > FAR { 30.0 } else { 8.0 };
        let most = (0..self.rows.len()).map(|row| self.slots(row)).max().unwrap_or(0);
        let pitch = (most as f64 * self.slot_height() + 8.0).max(22.0);
        Frame {
            left,
            right,
            top,
            pitch,
            x: self.unit.scale(&self.series, right - left, false, LOG_FROM),
        }
    }

    fn draw_axes(&self, c: &Canvas<'_>, f: &Frame, bottom: f64) {
        for (i, row) in self.rows.iter().enumerate() {
            let y = f.top + i as f64 * f.pitch;
            if i % 2 == 0 {
                c.fill((MARGIN, y), (WIDTH - MARGIN, y + f.pitch), GRID, 0.35);
            }
            let label = text::shorten(row, LABEL.size, COLUMN);
            c.text((f.left - 12.0, y + f.pitch / 2.0), Anchor::Right, LABEL, &label);
        }
        for tick in &f.x.ticks {
            let x = f.x_at(tick.value);
            let same = self.unit.same().filter(|_| tick.value == 1.0);
            let (stroke, font) = tick_look(same.is_some());
            c.line(&[(x, f.top), (x, bottom)], stroke);
            // The last one may be wider than the space beside it.
            let width = text::width(&tick.label, TICK_SIZE);
            let centre = Span::within(x, width, 0.0, WIDTH).centre();
            c.text((centre, bottom + 15.0), Anchor::Center, font, &tick.label);
            if self.rows.len() > FAR {
                c.text((centre, f.top - 12.0), Anchor::Center, font, &tick.label);
            }
            if let Some(same) = same {
                c.text((x, bottom + 31.0), Anchor::Center, NOTE, same);
            }
        }
    }

    fn slot_height(&self) -> f64 {
        if self.labelled { TEXT_LANE } else { LANE }
    }

    /// How many values a row has room for: a series has the same slot in every row, unless values
    /// are written out and rows take no more room than they need.
    fn slots(&self, row: usize) -> usize {
        let here = |s: &&Series| !self.labelled || s.value_at(row).is_some();
        self.series.iter().filter(here).count()
    }

    fn draw_values(&self, c: &Canvas<'_>, f: &Frame) {
        for row in 0..self.rows.len() {
            let middle = (self.slots(row) as f64 - 1.0) / 2.0;
            let mut slot = 0.0;
            for series in &self.series {
                let value = series.value_at(row);
                if let Some(v) = value {
                    let shift = (slot - middle) * self.slot_height();
                    self.draw_value(c, f, series, v, f.top + (row as f64 + 0.5) * f.pitch + shift);
                }
                if value.is_some() || !self.labelled {
                    slot += 1.0;
                }
            }
        }
    }

    fn draw_value(&self, c: &Canvas<'_>, f: &Frame, series: &Series, v: Value, y: f64) {
        let stroke = Stroke { opacity: 0.55, ..Stroke::new(series.tone, 1.6) };
        c.line(&[(f.x_at(v.low), y), (f.x_at(v.high), y)], stroke);
        let look = if v.suspect { Look::Hollow } else { series.look(false) };
        c.marker((f.x_at(v.value), y), series.marker, series.tone, 3.8, look);
        if self.labelled {
            let x = f.x_at(v.high) + 10.0;
            let label = text::shorten(&self.unit.show(v.value), LABEL.size, WIDTH - x);
            c.text((x, y), Anchor::Left, LABEL, &label);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::theme;
    use super::*;

    fn chart(unit: Unit, rows: &[&str], series: Vec<Series>, labelled: bool) -> Dots {
        let (title, subtitle, description) = Default::default();
        let rows = rows.iter().map(|row| row.to_string()).collect();
        Dots { title, subtitle, description, unit, rows, series, labelled }
    }

    fn series(name: &str, rows: &[usize]) -> Series {
        let value = Value::new(2.0, 1.0, 3.0, false);
        let points = rows.iter().map(|row| (*row as f64, value)).collect();
        let detail = "packed, with transfers".into();
        Series { detail, ..Series::new(name, theme::device(0), points) }
    }

    #[test]
    fn keys_wrap_and_stay_inside() {
        let named = |i: usize| series(&format!("GPU number {i} with a long name"), &[0]);
        let keys = chart(Unit::Ratio, &["a"], (0..12).map(named).collect(), false).legend();
        assert!(keys[11].0.1 > 0 && keys.len() == 12);
        for pair in keys.windows(2) {
            let [((x, row), label), ((next_x, next_row), _)] = pair else { unreachable!() };
            let end = x + 16.0 + text::width(label, LABEL.size);
            assert!(end <= WIDTH - MARGIN);
            assert!(next_row > row || *next_x >= end);
        }
    }

    #[test]
    fn rows_with_texts_take_the_room_of_their_values() {
        let all = [[0], [1], [1]].map(|rows| series("a", &rows)).to_vec();
        let mut chart = chart(Unit::Flops, &["a", "b"], all, true);
        assert_eq!([chart.slots(0), chart.slots(1)], [1, 2]);
        chart.labelled = false;
        assert_eq!([chart.slots(0), chart.slots(1)], [3, 3]);
    }
}
