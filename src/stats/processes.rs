//! Ratios of medians over several processes. Processes differ among themselves (where memory landed,
//! how the kernels were compiled, what else ran), so they are resampled before their samples are.

use super::{RESAMPLES, Ratio, median_of_sorted, sorted, upper_tail};
use crate::tensor::Generator;

/// Most samples whose ranks are drawn from the exact distribution.
const EXACT: usize = 200;

/// Ratio of the medians of the processes' medians, with a 95 % bootstrap interval. Each side holds one
/// set of samples a process; none where a side has no samples. With a single process on a side what
/// processes differ by is unknown and not in the interval.
///
/// Few units make percentile intervals too narrow: on the log scale they are widened about the ratio by
/// t / z sqrt(n / (n - 1)) (T. Hesterberg, "What teachers should know about the bootstrap", 2015,
/// section 5.3), n the smaller side's processes, or its samples where a side is a single process.
pub fn ratio_of_processes(numerator: &[Vec<f64>], denominator: &[Vec<f64>]) -> Option<Ratio> {
    let (a, b) = (Side::of(numerator)?, Side::of(denominator)?);
    let value = a.median / b.median;
    let mut random = Random::new(0x005e_ed0f_c03a, 0);
    let mut logs: Vec<f64> =
        (0..RESAMPLES).map(|_| (a.draw(&mut random) / b.draw(&mut random)).ln()).collect();
    logs.sort_unstable_by(f64::total_cmp);
    let widen = widening(a.units(), b.units());
    let end = |p: f64| {
        let at = logs[((RESAMPLES - 1) as f64 * p).round() as usize];
        value * ((at - value.ln()) * widen).exp()
    };
    Some(Ratio { value, low: end(0.025).min(value), high: end(0.975).max(value) })
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

/// One side of a ratio.
struct Side {
    processes: Vec<Medians>,
    median: f64,
}

impl Side {
    fn of(processes: &[Vec<f64>]) -> Option<Side> {
        let processes: Vec<Medians> = processes.iter().filter_map(|p| Medians::of(p)).collect();
        let medians: Vec<f64> = processes.iter().map(|p| p.median).collect();
        let median = super::median(&medians)?;
        Some(Side { processes, median })
    }

    /// What is resampled first: processes, or the samples of a single one.
    fn units(&self) -> usize {
        match self.processes.as_slice() {
            [only] => only.sorted.len(),
            processes => processes.len(),
        }
    }

    /// The median of a resample.
    fn draw(&self, random: &mut Random) -> f64 {
        if let [only] = self.processes.as_slice() {
            return only.draw(random);
        }
        let n = self.processes.len();
        let drawn: Vec<f64> =
            (0..n).map(|_| self.processes[random.below(n)].draw(random)).collect();
        super::median(&drawn).unwrap_or(self.median)
    }
}

/// The samples of a process, and the distribution of the median of a resample. Its rank is that of a
/// sum of binomials (see [`super::median_interval`]), so that drawing it takes no resampling.
struct Medians {
    sorted: Vec<f64>,
    median: f64,
    /// P(rank <= i) of an exact distribution; empty where it is taken as normal.
    ranks: Vec<f64>,
}

impl Medians {
    fn of(samples: &[f64]) -> Option<Medians> {
        let fit = samples.iter().copied().filter(|s| s.is_finite() && *s > 0.0);
        let sorted = sorted(&fit.collect::<Vec<_>>());
        let (n, median) = (sorted.len(), median_of_sorted(&sorted)?);
        let exact = if n <= EXACT { 0..n } else { 0..0 };
        let tail = |i: usize| upper_tail(n, (i + 1) as f64 / n as f64, n.div_ceil(2));
        Some(Medians { median, ranks: exact.map(tail).collect(), sorted })
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

/// See [`ratio_of_processes`].
fn widening(a: usize, b: usize) -> f64 {
    /// 97.5 % quantiles of Student's t over 1.96, for 1 to 10 degrees of freedom.
    const T_OVER_Z: [f64; 10] =
        [6.48, 2.195, 1.624, 1.417, 1.312, 1.248, 1.206, 1.177, 1.154, 1.137];
    let n = a.min(b);
    if n < 2 {
        // A single sample has no spread of its own: nothing to widen.
        return 1.0;
    }
    let freedom = 2 * (n - 1);
    let t = T_OVER_Z.get(freedom - 1).copied().unwrap_or(1.0 + 1.24 / freedom as f64);
    t * (n as f64 / (n - 1) as f64).sqrt()
}

#[cfg(test)]
mod tests;
