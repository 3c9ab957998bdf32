//! What the comparisons add up to, in sentences.

use crate::compare::{Comparison, Contestant, Pair, Place};
use crate::record;
use crate::terms::{DeviceKind, Scope, Verdict};
use crate::{stats, workload};

use super::super::headline::Headline;
use super::super::names;

/// One answer for each run, workload and kind of device.
pub fn answers(comparison: &Comparison) -> Vec<Headline> {
    let pairs = comparison.pairs.iter();
    let topics = record::grouped(pairs.map(|p| ((p.side, &*p.row.workload, &p.contestant), p)));
    topics.iter().filter_map(|(topic, pairs)| answer(comparison, *topic, pairs)).collect()
}

fn answer(
    c: &Comparison,
    (side, workload, of): (usize, &str, &Contestant),
    all: &[&Pair],
) -> Option<Headline> {
    let (resident, moved): (Vec<&Pair>, Vec<&Pair>) =
        all.iter().partition(|p| p.row.scope == Scope::Compute);
    let main = if resident.is_empty() { &moved } else { &resident };
    let mean = mean(main)?;
    let aside = if resident.is_empty() { None } else { self::mean(&moved) };
    // On a CPU nothing is moved: it is the same again.
    let aside = aside.filter(|_| all.iter().any(|p| p.kind != DeviceKind::Cpu));
    let beside = aside.map(|m| format!(", {} with transfers", names::ratio(m)));
    let measured = measured(main).filter(|m| *m != names::ratio(mean));
    let measured = measured.map(|m| format!(" ({m} as measured)")).unwrap_or_default();
    let (a, b) = (&c.sides[0].name, &c.sides[side].name);
    let sentence = format!(
        "{b} is {} as fast as {a}{measured} on the {}{}, {}: {}.",
        names::ratio(mean),
        label(of),
        beside.unwrap_or_default(),
        if main.len() == 1 {
            "at the one size that both have".to_string()
        } else {
            format!("the geometric mean of {} sizes", main.len())
        },
        verdicts(main)
    );
    let setting = if c.sides.len() > 2 { format!("{b} · ") } else { String::new() };
    let differs = main.iter().any(|p| matches!(p.row.verdict, Verdict::Faster | Verdict::Slower));
    let answer = match differs {
        true => format!("{} as fast", names::ratio(mean)),
        false => "no clear difference".to_string(),
    };
    let topic = format!("{setting}{workload} · {}", label(of));
    let minor = workload::role(workload).is_about_machine();
    Some(Headline { minor, ..Headline::new(topic, answer, sentence, side) })
}

/// What verdicts are made on, on average.
fn mean(pairs: &[&Pair]) -> Option<f64> {
    mean_of(pairs, |p| p.row.rest)
}

/// The ratios as they were measured, on average.
fn measured(pairs: &[&Pair]) -> Option<String> {
    mean_of(pairs, |p| p.row.ratio).map(names::ratio)
}

fn mean_of(pairs: &[&Pair], ratio: fn(&Pair) -> f64) -> Option<f64> {
    let ratios: Vec<f64> = pairs.iter().map(|p| ratio(p)).filter(|r| r.is_finite()).collect();
    stats::geometric_mean(&ratios)
}

/// `faster at 3, the same at 2, ambiguous at 1`.
pub fn verdicts(pairs: &[&Pair]) -> String {
    let count = |verdict| pairs.iter().filter(|p| p.row.verdict == verdict).count();
    let shown = Verdict::ALL.map(|verdict| (count(verdict), names::verdict(verdict))).into_iter();
    let parts: Vec<String> =
        shown.filter(|(n, _)| *n > 0).map(|(n, word)| format!("{word} at {n}")).collect();
    parts.join(", ")
}

/// A contestant in a label: `CPU`, `GPU through OpenCL`, `CPU packed`.
pub fn label(contestant: &Contestant) -> String {
    match &contestant.place {
        Place::Device(id) if id.is_cpu() => contestant.named("CPU"),
        Place::Device(id) => contestant.named(id.as_str()),
        Place::Kind(kind, by) => {
            let through = by.name().map(|name| format!(" through {}", names::driven_by(name)));
            contestant.named(&format!("{}{}", names::kind(*kind), through.unwrap_or_default()))
        }
    }
}
