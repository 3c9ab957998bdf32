//! From rows to answers: every device set against the CPU, verdicts, and the size from which on it
//! wins. Pure: records in, rows out.

use std::collections::HashMap;

use crate::record::{PlanRow, Record, SampleRow, SummaryRow};
use crate::stats::{self, Pairing};
use crate::terms::{Cache, Scope};

/// Noise over which a row gets no verdict.
const NO_VERDICT_NOISE: f64 = 0.25;

/// Ends of the interval that make a verdict.
const FASTER: f64 = 1.01;
const SLOWER: f64 = 0.99;
const SAME: (f64, f64) = (0.98, 1.02);

/// Who stands for the CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Baseline {
    /// The fastest row of the CPU side, contenders included.
    Best,
    /// The fastest row of our own.
    Own,
}

impl Baseline {
    const ALL: [Baseline; 2] = [Baseline::Best, Baseline::Own];

    fn name(self) -> &'static str {
        match self {
            Baseline::Best => "best",
            Baseline::Own => "own",
        }
    }

    fn admits(self, record: &Record) -> bool {
        record.is_cpu_side() && (self == Baseline::Best || record.device == "cpu")
    }

    /// Whether `record` is set against this baseline.
    fn faces(self, record: &Record) -> bool {
        !record.is_cpu_side() || (self == Baseline::Own && record.device != "cpu")
    }
}

/// What a verdict counts as in the search for a crossover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Point {
    Faster,
    Slower,
    Unclear,
}

impl Point {
    fn of(verdict: &str) -> Point {
        match verdict {
            "faster" => Point::Faster,
            "slower" | "same" => Point::Slower,
            _ => Point::Unclear,
        }
    }
}

/// The samples of one row, by round.
#[derive(Default)]
struct Samples {
    by_round: HashMap<u64, f64>,
}

impl Samples {
    /// All of them, in the order of rounds.
    fn all(&self) -> Vec<f64> {
        let mut rounds: Vec<(&u64, &f64)> = self.by_round.iter().collect();
        rounds.sort_unstable_by_key(|(round, _)| **round);
        rounds.into_iter().map(|(_, seconds)| *seconds).collect()
    }
}

/// Key of a row's samples.
type Key<'a> = (&'a str, &'a str, &'a str, Cache, Scope, &'a str, &'a str);

fn key_of(r: &Record) -> Key<'_> {
    (&r.workload, &r.shape, &r.dtype, r.cache, r.scope, &r.device, &r.implementation)
}

fn group(samples: &[SampleRow]) -> HashMap<Key<'_>, Samples> {
    let mut groups: HashMap<Key<'_>, Samples> = HashMap::new();
    for s in samples {
        let key: Key<'_> =
            (&s.workload, &s.shape, &s.dtype, s.cache, s.scope, &s.device, &s.implementation);
        if let Some(round) = s.round {
            groups.entry(key).or_default().by_round.insert(round, s.wall_s);
        }
    }
    groups
}

/// Which shapes make one sweep (or, without an axis, lines that belong to none).
struct Series<'a> {
    workload: &'a str,
    dtype: &'a str,
    axis: &'a str,
    /// Axis value and shape, ascending.
    points: Vec<(u64, &'a str)>,
}

fn series(plan: &[PlanRow]) -> Vec<Series<'_>> {
    let mut all: Vec<Series<'_>> = Vec::new();
    for row in plan {
        let same = |s: &&mut Series<'_>| {
            s.workload == row.workload && s.axis == row.axis && s.dtype == row.dtype
        };
        let point = (row.axis_value.unwrap_or(0), row.shape.as_str());
        match all.iter_mut().find(same) {
            Some(series) if series.points.contains(&point) => {}
            Some(series) => series.points.push(point),
            None => all.push(Series {
                workload: &row.workload,
                dtype: &row.dtype,
                axis: &row.axis,
                points: vec![point],
            }),
        }
    }
    for series in &mut all {
        // A stable sort: the lines of a list keep their order.
        series.points.sort_by_key(|(value, _)| *value);
    }
    all
}

