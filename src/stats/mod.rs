//! Medians, their spread and their intervals: pure functions on slices of numbers.
//!
//! | file | holds |
//! | --- | --- |
//! | `processes.rs` | ratios of medians over several processes |

mod processes;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use processes::Random;
pub use processes::ratio_of_processes;

/// Resamples of a bootstrap.
const RESAMPLES: usize = 1000;

/// Scales a median absolute deviation to the standard deviation of a normal distribution.
const MAD_TO_SIGMA: f64 = 1.4826;

/// What is kept of a set of samples. All in the samples' unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// Number of samples.
    pub count: usize,
    /// The median.
    pub median: f64,
    /// Lower end of the median's 95 % interval.
    pub low: f64,
    /// Upper end of the median's 95 % interval.
    pub high: f64,
    /// The smallest sample.
    pub min: f64,
    /// Median absolute deviation from the median.
    pub mad: f64,
}

impl Summary {
    /// Summarises samples; `None` where there are none.
    pub fn of(samples: &[f64]) -> Option<Summary> {
        let sorted = sorted(samples);
        let median = median_of_sorted(&sorted)?;
        let deviations: Vec<f64> = sorted.iter().map(|s| (s - median).abs()).collect();
        let (low, high) = median_interval(&sorted);
        let mad = self::median(&deviations)?;
        Some(Summary { count: sorted.len(), median, low, high, min: sorted[0], mad })
    }

    /// Relative spread of the samples: 1.4826 MAD / median.
    pub fn noise(&self) -> f64 {
        MAD_TO_SIGMA * self.mad / self.median
    }

    /// Half the interval's width over the median.
    pub fn relative_interval(&self) -> f64 {
        (self.high - self.low) / (2.0 * self.median)
    }
}

fn sorted(samples: &[f64]) -> Vec<f64> {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

fn median_of_sorted(sorted: &[f64]) -> Option<f64> {
    let n = sorted.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(sorted[n / 2]),
        _ => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

/// The median; the mean of the two middle ones for an even count.
pub fn median(samples: &[f64]) -> Option<f64> {
    median_of_sorted(&sorted(samples))
}

/// The 95 % percentile-bootstrap interval of the median of `sorted` samples, without resampling:
/// a resample's median is at or under the i-th sample when at least half of n draws are, so its
/// distribution is a sum of binomials (Efron 1979, "Bootstrap methods: another look at the
/// jackknife", section 3).
fn median_interval(sorted: &[f64]) -> (f64, f64) {
    let n = sorted.len();
    let low = bootstrap_rank(n, 0.025);
    // By symmetry; for an even count both ends lean outwards by half a rank.
    (sorted[low], sorted[n - 1 - low])
}

/// Smallest index i (from 0) with P(median of a resample <= i-th sorted sample) >= p.
fn bootstrap_rank(n: usize, p: f64) -> usize {
    if n > 1000 {
        // The distribution of ranks is normal by then: deviation sqrt(n) / 2.
        let rank = n as f64 / 2.0 - 1.96 * (n as f64).sqrt() / 2.0;
        return rank.floor().max(0.0) as usize;
    }
    // The tail grows with i.
    let (mut low, mut high) = (0, n - 1);
    while low < high {
        let middle = (low + high) / 2;
        if upper_tail(n, (middle + 1) as f64 / n as f64, n.div_ceil(2)) >= p {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// P(Binomial(n, q) >= least).
fn upper_tail(n: usize, q: f64, least: usize) -> f64 {
    if q >= 1.0 {
        return 1.0;
    }
    let log_odds = q.ln() - (1.0 - q).ln();
    let mut log_term = n as f64 * (1.0 - q).ln();
    let mut total = 0.0;
    for successes in 0..=n {
        if successes >= least {
            total += log_term.exp();
        }
        log_term += ((n - successes) as f64 / (successes + 1) as f64).ln() + log_odds;
    }
    total
}

/// How the samples of the two sides of a ratio belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pairing {
    /// Sample i of both sides comes from round i.
    Paired,
    /// The sides were sampled one after the other.
    Unpaired,
}

/// A ratio of medians with its 95 % bootstrap interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratio {
    /// median(numerator) / median(denominator).
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Ratio {
    /// How far the interval reaches from 1, as a share: between two measurements of the same, the
    /// smallest difference that they can show.
    pub fn floor(&self) -> f64 {
        (self.high.max(1.0 / self.low) - 1.0).max(0.0)
    }
}

/// Ratio of the medians of two sets of samples; `None` where one is empty. Paired sets are cut to
/// the shorter one and resampled by round, unpaired ones each by themselves.
pub fn ratio(numerator: &[f64], denominator: &[f64], pairing: Pairing) -> Option<Ratio> {
    of_medians([numerator, denominator], pairing, |[a, b]| a / b)
}

/// A ratio that is made of the medians of several sets of samples, as [`ratio`] is of two; `None` where one is
/// empty. It may be infinite.
pub fn of_medians<const N: usize>(
    sets: [&[f64]; N],
    pairing: Pairing,
    ratio: impl Fn([f64; N]) -> f64,
) -> Option<Ratio> {
    let mut medians = [0.0; N];
    for (median, set) in medians.iter_mut().zip(sets) {
        *median = self::median(set)?;
    }
    let rounds = sets.iter().map(|set| set.len()).min().unwrap_or(0);
    let mut random = Random::new(0x005e_ed0f_b007, 0);
    let mut drawn = [(); N].map(|()| Vec::new());
    let mut resample = |_| {
        drawn.iter_mut().for_each(Vec::clear);
        match pairing {
            Pairing::Paired => {
                for _ in 0..rounds {
                    let round = random.below(rounds);
                    drawn.iter_mut().zip(sets).for_each(|(drawn, set)| drawn.push(set[round]));
                }
            }
            Pairing::Unpaired => {
                for (drawn, set) in drawn.iter_mut().zip(sets) {
                    drawn.extend((0..set.len()).map(|_| set[random.below(set.len())]));
                }
            }
        }
        ratio(drawn.each_mut().map(|drawn| quick_median(drawn)))
    };
    let mut ratios: Vec<f64> = (0..RESAMPLES).map(&mut resample).collect();
    ratios.sort_unstable_by(f64::total_cmp);
    let at = |p: f64| ratios[((RESAMPLES - 1) as f64 * p).round() as usize];
    Some(Ratio { value: ratio(medians), low: at(0.025), high: at(0.975) })
}

/// The median in linear time; reorders its argument.
fn quick_median(values: &mut [f64]) -> f64 {
    let n = values.len();
    let (below, &mut middle, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    if n % 2 == 1 {
        return middle;
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (lower + middle) / 2.0
}

/// Geometric mean of positive numbers; `None` where there are none.
pub fn geometric_mean(values: &[f64]) -> Option<f64> {
    let sum: f64 = values.iter().map(|v| v.ln()).sum();
    (!values.is_empty()).then(|| (sum / values.len() as f64).exp())
}
