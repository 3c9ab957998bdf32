//! Axes: which part of the number line is shown, and where it is labelled. plotters' own log axes
//! crowd their labels, so an axis here is linear over the logarithm and chooses its ticks itself.

use super::place::Span;
use super::{text, trim_zeros};

/// Font size of tick labels in pixels.
pub const TICK_SIZE: f64 = 12.0;

/// Rates and times that differ by more than this factor are usually shown on a log axis.
pub const LOG_FROM: f64 = 100.0;

/// How a value becomes a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Linear,
    Log,
}

impl Kind {
    fn of(self, value: f64) -> f64 {
        match self {
            Kind::Linear => value,
            Kind::Log => value.max(f64::MIN_POSITIVE).log2(),
        }
    }
}

/// How an x axis is made of the values on it, and what its labels say of one.
#[derive(Clone, Copy)]
pub enum XScale {
    /// [`Scale::sizes`].
    Sizes(fn(f64) -> String),
    /// [`Scale::counts`], without the zeros that a measured number would carry.
    Counts(fn(f64) -> String),
}

impl XScale {
    /// The axis over `width` pixels.
    pub fn of(self, values: &[f64], width: f64) -> Scale {
        match self {
            XScale::Sizes(label) => Scale::sizes(values, width, label),
            XScale::Counts(label) => Scale::counts(values, width, |v| trim_zeros(&label(v))),
        }
    }
}

/// A labelled value.
#[derive(Clone, Debug, PartialEq)]
pub struct Tick {
    /// The value.
    pub value: f64,
    /// Its text.
    pub label: String,
}

/// One axis.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    kind: Kind,
    low: f64,
    high: f64,
    /// What is labelled, in no order.
    pub ticks: Vec<Tick>,
}

impl Scale {
    /// Log axis of sizes over `width` pixels, labelled at sizes that were measured: powers of two,
    /// then halfway between them, and others where these are few. Linear where 0 is a size.
    pub fn sizes(values: &[f64], width: f64, label: impl Fn(f64) -> String) -> Scale {
        if values.contains(&0.0) {
            return Scale::from_zero(values, width, label);
        }
        let mut scale = Scale::log(values, 0.15);
        let mut wanted: Vec<f64> = values.to_vec();
        wanted.sort_by(f64::total_cmp);
        wanted.dedup();
        // A stable sort: within each class the order stays.
        wanted.sort_by_key(|v| odd_part(*v));
        let round = wanted.iter().filter(|v| odd_part(**v) <= 3).count();
        if round > 3 {
            wanted.truncate(round);
        } else if round < 2 {
            wanted.sort_by(f64::total_cmp);
        }
        scale.ticks = scale.fitting(&wanted, false, 12.0, width, label);
        scale
    }

    /// Linear axis of sizes from 0 on over `width` pixels, labelled at sizes that were measured, the ends
    /// first.
    fn from_zero(values: &[f64], width: f64, label: impl Fn(f64) -> String) -> Scale {
        let most = range(values).1;
        let mut scale =
            Scale { kind: Kind::Linear, low: -0.05 * most, high: 1.05 * most, ticks: Vec::new() };
        let mut wanted = values.to_vec();
        wanted.sort_by(f64::total_cmp);
        wanted.dedup();
        let last = wanted.len().saturating_sub(1);
        wanted.swap(last.min(1), last);
        scale.ticks = scale.fitting(&wanted, false, 12.0, width, label);
        scale
    }

    /// Axis of rates or times over `length` pixels: linear from 0, or log where the values differ by
    /// more than the factor `log_from`. `vertical` labels need less room.
    pub fn amounts(
        values: &[f64],
        length: f64,
        vertical: bool,
        log_from: f64,
        label: impl Fn(f64) -> String,
    ) -> Scale {
        let (least, most) = range(values);
        let gap = if vertical { 10.0 } else { 16.0 };
        if most / least > log_from {
            let mut scale = Scale::log(values, 0.04);
            let decades = decades(least, most);
            let between = |factor: f64| decades.iter().map(move |v| factor * v);
            let fine: Vec<f64> = between(1.0).chain(between(2.0)).chain(between(5.0)).collect();
            let shown = |ticks: &[f64]| ticks.iter().filter(|v| scale.shows(**v)).count();
            // Few decades leave room for what lies between them: for all of it, or a reader would look
            // for a rule behind those that are there.
            let all = scale.fitting(&fine, vertical, gap, length, &label);
            let is_fine = match shown(&decades) {
                0 | 1 => true,
                2 | 3 => all.len() == shown(&fine),
                _ => false,
            };
            scale.ticks = match is_fine {
                true => all,
                false => scale.fitting(&decades, vertical, gap, length, label),
            };
            return scale;
        }
        let step = round_step(most / 5.0);
        let steps = (most * 1.02 / step).ceil().clamp(1.0, 12.0);
        let mut scale =
            Scale { kind: Kind::Linear, low: 0.0, high: steps * step, ticks: Vec::new() };
        let wanted: Vec<f64> = (0..=steps as u32).map(|i| f64::from(i) * step).collect();
        scale.ticks = scale.fitting(&wanted, vertical, gap, length, label);
        scale
    }

