//! The answer of a list: what its lines add up to.

use crate::record::SummaryRow;
use crate::terms::{Scope, Verdict};

use super::super::input::Input;
use super::super::names::{self, capital};
use super::super::views::{Entrant, Group, Member};
use super::{Best, Headline, best, topic};

/// What a list adds up to for one entrant and scope.
struct Total {
    compared: usize,
    faster: usize,
    slower: usize,
    speedup: f64,
}

/// Total CPU time over total device time, each line times its repeat.
fn total(input: &Input, group: &Group<'_>, entrant: &Entrant<'_>, scope: Scope) -> Option<Total> {
    let row = |m: &Member<'_>| Some((m.repeat as f64, group.summary(input, m, scope, entrant)?));
    let rows: Vec<(f64, &SummaryRow)> = group.members.iter().filter_map(row).collect();
    let sum = |time: fn(&SummaryRow) -> f64| rows.iter().map(|(n, s)| n * time(s)).sum::<f64>();
    let speedup = sum(|s| s.cpu_median_s) / sum(|s| s.device_median_s);
    let count = |verdict| rows.iter().filter(|(_, s)| s.verdict == verdict).count();
    let (faster, slower) = (count(Verdict::Faster), count(Verdict::Slower));
    let total = Total { compared: rows.len(), faster, slower, speedup };
    speedup.is_finite().then_some(total)
}

/// The answer for one device, by its best implementation.
pub fn answer(input: &Input, group: &Group<'_>, entrants: &[&Entrant<'_>]) -> Option<Headline> {
    let total = |entrant: &Entrant<'_>, scope| total(input, group, entrant, scope);
    let Best { entrant, main, moved, only_moved } = best(entrants, total, |t| t.speedup)?;
    let how = if only_moved { ", transfers included" } else { "" };
    let beside = moved.map(|a| format!(", {} with transfers", names::ratio(a.speedup)));
    let count = group.members.len();
    let lines = match main.compared {
        1 => "the one line compared".to_string(),
        n if main.faster == n || main.slower == n => format!("all {n} lines compared"),
        n => format!("the {n} lines compared"),
    };
    let split = match (main.faster, main.slower) {
        (faster, _) if faster == main.compared => format!("faster on {lines}"),
        (_, slower) if slower == main.compared => format!("slower on {lines}"),
        (0, 0) => format!("neither faster nor slower on {lines}"),
        (faster, slower) => format!("faster on {faster} and slower on {slower} of {lines}"),
    };
    let sentence = format!(
        "{} is {} as fast as {} in total time{how}{}: {split}{}.",
        capital(&entrant.device.phrase),
        names::ratio(main.speedup),
        entrant.device.rival(),
        beside.unwrap_or_default(),
        if main.compared < count { format!(" ({count} planned)") } else { String::new() }
    );
    let topic = topic(group, Some(entrant));
    Some(Headline::new(topic, names::ratio(main.speedup), sentence, entrant.device.colour))
}
