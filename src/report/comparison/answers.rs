//! What the comparisons add up to, in sentences.

use crate::compare::{Comparison, Pair};
use crate::stats;
use crate::terms::Scope;

use super::super::headline::Headline;
use super::super::names;
use super::super::views::is_about_machine;

/// One answer for each run, workload and kind of device.
pub fn answers(comparison: &Comparison) -> Vec<Headline> {
    let mut topics: Vec<(usize, &str, &str)> = Vec::new();
    for pair in &comparison.pairs {
        let topic = (pair.side, pair.row.workload.as_str(), group(pair));
        if !topics.contains(&topic) {
            topics.push(topic);
        }
    }
    topics.iter().filter_map(|topic| answer(comparison, *topic)).collect()
}

/// What answers are about. Of the implementations of launches and transfers each asks its own question.
fn group(pair: &Pair) -> &str {
    &pair.group
}

fn answer(c: &Comparison, (side, workload, of): (usize, &str, &str)) -> Option<Headline> {
    let here = |p: &&Pair| p.side == side && p.row.workload == workload && group(p) == of;
    let all: Vec<&Pair> = c.pairs.iter().filter(here).collect();
    let (resident, moved): (Vec<&Pair>, Vec<&Pair>) =
        all.iter().partition(|p| p.row.scope == Scope::Compute);
    let main = if resident.is_empty() { &moved } else { &resident };
    let mean = mean(main)?;
    let aside = if resident.is_empty() { None } else { self::mean(&moved) };
    // On a CPU nothing is moved: it is the same again.
    let aside = aside.filter(|_| all.iter().any(|p| p.kind.name() != "cpu"));
    let beside = aside.map(|m| format!(", {} with transfers", names::ratio(m)));
    let (a, b) = (&c.sides[0].name, &c.sides[side].name);
    let sentence = format!(
        "{b} is {} as fast as {a} on {}{}, {}: {}.",
        names::ratio(mean),
        place(of),
        beside.unwrap_or_default(),
        if main.len() == 1 {
            "at the one size that both have".to_string()
        } else {
            format!("the geometric mean of {} sizes", main.len())
        },
        verdicts(main)
    );
    let setting = if c.sides.len() > 2 { format!("{b} · ") } else { String::new() };
    let differs = main.iter().any(|p| ["faster", "slower"].contains(&p.row.verdict.as_str()));
    let answer = match differs {
        true => format!("{} as fast", names::ratio(mean)),
        false => "no clear difference".to_string(),
    };
    Some(Headline {
        topic: format!("{setting}{workload} · {}", label(of)),
        answer,
        sentence,
        colour: side,
        minor: is_about_machine(workload),
    })
}

fn mean(pairs: &[&Pair]) -> Option<f64> {
    let ratios: Vec<f64> = pairs.iter().map(|p| p.row.ratio).filter(|r| r.is_finite()).collect();
    stats::geometric_mean(&ratios)
}

/// `faster at 3, the same at 2, ambiguous at 1`.
pub fn verdicts(pairs: &[&Pair]) -> String {
    let words = [
        ("faster", "faster"),
        ("slower", "slower"),
        ("same", "the same"),
        ("ambiguous", "ambiguous"),
        ("none", "too noisy"),
    ];
    let count = |verdict: &str| pairs.iter().filter(|p| p.row.verdict == verdict).count();
    let shown = words.iter().map(|(verdict, word)| (count(verdict), word));
    let parts: Vec<String> =
        shown.filter(|(n, _)| *n > 0).map(|(n, word)| format!("{word} at {n}")).collect();
    parts.join(", ")
}

/// A group in a label: `GPU`, `CPU packed`.
pub fn label(group: &str) -> String {
    let (first, rest) = group.split_once(' ').unwrap_or((group, ""));
    let first = match first {
        "cpu" => "CPU",
        "gpu" => "GPU",
        other => other,
    };
    format!("{first} {rest}").trim().to_string()
}

/// A group in a sentence.
fn place(group: &str) -> String {
    format!("the {}", label(group))
}
