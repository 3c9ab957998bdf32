//! The answers at the top: from which size on, or by how much, in a sentence a device.

use crate::record::{Outcome, Record, SummaryRow};
use crate::units;
use crate::workload::Scope;

use super::crossing::Crossing;
use super::input::Input;
use super::names::{self, Device, capital};
use super::views::{Group, Lane, Member, SCOPES};

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Headline {
    /// Workload and sweep.
    pub topic: String,
    /// The answer in a few words.
    pub answer: String,
    /// The answer in a sentence.
    pub sentence: String,
    /// Number of the device's colour.
    pub colour: usize,
    /// About the machine (memory, transfers, launches) and not about a model.
    pub minor: bool,
}

/// A lane with what was found about it in one scope.
struct Finding<'a> {
    crossing: Option<Crossing>,
    /// The largest size with a comparison.
    last: (&'a Member<'a>, &'a SummaryRow),
}

/// All answers, workload by workload. Without an opponent of the CPU there is one that says so.
pub fn headlines(input: &Input, groups: &[Group<'_>], devices: &[Device]) -> Vec<Headline> {
    let opponents: Vec<&Device> = devices.iter().filter(|d| !d.is_plain_cpu()).collect();
    let mut found = Vec::new();
    if opponents.is_empty() && !input.records.is_empty() {
        found.push(cpu_only(input));
    }
    for group in groups {
        let before = found.len();
        if opponents.is_empty() {
            found.extend(cpu_rate(input, group, devices));
        }
        let has_cpu = |r: &Record| group.holds(r) && devices[0].id == r.device;
        if !devices.first().is_some_and(Device::is_plain_cpu) || !input.records.iter().any(has_cpu) {
            // Nothing that the CPU does: launches, transfers.
            continue;
        }
        let lanes = group.lanes(input, devices);
        for device in &opponents {
            let own: Vec<&Lane<'_>> = lanes.iter().filter(|l| l.device.id == device.id).collect();
            if own.is_empty() {
                continue;
            }
            let answer = if group.is_sweep() {
                sweep(input, group, &own)
            } else {
                list(input, group, &own)
            };
            found.extend(answer.or_else(|| nothing(input, group, device)));
        }
        let minor = is_minor(input, group);
        found[before..].iter_mut().for_each(|h| h.minor = minor);
    }
    found
}

/// Workloads that move data and compute next to nothing tell about the machine.
fn is_minor(input: &Input, group: &Group<'_>) -> bool {
    let mut rows = input.records.iter().filter(|r| group.holds(r));
    rows.all(|r| r.flop_count.saturating_mul(4) <= r.bytes_moved)
}

/// The title's question, by what was measured.
pub fn question(devices: &[Device]) -> &'static str {
    use crate::record::DeviceKind::{Accelerator, Gpu};
    if devices.iter().any(|d| d.kind == Gpu) {
        "From which size on is the GPU faster?"
    } else if devices.iter().any(|d| d.kind == Accelerator) {
        "From which size on is the accelerator faster?"
    } else if devices.iter().any(|d| !d.is_plain_cpu()) {
        "How far does OpenCL take this CPU?"
    } else {
        "How fast is this CPU?"
    }
}

fn topic(group: &Group<'_>, lane: Option<&Lane<'_>>) -> String {
    let what = if group.is_sweep() {
        names::axis(group.workload, group.axis)
    } else {
        names::list(group.list).to_string()
    };
    let implementation = lane.map(|l| format!(" · {}", l.implementation)).unwrap_or_default();
    format!("{} · {what}{}{implementation}", group.workload, group.setting())
}