    /// Log axis of ratios over `length` pixels: always shows 1, and an octave on both sides.
    pub fn ratios(
        values: &[f64],
        length: f64,
        vertical: bool,
        label: impl Fn(f64) -> String,
    ) -> Scale {
        let around: Vec<f64> = values.iter().copied().chain([0.5, 2.0]).collect();
        let mut scale = Scale::log(&around, 0.05);
        let octaves = scale.high - scale.low;
        let step = [1, 2, 3, 5, 10].into_iter().find(|s| octaves / f64::from(*s) <= 9.0);
        let (low, high) = (scale.low.floor() as i32, scale.high.ceil() as i32);
        let step = step.unwrap_or(20);
        // 1 first, then outwards.
        let mut powers: Vec<i32> = (low..=high).filter(|e| e % step == 0).collect();
        powers.sort_by_key(|e| e.abs());
        let wanted: Vec<f64> = powers.iter().map(|e| 2f64.powi(*e)).collect();
        scale.ticks = scale.fitting(&wanted, vertical, 10.0, length, label);
        scale
    }

    /// Log axis of counts (FLOP, bytes) over `length` pixels, labelled at decades.
    pub fn counts(values: &[f64], length: f64, label: impl Fn(f64) -> String) -> Scale {
        let (least, most) = range(values);
        let mut scale = Scale::log(values, 0.05);
        let mut wanted = decades(least, most);
        if wanted.iter().filter(|v| scale.shows(**v)).count() < 2 {
            wanted = vec![least, most];
        }
        scale.ticks = scale.fitting(&wanted, false, 16.0, length, label);
        scale
    }

    /// A log axis from the least to the greatest value, wider by `margin` of it on both sides and
    /// never under an octave.
    fn log(values: &[f64], margin: f64) -> Scale {
        let (least, most) = range(values);
        let (low, high) = (least.log2(), most.log2());
        let more = ((high - low) * margin).clamp(0.1, 0.5).max((1.0 - (high - low)) / 2.0);
        Scale { kind: Kind::Log, low: low - more, high: high + more, ticks: Vec::new() }
    }

