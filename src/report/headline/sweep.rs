//! The answer of a sweep: from which size on, and by how much at the largest.

use crate::record::SummaryRow;
use crate::terms::{Baseline, Cased, Crossover, Keyed, Scope};
use crate::units;

use super::super::input::Input;
use super::super::names::{self, capital};
use super::super::views::{Entrant, Group, Member, SCOPES};
use super::{Headline, topic};

/// An entrant with what was found about it in one scope.
struct Finding<'a> {
    crossover: Option<Crossover>,
    /// The largest size with a comparison.
    last: (&'a Member<'a>, &'a SummaryRow),
}

fn finding<'a>(
    input: &'a Input,
    group: &'a Group<'a>,
    entrant: &Entrant<'_>,
    scope: Scope,
) -> Option<Finding<'a>> {
    let row = |m: &'a Member<'a>| {
        let row = group.summary(input, m, scope, entrant)?;
        row.speedup.is_finite().then_some((m, row))
    };
    let last = group.members.iter().rev().find_map(row)?;
    Some(Finding { crossover: last.1.crossover, last })
}

/// The answer for one device, by its best implementation.
pub fn answer(input: &Input, group: &Group<'_>, entrants: &[&Entrant<'_>]) -> Option<Headline> {
    let found = |entrant: &&Entrant<'_>| {
        let [compute, moved] = SCOPES.map(|scope| finding(input, group, entrant, scope));
        let speed = compute.as_ref().or(moved.as_ref())?.last.1.speedup;
        Some((speed, compute, moved))
    };
    // The device's best implementation at the largest size speaks for it.
    let candidates = entrants.iter().filter_map(|l| Some((*l, found(l)?)));
    let (entrant, (_, compute, moved)) = candidates.max_by(|a, b| a.1.0.total_cmp(&b.1.0))?;
    let (main, aside) = match (compute, moved) {
        (Some(compute), moved) => (compute, moved),
        (None, moved) => (moved?, None),
    };
    let only_moved = main.last.1.scope == Scope::EndToEnd;
    let subject = if only_moved {
        format!("{}, transfers included,", entrant.device.phrase)
    } else {
        entrant.device.phrase.clone()
    };
    let speed = [
        at_last(group, &main, aside.as_ref()),
        own_baseline(input, &main),
        roof(input, group, entrant, &main),
    ]
    .concat();
    let sentence = match main.crossover {
        Some(crossover) => {
            let verdict = verdict(input, group, entrant, crossover, &subject);
            let beside = aside.as_ref().map(|a| with_transfers(group, crossover, a));
            format!("{verdict}{}; {speed}.", beside.unwrap_or_default())
        }
        None => format!("{}: {speed}.", capital(&subject)),
    };
    let last = group.members.last().map_or(0, |m| m.value);
    let answer = match main.crossover {
        Some(crossover) => names::crossover(crossover, group.axis, last),
        None => names::ratio(main.last.1.speedup),
    };
    let colour = entrant.device.colour;
    Some(Headline { topic: topic(group, Some(entrant)), answer, sentence, colour, minor: false })
}

/// `The GPU X overtakes the CPU from m = n = k = 384 on (113 MFLOP)`.
fn verdict(
    input: &Input,
    group: &Group<'_>,
    entrant: &Entrant<'_>,
    crossover: Crossover,
    subject: &str,
) -> String {
    let size = |v| names::size(group.workload, group.axis, v);
    let value = |v| names::axis_value(group.axis, v);
    let (who, rival) = (capital(subject), entrant.device.rival());
    let first = group.members.first().map_or(0, |m| m.value);
    let last = group.members.last().map_or(0, |m| m.value);
    match crossover {
        Crossover::From(v) => {
            format!("{who} overtakes {rival} from {} on{}", size(v), model_size(input, group, v))
        }
        Crossover::Always if first == last => {
            format!("{who} is faster than {rival} at {}, the only size measured", size(first))
        }
        Crossover::Always => format!(
            "{who} is faster than {rival} at every size measured, from {} to {}",
            size(first),
            value(last)
        ),
        Crossover::Never if first == last => {
            format!("{who} is not faster than {rival} at {}, the only size measured", size(first))
        }
        Crossover::Never => format!("{who} never overtakes {rival} up to {}", size(last)),
        Crossover::Unclear(low, high) if low == high => {
            format!("Whether {subject} overtakes {rival} is unclear at {}", size(low))
        }
        Crossover::Unclear(low, high) => format!(
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
    let case = group.case(member);
    let Some(record) = input.records.iter().find(|r| r.case() == case) else {
        return String::new();
    };
    let flop = (record.flop_count > 0).then(|| units::flop(record.flop_count as f64));
    let parameters = record.parameters.map(|p| format!("{} parameters", names::count(p)));
    let parts: Vec<String> = [parameters, flop].into_iter().flatten().collect();
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// The crossover with transfers, beside that of compute alone.
fn with_transfers(group: &Group<'_>, compute: Crossover, moved: &Finding<'_>) -> String {
    let value = |v| names::axis_value(group.axis, v);
    match moved.crossover {
        None => String::new(),
        Some(crossover) if crossover == compute => ", with transfers too".to_string(),
        Some(Crossover::Always) => ", with transfers at every size".to_string(),
        Some(Crossover::Never) => {
            let last = group.members.last().map_or(0, |m| m.value);
            format!(", with transfers never up to {}", value(last))
        }
        Some(Crossover::From(v)) => format!(", with transfers from {} on", value(v)),
        Some(Crossover::Unclear(low, high)) if low == high => {
            format!(", with transfers unclear at {}", value(low))
        }
        Some(Crossover::Unclear(low, high)) => {
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

/// `, 40.2× against our own CPU path`, where the best is a contender's.
fn own_baseline(input: &Input, main: &Finding<'_>) -> String {
    let best = main.last.1;
    let same = |s: &&SummaryRow| {
        s.baseline == Baseline::Own && s.axis == best.axis && s.key() == best.key()
    };
    let own = input.summary.iter().find(same).filter(|own| own.cpu_device != best.cpu_device);
    own.map(|own| format!(", {} against our own CPU path", names::ratio(own.speedup)))
        .unwrap_or_default()
}

/// `, at 78.0 % of its own roof`: the larger of both shares.
fn roof(input: &Input, group: &Group<'_>, entrant: &Entrant<'_>, main: &Finding<'_>) -> String {
    let (member, row) = main.last;
    let Some(record) = group.record(input, member, row.scope, entrant) else {
        return String::new();
    };
    let shares = [record.compute_roof_fraction, record.memory_roof_fraction];
    let share = shares.into_iter().flatten().filter(|s| s.is_finite()).reduce(f64::max);
    share.map(|s| format!(", at {} of its own roof", names::percent(s))).unwrap_or_default()
}