fn cpu_only(input: &Input) -> Headline {
    let others = input.manifest.iter().flat_map(|m| &m.devices).filter(|d| d.id != "cpu").count();
    let sentence = if others > 0 {
        "Only the CPU was measured: the other devices of this machine were left out of this run. \
         Run again without --device to set them against it."
    } else {
        "Only the CPU was measured: no OpenCL device was found. ./setup adds one (PoCL, which \
         drives this CPU) and names what a GPU needs; then run again."
    };
    Headline {
        topic: "devices".to_string(),
        answer: "CPU only".to_string(),
        sentence: sentence.to_string(),
        colour: 0,
        minor: false,
    }
}

/// How fast the CPU is at the largest size, where there is nothing to set it against.
fn cpu_rate(input: &Input, group: &Group<'_>, devices: &[Device]) -> Option<Headline> {
    let lanes = group.lanes(input, devices);
    let rows = |m: &Member<'_>| {
        let of = |l: &Lane<'_>| group.record(input, m, Scope::Compute, l).filter(|r| r.counts());
        let rate = |r: &Record| r.flop_per_s.filter(|v| v.is_finite());
        let rows = lanes.iter().filter_map(of).filter_map(|r| Some((rate(r)?, r)));
        rows.max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let (member, (rate, record)) =
        group.members.iter().rev().find_map(|m| Some((m, rows(m)?))).filter(|_| group.is_sweep())?;
    let share = record.compute_roof_fraction.map(|f| {
        format!(", {} of the measured peak", names::percent(f))
    });
    let rate = units::flop_per_s(rate);
    Some(Headline {
        topic: topic(group, None),
        answer: rate.clone(),
        sentence: format!(
            "The CPU reaches {rate} at {}{} ({}).",
            names::size(group.workload, group.axis, member.value),
            share.unwrap_or_default(),
            record.implementation
        ),
        colour: 0,
        minor: false,
    })
}

/// A device that has rows here, but no comparison.
fn nothing(input: &Input, group: &Group<'_>, device: &Device) -> Option<Headline> {
    let here = |m: &Member<'_>| {
        let rows = input.records.iter().filter(|r| group.holds(r) && r.device == device.id);
        rows.filter(|r| r.shape == m.shape).collect::<Vec<_>>()
    };
    let rows: Vec<_> = group.members.iter().flat_map(here).collect();
    if rows.iter().any(|r| r.counts()) {
        let sentence = format!(
            "{} was measured, but there is no verified CPU row to set it against.",
            capital(&device.phrase)
        );
        let answer = "no comparison".to_string();
        return Some(Headline { topic: topic(group, None), answer, sentence, colour: device.colour, minor: false });
    }
    let failed = rows.iter().find(|r| r.outcome == Outcome::Failed);
    let first = failed.or_else(|| rows.first())?;
    let reason = first.reason.trim().trim_end_matches('.');
    let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
    let sentence =
        format!("{} has no verified result here{reason}.", capital(&device.phrase));
    let answer = "no result".to_string();
    Some(Headline { topic: topic(group, None), answer, sentence, colour: device.colour, minor: false })
}

fn finding<'a>(
    input: &'a Input,
    group: &'a Group<'a>,
    lane: &Lane<'_>,
    scope: Scope,
) -> Option<Finding<'a>> {
    let row = |m: &'a Member<'a>| {
        let row = group.summary(input, m, scope, lane)?;
        row.speedup.is_finite().then_some((m, row))
    };
    let last = group.members.iter().rev().find_map(row)?;
    Some(Finding { crossing: Crossing::parse(&last.1.crossover), last })
}

