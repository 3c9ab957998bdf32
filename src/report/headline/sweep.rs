//! The answer of a sweep: from which size on, and by how much at the largest.

use crate::record::{self, SummaryRow};
use crate::terms::{Baseline, BreakEven, Crossover, Keyed, Scope};
use crate::units;

use super::super::input::Input;
use super::super::names::{self, capital};
use super::super::views::{Entrant, Group, Member};
use super::{Best, Headline, topic};

/// The largest size with a comparison.
pub type Largest<'a> = (&'a Member<'a>, &'a SummaryRow);

/// The largest size at which an entrant has a comparison in a scope.
pub fn largest<'a>(
    input: &'a Input,
    group: &'a Group<'a>,
    entrant: &Entrant<'_>,
    scope: Scope,
) -> Option<Largest<'a>> {
    let row = |m| Some((m, group.summary(input, m, scope, entrant)?));
    let mut rows = group.members.iter().rev().filter_map(row);
    rows.find(|(_, row)| row.speedup.is_finite())
}

/// The device's best implementation at the largest size speaks for it.
pub fn best<'a, 'e>(
    input: &'a Input,
    group: &'a Group<'a>,
    entrants: &[&'e Entrant<'e>],
) -> Option<Best<'e, Largest<'a>>> {
    let found = |entrant: &Entrant<'_>, scope| largest(input, group, entrant, scope);
    super::best(entrants, found, |(_, row)| row.speedup)
}

/// The crossover of one device in a sentence.
pub fn in_full(input: &Input, group: &Group<'_>, entrants: &[&Entrant<'_>]) -> Option<String> {
    let Best { entrant, main, moved, only_moved } = best(input, group, entrants)?;
    let subject = if only_moved {
        format!("{}, transfers included,", entrant.device.phrase)
    } else {
        entrant.device.phrase.clone()
    };
    let Some(crossover) = main.1.crossover else {
        let at = names::size(group.workload, group.axis, main.0.value);
        let speed = names::ratio(main.1.speedup);
        return Some(format!("{} is {speed} as fast at {at}.", capital(&subject)));
    };
    let verdict = verdict(input, group, entrant, crossover, &subject);
    let beside = moved.map(|(_, row)| with_transfers(group, crossover, row.crossover));
    let reused =
        moved.and_then(|(_, row)| Some(reused(input, group, entrant, [crossover, row.crossover?])));
    Some(format!("{verdict}{}{}.", beside.unwrap_or_default(), reused.unwrap_or_default()))
}

/// `, from 192 on with 64 runs on the same data`, for every number of runs that makes for a crossover between
/// those of data that are never moved and of data that are moved for each run.
fn reused(input: &Input, group: &Group<'_>, entrant: &Entrant<'_>, ends: [Crossover; 2]) -> String {
    let scopes = input.summary.iter().map(|s| s.scope);
    let scopes = record::distinct(scopes.filter(|scope| matches!(scope, Scope::Reused(_))));
    let mut told = ends.to_vec();
    let mut parts = String::new();
    for scope in scopes {
        if let Some(Crossover::From(v)) = group.crossover(input, scope, entrant)
            && !told.contains(&Crossover::From(v))
        {
            told.push(Crossover::From(v));
            let value = names::axis_value(group.axis, v);
            parts += &format!(", from {value} on with {}", names::scope(scope));
        }
    }
    parts
}

