//! Values over sizes: one line a series with its interval, labelled at its end.

use super::canvas::{self, Anchor, At, Canvas, Font, Look, Stroke};
use super::place::{self, Span};
use super::scale::{Scale, TICK_SIZE};
use super::theme::{self, AXIS, GRID, INK, MUTED};
use super::{Drawing, MARGIN, SAME, Series, Unit, Value, WIDTH, draw_head, text};

/// Least height of the plot.
const HEIGHT: f64 = 320.0;
/// Widest column of labels.
const COLUMN: f64 = 290.0;
/// From the plot to the texts of the labels: leader and marker stand between.
const KEY: f64 = 34.0;
/// Most series whose labels get two lines, and three.
const TWO_LINES: usize = 12;
const THREE_LINES: usize = 6;
/// Height of a line of a label.
const LINE: f64 = 15.0;
/// Height of a row of marks.
const MARK_ROW: f64 = 21.0;

const NAME: Font = Font::new(12.0, INK);
const DETAIL: Font = Font::new(11.0, MUTED);
const TICK: Font = Font::new(TICK_SIZE, MUTED);

/// A stretch of the x axis with a label over the plot.
#[derive(Clone, Debug, PartialEq)]
pub struct Mark {
    /// Where it begins.
    pub low: f64,
    /// Where it ends; the same for a single size.
    pub high: f64,
    /// Number of the device, for the colour.
    pub colour: usize,
    /// Drawn in dashes.
    pub dashed: bool,
    /// Its text.
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
    /// Makes the x axis from its values and its length in pixels.
    pub x_scale: fn(&[f64], f64) -> Scale,
    /// What the y axis is.
    pub unit: Unit,
    /// Whether points belong together as a line.
    pub joined: bool,
    /// What is shown.
    pub series: Vec<Series>,
    /// Crossovers.
    pub marks: Vec<Mark>,
}

/// The plot's place and axes.
struct Frame {
    left: f64,
    right: f64,
    top: f64,
    bottom: f64,
    x: Scale,
    y: Scale,
}

impl Frame {
    fn x_at(&self, value: f64) -> f64 {
        self.left + self.x.place(value) * (self.right - self.left)
    }

    fn y_at(&self, value: f64) -> f64 {
        self.bottom - self.y.place(value) * (self.bottom - self.top)
    }

    fn at(&self, x: f64, y: f64) -> At {
        (self.x_at(x), self.y_at(y))
    }
}

/// A series' label: its marker, its texts and their place.
struct Label<'a> {
    series: &'a Series,
    lines: Vec<(String, Font)>,
    end: At,
    y: f64,
}

impl Lines {
    /// Draws it.
    pub fn draw(self) -> Drawing {
        let (frame, marks) = self.frame();
        let labels = self.labels(&frame);
        let height = frame.bottom + 50.0 + MARGIN;
        let body = canvas::paint(WIDTH, height, |c| {
            c.fill((0.0, 0.0), (WIDTH, height), theme::PAPER, 1.0);
            draw_head(c, &self.title, &self.subtitle);
            self.draw_axes(c, &frame);
            self.draw_marks(c, &frame, &marks);
            self.series.iter().for_each(|s| draw_band(c, &frame, s, self.joined));
            self.series.iter().for_each(|s| draw_line(c, &frame, s, self.joined));
            self.series.iter().for_each(|s| draw_points(c, &frame, s, self.joined));
            labels.iter().for_each(|label| draw_label(c, &frame, label, self.joined));
        });
        Drawing {
            title: self.title,
            description: self.description,
            size: (WIDTH, height),
            body,
        }
    }

    /// Lines of a label.
    fn label_lines(&self) -> usize {
        let count = self.series.len();
        let most = self.series.iter().map(|s| if s.note.is_empty() { 2 } else { 3 }).max();
        match count {
            ..=THREE_LINES => most.unwrap_or(2),
            ..=TWO_LINES => 2,
            _ => 1,
        }
    }

    /// From one label to the next.
    fn pitch(&self) -> f64 {
        self.label_lines() as f64 * LINE + 4.0
    }

    /// Axes and margins, and the row of each mark over the plot.
    fn frame(&self) -> (Frame, Vec<(Span, usize)>) {
        // As high as the labels need.
        let height = (self.pitch() * self.series.len() as f64).max(HEIGHT);
        let y = self.unit.scale(&self.series, height, true);
        let note = if self.unit == Unit::Ratio { text::width(SAME, 10.5) } else { 0.0 };
        let left = MARGIN + y.label_width().max(note) + 12.0;
        let right = WIDTH - MARGIN - self.column();
        let places = self.series.iter().flat_map(|s| s.points.iter().map(|(x, _)| *x));
        let x = (self.x_scale)(&places.collect::<Vec<_>>(), right - left);
        let mut frame = Frame { left, right, top: 0.0, bottom: 0.0, x, y };
        let span = |m: &Mark| {
            let (low, high) = (frame.x_at(m.low), frame.x_at(m.high));
            let width = text::width(&m.label, 11.0).max(high - low);
            Span::within((low + high) / 2.0, width, left, right)
        };
        let spans: Vec<Span> = self.marks.iter().map(span).collect();
        let rows = place::rows(&spans, 14.0);
        let strip = rows.iter().max().map_or(0.0, |last| (last + 1) as f64 * MARK_ROW + 4.0);
        frame.top = MARGIN + 56.0 + strip;
        frame.bottom = frame.top + height;
        (frame, spans.into_iter().zip(rows).collect())
    }

