//! Short facts: how far a run can be trusted, and what machine it is about.
//!
//! | file | holds |
//! | --- | --- |
//! | `machine.rs` | the computer and its devices |

mod machine;

use crate::manifest::{Manifest, Sampling, TimerCheck};
use crate::record::{self, Outcome, Record, SummaryRow};
use crate::workload;

use super::input::Input;
use super::names;
use super::views::BASELINE;

pub use machine::{DeviceFacts, devices, machine, moment, revision, virtual_machine};

/// A name and a value, with a word on it.
pub struct Fact {
    /// What it is.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What else to know.
    pub note: String,
    /// Whether it deserves attention.
    pub alert: bool,
}

/// A fact that deserves no attention.
pub fn fact(name: &'static str, value: impl Into<String>, note: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), note: note.into(), alert: false }
}

/// How far the numbers can be trusted.
pub fn trust(input: &Input) -> Vec<Fact> {
    let mut facts = vec![verified(input), noise(input), baseline(input)];
    if let Some(manifest) = &input.manifest {
        facts.extend(drift(input, manifest));
        facts.extend(timers(manifest));
        facts.extend(earlier_roofs(manifest));
        let (value, note) = match manifest.sampling {
            Sampling::Interleaved => {
                ("interleaved", "all devices of a case in turns, round by round")
            }
            Sampling::Criterion => ("criterion", "one device after the other, compared unpaired"),
            Sampling::Race => ("a race", "two programs in turns, each run a process of its own"),
        };
        facts.push(fact("Sampling", value, note));
        let (value, note) = match (manifest.interrupted, manifest.sampling) {
            (false, _) => ("complete", "every planned case has an outcome"),
            (true, Sampling::Interleaved) => {
                ("interrupted", "cut before its end; continue it with --resume")
            }
            (true, _) => ("interrupted", "cut before its end"),
        };
        facts.push(Fact { alert: manifest.interrupted, ..fact("Run", value, note) });
    }
    facts
}

/// Where roofs are not of this run.
fn earlier_roofs(manifest: &Manifest) -> Option<Fact> {
    let when = manifest.roofs.measured.as_ref()?;
    let note = format!("measured {}: the budget left no time for them", machine::utc(when));
    Some(Fact { alert: true, ..fact("Roofs", "of an earlier run", note) })
}

fn verified(input: &Input) -> Fact {
    let count = |outcome| input.records.iter().filter(|r| r.outcome == outcome).count();
    let (measured, suspect) = (count(Outcome::Measured), count(Outcome::Suspect));
    let failed = count(Outcome::Failed);
    let rest: Vec<String> = [
        (failed, "failed"),
        (suspect, "suspect"),
        (count(Outcome::Skipped), "skipped"),
        (count(Outcome::Unsupported), "unsupported"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, word)| format!("{n} {word}"))
    .collect();
    let run = measured + suspect + failed;
    let is_race = input.manifest.as_ref().is_some_and(|m| m.sampling == Sampling::Race);
    let is_compared = |r: &Record| r.max_error_ratio.is_some();
    let (name, against) = match is_race {
        false => ("Verified", "against an f64 reference"),
        true if input.records.iter().any(is_compared) => {
            ("Outputs", "both programs print the same, in every run")
        }
        true => ("Outputs", "not compared, as --check none asks"),
    };
    let note = if rest.is_empty() { against.to_string() } else { rest.join(", ") };
    let value = format!("{} of {run} rows", measured + suspect);
    Fact { alert: failed + suspect > 0, ..fact(name, value, note) }
}

/// Rows whose device changed its speed meanwhile; none where nobody looked.
fn drift(input: &Input, manifest: &Manifest) -> Option<Fact> {
    let rows = input.records.iter().filter(|r| r.wall_median_s.is_some());
    let value = match drifted(input) {
        0 if manifest.timers.is_empty() => return None,
        0 => "none".to_string(),
        n => format!("{n} of {} rows", rows.count()),
    };
    let note = "devices whose speed changed by over 3 % from before a case to after it";
    Some(Fact { alert: drifted(input) > 0, ..fact("Drift", value, note) })
}

/// Rows with a time whose notes say `drift`.
pub fn drifted(input: &Input) -> usize {
    let timed = input.records.iter().filter(|r| r.wall_median_s.is_some());
    timed.filter(|r| r.has_note("drift")).count()
}

/// Whether the devices' own clocks were believed.
fn timers(manifest: &Manifest) -> Option<Fact> {
    let with_events = manifest.timers.iter().filter(|t| t.event_share.is_some() || !t.trusted);
    let (trusted, others): (Vec<&TimerCheck>, _) = with_events.partition(|t| t.trusted);
    let note = match others.as_slice() {
        [] if trusted.is_empty() => return None,
        [] => "their events agree with our clock".to_string(),
        others => {
            let ids: Vec<&str> = others.iter().map(|t| t.device.as_str()).collect();
            format!("by the wall clock alone: {}", ids.join(", "))
        }
    };
    let all = trusted.len() + others.len();
    let value = format!("{} of {all} trusted", trusted.len());
    Some(Fact { alert: !others.is_empty(), ..fact("Device clocks", value, note) })
}

fn noise(input: &Input) -> Fact {
    let rows = input.records.iter().filter(|r| r.counts());
    let mut noise: Vec<f64> = rows.filter_map(|r| r.noise).filter(|n| n.is_finite()).collect();
    noise.sort_by(f64::total_cmp);
    let Some(median) = noise.get(noise.len() / 2) else { return fact("Noise", "-", "no samples") };
    let over = |limit: f64| noise.iter().filter(|n| **n > limit).count();
    let note = match (over(0.10), over(0.25)) {
        (0, _) => "no row over 10 %".to_string(),
        (noisy, 0) => format!("{noisy} of {} rows over 10 %", noise.len()),
        (noisy, none) => format!("{noisy} of {} rows over 10 %, {none} over 25 %", noise.len()),
    };
    let value = format!("{} median", names::percent(*median));
    Fact { alert: over(0.25) > 0, ..fact("Noise", value, note) }
}

fn baseline(input: &Input) -> Fact {
    let best =
        |s: &&SummaryRow| s.baseline == BASELINE && !workload::role(&s.workload).is_about_machine();
    let rows = input.summary.iter().filter(best);
    let used = record::distinct(rows.map(|s| s.cpu_implementation.as_str()));
    if used.is_empty() {
        return fact("Baseline", "none", "nothing was set against the CPU");
    }
    let shown = &used[..used.len().min(4)];
    let more = if used.len() > 4 { format!(" and {} more", used.len() - 4) } else { String::new() };
    let threads = input.records.iter().filter(|r| r.device.is_cpu()).find_map(|r| r.threads);
    let note = format!("fastest verified row at each size: {}{more}", shown.join(", "));
    fact("Baseline", format!("best CPU path{}", names::threads(threads)), note)
}