/// What is behind a crossover: how sure the speed-up at the largest size is, and what it is against other measures.
pub fn detail(input: &Input, group: &Group<'_>, entrants: &[&Entrant<'_>]) -> Option<Headline> {
    let Best { entrant, main, moved, .. } = best(input, group, entrants)?;
    let speed = [
        at_last(group, main, moved),
        moved.map(|(_, row)| break_even(row)).unwrap_or_default(),
        own_baseline(input, main.1),
        roof(input, group, entrant, main),
    ]
    .concat();
    let topic = topic(group, Some(entrant));
    Some(Headline::new(topic, "", format!("{speed}."), entrant.device.colour))
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
    let (first, last) = (group.members.first().map_or(0, |m| m.value), group.last());
    match crossover {
        Crossover::From(v) => {
            format!("{who} overtakes {rival} from {} on{}", size(v), model(input, group, v))
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
fn model(input: &Input, group: &Group<'_>, value: u64) -> String {
    let parts = model_size(input, group, value);
    if parts.is_empty() { String::new() } else { format!(" ({})", parts.join(", ")) }
}

/// How large the model is at a value of the axis: its trainable parameters, and its FLOP.
pub fn model_size(input: &Input, group: &Group<'_>, value: u64) -> Vec<String> {
    let member = group.members.iter().find(|m| m.value == value);
    let Some(record) = member.and_then(|m| group.any_record(input, m)) else { return Vec::new() };
    let flop = (record.flop_count > 0).then(|| units::flop(record.flop_count as f64));
    let parameters = record.parameters.map(|p| format!("{} parameters", units::count(p as f64)));
    [parameters, flop].into_iter().flatten().collect()
}

/// The crossover with transfers, beside that of compute alone.
fn with_transfers(group: &Group<'_>, compute: Crossover, moved: Option<Crossover>) -> String {
    let value = |v| names::axis_value(group.axis, v);
    match moved {
        None => String::new(),
        Some(crossover) if crossover == compute => ", with transfers too".to_string(),
        Some(Crossover::Always) => ", with transfers at every size".to_string(),
        Some(Crossover::Never) => format!(", with transfers never up to {}", value(group.last())),
        Some(Crossover::From(v)) => format!(", with transfers from {} on", value(v)),
        Some(Crossover::Unclear(low, high)) if low == high => {
            format!(", with transfers unclear at {}", value(low))
        }
        Some(Crossover::Unclear(low, high)) => {
            format!(", with transfers unclear between {} and {}", value(low), value(high))
        }
    }
}

/// `At 2048 it is 30.4× to 31.6× as fast, 11.9× to 12.3× with transfers`: the ends of the intervals.
fn at_last(group: &Group<'_>, (member, row): Largest<'_>, moved: Option<Largest<'_>>) -> String {
    let place = names::axis_value(group.axis, member.value);
    let ends = |row: &SummaryRow| {
        format!("{} to {}", names::ratio(row.speedup_low), names::ratio(row.speedup_high))
    };
    let speed = format!("At {place} it is {} as fast", ends(row));
    match moved {
        Some((at, moved)) if at.value == member.value => {
            format!("{speed}, {} with transfers", ends(moved))
        }
        _ => speed,
    }
}

/// `, worth its transfers from 3.2 (2.9 to 3.6) runs on the same data on`, where one run is not enough.
fn break_even(row: &SummaryRow) -> String {
    let ends = [row.break_even, row.break_even_low, row.break_even_high];
    let [Some(BreakEven::After(runs)), Some(low), Some(high)] = ends else { return String::new() };
    if runs <= 1.0 {
        return String::new();
    }
    let [runs, low, high] = [BreakEven::After(runs), low, high].map(names::break_even);
    format!(", worth its transfers from {runs} ({low} to {high}) runs on the same data on")
}

/// `, 40.2× against our own CPU path`, where the best is a contender's.
fn own_baseline(input: &Input, best: &SummaryRow) -> String {
    let same = |s: &&SummaryRow| {
        s.baseline == Baseline::Own && s.axis == best.axis && s.key() == best.key()
    };
    let own = input.summary.iter().find(same).filter(|own| own.cpu_device != best.cpu_device);
    own.map(|own| format!(", {} against our own CPU path", names::ratio(own.speedup)))
        .unwrap_or_default()
}

/// `, at 78.0 % of its own roof`: the larger of both shares.
fn roof(
    input: &Input,
    group: &Group<'_>,
    entrant: &Entrant<'_>,
    (member, row): Largest<'_>,
) -> String {
    let record = group.record(input, member, row.scope, entrant);
    let Some(record) = record else { return String::new() };
    let shares = [record.compute_roof_fraction, record.memory_roof_fraction];
    let share = shares.into_iter().flatten().filter(|s| s.is_finite()).reduce(f64::max);
    share.map(|s| format!(", at {} of its own roof", names::percent(s))).unwrap_or_default()
}
