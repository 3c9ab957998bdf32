//! Two lanes with a known ratio of times, sampled as often as the rules allow.

use super::super::settle::LOOKS;
use super::*;
use crate::stats::{self, Summary};
use crate::tensor::Generator;

/// More rounds than these nobody waits for.
const MOST_ROUNDS: usize = 3000;

/// Times of a lane in each round: a spread of `sigma`, and now and then something else that ran.
fn times(seed: u64, lane: u64, sigma: f64, count: usize) -> Vec<f64> {
    let random = Generator::new(seed, lane);
    let time = |round: u64| {
        // A sum of twelve is all but normal.
        let normal: f32 = (0..12).map(|i| random.uniform(16 * round + i, 0.5)).sum();
        let is_disturbed = random.below(16 * round + 12, 20) == 0;
        let disturbed = 1.0 + f64::from(random.uniform(16 * round + 13, 0.5).abs());
        (sigma * f64::from(normal)).exp() * if is_disturbed { disturbed } else { 1.0 }
    };
    (0..count as u64).map(time).collect()
}

/// The verdict after all looks, where one side takes `factor` times as long as the other.
fn verdict(seed: u64, sigma: f64, first: usize, factor: f64) -> Verdict {
    let cpu: Vec<f64> =
        times(seed, 1, sigma, MOST_ROUNDS).iter().map(|time| factor * time).collect();
    let device = times(seed, 2, sigma, MOST_ROUNDS);
    let mut rounds = first;
    for look in 0.. {
        let (a, b) = (&cpu[..rounds], &device[..rounds]);
        let ratio = stats::ratio(a, b, Pairing::Paired).unwrap();
        let noise = [a, b].map(|times| Summary::of(times).unwrap().noise());
        let verdict = Verdict::of(ratio.low, ratio.high, noise[0].max(noise[1]));
        let more = further_rounds(ratio, rounds as u64);
        let is_tie = rounds as f64 + more > MOST_ROUNDS as f64;
        if verdict != Verdict::Ambiguous || look == LOOKS || is_tie {
            return verdict;
        }
        rounds += more as usize;
    }
    unreachable!("looks end")
}

/// Runs of so many that end with one of these verdicts.
fn share(runs: u64, of: &[Verdict], verdict: impl Fn(u64) -> Verdict) -> f64 {
    (0..runs).filter(|seed| of.contains(&verdict(*seed))).count() as f64 / runs as f64
}

#[test]
fn equal_lanes_are_told_apart_in_one_run_of_twenty_at_the_most() {
    let apart = [Verdict::Faster, Verdict::Slower];
    for (sigma, first) in [(0.01, 10), (0.04, 10), (0.04, 40), (0.12, 10), (0.2, 20)] {
        let wrong = share(300, &apart, |seed| verdict(seed, sigma, first, 1.0));
        assert!(wrong <= 0.05, "spread {sigma}, {first} rounds first: {wrong}");
    }
}

#[test]
fn lanes_that_differ_are_told_apart_with_more_rounds() {
    let right = |factor: f64, of| share(100, &[of], |seed| verdict(seed, 0.04, 10, factor));
    assert!(right(1.05, Verdict::Faster) > 0.9);
    assert!(right(1.0 / 1.05, Verdict::Slower) > 0.9);
    assert!(right(1.0, Verdict::Same) > 0.8);
}

#[test]
fn a_look_waits_until_the_interval_is_narrow() {
    let ratio = |value: f64, half: f64| Ratio { value, low: value / half, high: value * half };
    // At 1.00 the interval of 8 % must shrink to 1.6 %, 0.8 of the way to 0.98.
    let rounds = further_rounds(ratio(1.0, 1.08), 10);
    assert!((220.0..240.0).contains(&rounds), "{rounds}");
    // At 1.05 to 2 %, though 3.1 % would do: equal sides must not look like this.
    let rounds = further_rounds(ratio(1.05, 1.08), 10);
    assert!((135.0..145.0).contains(&rounds), "{rounds}");
    // Far from 1 a fifth of the distance does.
    let rounds = further_rounds(ratio(1.3, 1.4), 10);
    assert!((390.0..410.0).contains(&rounds), "{rounds}");
}
