//! Rates over intensities, under the roofs of one device (Williams, Waterman and Patterson,
//! "Roofline", 2009). A roof of arithmetic has its name at its end, among those of the points. A roof
//! of the memory has it on a flag over its ridge, where it meets the highest roof: nothing can lie up
//! there.

use super::canvas::{Anchor, At, Canvas, Font, Stroke};
use super::frame::{self, Frame};
use super::labels::{self, Tie};
use super::scale::Scale;
use super::theme::{self, INK, Tone};
use super::{Drawing, MARGIN, Series, Unit, Value, WIDTH, text, trim_zeros};
use crate::units;

/// Least height of the plot.
const HEIGHT: f64 = 380.0;
/// From a pole to its flag, height of a row of flags, and from a pole to the flag before it.
const FLAG: f64 = 5.0;
const FLAG_ROW: f64 = 17.0;
const FLAG_GAP: f64 = 8.0;
/// The highest roof is this far below the upper edge, and the ridges from the sides.
const ROOM_ABOVE: f64 = 2.0;
const ROOM_BESIDE: f64 = 2.0;

const LABEL: Font = Font::new(11.0, INK);

/// A measured roof.
#[derive(Clone, Debug, PartialEq)]
pub struct Roof {
    /// Its name with its rate.
    pub label: String,
    /// How it was reached; a roof of the memory has no room for it.
    pub detail: String,
    /// FLOP/s of a roof of arithmetic, bytes/s of one of the memory.
    pub rate: f64,
}

/// A roofline chart.
pub struct Roofline {
    /// Its title.
    pub title: String,
    /// How to read it.
    pub subtitle: String,
    /// What it shows, for those who can't see it.
    pub description: String,
    /// Colour of the roofs: the device's.
    pub tone: Tone,
    /// Roofs of arithmetic.
    pub ceilings: Vec<Roof>,
    /// Roofs of the memory.
    pub slopes: Vec<Roof>,
    /// FLOP/s over FLOP/byte.
    pub series: Vec<Series>,
}

/// A roof of the memory as it is drawn: from its foot to its ridge.
struct Slope {
    /// What its flag says.
    label: String,
    rate: f64,
    /// FLOP/byte and FLOP/s.
    foot: (f64, f64),
    ridge: (f64, f64),
}

impl Roofline {
    /// Draws it.
    pub fn draw(&self) -> Drawing {
        let labelled = self.labelled();
        let mut frame = self.frame(&labelled);
        let slopes = self.slopes(&frame);
        let flags = flags(&frame, &slopes);
        let rows = flags.iter().map(|row| row + 1).max().unwrap_or(0);
        let height = frame.bottom;
        frame.top = MARGIN + 56.0 + rows as f64 * FLAG_ROW;
        frame.bottom = frame.top + height;
        let whole = frame.bottom + 50.0 + MARGIN;
        let ends = self.ends(&frame, &labelled);
        let labels = labels::place(&labelled, &ends, frame.top, frame.bottom);
        let ties = (0..labels.len())
            .map(|i| if i < self.ceilings.len() { Tie::Bare } else { Tie::Marker });
        let radius = frame::radius(&self.series);
        Drawing::new(&self.title, &self.subtitle, &self.description, whole, |c| {
            frame.draw(c, "arithmetic intensity: FLOP a byte", Unit::Flops);
            slopes.iter().zip(&flags).for_each(|(s, row)| self.draw_slope(c, &frame, s, *row));
            self.draw_ceilings(c, &frame);
            self.series.iter().for_each(|s| frame.draw_points(c, s, false, radius));
            labels.iter().zip(ties).for_each(|(l, tie)| labels::draw(c, frame.right, l, tie));
        })
    }

    /// The highest roof of arithmetic.
    fn top(&self) -> Option<f64> {
        self.ceilings.iter().map(|roof| roof.rate).reduce(f64::max)
    }

    /// What has a label beside the plot: the roofs of arithmetic, then the points.
    fn labelled(&self) -> Vec<Series> {
        let ceiling = |roof: &Roof| {
            // Wherever the axis ends.
            let points = vec![(f64::MAX, Value::exact(roof.rate))];
            let detail = roof.detail.clone();
            Series { detail, ..Series::new(roof.label.clone(), self.tone, points) }
        };
        self.ceilings.iter().map(ceiling).chain(self.series.iter().cloned()).collect()
    }

