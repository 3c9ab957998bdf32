//! Labels at the ends of lines: texts, places and the column they stand in.

use super::canvas::{Anchor, At, Canvas, Font, Stroke};
use super::theme::{INK, MUTED};
use super::{Series, place, text};

/// Widest column.
const COLUMN: f64 = 330.0;
/// From the plot to the texts: leader and marker stand between.
const KEY: f64 = 34.0;
/// Most series whose labels get two lines, and three.
const TWO_LINES: usize = 12;
const THREE_LINES: usize = 6;
/// Height of a line of text.
const LINE: f64 = 15.0;

const NAME: Font = Font::new(12.0, INK);
const DETAIL: Font = Font::new(11.0, MUTED);

/// What ties a label to its series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tie {
    /// Its marker alone.
    Marker,
    /// Its marker, and a leader from the end of its line.
    Leader,
    /// A leader alone: a line without points.
    Bare,
}

/// A series' label: its marker, its texts and their place.
pub struct Label<'a> {
    series: &'a Series,
    lines: Vec<(String, Font)>,
    end: At,
    y: f64,
}

/// Lines of text a label has among so many.
fn lines(series: &[Series]) -> usize {
    let noted = series.iter().any(|s| !s.note.is_empty());
    match series.len() {
        ..=THREE_LINES if noted => 3,
        ..=TWO_LINES => 2,
        _ => 1,
    }
}

/// From one label to the next.
fn pitch(series: &[Series]) -> f64 {
    lines(series) as f64 * LINE + 4.0
}

/// Height that all labels need.
pub fn height(series: &[Series]) -> f64 {
    pitch(series) * series.len() as f64
}

/// Width of the column, with leaders and markers.
pub fn column(series: &[Series]) -> f64 {
    if lines(series) == 1 {
        return COLUMN;
    }
    let width = |s: &Series| {
        let small = [&s.detail, &s.note].map(|t| text::width(t, DETAIL.size));
        small.into_iter().fold(text::width(&s.name, NAME.size), f64::max)
    };
    (series.iter().map(width).fold(0.0, f64::max) + KEY).clamp(100.0, COLUMN)
}

/// Places a label for each series, near to where its line ends (`ends`), between `top` and
/// `bottom`.
pub fn place<'a>(series: &'a [Series], ends: &[At], top: f64, bottom: f64) -> Vec<Label<'a>> {
    let (count, pitch) = (lines(series), pitch(series));
    // What the column was made for must fit, whatever the last bit of a sum.
    let room = column(series) - KEY + 0.01;
    let wanted: Vec<f64> = ends.iter().map(|e| e.1).collect();
    let (low, high) = (top + pitch / 2.0 - 6.0, bottom - pitch / 2.0 + 6.0);
    let placed = place::spread(&wanted, pitch, low, high);
    let label = |((series, end), y): ((&'a Series, &At), f64)| Label {
        series,
        lines: texts(series, count, room),
        end: *end,
        y,
    };
    series.iter().zip(ends).zip(placed).map(label).collect()
}

fn texts(series: &Series, count: usize, room: f64) -> Vec<(String, Font)> {
    if count == 1 {
        let detail = text::shorten(&series.detail, DETAIL.size, room * 0.55);
        let rest = room - text::width(&detail, DETAIL.size) - text::width(", ", DETAIL.size);
        let name = text::shorten(&series.name, DETAIL.size, rest);
        let text = if detail.is_empty() { name } else { format!("{name}, {detail}") };
        return vec![(text, Font::new(DETAIL.size, INK))];
    }
    let all = [(&series.name, NAME), (&series.detail, DETAIL), (&series.note, DETAIL)];
    let shown = all.into_iter().take(count).filter(|(line, _)| !line.is_empty());
    shown.map(|(line, font)| (text::shorten(line, font.size, room), font)).collect()
}

/// Draws a label right of a plot that ends at `right`.
pub fn draw(c: &Canvas<'_>, right: f64, label: &Label<'_>, tie: Tie) {
    let tone = label.series.tone;
    let key = right + 22.0;
    let top = label.y - (label.lines.len() as f64 - 1.0) * LINE / 2.0;
    if tie != Tie::Marker {
        let leader = Stroke { opacity: 0.45, ..Stroke::new(tone, 1.0) };
        let (from, to) = if tie == Tie::Bare { (0.0, 6.0) } else { (7.0, -9.0) };
        c.line(&[(label.end.0 + from, label.end.1), (key + to, top)], leader);
    }
    if tie != Tie::Bare {
        let look = label.series.look(tie == Tie::Leader);
        c.marker((key, top), label.series.marker, tone, 4.2, look);
    }
    for (i, (line, font)) in label.lines.iter().enumerate() {
        c.text((right + KEY, top + LINE * i as f64), Anchor::Left, *font, line);
    }
}

#[cfg(test)]
mod tests {
    use super::super::place::Span;
    use super::*;

    fn series(count: usize) -> Vec<Series> {
        let name = "GPU with a name of eighty characters and more, which is a very long one indeed";
        let one = |_| Series {
            detail: "packed, with transfers".into(),
            note: "from 128 on".into(),
            ..Series::new(name, INK, Vec::new())
        };
        (0..count).map(one).collect()
    }

    /// The boxes of all labels, of few series and of many, keep apart and within the column.
    #[test]
    fn labels_do_not_overlap() {
        for count in [1, 2, 6, 7, 12, 13, 60] {
            let series = series(count);
            let (top, bottom) = (80.0, 80.0 + height(&series).max(320.0));
            // All lines end within a few pixels.
            let ends: Vec<At> = (0..count).map(|i| (500.0, 300.0 + (i % 5) as f64)).collect();
            let mut boxes: Vec<Span> = Vec::new();
            for label in place(&series, &ends, top, bottom) {
                let half = label.lines.len() as f64 * LINE / 2.0;
                boxes.push(Span { low: label.y - half, high: label.y + half });
                for (line, font) in &label.lines {
                    assert!(KEY + text::width(line, font.size) <= COLUMN, "{line}");
                }
            }
            boxes.sort_by(|a, b| a.low.total_cmp(&b.low));
            assert!(boxes.windows(2).all(|w| !w[0].touches(w[1], 0.0)), "{boxes:?}");
            assert!(boxes.iter().all(|b| b.low > top - 8.0 && b.high < bottom + 8.0), "{boxes:?}");
        }
    }
}