fn sweep(input: &Input, group: &Group<'_>, lanes: &[&Lane<'_>]) -> Option<Headline> {
    let found = |lane: &&Lane<'_>| {
        let [compute, moved] = SCOPES.map(|scope| finding(input, group, lane, scope));
        let speed = compute.as_ref().or(moved.as_ref())?.last.1.speedup;
        Some((speed, compute, moved))
    };
    // The device's best implementation at the largest size speaks for it.
    let candidates = lanes.iter().filter_map(|l| Some((*l, found(l)?)));
    let (lane, (_, compute, moved)) = candidates.max_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    let (main, aside) = match (compute, moved) {
        (Some(compute), moved) => (compute, moved),
        (None, moved) => (moved?, None),
    };
    let only_moved = main.last.1.scope == Scope::EndToEnd;
    let subject = if only_moved {
        format!("{}, transfers included,", lane.device.phrase)
    } else {
        lane.device.phrase.clone()
    };
    let speed = at_last(group, &main, aside.as_ref());
    let sentence = match main.crossing {
        Some(crossing) => {
            let verdict = verdict(input, group, lane, crossing, &subject);
            let beside = aside.as_ref().map(|a| with_transfers(group, crossing, a));
            format!("{verdict}{}; {speed}.", beside.unwrap_or_default())
        }
        None => format!("{}: {speed}.", capital(&subject)),
    };
    let last = group.members.last().map_or(0, |m| m.value);
    let answer = match main.crossing {
        Some(crossing) => crossing.words(group.axis, last),
        None => names::ratio(main.last.1.speedup),
    };
    let colour = lane.device.colour;
    Some(Headline { topic: topic(group, Some(lane)), answer, sentence, colour, minor: false })
}

/// `The GPU X overtakes the CPU from m = n = k = 384 on (113 MFLOP)`.
fn verdict(
    input: &Input,
    group: &Group<'_>,
    lane: &Lane<'_>,
    crossing: Crossing,
    subject: &str,
) -> String {
    let size = |v| names::size(group.workload, group.axis, v);
    let value = |v| names::axis_value(group.axis, v);
    let (who, rival) = (capital(subject), lane.device.rival());
    let first = group.members.first().map_or(0, |m| m.value);
    let last = group.members.last().map_or(0, |m| m.value);
    match crossing {
        Crossing::From(v) => {
            format!("{who} overtakes {rival} from {} on{}", size(v), model_size(input, group, v))
        }
        Crossing::Always if first == last => {
            format!("{who} is faster than {rival} at {}, the only size measured", size(first))
        }
        Crossing::Always => format!(
            "{who} is faster than {rival} at every size measured, from {} to {}",
            size(first),
            value(last)
        ),
        Crossing::Never if first == last => {
            format!("{who} is not faster than {rival} at {}, the only size measured", size(first))
        }
        Crossing::Never => format!("{who} never overtakes {rival} up to {}", size(last)),
        Crossing::Unclear(low, high) if low == high => {
            format!("Whether {subject} overtakes {rival} is unclear at {}", size(low))
        }
        Crossing::Unclear(low, high) => format!(
            "From which size on {subject} overtakes {rival} is unclear between {} and {}",
            size(low),
            value(high)
        ),
    }
}

