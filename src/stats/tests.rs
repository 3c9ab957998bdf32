use super::*;
use crate::tensor::Generator;

#[test]
fn medians_of_odd_and_even_counts() {
    assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
    assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
    assert_eq!(median(&[]), None);
    assert_eq!(quick_median(&mut [4.0, 1.0, 2.0, 3.0]), 2.5);
    assert_eq!(quick_median(&mut [5.0]), 5.0);
}

#[test]
fn a_summary_of_known_numbers() {
    let summary = Summary::of(&[1.0, 2.0, 3.0, 4.0, 100.0]).unwrap();
    assert_eq!((summary.count, summary.median, summary.min, summary.mad), (5, 3.0, 1.0, 1.0));
    assert!((summary.noise() - 1.4826 / 3.0).abs() < 1e-12);
    assert!(summary.low <= 3.0 && summary.high >= 3.0);
}

/// The closed form against plain resampling.
#[test]
fn the_interval_is_that_of_a_bootstrap() {
    let stream = Generator::new(5, 0);
    for n in [11usize, 25, 101] {
        let samples: Vec<f64> = (0..n).map(|i| stream.bits(i as u64) as f64).collect();
        let mut medians: Vec<f64> = (0..4000u64)
            .map(|r| {
                let draw = Generator::new(6, r);
                let mut resample: Vec<f64> =
                    (0..n).map(|i| samples[draw.below(i as u64, n)]).collect();
                quick_median(&mut resample)
            })
            .collect();
        medians.sort_unstable_by(f64::total_cmp);
        let sorted = sorted(&samples);
        let rank = |v: f64| sorted.iter().position(|s| *s >= v).unwrap() as i64;
        let (low, high) = median_interval(&sorted);
        assert!((rank(low) - rank(medians[100])).abs() <= 1, "n = {n}");
        assert!((rank(high) - rank(medians[3900])).abs() <= 1, "n = {n}");
    }
}

#[test]
fn large_and_small_counts_meet() {
    let exact =
        (0..1000).find(|&i| upper_tail(1000, (i + 1) as f64 / 1000.0, 500) >= 0.025).unwrap();
    assert!(bootstrap_rank(1001, 0.025).abs_diff(exact) <= 2);
}

/// Drift that hits both sides alike must not widen a paired interval.
#[test]
fn pairing_takes_common_drift_out() {
    let drift = |i: usize| 1.0 + (i / 10) as f64;
    let a: Vec<f64> = (0..40).map(|i| 2.0 * drift(i)).collect();
    let b: Vec<f64> = (0..40).map(drift).collect();
    let paired = ratio(&a, &b, Pairing::Paired).unwrap();
    let unpaired = ratio(&a, &b, Pairing::Unpaired).unwrap();
    assert_eq!((paired.value, paired.low, paired.high), (2.0, 2.0, 2.0));
    assert!(unpaired.high - unpaired.low > 0.5);
    assert_eq!(ratio(&a, &[], Pairing::Unpaired), None);
}

#[test]
fn the_floor_is_the_farther_end() {
    let floor = |low, high| Ratio { value: 1.0, low, high }.floor();
    assert!((floor(0.99, 1.03) - 0.03).abs() < 1e-12);
    assert!((floor(0.8, 1.03) - 0.25).abs() < 1e-12);
    assert!((floor(1.02, 1.03) - 0.03).abs() < 1e-12);
}

#[test]
fn geometric_means() {
    assert_eq!(geometric_mean(&[]), None);
    assert!((geometric_mean(&[1.0, 4.0]).unwrap() - 2.0).abs() < 1e-12);
}
