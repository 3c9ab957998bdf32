//! What the machine itself did between two runs, as their own roofs tell, and what remains of a ratio
//! without it.

use super::Run;
use crate::manifest::Sampling;
use crate::record::{self, Record};
use crate::roof::Roofs;
use crate::stats::{self, Ratio};
use crate::terms::{Cased, DeviceKind, Keyed, Scope};

/// With fewer processes of a side chance decides whether a change of the machine shows: it counts as it is.
const FEW: usize = 4;

/// A row of one process.
#[derive(Clone, Copy)]
pub struct Process<'a> {
    /// The process.
    pub run: &'a Run,
    /// Its row.
    pub record: &'a Record,
    /// The row's samples.
    pub samples: &'a [f64],
}

/// How many times as fast the second side's machine was: between these, as far as its roofs tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// At least.
    pub low: f64,
    /// At most.
    pub high: f64,
}

impl Change {
    /// None at all.
    const NONE: Change = Change { low: 1.0, high: 1.0 };

    /// Reaches as far as this one too. That a machine had changed while its roofs were measured does not
    /// mean that it had when a row was: no change is always within.
    fn with(self, factor: f64) -> Change {
        Change { low: self.low.min(factor), high: self.high.max(factor) }
    }

    /// What remains of a ratio: itself without the middle of the change, its interval without either end.
    fn taken_from(self, ratio: Ratio) -> Ratio {
        let middle = (self.low * self.high).sqrt();
        Ratio {
            value: ratio.value / middle,
            low: ratio.low / self.high,
            high: ratio.high / self.low,
        }
    }
}

/// A ratio of two sides, and what remains of it once the machine is taken out.
pub struct Judged {
    /// As it was measured.
    pub ratio: Ratio,
    /// What the machine did; none where that is unknown, or is what was asked about.
    pub machine: Option<Change>,
    /// What remains: what a verdict is about.
    pub rest: Ratio,
}

/// What a row's time hangs on.
#[derive(Clone, Copy)]
enum Limit {
    Compute,
    Memory,
}

impl Limit {
    const BOTH: [Limit; 2] = [Limit::Compute, Limit::Memory];

    fn roof(self, roofs: &Roofs, record: &Record) -> Option<f64> {
        match self {
            Limit::Compute => roofs.compute_of(record),
            Limit::Memory => roofs.memory_of(record),
        }
    }

    /// What a row hangs on by its arithmetic intensity; none where that can't be told. What moves operands
    /// between host and device hangs on more than its arithmetic.
    fn of(process: &Process<'_>) -> Option<Limit> {
        let Process { run, record, .. } = process;
        if record.scope == Scope::EndToEnd && !record.is_cpu_side() {
            return None;
        }
        let roofs = &run.manifest.as_ref()?.roofs;
        let [compute, memory] = Limit::BOTH.map(|limit| limit.roof(roofs, record));
        let (compute_s, memory_s) =
            (record.flop_exact as f64 / compute?, record.bytes_moved as f64 / memory?);
        (compute_s + memory_s > 0.0).then_some(if memory_s > compute_s {
            Limit::Memory
        } else {
            Limit::Compute
        })
    }
}

/// The ratio of two sides at a row, and what remains of it. None where one has no samples.
pub fn judged(a: &[Process<'_>], b: &[Process<'_>]) -> Option<Judged> {
    let times = |side: &[Process<'_>]| side.iter().map(|p| p.samples.to_vec()).collect::<Vec<_>>();
    let (times_a, times_b) = (times(a), times(b));
    let ratio = stats::ratio_of_processes(&times_a, &times_b)?;
    if !is_same_device(a.first()?, b.first()?) {
        return Some(Judged { ratio, machine: None, rest: ratio });
    }
    if let ([a], [b]) = (a, b) {
        let machine = change_of_two(a, b);
        let rest = machine.map_or(ratio, |m| m.taken_from(ratio));
        return Some(Judged { ratio, machine, rest });
    }
    let mut judged = Judged { ratio, machine: None, rest: ratio };
    let mut shown = None;
    let are_few = a.len().min(b.len()) < FEW;
    for [a, b] in speeds(a, b) {
        let change = stats::ratio_of_processes(&b, &a)?;
        let is_shown = are_few || change.low > 1.0 || change.high < 1.0;
        let known = shown.unwrap_or(Change::NONE);
        shown = Some(if is_shown { known.with(change.value) } else { known });
        // Where the speed of each process's machine explains its time, processes agree better without it.
        let rest = stats::ratio_of_processes(&work(&times_a, &a), &work(&times_b, &b))?;
        if rest.high / rest.low < judged.rest.high / judged.rest.low {
            let machine = Some(Change { low: change.value, high: change.value });
            judged = Judged { ratio, machine, rest };
        }
    }
    if let (None, Some(change)) = (judged.machine, shown) {
        judged = Judged { ratio, machine: shown, rest: change.taken_from(ratio) };
    }
    Some(judged)
}

/// The roofs that a process measured itself: those of an earlier run say nothing of the machine meanwhile.
fn own_roofs<'a>(process: &Process<'a>) -> Option<&'a Roofs> {
    let roofs = &process.run.manifest.as_ref()?.roofs;
    roofs.measured.is_none().then_some(roofs)
}