/// ` (113 MFLOP)`, with the trainable parameters where there are any.
fn model_size(input: &Input, group: &Group<'_>, value: u64) -> String {
    let at = |m: &&Member<'_>| m.value == value;
    let Some(member) = group.members.iter().find(at) else { return String::new() };
    let here = |r: &&Record| group.holds(r) && r.shape == member.shape;
    let Some(record) = input.records.iter().find(here) else { return String::new() };
    let flop = (record.flop_count > 0).then(|| units::flop(record.flop_count as f64));
    let parameters = record.parameters.map(|p| format!("{} parameters", names::count(p)));
    let parts: Vec<String> = [parameters, flop].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// The crossover with transfers, beside that of compute alone.
fn with_transfers(group: &Group<'_>, compute: Crossing, moved: &Finding<'_>) -> String {
    let value = |v| names::axis_value(group.axis, v);
    match moved.crossing {
        None => String::new(),
        Some(crossing) if crossing == compute => ", with transfers too".to_string(),
        Some(Crossing::Always) => ", with transfers at every size".to_string(),
        Some(Crossing::Never) => {
            let last = group.members.last().map_or(0, |m| m.value);
            format!(", with transfers never up to {}", value(last))
        }
        Some(Crossing::From(v)) => format!(", with transfers from {} on", value(v)),
        Some(Crossing::Unclear(low, high)) if low == high => {
            format!(", with transfers unclear at {}", value(low))
        }
        Some(Crossing::Unclear(low, high)) => {
            format!(", with transfers unclear between {} and {}", value(low), value(high))
        }
    }
}

/// `at 2048 it is 31.0× as fast (30.4× to 31.6×), 12.1× with transfers`.
fn at_last(group: &Group<'_>, main: &Finding<'_>, aside: Option<&Finding<'_>>) -> String {
    let (member, row) = main.last;
    let place = names::axis_value(group.axis, member.value);
    let speed = format!(
        "at {place} it is {} as fast ({} to {})",
        names::ratio(row.speedup),
        names::ratio(row.speedup_low),
        names::ratio(row.speedup_high)
    );
    match aside {
        Some(moved) if moved.last.0.value == member.value => {
            format!("{speed}, {} with transfers", names::ratio(moved.last.1.speedup))
        }
        _ => speed,
    }
}

/// What a list adds up to for one lane and scope.
struct Total {
    compared: usize,
    faster: usize,
    slower: usize,
    speedup: f64,
}

/// Total CPU time over total device time, each line times its repeat.
fn total(input: &Input, group: &Group<'_>, lane: &Lane<'_>, scope: Scope) -> Option<Total> {
    let row = |m: &Member<'_>| Some((m.repeat as f64, group.summary(input, m, scope, lane)?));
    let rows: Vec<(f64, &SummaryRow)> = group.members.iter().filter_map(row).collect();
    let sum = |time: fn(&SummaryRow) -> f64| rows.iter().map(|(n, s)| n * time(s)).sum::<f64>();
    let speedup = sum(|s| s.cpu_median_s) / sum(|s| s.device_median_s);
    let count = |verdict: &str| rows.iter().filter(|(_, s)| s.verdict == verdict).count();
    let (faster, slower) = (count("faster"), count("slower"));
    let total = Total { compared: rows.len(), faster, slower, speedup };
    speedup.is_finite().then_some(total)
}

fn list(input: &Input, group: &Group<'_>, lanes: &[&Lane<'_>]) -> Option<Headline> {
    let found = |lane: &&Lane<'_>| {
        let [compute, moved] = SCOPES.map(|scope| total(input, group, lane, scope));
        Some((compute.as_ref().or(moved.as_ref())?.speedup, compute, moved))
    };
    let candidates = lanes.iter().filter_map(|l| Some((*l, found(l)?)));
    let (lane, (_, compute, moved)) = candidates.max_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    let (main, aside, how) = match (compute, moved) {
        (Some(compute), moved) => (compute, moved, ""),
        (None, moved) => (moved?, None, ", transfers included"),
    };
    let beside = aside.map(|a| format!(", {} with transfers", names::ratio(a.speedup)));
    let count = group.members.len();
    let lines = match main.compared {
        1 => "the one line compared".to_string(),
        n if main.faster == n || main.slower == n => format!("all {n} lines compared"),
        n => format!("the {n} lines compared"),
    };
    let split = match (main.faster, main.slower) {
        (faster, _) if faster == main.compared => format!("faster on {lines}"),
        (_, slower) if slower == main.compared => format!("slower on {lines}"),
        (faster, slower) => format!("faster on {faster} and slower on {slower} of {lines}"),
    };
    let sentence = format!(
        "{} is {} as fast as {} in total time{how}{}: {split}{}.",
        capital(&lane.device.phrase),
        names::ratio(main.speedup),
        lane.device.rival(),
        beside.unwrap_or_default(),
        if main.compared < count { format!(" ({count} planned)") } else { String::new() }
    );
    Some(Headline {
        topic: topic(group, Some(lane)),
        answer: names::ratio(main.speedup),
        sentence,
        colour: lane.device.colour,
        minor: false,
    })
}
