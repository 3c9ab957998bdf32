//! What bars are made up of: a row for each bar, a colour for each kind of part, as shares of the whole.

use super::canvas::{Anchor, Canvas, Font, Stroke};
use super::frame::TICK;
use super::place;
use super::theme::{self, GRID, INK, Tone};
use super::{Drawing, MARGIN, WIDTH, text};

/// Widest column of row labels.
const COLUMN: f64 = 330.0;
/// Room for the text behind a bar.
const TEXT: f64 = 84.0;
/// From one bar to the next, and how thick it is.
const PITCH: f64 = 26.0;
const BAR: f64 = 16.0;
/// Height of a line of keys.
const KEY: f64 = 20.0;
/// A part this wide, in pixels, has its share written into it.
const ROOM: f64 = 34.0;
const LABEL: Font = Font::new(11.5, INK);

/// One bar.
pub struct Bar {
    /// Its label.
    pub label: String,
    /// What it is in all, written behind it.
    pub total: String,
    /// The part of each key, as a share of the whole.
    pub shares: Vec<f64>,
}

/// A chart of stacked bars.
pub struct Stacks {
    /// Its title.
    pub title: String,
    /// How to read it.
    pub subtitle: String,
    /// What it shows, for those who can't see it.
    pub description: String,
    /// Kinds of parts with their colours, from the left.
    pub keys: Vec<(String, Tone)>,
    /// From the top.
    pub bars: Vec<Bar>,
}

impl Stacks {
    /// Draws it; none where there is no part.
    pub fn draw(&self) -> Option<Drawing> {
        let legend = self.legend();
        let lines = legend.last()?.1 + 1;
        let widest =
            self.bars.iter().map(|b| text::width(&b.label, LABEL.size)).fold(40.0, f64::max);
        let left = MARGIN + widest.min(COLUMN) + 14.0;
        let right = WIDTH - MARGIN - TEXT;
        let top = MARGIN + 54.0 + lines as f64 * KEY + 8.0;
        let bottom = top + PITCH * self.bars.len() as f64;
        let height = bottom + 34.0 + MARGIN;
        Some(Drawing::new(&self.title, &self.subtitle, &self.description, height, |c| {
            for ((name, tone), (x, line)) in self.keys.iter().zip(&legend) {
                let y = MARGIN + 54.0 + *line as f64 * KEY;
                c.fill((*x, y - 5.0), (x + 10.0, y + 5.0), *tone, 1.0);
                c.text((x + 16.0, y), Anchor::Left, LABEL, name);
            }
            for percent in [0, 25, 50, 75, 100] {
                let x = left + f64::from(percent) / 100.0 * (right - left);
                c.line(&[(x, top), (x, bottom)], Stroke::new(GRID, 1.0));
                c.text((x, bottom + 15.0), Anchor::Center, TICK, &format!("{percent} %"));
            }
            for (i, bar) in self.bars.iter().enumerate() {
                self.draw_bar(c, bar, (left, right), top + (i as f64 + 0.5) * PITCH);
            }
        }))
    }

    /// Place and line of each key, from left to right and down.
    fn legend(&self) -> Vec<(f64, usize)> {
        let widths = self.keys.iter().map(|(name, _)| 16.0 + text::width(name, LABEL.size) + 20.0);
        place::flow(widths, MARGIN, WIDTH - MARGIN)
    }

    fn draw_bar(&self, c: &Canvas<'_>, bar: &Bar, (left, right): (f64, f64), y: f64) {
        let label = text::shorten(&bar.label, LABEL.size, COLUMN);
        c.text((left - 12.0, y), Anchor::Right, LABEL, &label);
        let mut from = left;
        for ((_, tone), share) in self.keys.iter().zip(&bar.shares) {
            let to = (from + share * (right - left)).min(right);
            // A gap in the colour of the paper keeps neighbours apart.
            c.fill((from, y - BAR / 2.0), ((to - 0.8).max(from), y + BAR / 2.0), *tone, 1.0);
            if to - from >= ROOM {
                let font = Font::bold(10.5, theme::on(*tone));
                let text = format!("{:.0} %", share * 100.0);
                c.text(((from + to) / 2.0, y), Anchor::Center, font, &text);
            }
            from = to;
        }
        let total = text::shorten(&bar.total, LABEL.size, WIDTH - right - 10.0);
        c.text((right + 10.0, y), Anchor::Left, LABEL, &total);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay_inside_and_bars_do_not_leave_the_plot() {
        let keys: Vec<_> =
            (0..12).map(|i| (format!("operation-{i}-backward"), theme::kind(i))).collect();
        let bar = |shares: Vec<f64>| Bar { label: "a".into(), total: "1.00 ms".into(), shares };
        let chart = Stacks {
            title: "t".into(),
            subtitle: String::new(),
            description: "d".into(),
            bars: vec![bar(vec![0.5, 0.5]), bar(vec![0.9, 0.9])],
            keys,
        };
        let places = chart.legend();
        assert!(places[11].1 > 0 && places.len() == 12);
        assert!(places.iter().all(|(x, _)| *x < WIDTH - MARGIN));
        let svg = chart.draw().unwrap().file();
        assert!(svg.contains("50 %") && !svg.contains("NaN"));
    }
}
