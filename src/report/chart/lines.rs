//! Values over sizes: one line a series with its interval, labelled at its end.

use super::canvas::{Anchor, At, Canvas, Font, Stroke};
use super::frame::{self, Frame};
use super::labels::{self, Tie};
use super::place::{self, Span};
use super::scale::XScale;
use super::theme::{INK, MUTED, Tone};
use super::{Drawing, MARGIN, Series, Unit, Value, WIDTH, text};

/// Least height of the plot.
const HEIGHT: f64 = 320.0;
/// Height of a row of marks.
const MARK_ROW: f64 = 21.0;

/// A stretch of the x axis with a label over the plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where it begins.
    pub low: f64,
    /// Where it ends; the same for a single size.
    pub high: f64,
    /// Its device's colour; none where it is that of several.
    pub tone: Option<Tone>,
    /// Drawn in dashes.
    pub dashed: bool,
    /// Its text; a mark among too many has none.
    pub label: String,
}

/// A chart of lines.
pub struct Lines {
    /// Its title.
    pub title: String,
    /// How to read it.
    pub subtitle: String,
    /// What it shows, for those who can't see it.
    pub description: String,
    /// What the x axis is.
    pub x_title: String,
    /// How it is labelled.
    pub x_scale: XScale,
    /// What the y axis is.
    pub unit: Unit,
    /// The y axis is logarithmic where values differ by more than this factor.
    pub log_from: f64,
    /// Whether points belong together as a line.
    pub joined: bool,
    /// What is shown.
    pub series: Vec<Series>,
    /// Crossovers, or caches.
    pub marks: Vec<Mark>,
}

impl Lines {
    /// Draws it; none where there is no series.
    pub fn draw(&self) -> Option<Drawing> {
        if self.series.is_empty() {
            return None;
        }
        let (frame, marks) = self.frame();
        let ends: Vec<At> = self.series.iter().map(|s| frame.end(s)).collect();
        let labels = labels::place(&self.series, &ends, frame.top, frame.bottom);
        let height = frame.bottom + 50.0 + MARGIN;
        let radius = frame::radius(&self.series);
        Some(Drawing::new(&self.title, &self.subtitle, &self.description, height, |c| {
            frame.draw(c, &self.x_title, self.unit);
            self.draw_marks(c, &frame, &marks);
            // Solid over dashed: where both agree, the solid one shows.
            let (dashed, solid): (Vec<&Series>, _) = self.series.iter().partition(|s| s.dashed);
            let ordered = || dashed.iter().chain(&solid);
            ordered().for_each(|s| draw_band(c, &frame, s, self.joined));
            ordered().for_each(|s| draw_line(c, &frame, s, self.joined));
            ordered().for_each(|s| frame.draw_points(c, s, self.joined, radius));
            let tie = if self.joined { Tie::Leader } else { Tie::Marker };
            labels.iter().for_each(|l| labels::draw(c, frame.right, l, tie));
        }))
    }

    /// Axes and margins, and the row of each mark over the plot.
    fn frame(&self) -> (Frame, Vec<(Span, usize)>) {
        // As high as the labels need.
        let height = labels::height(&self.series).max(HEIGHT);
        let y = self.unit.scale(&self.series, height, true, self.log_from);
        let note = self.unit.same().map_or(0.0, |same| text::width(same, 10.5));
        let left = MARGIN + y.label_width().max(note) + 12.0;
        let right = WIDTH - MARGIN - labels::column(&self.series);
        let places = self.series.iter().flat_map(|s| s.points.iter().map(|(x, _)| *x));
        let x = self.x_scale.of(&places.collect::<Vec<_>>(), right - left);
        let mut frame = Frame { left, right, top: 0.0, bottom: 0.0, x, y };
        let span = |m: &Mark| {
            let (low, high) = (frame.x_at(m.low), frame.x_at(m.high));
            let width = text::width(&m.label, 11.0).max(high - low);
            Span::within((low + high) / 2.0, width, left, right)
        };
        let spans: Vec<Span> = self.marks.iter().map(span).collect();
        let labelled = self.marks.iter().any(|m| !m.label.is_empty());
        let rows = if labelled { place::rows(&spans, 14.0) } else { vec![0; spans.len()] };
        let strip = rows.iter().max().map_or(0.0, |last| (last + 1) as f64 * MARK_ROW + 4.0);
        frame.top = MARGIN + 56.0 + strip;
        frame.bottom = frame.top + height;
        (frame, spans.into_iter().zip(rows).collect())
    }