    fn column(&self) -> f64 {
        let width = |s: &Series| {
            let small = [&s.detail, &s.note].map(|t| text::width(t, DETAIL.size));
            small.into_iter().fold(text::width(&s.name, NAME.size), f64::max)
        };
        let texts = if self.label_lines() == 1 {
            COLUMN
        } else {
            self.series.iter().map(width).fold(0.0, f64::max)
        };
        (texts + KEY).clamp(100.0, COLUMN)
    }

    fn labels(&self, frame: &Frame) -> Vec<Label<'_>> {
        let (count, pitch) = (self.label_lines(), self.pitch());
        let room = WIDTH - MARGIN - frame.right - KEY;
        let ends: Vec<At> = self.series.iter().map(|s| end(frame, s)).collect();
        let wanted: Vec<f64> = ends.iter().map(|e| e.1).collect();
        let (low, high) = (frame.top + pitch / 2.0 - 6.0, frame.bottom - pitch / 2.0 + 6.0);
        let placed = place::spread(&wanted, pitch, low, high);
        let label = |((series, end), y): ((_, At), f64)| {
            Label { series, lines: lines_of(series, count, room), end, y }
        };
        self.series.iter().zip(ends).zip(placed).map(label).collect()
    }

    fn draw_axes(&self, c: &Canvas<'_>, f: &Frame) {
        for tick in &f.y.ticks {
            let y = f.y_at(tick.value);
            let same = self.unit == Unit::Ratio && tick.value == 1.0;
            let stroke = if same { Stroke::new(AXIS, 1.5) } else { Stroke::new(GRID, 1.0) };
            c.line(&[(f.left, y), (f.right, y)], stroke);
            let font = if same { Font::bold(TICK_SIZE, INK) } else { TICK };
            c.text((f.left - 10.0, y), Anchor::End, font, &tick.label);
            if same {
                c.text((f.left - 10.0, y + 13.0), Anchor::End, Font::new(10.5, MUTED), SAME);
            }
        }
        c.line(&[(f.left, f.bottom), (f.right, f.bottom)], Stroke::new(AXIS, 1.0));
        for tick in &f.x.ticks {
            let x = f.x_at(tick.value);
            c.line(&[(x, f.bottom), (x, f.bottom + 5.0)], Stroke::new(AXIS, 1.0));
            c.text((x, f.bottom + 17.0), Anchor::Middle, TICK, &tick.label);
        }
        let title = text::shorten(&self.x_title, 12.0, f.right - f.left);
        let middle = ((f.left + f.right) / 2.0, f.bottom + 40.0);
        c.text(middle, Anchor::Middle, Font::new(12.0, MUTED), &title);
    }

    /// Crossovers: a line down the plot at a size, a bar over it along an unclear stretch.
    fn draw_marks(&self, c: &Canvas<'_>, f: &Frame, spans: &[(Span, usize)]) {
        for (mark, (span, row)) in self.marks.iter().zip(spans) {
            let tone = theme::device(mark.colour);
            let (low, high) = (f.x_at(mark.low), f.x_at(mark.high));
            let y = f.top - 12.0 - *row as f64 * MARK_ROW;
            if high > low {
                c.line(&[(low, y + 9.0), (high, y + 9.0)], Stroke::new(tone, 2.0));
            } else {
                let stroke = Stroke { dashed: mark.dashed, ..Stroke::new(tone, 1.0) };
                c.line(&[(low, f.top), (low, f.bottom)], stroke);
                c.line(&[(low - 8.0, y + 9.0), (low + 8.0, y + 9.0)], Stroke::new(tone, 2.0));
            }
            c.text((span.centre(), y), Anchor::Middle, Font::new(11.0, INK), &mark.label);
        }
    }
}

/// Where the series' label belongs: its last point.
fn end(f: &Frame, series: &Series) -> At {
    let solid = series.points.iter().rev().find_map(|(x, v)| v.map(|v| (*x, v.value)));
    solid.map_or((f.right, f.bottom), |(x, y)| f.at(x, y))
}