/// All rows of summary.csv. `pairing` says how the run was sampled.
pub fn summarize(
    plan: &[PlanRow],
    records: &[Record],
    samples: &[SampleRow],
    pairing: Pairing,
) -> Vec<SummaryRow> {
    let samples = group(samples);
    let mut rows = Vec::new();
    for series in series(plan) {
        for (cache, scope, baseline) in settings(records) {
            for (device, implementation) in opponents(records, &series, baseline) {
                let lane = Lane { series: &series, cache, scope, baseline, device, implementation };
                rows.extend(lane.rows(records, &samples, pairing));
            }
        }
    }
    rows
}

/// Every cache state and scope in the records, with both baselines.
fn settings(records: &[Record]) -> Vec<(Cache, Scope, Baseline)> {
    let mut found: Vec<(Cache, Scope)> = Vec::new();
    for r in records {
        if !found.contains(&(r.cache, r.scope)) {
            found.push((r.cache, r.scope));
        }
    }
    found.sort_by_key(|(cache, scope)| (cache.name(), *scope));
    found.into_iter().flat_map(|(c, s)| Baseline::ALL.map(|b| (c, s, b))).collect()
}

fn opponents<'a>(
    records: &'a [Record],
    series: &Series<'_>,
    baseline: Baseline,
) -> Vec<(&'a str, &'a str)> {
    let mut found = Vec::new();
    for r in records {
        let lane = (r.device.as_str(), r.implementation.as_str());
        let here = r.workload == series.workload && r.dtype == series.dtype;
        if here && baseline.faces(r) && !found.contains(&lane) {
            found.push(lane);
        }
    }
    found
}

/// One device and implementation against one baseline along one series.
struct Lane<'a> {
    series: &'a Series<'a>,
    cache: Cache,
    scope: Scope,
    baseline: Baseline,
    device: &'a str,
    implementation: &'a str,
}

impl Lane<'_> {
    fn rows(
        &self,
        records: &[Record],
        samples: &HashMap<Key<'_>, Samples>,
        pairing: Pairing,
    ) -> Vec<SummaryRow> {
        let compared: Vec<Option<SummaryRow>> = self
            .series
            .points
            .iter()
            .map(|p| self.compare(records, samples, pairing, p.1))
            .collect();
        let points: Vec<(u64, Point)> = self
            .series
            .points
            .iter()
            .zip(&compared)
            .map(|((value, _), row)| {
                (*value, row.as_ref().map_or(Point::Unclear, |r| Point::of(&r.verdict)))
            })
            .collect();
        let mut rows: Vec<SummaryRow> = compared.into_iter().flatten().collect();
        let own_side = rows.iter().any(|r| r.device.starts_with("contender:"))
            && self.baseline == Baseline::Own
            && records.iter().any(|r| r.device == self.device && r.is_cpu_side());
        if !self.series.axis.is_empty() && !own_side {
            let crossover = crossover(&points);
            rows.iter_mut().for_each(|r| r.crossover.clone_from(&crossover));
        }
        rows
    }

    fn compare(
        &self,
        records: &[Record],
        samples: &HashMap<Key<'_>, Samples>,
        pairing: Pairing,
        shape: &str,
    ) -> Option<SummaryRow> {
        let here = |r: &&Record| {
            r.workload == self.series.workload
                && r.dtype == self.series.dtype
                && r.shape == shape
                && (r.cache, r.scope) == (self.cache, self.scope)
                && r.competes()
        };
        let device = records
            .iter()
            .filter(here)
            .find(|r| r.device == self.device && r.implementation == self.implementation)?;
        let cpu = records
            .iter()
            .filter(here)
            .filter(|r| self.baseline.admits(r))
            .min_by(|a, b| median(a).total_cmp(&median(b)))?;
        // Where each device chooses its own amount of work, times say nothing about each other.
        if device.flop_count != cpu.flop_count || (device.flop_count, device.bytes_moved) == (0, 0)
        {
            return None;
        }
        let apart = [device, cpu].iter().any(|r| r.has_note("not-interleaved"));
        let pairing = if apart { Pairing::Unpaired } else { pairing };
        let sides = (samples.get(&key_of(cpu))?, samples.get(&key_of(device))?);
        let (cpu_s, device_s) = match pairing {
            Pairing::Paired => aligned(sides.0, sides.1),
            Pairing::Unpaired => (sides.0.all(), sides.1.all()),
        };
        let ratio = stats::ratio(&cpu_s, &device_s, pairing)?;
        let noise = [cpu, device].iter().filter_map(|r| r.noise).fold(0.0, f64::max);
        Some(SummaryRow {
            workload: self.series.workload.to_string(),
            axis: self.series.axis.to_string(),
            shape: shape.to_string(),
            dtype: self.series.dtype.to_string(),
            cache: self.cache,
            scope: self.scope,
            baseline: self.baseline.name().to_string(),
            cpu_device: cpu.device.clone(),
            cpu_implementation: cpu.implementation.clone(),
            device: device.device.clone(),
            implementation: device.implementation.clone(),
            cpu_median_s: cpu.wall_median_s?,
            device_median_s: device.wall_median_s?,
            speedup: ratio.value,
            speedup_low: ratio.low,
            speedup_high: ratio.high,
            pairing: if pairing == Pairing::Paired { "paired" } else { "unpaired" }.to_string(),
            verdict: verdict(ratio.low, ratio.high, noise).to_string(),
            crossover: String::new(),
        })
    }
}

