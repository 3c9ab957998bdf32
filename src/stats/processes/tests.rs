use super::*;

/// Samples of some processes: each with a level of its own, each sample with its noise.
fn side(seed: u64, processes: usize, samples: usize, between: f64, within: f64) -> Vec<Vec<f64>> {
    let mut random = Random::new(seed, 7);
    let mut normal = |deviation: f64| {
        let sum: f64 = (0..12).map(|_| random.next()).sum();
        1.0 + deviation * (sum - 6.0)
    };
    (0..processes)
        .map(|_| {
            let level = normal(between);
            (0..samples).map(|_| level * normal(within)).collect()
        })
        .collect()
}

/// How often the interval misses a ratio of 1 between equals.
fn misses(processes: usize, samples: usize, between: f64, within: f64) -> f64 {
    let trials = 400u64;
    let missed = |t: &u64| {
        let (a, b) = (2 * t + 1000, 2 * t + 1001);
        let [a, b] = [a, b].map(|seed| side(seed, processes, samples, between, within));
        let ratio = ratio_of_processes(&a, &b).unwrap();
        ratio.low > 1.0 || ratio.high < 1.0
    };
    (0..trials).filter(missed).count() as f64 / trials as f64
}

#[test]
fn intervals_hold_what_they_promise() {
    for (processes, samples) in [(1, 10), (1, 11), (1, 30), (2, 10), (3, 10), (5, 20)] {
        let between = if processes > 1 { 0.03 } else { 0.0 };
        let missed = misses(processes, samples, between, 0.02);
        // 5 % and three standard deviations of 400 trials.
        assert!(missed <= 0.083, "{processes} x {samples}: {missed}");
    }
}

/// Rounds alone would say that two processes differ: their spread is seen only with several.
#[test]
fn processes_widen_the_interval() {
    let single = misses(1, 30, 0.03, 0.005);
    assert!(single > 0.5, "{single}");
    assert!(misses(4, 30, 0.03, 0.005) <= 0.083);
}

#[test]
fn ratios_of_known_numbers() {
    let ratio = ratio_of_processes(&[vec![2.0; 9]], &[vec![1.0; 9], vec![1.0; 5]]).unwrap();
    assert_eq!((ratio.value, ratio.low, ratio.high), (2.0, 2.0, 2.0));
    let one = ratio_of_processes(&[vec![3.0]], &[vec![1.0]]).unwrap();
    assert_eq!((one.value, one.low, one.high), (3.0, 3.0, 3.0));
    assert!(ratio_of_processes(&[], &[vec![1.0]]).is_none());
    assert!(ratio_of_processes(&[vec![f64::NAN]], &[vec![1.0]]).is_none());
}

#[test]
fn many_samples_meet_few() {
    let interval = |n: usize| {
        let ratio = ratio_of_processes(&side(1, 1, n, 0.0, 0.02), &side(2, 1, n, 0.0, 0.02));
        let ratio = ratio.unwrap();
        (ratio.high - ratio.low) * (n as f64).sqrt()
    };
    let (exact, normal) = (interval(EXACT), interval(EXACT + 1));
    assert!((exact / normal - 1.0).abs() < 0.25, "{exact} {normal}");
}