/// What lies between two processes: their roofs, and what a row's own device did meanwhile.
fn change_of_two(a: &Process<'_>, b: &Process<'_>) -> Option<Change> {
    let factors = limits(&[*a, *b]).iter().filter_map(|limit| {
        let [a, b] = [a, b].map(|p| limit.roof(own_roofs(p)?, p.record));
        Some(b? / a?)
    });
    let mut change: Option<Change> = None;
    for factor in factors {
        change = Some(change.unwrap_or(Change::NONE).with(factor));
    }
    if let Some(Change { low, high }) = shared_with_rivals(a, b) {
        change = Some(change.unwrap_or(Change::NONE).with(low).with(high));
    }
    if [a, b].iter().any(|p| p.record.has_note("drift")) {
        let Change { low, high } = change.unwrap_or(Change::NONE);
        let more = 1.0 + record::DRIFT;
        change = Some(Change { low: low / more, high: high * more });
    }
    change
}

/// How much faster the second side's machine was for everything else that ran on the same hardware in the same rounds:
/// what none of them escaped was the machine's doing, however few of its roofs saw it. None where nothing else ran
/// there, or samples were not taken by turns.
fn shared_with_rivals(a: &Process<'_>, b: &Process<'_>) -> Option<Change> {
    let by_turns = |p: &Process<'_>| {
        let is_interleaved = p.run.manifest.as_ref().map(|m| m.sampling == Sampling::Interleaved);
        is_interleaved == Some(true) && !p.record.has_note("not-interleaved")
    };
    if ![a, b].into_iter().all(by_turns) {
        return None;
    }
    let factors = rivals(a).filter_map(|rival| {
        let again = b.run.records.iter().find(|r| r.key() == rival.key())?;
        Some(rival.wall_median_s? / again.wall_median_s?)
    });
    let factors: Vec<f64> = factors.filter(|factor| factor.is_finite() && *factor > 0.0).collect();
    let all = |pick: fn(f64, f64) -> f64, none: f64| factors.iter().copied().fold(none, pick);
    let (least, most) = (all(f64::min, f64::INFINITY), all(f64::max, 0.0));
    // Where they disagree on the direction, nothing is shared.
    (!factors.is_empty()).then(|| Change { low: most.min(1.0), high: least.max(1.0) })
}

/// The other rows of a case and scope that computed on the same hardware, all the while.
fn rivals<'a>(process: &Process<'a>) -> impl Iterator<Item = &'a Record> {
    let (own, records) = (process.record, &process.run.records);
    let is_there = |r: &Record| {
        let is_cpu = |r: &Record| r.device_kind == DeviceKind::Cpu;
        r.device == own.device || (is_cpu(r) && is_cpu(own))
    };
    records.iter().filter(move |r| {
        let is_rival = r.case() == own.case() && r.scope == own.scope && r.key() != own.key();
        is_rival && r.counts() && is_there(r) && !r.has_note("outpaced")
    })
}

/// The speed of each process's machine, for each limit that all of them know. Roofs that the row's own
/// workload makes are left out: they can't tell the program from the machine.
fn speeds(a: &[Process<'_>], b: &[Process<'_>]) -> Vec<[Vec<Vec<f64>>; 2]> {
    let of = |side: &[Process<'_>], limit: Limit| -> Option<Vec<Vec<f64>>> {
        let speed = |p: &Process<'_>| {
            let roofs = own_roofs(p)?.without(&p.record.workload);
            Some(vec![limit.roof(&roofs, p.record)?])
        };
        side.iter().map(speed).collect()
    };
    let all: Vec<Process<'_>> = a.iter().chain(b).copied().collect();
    limits(&all).iter().filter_map(|limit| Some([of(a, *limit)?, of(b, *limit)?])).collect()
}

/// Times in units of what each process's machine can do meanwhile.
fn work(times: &[Vec<f64>], speeds: &[Vec<f64>]) -> Vec<Vec<f64>> {
    let scaled =
        |(times, speed): (&Vec<f64>, &Vec<f64>)| times.iter().map(|t| t * speed[0]).collect();
    times.iter().zip(speeds).map(scaled).collect()
}

/// What a row hangs on in all processes; both where that can't be told.
fn limits(processes: &[Process<'_>]) -> &'static [Limit] {
    let all =
        |wanted: fn(Limit) -> bool| processes.iter().all(|p| Limit::of(p).is_some_and(wanted));
    if all(|limit| matches!(limit, Limit::Compute)) {
        &[Limit::Compute]
    } else if all(|limit| matches!(limit, Limit::Memory)) {
        &[Limit::Memory]
    } else {
        &Limit::BOTH
    }
}

/// Whether what differs is no other machine, device or driver: those are what is asked about.
fn is_same_device(a: &Process<'_>, b: &Process<'_>) -> bool {
    let (Some(first), Some(second)) = (&a.run.manifest, &b.run.manifest) else { return false };
    let driver = |p: &Process<'_>| p.run.device(&p.record.device).map(|d| d.driver.clone());
    let device = |p: &Process<'_>| (p.record.device_name.clone(), p.record.threads, driver(p));
    first.machine.is_same(&second.machine) && device(a) == device(b)
}
