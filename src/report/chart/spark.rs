//! A line of speed-ups that is no larger than a word.

use super::canvas::{self, At, Look, Stroke};
use super::theme::{AXIS, PAPER, Tone};

/// Size in pixels.
const SIZE: At = (112.0, 30.0);
/// Space round the line, for its last point.
const EDGE: f64 = 4.0;

/// Octaves that a drawing has room for at least.
const LEAST: f64 = 1.0;

/// Speed-ups over sizes, with the line at 1x.
pub struct Spark {
    /// Colour of the device.
    pub tone: Tone,
    /// The least and the greatest ratio that the drawing has room for.
    pub extent: (f64, f64),
    /// Sizes, and what was found there; none leaves a gap.
    pub points: Vec<(f64, Option<f64>)>,
    /// What it shows, for those who can't see it.
    pub words: String,
}

impl Spark {
    /// Where a size lies between the first and the last.
    fn x_share(&self, size: f64) -> f64 {
        let place = |size: f64| size.max(1.0).log2();
        let ends = self.points.first().zip(self.points.last());
        let (first, last) = ends.map_or((0.0, 0.0), |(a, b)| (place(a.0), place(b.0)));
        if last > first { ((place(size) - first) / (last - first)).clamp(0.0, 1.0) } else { 0.5 }
    }

    /// Where a ratio lies between the least and the greatest, which are never close together: next to nothing
    /// is not to look like much.
    fn y_share(&self, ratio: f64) -> f64 {
        let (low, high) = (self.extent.0.log2(), self.extent.1.log2());
        let more = (LEAST - (high - low)).max(0.0) / 2.0;
        ((ratio.log2() - low + more) / (high - low + 2.0 * more)).clamp(0.0, 1.0)
    }

    /// Its SVG element, for a page that has [`css`](super::css).
    pub fn draw(&self) -> String {
        let (width, height) = SIZE;
        let within = |share: f64, length: f64| EDGE + share * (length - 2.0 * EDGE);
        let at = |size: f64, ratio: f64| {
            (within(self.x_share(size), width), height - within(self.y_share(ratio), height))
        };
        let body = canvas::paint(width, height, |c| {
            c.fill((0.0, 0.0), SIZE, PAPER, 1.0);
            let same = at(1.0, 1.0).1;
            c.line(&[(0.0, same), (width, same)], Stroke::new(AXIS, 1.0));
            let runs = self.points.split(|(_, ratio)| ratio.is_none());
            let place = |(size, ratio): &(f64, Option<f64>)| Some(at(*size, (*ratio)?));
            for run in runs.filter(|run| run.len() > 1) {
                let run: Vec<At> = run.iter().filter_map(place).collect();
                c.line(&run, Stroke::new(self.tone, 2.0));
            }
            if let Some(last) = self.points.iter().rev().find_map(place) {
                c.marker(last, 0, self.tone, 2.8, Look::Solid);
            }
        });
        canvas::wrap(&body, SIZE, "Speed-up over sizes", &self.words, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::device;

    #[test]
    fn gaps_cut_the_line_and_odd_numbers_draw() {
        let spark = |points: &[(f64, Option<f64>)]| {
            let words = "0.5× to 2×".to_string();
            Spark { tone: device(1), extent: (0.5, 2.0), points: points.to_vec(), words }.draw()
        };
        let lines = |svg: &str| svg.matches("<polyline").count();
        let whole = spark(&[(1.0, Some(0.5)), (2.0, Some(1.0)), (4.0, Some(2.0))]);
        let cut = spark(&[
            (1.0, Some(0.5)),
            (2.0, Some(1.0)),
            (4.0, None),
            (8.0, Some(2.0)),
            (16.0, Some(2.0)),
        ]);
        // The line at 1x is one of them.
        assert_eq!((lines(&whole), lines(&cut)), (2, 3), "{cut}");
        assert!(whole.contains("aria-label=\"Speed-up over sizes. 0.5× to 2×\""), "{whole}");
        for odd in [&[][..], &[(0.0, None)], &[(0.0, Some(1e-300)), (u64::MAX as f64, Some(1e300))]]
        {
            assert!(!spark(odd).contains("NaN"), "{odd:?}");
        }
    }
}
