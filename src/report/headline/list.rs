//! A list: what its lines add up to.

use crate::record::SummaryRow;
use crate::terms::{Scope, Verdict};

use super::super::input::Input;
use super::super::names::{self, capital};
use super::super::views::{Entrant, Group, Member};
use super::{Best, Headline, topic};

/// What a list adds up to for one entrant and scope.
pub struct Total {
    /// Lines with a comparison.
    pub compared: usize,
    /// Those on which the device is faster.
    pub faster: usize,
    slower: usize,
    /// In total time.
    pub speedup: f64,
}

/// Total CPU time over total device time, each line times its repeat.
pub fn total(
    input: &Input,
    group: &Group<'_>,
    entrant: &Entrant<'_>,
    scope: Scope,
) -> Option<Total> {
    let row = |m: &Member<'_>| Some((m.repeat as f64, group.summary(input, m, scope, entrant)?));
    let rows: Vec<(f64, &SummaryRow)> = group.members.iter().filter_map(row).collect();
    let sum = |time: fn(&SummaryRow) -> f64| rows.iter().map(|(n, s)| n * time(s)).sum::<f64>();
    let speedup = sum(|s| s.cpu_median_s) / sum(|s| s.device_median_s);
    let count = |verdict| rows.iter().filter(|(_, s)| s.verdict == verdict).count();
    let (faster, slower) = (count(Verdict::Faster), count(Verdict::Slower));
    let total = Total { compared: rows.len(), faster, slower, speedup };
    speedup.is_finite().then_some(total)
}

/// The implementation with the best total speaks for its device.
pub fn best<'a>(
    input: &Input,
    group: &Group<'_>,
    entrants: &[&'a Entrant<'a>],
) -> Option<Best<'a, Total>> {
    super::best(entrants, |entrant, scope| total(input, group, entrant, scope), |t| t.speedup)
}

/// What a list adds up to for one device, in a sentence.
pub fn in_full(input: &Input, group: &Group<'_>, entrants: &[&Entrant<'_>]) -> Option<String> {
    let Best { entrant, main, moved, only_moved } = best(input, group, entrants)?;
    let how = if only_moved { ", transfers included" } else { "" };
    let beside = moved.map(|a| format!(", {} with transfers", names::ratio(a.speedup)));
    Some(format!(
        "{} is {} as fast as {} in total time{how}{}.",
        capital(&entrant.device.phrase),
        names::ratio(main.speedup),
        entrant.device.rival(),
        beside.unwrap_or_default(),
    ))
}

/// How its lines differ.
pub fn detail(input: &Input, group: &Group<'_>, entrants: &[&Entrant<'_>]) -> Option<Headline> {
    let Best { entrant, main, .. } = best(input, group, entrants)?;
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
    let planned = if main.compared < count { format!(" ({count} planned)") } else { String::new() };
    let topic = topic(group, Some(entrant));
    let sentence = format!("{}{planned}.", capital(&split));
    Some(Headline::new(topic, "", sentence, entrant.device.colour))
}