    /// Where a value lies: 0 at the low end of the axis, 1 at its high end, never beyond.
    pub fn place(&self, value: f64) -> f64 {
        ((self.kind.of(value) - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    /// The ends of a log axis.
    pub fn ends(&self) -> (f64, f64) {
        (self.low.exp2(), self.high.exp2())
    }

    fn shows(&self, value: f64) -> bool {
        let at = self.kind.of(value);
        at >= self.low - 1e-9 && at <= self.high + 1e-9
    }

    /// The widest tick label in pixels.
    pub fn label_width(&self) -> f64 {
        self.ticks.iter().map(|t| text::width(&t.label, TICK_SIZE)).fold(0.0, f64::max)
    }

    /// Ticks for the wanted values, the first ones first, as long as their labels keep apart.
    fn fitting(
        &self,
        wanted: &[f64],
        vertical: bool,
        gap: f64,
        length: f64,
        label: impl Fn(f64) -> String,
    ) -> Vec<Tick> {
        let mut taken: Vec<Span> = Vec::new();
        let mut ticks = Vec::new();
        for value in wanted.iter().copied().filter(|v| self.shows(*v)) {
            // Even an absurd number from a file leaves room for the plot.
            let label = text::shorten(&label(value), TICK_SIZE, 130.0);
            let size = if vertical { TICK_SIZE } else { text::width(&label, TICK_SIZE) };
            let centre = self.place(value) * length;
            let span = Span { low: centre - size / 2.0, high: centre + size / 2.0 };
            if !taken.iter().any(|other| other.touches(span, gap)) {
                taken.push(span);
                ticks.push(Tick { value, label });
            }
        }
        ticks
    }
}

/// What is left of a whole number without its factors of two, where that is 1 or 3; else 5.
fn odd_part(value: f64) -> u32 {
    [1, 3].into_iter().find(|n| (value / f64::from(*n)).log2().fract() == 0.0).unwrap_or(5)
}

/// Least and greatest of the values that a log axis can show; 1 to 1 without any.
fn range(values: &[f64]) -> (f64, f64) {
    let fit = values.iter().copied().filter(|v| v.is_finite() && *v > 0.0);
    let (least, most) = fit.fold((f64::INFINITY, 0.0), |(low, high), v| (v.min(low), v.max(high)));
    if most > 0.0 { (least, most) } else { (1.0, 1.0) }
}

/// The powers of ten round the least and the most, and between them.
fn decades(least: f64, most: f64) -> Vec<f64> {
    let powers = (least.log10().floor() as i32)..=(most.log10().ceil() as i32);
    powers.map(|e| 10f64.powi(e)).collect()
}

/// The next 1, 2 or 5 times a power of ten from `value` up.
fn round_step(value: f64) -> f64 {
    let power = 10f64.powf(value.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|f| f * power >= value * 0.999);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(scale: &Scale) -> Vec<&str> {
        let mut ticks: Vec<&Tick> = scale.ticks.iter().collect();
        ticks.sort_by(|a, b| a.value.total_cmp(&b.value));
        ticks.iter().map(|t| t.label.as_str()).collect()
    }

    #[test]
    fn powers_of_two_are_labelled_before_their_neighbours() {
        let values = [127.0, 128.0, 129.0, 255.0, 256.0, 257.0, 512.0, 600.0];
        let scale = Scale::sizes(&values, 500.0, |v| v.to_string());
        assert_eq!(labels(&scale), ["128", "256", "512", "600"]);
        let values: Vec<f64> =
            (0..24).map(|i| (64.0 * 2f64.powf(f64::from(i) / 4.0)).round()).collect();
        let scale = Scale::sizes(&values, 500.0, |v| v.to_string());
        assert_eq!(labels(&scale), ["64", "128", "256", "512", "1024", "2048"]);
        let one = Scale::sizes(&[100.0], 500.0, |v| v.to_string());
        assert_eq!((labels(&one), one.place(100.0)), (vec!["100"], 0.5));
    }

    #[test]
    fn forty_points_are_not_forty_labels() {
        let values: Vec<f64> = (1..=40).map(|i| f64::from(i) * 50.0).collect();
        let scale = Scale::sizes(&values, 500.0, |v| v.to_string());
        assert!((4..25).contains(&scale.ticks.len()), "{:?}", labels(&scale));
    }

    #[test]
    fn rates_begin_at_zero_or_count_decades() {
        let scale = Scale::amounts(&[30.0, 480.0], 300.0, true, LOG_FROM, |v| v.to_string());
        assert_eq!(labels(&scale), ["0", "100", "200", "300", "400", "500"]);
        let wide = Scale::amounts(&[1.0, 1e6], 300.0, true, LOG_FROM, |v| v.to_string());
        assert_eq!(wide.ticks.len(), 7);
        assert!(wide.place(1e3) > 0.45 && wide.place(1e3) < 0.55);
        let narrow = Scale::amounts(&[3.0, 90.0], 300.0, true, 20.0, |v| v.to_string());
        assert_eq!(labels(&narrow), ["5", "10", "20", "50", "100"]);
        let (low, high) = narrow.ends();
        assert!(low < 3.0 && high > 90.0 && low > 2.0 && high < 120.0, "{low} {high}");
    }

    #[test]
    fn ratios_always_show_one() {
        for values in [&[0.98, 1.02][..], &[31.0], &[0.001], &[1e-6, 1e6], &[f64::NAN], &[]] {
            let scale = Scale::ratios(values, 300.0, true, |v| v.to_string());
            assert!(scale.ticks.iter().any(|t| t.value == 1.0), "{values:?}");
            assert!(scale.ticks.len() >= 3, "{values:?}: {:?}", labels(&scale));
        }
    }

    #[test]
    fn zero_has_a_place_of_its_own() {
        let scale = Scale::sizes(&[0.0, 1.0, 2.0, 4.0], 500.0, |v| v.to_string());
        let places = [0.0, 1.0, 2.0, 4.0].map(|v| scale.place(v));
        assert!(places[0] > 0.0 && places[3] < 1.0 && places.is_sorted(), "{places:?}");
        let steps = [places[1] - places[0], places[2] - places[1], places[3] - places[2]];
        assert!((steps[0] - steps[1]).abs() < 1e-9 && (steps[2] - 2.0 * steps[0]).abs() < 1e-9);
        let mut labels: Vec<&str> = scale.ticks.iter().map(|t| t.label.as_str()).collect();
        labels.sort_unstable();
        assert_eq!(labels, ["0", "1", "2", "4"]);
        assert_eq!(Scale::sizes(&[0.0], 500.0, |v| v.to_string()).ticks.len(), 1);
    }

    #[test]
    fn counts_have_labels_within_a_decade() {
        let scale = Scale::counts(&[2e9, 5e9], 500.0, |v| v.to_string());
        assert_eq!(scale.ticks.len(), 2);
        let wide = Scale::counts(&[1.0, 1e12], 500.0, |v| v.log10().to_string());
        assert_eq!(wide.ticks.len(), 13);
    }
}