fn lines_of(series: &Series, count: usize, room: f64) -> Vec<(String, Font)> {
    if count == 1 {
        let detail = text::shorten(&series.detail, DETAIL.size, room * 0.55);
        let rest = room - text::width(&detail, DETAIL.size) - text::width(", ", DETAIL.size);
        let name = text::shorten(&series.name, DETAIL.size, rest);
        return vec![(format!("{name}, {detail}"), Font::new(DETAIL.size, INK))];
    }
    let all = [(&series.name, NAME), (&series.detail, DETAIL), (&series.note, DETAIL)];
    let shown = all.into_iter().take(count).filter(|(line, _)| !line.is_empty());
    shown.map(|(line, font)| (text::shorten(line, font.size, room), font)).collect()
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
    let tone = theme::device(series.colour);
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
    let stroke =
        Stroke { dashed: series.dashed, ..Stroke::new(theme::device(series.colour), 2.0) };
    for run in runs(series).iter().filter(|r| joined && r.len() > 1) {
        c.line(&run.iter().map(|(x, v)| f.at(*x, v.value)).collect::<Vec<_>>(), stroke);
    }
}

fn draw_points(c: &Canvas<'_>, f: &Frame, series: &Series, joined: bool) {
    let radius = if series.points.len() > 20 { 3.0 } else { 4.2 };
    let tone = theme::device(series.colour);
    for (x, value) in &series.points {
        let Some(v) = value else { continue };
        let look = if v.suspect { Look::Hollow } else { usual_look(series, joined) };
        c.marker(f.at(*x, v.value), series.marker, tone, radius, look);
    }
}

fn usual_look(series: &Series, joined: bool) -> Look {
    if series.dashed && !joined { Look::Pale } else { Look::Solid }
}

fn draw_label(c: &Canvas<'_>, f: &Frame, label: &Label<'_>, joined: bool) {
    let tone = theme::device(label.series.colour);
    let key = f.right + 22.0;
    let top = label.y - (label.lines.len() as f64 - 1.0) * LINE / 2.0;
    if joined {
        let leader = Stroke { opacity: 0.45, ..Stroke::new(tone, 1.0) };
        c.line(&[(label.end.0 + 7.0, label.end.1), (key - 9.0, top)], leader);
    }
    c.marker((key, top), label.series.marker, tone, 4.2, usual_look(label.series, joined));
    for (i, (line, font)) in label.lines.iter().enumerate() {
        c.text((f.right + KEY, top + LINE * i as f64), Anchor::Start, *font, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn series(count: usize) -> Vec<Series> {
        let point = |i: usize, x: u32| {
            let value = f64::from(x) * (1.0 + i as f64 / 100.0);
            (f64::from(x), Value::new(value, value * 0.9, value * 1.1, false))
        };
        let one = |i| Series {
            name: format!("GPU number {i} with a name of eighty characters, which is a very long one"),
            detail: "packed, with transfers".into(),
            note: "from 128 on".into(),
            colour: i,
            marker: i,
            dashed: i % 2 == 1,
            points: [64, 128, 256].map(|x| point(i, x)).to_vec(),
        };
        (0..count).map(one).collect()
    }

    fn chart(count: usize) -> Lines {
        Lines {
            title: "A title".into(),
            subtitle: String::new(),
            description: String::new(),
            x_title: "size".into(),
            x_scale: |values, width| Scale::sizes(values, width, |v| v.to_string()),
            unit: Unit::Ratio,
            joined: true,
            series: series(count),
            marks: Vec::new(),
        }
    }

    /// The boxes of all labels, of few series and of many, keep apart and within the drawing.
    #[test]
    fn labels_do_not_overlap() {
        for count in [1, 2, 6, 7, 12, 13, 60] {
            let chart = chart(count);
            let (frame, _) = chart.frame();
            let mut boxes: Vec<Span> = Vec::new();
            for label in chart.labels(&frame) {
                let half = label.lines.len() as f64 * LINE / 2.0;
                boxes.push(Span { low: label.y - half, high: label.y + half });
                for (line, font) in &label.lines {
                    let end = frame.right + KEY + text::width(line, font.size);
                    assert!(end <= WIDTH, "{line} ends at {end}");
                }
            }
            boxes.sort_by(|a, b| a.low.total_cmp(&b.low));
            assert!(boxes.windows(2).all(|w| !w[0].touches(w[1], 0.0)), "{boxes:?}");
            assert!(boxes.iter().all(|b| b.low > 0.0 && b.high < frame.bottom + 20.0));
        }
    }

    #[test]
    fn missing_and_suspect_points_cut_a_line() {
        let mut series = series(1).remove(0);
        let value = Value::new(1.0, 1.0, 1.0, false);
        let suspect = Value::new(9.0, 9.0, 9.0, true);
        series.points = [value, value, None, value, suspect, value, None].map(|v| (1.0, v)).to_vec();
        let lengths: Vec<usize> = runs(&series).iter().map(Vec::len).collect();
        assert_eq!(lengths, [2, 1, 1]);
    }
}
