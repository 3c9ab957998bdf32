//! Places for labels: as near to where they belong as can be without touching each other.

/// A label's box in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Span {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Span {
    /// A box of `width` round `centre`, moved to lie within `low` and `high`.
    pub fn within(centre: f64, width: f64, low: f64, high: f64) -> Span {
        let start = (centre - width / 2.0).min(high - width).max(low);
        Span { low: start, high: start + width }
    }

    /// The middle.
    pub fn centre(self) -> f64 {
        (self.low + self.high) / 2.0
    }

    /// Whether two boxes come nearer than `gap`.
    pub fn touches(self, other: Span, gap: f64) -> bool {
        self.low < other.high + gap && other.low < self.high + gap
    }
}

/// Centres at least `pitch` apart, in the order of `wanted` and as near to it as can be (least
/// squares: isotonic regression by pooling adjacent violators), from `low` on and, where they fit,
/// up to `high`. The answer has the order of the input.
pub fn spread(wanted: &[f64], pitch: f64, low: f64, high: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    // With the pitches taken off, "at least a pitch apart" is "not falling".
    let mut pools: Vec<(f64, usize)> = Vec::new();
    for (rank, index) in order.iter().enumerate() {
        let (mut sum, mut count) = (wanted[*index] - rank as f64 * pitch, 1);
        while let Some((s, c)) = pools.last().copied()
            && s / c as f64 > sum / count as f64
        {
            (sum, count) = (sum + s, count + c);
            pools.pop();
        }
        pools.push((sum, count));
    }
    let last = (high - wanted.len().saturating_sub(1) as f64 * pitch).max(low);
    let level = |(sum, count): &(f64, usize)| {
        std::iter::repeat_n((sum / *count as f64).clamp(low, last), *count)
    };
    let mut placed = vec![0.0; wanted.len()];
    for (rank, (index, at)) in order.iter().zip(pools.iter().flat_map(level)).enumerate() {
        placed[*index] = at + rank as f64 * pitch;
    }
    placed
}

/// Gives each box, in order, the first row in which it touches no box before it.
pub fn rows(boxes: &[Span], gap: f64) -> Vec<usize> {
    let mut taken: Vec<Vec<Span>> = Vec::new();
    let mut rows = Vec::with_capacity(boxes.len());
    for span in boxes {
        let free = taken.iter().position(|row| !row.iter().any(|other| other.touches(*span, gap)));
        let row = free.unwrap_or(taken.len());
        if row == taken.len() {
            taken.push(Vec::new());
        }
        taken[row].push(*span);
        rows.push(row);
    }
    rows
}

/// Places boxes of these widths one after the other from `low` on, each with its row: a new one where
/// the next box would end beyond `high`.
pub fn flow(widths: impl Iterator<Item = f64>, low: f64, high: f64) -> Vec<(f64, usize)> {
    let (mut x, mut row) = (low, 0);
    let place = |width: f64| {
        if x > low && x + width > high {
            (x, row) = (low, row + 1);
        }
        let here = (x, row);
        x += width;
        here
    };
    widths.map(place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_order_and_distance() {
        let twelve: Vec<f64> = (0..12).map(|i| 200.0 + (i * 7 % 12) as f64).collect();
        let placed = spread(&twelve, 16.0, 50.0, 350.0);
        let mut sorted = placed.clone();
        sorted.sort_by(f64::total_cmp);
        assert!(sorted.windows(2).all(|w| w[1] - w[0] >= 16.0 - 1e-9), "{sorted:?}");
        assert!(sorted[0] >= 50.0 && sorted[11] <= 350.0 + 1e-9);
        let order = |v: &[f64]| {
            let mut order: Vec<usize> = (0..v.len()).collect();
            order.sort_by(|a, b| v[*a].total_cmp(&v[*b]));
            order
        };
        assert_eq!(order(&placed), order(&twelve));
    }

    #[test]
    fn a_label_alone_stays_where_it_belongs() {
        assert_eq!(spread(&[120.0], 16.0, 50.0, 350.0), [120.0]);
        assert_eq!(spread(&[10.0], 16.0, 50.0, 350.0), [50.0]);
        assert_eq!(spread(&[400.0, 100.0], 16.0, 50.0, 350.0), [350.0, 100.0]);
        assert_eq!(spread(&[100.0, 100.0], 16.0, 50.0, 350.0), [92.0, 108.0]);
        assert!(spread(&[], 16.0, 50.0, 350.0).is_empty());
    }

    #[test]
    fn boxes_that_touch_go_to_another_row() {
        let span = |low: f64| Span { low, high: low + 10.0 };
        assert_eq!(rows(&[span(0.0), span(5.0), span(20.0), span(8.0)], 1.0), [0, 1, 0, 2]);
        assert_eq!(Span::within(3.0, 10.0, 0.0, 100.0), span(0.0));
        assert_eq!(Span::within(99.0, 10.0, 0.0, 100.0).centre(), 95.0);
    }
}