/// A row's median; a row without one is never the fastest.
fn median(record: &Record) -> f64 {
    record.wall_median_s.unwrap_or(f64::INFINITY)
}

/// The rounds that both sides have, in order.
fn aligned(a: &Samples, b: &Samples) -> (Vec<f64>, Vec<f64>) {
    let mut rounds: Vec<u64> =
        a.by_round.keys().copied().filter(|round| b.by_round.contains_key(round)).collect();
    rounds.sort_unstable();
    let pick = |s: &Samples| rounds.iter().map(|round| s.by_round[round]).collect();
    (pick(a), pick(b))
}

/// What a ratio's interval says, where the noisier side has this noise.
pub fn verdict(low: f64, high: f64, noise: f64) -> &'static str {
    if noise > NO_VERDICT_NOISE {
        "none"
    } else if low > FASTER {
        "faster"
    } else if high < SLOWER {
        "slower"
    } else if low >= SAME.0 && high <= SAME.1 {
        "same"
    } else {
        "ambiguous"
    }
}

/// The crossover of a sweep, from its points in ascending order.
fn crossover(points: &[(u64, Point)]) -> String {
    let is = |kind: Point| move |p: &(u64, Point)| p.1 == kind;
    let Some((last, _)) = points.last() else { return String::new() };
    if points.iter().all(is(Point::Faster)) {
        return "<=first".to_string();
    }
    if points.iter().all(is(Point::Slower)) {
        return ">last".to_string();
    }
    let slower = points.iter().take_while(|p| p.1 == Point::Slower).count();
    // First point from which on all are faster.
    let faster = points.len() - points.iter().rev().take_while(|p| p.1 == Point::Faster).count();
    if slower == faster && faster < points.len() {
        return points[faster].0.to_string();
    }
    let high = points.get(faster).map_or(*last, |p| p.0);
    format!("unclear:{}-{high}", points[slower].0)
}

/// The axis values on both sides of a crossover that could be narrowed down: the last point before
/// it and the first after it.
pub fn bracket(crossover: &str, values: &[u64]) -> Option<(u64, u64)> {
    let (low, high) = match crossover.strip_prefix("unclear:") {
        Some(range) => {
            let (low, high) = range.split_once('-')?;
            (low.parse().ok()?, high.parse().ok()?)
        }
        None => {
            let at: u64 = crossover.parse().ok()?;
            (values.iter().copied().filter(|v| *v < at).max()?, at)
        }
    };
    (low < high).then_some((low, high))
}

#[cfg(test)]
mod tests;
