//! Ratios of medians over several processes. Processes differ among themselves (where memory landed,
//! how the kernels were compiled, what else ran), so what tells them apart is how their medians scatter,
//! and not how the samples of one of them do.

use super::{RESAMPLES, Ratio, median, median_of_sorted, sorted, upper_tail};
use crate::tensor::Generator;

/// Most samples whose ranks are drawn from the exact distribution.
const EXACT: usize = 200;

/// One in so many processes is left out at either end: what else ran beside it is nobody's speed.
const TRIMMED: usize = 5;

/// 97.5 % quantile of a normal distribution.
const Z: f64 = 1.96;

/// Ratio of the medians of the processes' medians, with a 95 % interval. Each side holds one set of
/// samples a process; none where a side has no samples. With a single process on both sides the interval
/// is bootstrapped from their samples: what processes differ by is unknown and not in it. With more it is
/// that of the processes' medians; a single one on one side is taken to scatter as those of the other.
pub fn ratio_of_processes(numerator: &[Vec<f64>], denominator: &[Vec<f64>]) -> Option<Ratio> {
    let (a, b) = (processes(numerator), processes(denominator));
    let (medians_a, medians_b) = (medians(&a), medians(&b));
    let value = median(&medians_a)? / median(&medians_b)?;
    let (low, high) = match (a.as_slice(), b.as_slice()) {
        ([a], [b]) => interval_of_samples(a, b, value),
        _ => interval_of_processes(&medians_a, &medians_b),
    };
    Some(Ratio { value, low: low.min(value), high: high.max(value) })
}

/// The samples that are times, sorted, of each process that has any.
fn processes(samples: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let times = |p: &Vec<f64>| p.iter().copied().filter(|s| s.is_finite() && *s > 0.0).collect();
    let times = samples.iter().map(times).filter(|p: &Vec<f64>| !p.is_empty());
    times.map(|p| sorted(&p)).collect()
}

fn medians(processes: &[Vec<f64>]) -> Vec<f64> {
    processes.iter().filter_map(|p| median_of_sorted(p)).collect()
}

/// The bootstrap interval of the ratio of two processes. Few samples make it too narrow: on the log scale
/// it is widened about the ratio by t / z sqrt(n / (n - 1)) (T. Hesterberg, "What teachers should know
/// about the bootstrap", 2015, section 5.3), n the smaller number of samples.
fn interval_of_samples(a: &[f64], b: &[f64], value: f64) -> (f64, f64) {
    let widen = widening(a.len().min(b.len()));
    let (a, b) = (Medians::of(a), Medians::of(b));
    let mut random = Random::new(0x005e_ed0f_c03a, 0);
    let mut logs: Vec<f64> =
        (0..RESAMPLES).map(|_| (a.draw(&mut random) / b.draw(&mut random)).ln()).collect();
    logs.sort_unstable_by(f64::total_cmp);
    let end = |p: f64| {
        let at = logs[((RESAMPLES - 1) as f64 * p).round() as usize];
        value * ((at - value.ln()) * widen).exp()
    };
    (end(0.025), end(0.975))
}

/// The interval of the ratio of two sides of which one at least has several processes: a t interval of
/// trimmed means of the logs of their medians (K. K. Yuen and W. J. Dixon, "The approximate behaviour and
/// performance of the two-sample trimmed t", 1973), so that one process that was disturbed hides no
/// difference.
fn interval_of_processes(a: &[f64], b: &[f64]) -> (f64, f64) {
    let (a, b) = (Trimmed::of(a), Trimmed::of(b));
    let freedom = a.kept + b.kept - 2;
    let variance = (a.squares + b.squares) / freedom as f64;
    let error = (variance * (1.0 / a.kept as f64 + 1.0 / b.kept as f64)).sqrt();
    let (middle, reach) = (a.mean - b.mean, Z * t_over_z(freedom) * error);
    ((middle - reach).exp(), (middle + reach).exp())
}

/// The logs of a side's medians, without the extremes.
struct Trimmed {
    mean: f64,
    /// Sum of squared deviations, the extremes set to what stands next to them.
    squares: f64,
    kept: usize,
}

impl Trimmed {
    fn of(medians: &[f64]) -> Trimmed {
        let logs: Vec<f64> = sorted(medians).iter().map(|m| m.ln()).collect();
        let cut = logs.len() / TRIMMED;
        let kept = &logs[cut..logs.len() - cut];
        let (least, most) = (kept[0], kept[kept.len() - 1]);
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let held: Vec<f64> = logs.iter().map(|l| l.clamp(least, most)).collect();
        let middle = mean(&held);
        let squares = held.iter().map(|l| (l - middle).powi(2)).sum();
        Trimmed { mean: mean(kept), squares, kept: kept.len() }
    }
}

/// Random numbers, one after the other.
pub(super) struct Random {
    stream: Generator,
    counter: u64,
}

impl Random {
    pub(super) fn new(seed: u64, stream: u64) -> Random {
        Random { stream: Generator::new(seed, stream), counter: 0 }
    }

    /// Uniform in [0, 1).
    fn next(&mut self) -> f64 {
        self.counter += 1;
        self.stream.bits(self.counter) as f64 / (1u64 << 24) as f64
    }

    /// A whole number below `n`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        self.counter += 1;
        self.stream.below(self.counter, n)
    }
}

/// The samples of a process, and the distribution of the median of a resample. Its rank is that of a
/// sum of binomials (see [`super::median_interval`]), so that drawing it takes no resampling.
struct Medians<'a> {
    sorted: &'a [f64],
    /// P(rank <= i) of an exact distribution; empty where it is taken as normal.
    ranks: Vec<f64>,
}

impl<'a> Medians<'a> {
    fn of(sorted: &'a [f64]) -> Medians<'a> {
        let n = sorted.len();
        let exact = if n <= EXACT { 0..n } else { 0..0 };
        let tail = |i: usize| upper_tail(n, (i + 1) as f64 / n as f64, n.div_ceil(2));
        Medians { sorted, ranks: exact.map(tail).collect() }
    }

    fn draw(&self, random: &mut Random) -> f64 {
        let (n, p) = (self.sorted.len(), random.next());
        let rank = if self.ranks.is_empty() {
            // Mean of twelve uniforms, close enough to normal; deviation sqrt(n) / 2.
            let normal: f64 = (0..12).map(|_| random.next()).sum::<f64>() - 6.0;
            (n as f64 / 2.0 + normal * (n as f64).sqrt() / 2.0).clamp(0.0, (n - 1) as f64) as usize
        } else {
            self.ranks.partition_point(|below| *below < p).min(n - 1)
        };
        // An even count has two middle ranks; the lower one is drawn, the upper by symmetry.
        if n.is_multiple_of(2) && random.next() < 0.5 {
            return self.sorted[n - 1 - rank];
        }
        self.sorted[rank]
    }
}

/// See [`interval_of_samples`].
fn widening(n: usize) -> f64 {
    if n < 2 {
        // A single sample has no spread of its own: nothing to widen.
        return 1.0;
    }
    t_over_z(2 * (n - 1)) * (n as f64 / (n - 1) as f64).sqrt()
}

/// 97.5 % quantile of Student's t over that of a normal distribution.
fn t_over_z(freedom: usize) -> f64 {
    /// For 1 to 10 degrees of freedom.
    const TABLE: [f64; 10] = [6.48, 2.195, 1.624, 1.417, 1.312, 1.248, 1.206, 1.177, 1.154, 1.137];
    TABLE.get(freedom - 1).copied().unwrap_or(1.0 + 1.24 / freedom as f64)
}

#[cfg(test)]
mod tests;