    /// A line down the plot at a size, a bar over it along an unclear stretch.
    fn draw_marks(&self, c: &Canvas<'_>, f: &Frame, spans: &[(Span, usize)]) {
        for (mark, (span, row)) in self.marks.iter().zip(spans) {
            let tone = mark.tone.unwrap_or(MUTED);
            let (low, high) = (f.x_at(mark.low), f.x_at(mark.high));
            let y = f.top - 12.0 - *row as f64 * MARK_ROW;
            if high <= low {
                // Paler than a line of values.
                let stroke = Stroke { dashed: mark.dashed, opacity: 0.6, ..Stroke::new(tone, 1.0) };
                c.line(&[(low, f.top), (low, f.bottom)], stroke);
            }
            if mark.label.is_empty() {
                continue;
            }
            let (low, high) = if high > low { (low, high) } else { (low - 8.0, high + 8.0) };
            c.line(&[(low, y + 9.0), (high, y + 9.0)], Stroke::new(tone, 2.0));
            c.text((span.centre(), y), Anchor::Center, Font::new(11.0, INK), &mark.label);
        }
    }
}

/// The points that belong together: neither missing nor suspect between them.
fn runs(series: &Series) -> Vec<Vec<(f64, Value)>> {
    let mut runs = vec![Vec::new()];
    for (x, value) in &series.points {
        match value {
            Some(v) if !v.suspect => runs.last_mut().into_iter().for_each(|r| r.push((*x, *v))),
            _ => runs.push(Vec::new()),
        }
    }
    runs.retain(|r| !r.is_empty());
    runs
}

/// The interval: a band along a line, a whisker at a point alone.
fn draw_band(c: &Canvas<'_>, f: &Frame, series: &Series, joined: bool) {
    let tone = series.tone;
    let whisker = |x: f64, v: &Value| {
        let stroke = Stroke { opacity: 0.55, ..Stroke::new(tone, 1.6) };
        c.line(&[f.at(x, v.low), f.at(x, v.high)], stroke);
    };
    for run in runs(series) {
        if joined && run.len() > 1 {
            let up = run.iter().map(|(x, v)| f.at(*x, v.high));
            let down = run.iter().rev().map(|(x, v)| f.at(*x, v.low));
            c.polygon(&up.chain(down).collect::<Vec<_>>(), tone, 0.15);
        }
        // Where points are few, the ends of each interval are worth seeing.
        if !joined || series.points.len() <= 20 {
            run.iter().for_each(|(x, v)| whisker(*x, v));
        }
    }
}

fn draw_line(c: &Canvas<'_>, f: &Frame, series: &Series, joined: bool) {
    let stroke = Stroke { dashed: series.dashed, ..Stroke::new(series.tone, 2.0) };
    for run in runs(series).iter().filter(|r| joined && r.len() > 1) {
        c.line(&run.iter().map(|(x, v)| f.at(*x, v.value)).collect::<Vec<_>>(), stroke);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_suspect_points_cut_a_line() {
        let value = Value::exact(1.0);
        let suspect = Value::new(9.0, 9.0, 9.0, true);
        let points = [value, value, None, value, suspect, value, None].map(|v| (1.0, v)).to_vec();
        let series = Series::new("", MUTED, points);
        let lengths: Vec<usize> = runs(&series).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1, 1]);
    }
}
