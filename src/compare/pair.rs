//! Which rows belong together, and what is unlike about them.

use std::collections::HashMap;

use rayon::prelude::*;

use super::machine::{Process, judged};
use super::verdict::{Floor, verdict};
use super::{By, Contestant, Driver, Pair, Place, Side};
use crate::record::{self, ComparisonRow, Record};
use crate::stats;
use crate::terms::{CaseKey, Keyed, RowKey, Scope, Verdict};
use crate::workload;

impl Contestant {
    fn of(r: &Record, by: By) -> Contestant {
        let is_own = by == By::Implementation
            || workload::role(&r.workload).asks_each_implementation()
            || !record::competes(&r.implementation);
        Contestant {
            place: match by {
                By::Device => Place::Device(r.device.clone()),
                By::Kind | By::Implementation => Place::Kind(r.device_kind, Driver::of(&r.device)),
            },
            implementation: is_own.then(|| r.implementation.clone()),
        }
    }
}

/// One device and implementation of a side at one case: a row a process.
struct Candidate<'a> {
    /// Numbers of process and record.
    rows: Vec<(usize, usize)>,
    first: &'a Record,
    median_s: f64,
}

impl Candidate<'_> {
    /// Its rows.
    fn processes<'a>(&self, side: &'a Side) -> Vec<Process<'a>> {
        let process = |(process, i): &(usize, usize)| {
            let run = &side.runs[*process];
            Process { run, record: &run.records[*i], samples: &run.samples[*i] }
        };
        self.rows.iter().map(process).collect()
    }
}

/// What two sides are joined on.
type Key<'a> = (CaseKey<'a>, Scope, Contestant);

/// The rows of a side by case and contestant, each contestant's fastest.
fn fastest<'a>(side: &'a Side, by: By) -> (Vec<Key<'a>>, HashMap<Key<'a>, Candidate<'a>>) {
    let mut order: Vec<RowKey<'a>> = Vec::new();
    let mut candidates: HashMap<RowKey<'a>, Candidate<'a>> = HashMap::new();
    for (process, run) in side.runs.iter().enumerate() {
        for (i, r) in run.records.iter().enumerate().filter(|(i, _)| !run.samples[*i].is_empty()) {
            let row = r.key();
            let candidate = candidates.entry(row).or_insert_with(|| {
                order.push(row);
                Candidate { rows: Vec::new(), first: r, median_s: 0.0 }
            });
            candidate.rows.push((process, i));
        }
    }
    let (mut keys, mut best) = (Vec::new(), HashMap::new());
    for row in order {
        let Some(mut candidate) = candidates.remove(&row) else { continue };
        let medians = candidate.rows.iter().map(|(p, i)| side.runs[*p].records[*i].wall_median_s);
        let Some(median_s) = stats::median(&medians.flatten().collect::<Vec<_>>()) else {
            continue;
        };
        candidate.median_s = median_s;
        let key = (row.case, row.scope, Contestant::of(candidate.first, by));
        match best.get_mut(&key) {
            Some(other) if is_better(&candidate, other) => *other = candidate,
            Some(_) => {}
            None => {
                keys.push(key.clone());
                best.insert(key, candidate);
            }
        }
    }
    (keys, best)
}

/// What more processes have verified comes first, then the faster one.
fn is_better(a: &Candidate<'_>, b: &Candidate<'_>) -> bool {
    (b.rows.len(), a.median_s) < (a.rows.len(), b.median_s)
}

/// Every side set against the first.
pub fn pairs(sides: &[Side], by: By, threshold: f64) -> Vec<Pair> {
    let Some((a, others)) = sides.split_first() else { return Vec::new() };
    let (keys, of_a) = fastest(a, by);
    let mut pairs = Vec::new();
    for (number, b) in others.iter().enumerate() {
        let (_, of_b) = fastest(b, by);
        // Independent of each other, and most of the time that a comparison takes.
        let found: Vec<Pair> = keys
            .par_iter()
            .filter_map(|key| {
                let sides = [(a, of_a.get(key)?), (b, of_b.get(key)?)];
                pair(sides, number + 1, &key.2, threshold)
            })
            .collect();
        pairs.extend(found);
    }
    pairs
}

fn pair(
    [(side_a, a), (side_b, b)]: [(&Side, &Candidate<'_>); 2],
    side: usize,
    contestant: &Contestant,
    threshold: f64,
) -> Option<Pair> {
    // Where each device chooses its own amount of work, times say nothing about each other.
    if a.first.flop_count != b.first.flop_count {
        return None;
    }
    let (processes_a, processes_b) = (a.processes(side_a), b.processes(side_b));
    let judged = judged(&processes_a, &processes_b)?;
    let floor = Floor::of(&processes_a, &processes_b);
    let (ratio, rest) = (judged.ratio, judged.rest);
    let verdict = verdict(rest, [&processes_a, &processes_b], floor);
    let first = a.first;
    let row = ComparisonRow {
        workload: first.workload.clone(),
        shape: first.shape.clone(),
        dtype: first.dtype,
        cache: first.cache,
        scope: first.scope,
        implementation: both(&first.implementation, &b.first.implementation),
        run_a: side_a.name.clone(),
        device_a: first.device.clone(),
        run_b: side_b.name.clone(),
        device_b: b.first.device.clone(),
        median_a_s: a.median_s,
        median_b_s: b.median_s,
        ratio: ratio.value,
        ratio_low: ratio.low,
        ratio_high: ratio.high,
        machine_low: judged.machine.map(|m| m.low),
        machine_high: judged.machine.map(|m| m.high),
        rest_low: rest.low,
        rest_high: rest.high,
        floor: floor.map(|f| f.share),
        floor_kind: floor.map(|f| f.kind),
        verdict,
        mismatch: mismatch((side_a, a), (side_b, b)).join(";"),
        rest: rest.value,
    };
    Some(Pair {
        side,
        machine: judged.machine,
        kind: first.device_kind,
        contestant: contestant.clone(),
        flop_count: first.flop_count,
        bytes_moved: first.bytes_moved,
        regression: verdict == Verdict::Slower && rest.high < 1.0 / (1.0 + threshold),
        row,
    })
}

/// `native`, or `gemm -> native` where the two sides have different ones.
fn both(a: &str, b: &str) -> String {
    if a == b { a.to_string() } else { format!("{a} -> {b}") }
}

/// What is unlike about the two sides besides their times.
fn mismatch(a: (&Side, &Candidate<'_>), b: (&Side, &Candidate<'_>)) -> Vec<&'static str> {
    let (first, second) = (a.1.first, b.1.first);
    let driver = |(side, c): (&Side, &Candidate<'_>)| -> Option<String> {
        let run = &side.runs[c.rows.first()?.0];
        Some(run.device(&c.first.device)?.driver.clone())
    };
    let sampling = |side: &Side| Some(side.manifest()?.sampling);
    let unlike = [
        ("device", first.device != second.device),
        ("device_name", first.device_name != second.device_name),
        ("driver", driver(a) != driver(b)),
        ("threads", first.threads != second.threads),
        ("tuned", first.tuned != second.tuned),
        ("implementation", first.implementation != second.implementation),
        ("sampling", sampling(a.0) != sampling(b.0)),
        ("processes", a.0.is_single() != b.0.is_single()),
    ];
    unlike.into_iter().filter(|(_, is)| *is).map(|(word, _)| word).collect()
}