    /// Where labels belong: those of roofs beside them, those of points below, for no leader may cross
    /// them.
    fn ends(&self, f: &Frame, labelled: &[Series]) -> Vec<At> {
        let mut ends: Vec<At> = labelled.iter().map(|s| f.end(s)).collect();
        let (roofs, points) = ends.split_at_mut(self.ceilings.len());
        let lowest = roofs.iter().map(|end| end.1).fold(f.top, f64::max);
        points.iter_mut().for_each(|end| end.1 = end.1.max(lowest + 0.01 * (end.1 - f.top)));
        ends
    }

    /// Axes that hold every point, every roof and every ridge, beside the labels.
    fn frame(&self, labelled: &[Series]) -> Frame {
        let height = labels::height(labelled).max(HEIGHT);
        let points = self.series.iter().flat_map(|s| &s.points);
        let ridges = self.slopes.iter().filter_map(|s| Some(self.top()? / s.rate));
        let ridges = ridges.flat_map(|x| [x / ROOM_BESIDE, x * ROOM_BESIDE]);
        let x: Vec<f64> = ridges.chain(points.map(|(x, _)| *x)).collect();
        let roofs = self.ceilings.iter().flat_map(|roof| [roof.rate, roof.rate * ROOM_ABOVE]);
        let y: Vec<f64> = roofs.chain(self.series.iter().flat_map(Series::values)).collect();
        let y = Scale::amounts(&y, height, true, 1.0, |v| Unit::Flops.tick(v));
        let left = MARGIN + y.label_width() + 12.0;
        let right = WIDTH - MARGIN - labels::column(labelled);
        let x = Scale::counts(&x, right - left, number);
        Frame { left, right, top: 0.0, bottom: height, x, y }
    }

    /// What there is to see of each roof of the memory, the fastest first.
    fn slopes(&self, f: &Frame) -> Vec<Slope> {
        let ((left, right), (low, high)) = (f.x.ends(), f.y.ends());
        let top = self.top().unwrap_or(high);
        let mut slopes: Vec<Slope> = Vec::new();
        for roof in &self.slopes {
            let (from, to) = (left.max(low / roof.rate), right.min(top / roof.rate));
            if from < to {
                let (foot, ridge) = ((from, from * roof.rate), (to, to * roof.rate));
                let room = WIDTH - MARGIN - f.x_at(to) - FLAG;
                let label = text::shorten(&roof.label, LABEL.size, room);
                slopes.push(Slope { label, rate: roof.rate, foot, ridge });
            }
        }
        slopes.sort_by(|a, b| b.rate.total_cmp(&a.rate));
        slopes
    }

    fn draw_slope(&self, c: &Canvas<'_>, f: &Frame, slope: &Slope, row: usize) {
        let ridge = f.at(slope.ridge.0, slope.ridge.1);
        c.line(&[f.at(slope.foot.0, slope.foot.1), ridge], Stroke::new(self.tone, 1.6));
        let y = f.top - 8.0 - row as f64 * FLAG_ROW;
        c.line(&[ridge, (ridge.0, y - 6.0)], Stroke::new(theme::AXIS, 1.0));
        c.text((ridge.0 + FLAG, y), Anchor::Left, LABEL, &slope.label);
    }

    /// From the fastest roof of the memory on.
    fn draw_ceilings(&self, c: &Canvas<'_>, f: &Frame) {
        let (left, right) = f.x.ends();
        let fastest = self.slopes.iter().map(|roof| roof.rate).reduce(f64::max);
        for roof in &self.ceilings {
            let from = fastest.map_or(left, |rate| roof.rate / rate).clamp(left, right);
            let line = [f.at(from, roof.rate), f.at(right, roof.rate)];
            c.line(&line, Stroke::new(self.tone, 1.6));
        }
    }
}

/// The row of each flag over the plot. A flag hangs to the right of its pole: where it would touch
/// the pole of the next one, which is that of slower memory, it hangs above that.
fn flags(f: &Frame, slopes: &[Slope]) -> Vec<usize> {
    let mut rows = vec![0; slopes.len()];
    for i in (0..slopes.len().saturating_sub(1)).rev() {
        let [pole, next] = [i, i + 1].map(|i| f.x_at(slopes[i].ridge.0));
        let end = pole + FLAG + text::width(&slopes[i].label, LABEL.size);
        rows[i] = if end + FLAG_GAP > next { rows[i + 1] + 1 } else { 0 };
    }
    rows
}

/// `0.01`, `1.5`, `1000`.
fn number(value: f64) -> String {
    if value >= 1e-3 {
        return trim_zeros(&units::significant(value));
    }
    format!("{value:e}")
}

#[cfg(test)]
mod tests;
