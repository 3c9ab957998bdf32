//! Answers in sentences: from which size on, or by how much, and what is behind it.
//!
//! | file | holds |
//! | --- | --- |
//! | `sweep.rs` | from which size on, and by how much at the largest |
//! | `list.rs` | what a list adds up to |
//! | `machine.rs` | what each device can do at most |

mod list;
mod machine;
mod sweep;

use crate::record::{Outcome, Record};
use crate::terms::{Cased, Scope};
use crate::units;

use super::input::Input;
use super::names::{self, Device, capital};
use super::views::{Entrant, Group, Member, SCOPES};

pub use list::total;
pub use sweep::{largest, model_size};

/// One answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Headline {
    /// Workload and sweep.
    pub topic: String,
    /// The answer in a few words; none where a table has it.
    pub answer: String,
    /// The answer in a sentence.
    pub sentence: String,
    /// Number of the device's colour.
    pub colour: usize,
    /// About the machine (memory, transfers, launches) and not about a model.
    pub minor: bool,
}

impl Headline {
    /// About a model.
    pub fn new(
        topic: String,
        answer: impl Into<String>,
        sentence: String,
        colour: usize,
    ) -> Headline {
        Headline { topic, answer: answer.into(), sentence, colour, minor: false }
    }

    /// Whether it stands by itself: about a model, and in no table.
    pub fn is_large(&self) -> bool {
        !self.minor && !self.answer.is_empty()
    }
}

/// What is behind the answers, workload by workload, and those that have no place in a table: how fast a CPU is
/// that nothing was set against, and what has no comparison.
pub fn headlines(input: &Input, groups: &[Group<'_>], devices: &[Device]) -> Vec<Headline> {
    let opponents: Vec<&Device> = devices.iter().filter(|d| !d.is_plain_cpu()).collect();
    let mut found = Vec::new();
    for group in groups.iter().filter(|g| !g.is_about_machine()) {
        if opponents.is_empty() {
            found.extend(cpu_rate(input, group, devices));
        }
        let has_cpu = |r: &Record| group.holds(r) && devices[0].id == r.device;
        if !devices.first().is_some_and(Device::is_plain_cpu) || !input.records.iter().any(has_cpu)
        {
            // Nothing that the CPU does.
            continue;
        }
        let entrants = group.entrants(input, devices);
        for device in &opponents {
            let own: Vec<&Entrant<'_>> =
                entrants.iter().filter(|l| l.device.id == device.id).collect();
            if own.is_empty() {
                continue;
            }
            let detail = match group.is_sweep() {
                true => sweep::detail(input, group, &own),
                false => list::detail(input, group, &own),
            };
            found.extend(detail.or_else(|| nothing(input, group, device)));
        }
    }
    found.extend(machine::answers(input, devices));
    found
}

/// The implementation that speaks for a device, of these entrants of it; none where nothing was set against
/// the CPU.
pub fn speaker<'a>(
    input: &Input,
    group: &Group<'_>,
    entrants: &[&'a Entrant<'a>],
) -> Option<&'a Entrant<'a>> {
    match group.is_sweep() {
        true => sweep::best(input, group, entrants).map(|best| best.entrant),
        false => list::best(input, group, entrants).map(|best| best.entrant),
    }
}

/// What a device does in a group, in a sentence.
pub fn in_full(input: &Input, group: &Group<'_>, entrants: &[&Entrant<'_>]) -> Option<String> {
    match group.is_sweep() {
        true => sweep::in_full(input, group, entrants),
        false => list::in_full(input, group, entrants),
    }
}

/// The title's question, by what was measured.
pub fn question(devices: &[Device]) -> &'static str {
    use crate::terms::DeviceKind::{Accelerator, Gpu};
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

fn topic(group: &Group<'_>, entrant: Option<&Entrant<'_>>) -> String {
    let workload = format!("{}{}", group.workload, group.setting(None));
    let what = if group.is_sweep() { group.axis_name() } else { group.list_name().to_string() };
    let implementation = entrant.map(|l| l.implementation).unwrap_or_default();
    let parts = [workload.as_str(), what.as_str(), implementation].into_iter();
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · ")
}

/// What speaks for a device: its best implementation, and what was found of it.
struct Best<'a, T> {
    entrant: &'a Entrant<'a>,
    /// Of compute alone; with transfers where there is nothing else.
    main: T,
    /// With transfers, beside compute alone.
    moved: Option<T>,
    only_moved: bool,
}

/// The entrant with the largest `speed` of what is `found` in its scopes.
fn best<'a, T>(
    entrants: &[&'a Entrant<'a>],
    found: impl Fn(&Entrant<'_>, Scope) -> Option<T>,
    speed: impl Fn(&T) -> f64,
) -> Option<Best<'a, T>> {
    let of = |entrant: &&'a Entrant<'a>| {
        let entrant = *entrant;
        Some(match SCOPES.map(|scope| found(entrant, scope)) {
            [Some(main), moved] => Best { entrant, main, moved, only_moved: false },
            [None, moved] => Best { entrant, main: moved?, moved: None, only_moved: true },
        })
    };
    let all = entrants.iter().filter_map(of);
    all.max_by(|a, b| speed(&a.main).total_cmp(&speed(&b.main)))
}

/// How fast the CPU is at the largest size, where there is nothing to set it against.
fn cpu_rate(input: &Input, group: &Group<'_>, devices: &[Device]) -> Option<Headline> {
    let entrants = group.entrants(input, devices);
    let fastest = |m: &Member<'_>| {
        let of =
            |l: &Entrant<'_>| group.record(input, m, Scope::Compute, l).filter(|r| r.competes());
        let rate = |r: &Record| r.flop_per_s.filter(|v| v.is_finite());
        let rows = entrants.iter().filter_map(of).filter_map(|r| Some((rate(r)?, r)));
        rows.max_by(|a, b| a.0.total_cmp(&b.0))
    };
    let mut sizes = group.members.iter().rev().filter(|_| group.is_sweep());
    let (member, (rate, record)) = sizes.find_map(|m| Some((m, fastest(m)?)))?;
    let share = record
        .compute_roof_fraction
        .map(|f| format!(", {} of the measured peak", names::percent(f)));
    let rate = units::flop_per_s(rate);
    let sentence = format!(
        "The CPU reaches {rate} at {}{} ({}).",
        names::size(group.workload, group.axis, member.value),
        share.unwrap_or_default(),
        record.implementation
    );
    Some(Headline::new(topic(group, None), rate, sentence, 0))
}

/// A device that has rows here, but no comparison.
fn nothing(input: &Input, group: &Group<'_>, device: &Device) -> Option<Headline> {
    let own = input.records.iter().filter(|r| r.device == device.id);
    let cases = group.members.iter().map(|m| group.case(m));
    let of_case = |case| own.clone().filter(move |r: &&Record| r.case() == case);
    let rows: Vec<&Record> = cases.flat_map(of_case).collect();
    let failed = rows.iter().find(|r| r.outcome == Outcome::Failed);
    let first = failed.or_else(|| rows.first())?;
    let (answer, what) = if rows.iter().any(|r| r.counts()) {
        ("no comparison", "was measured, but there is no verified CPU row to set it against".into())
    } else {
        let reason = first.reason.trim().trim_end_matches('.');
        let reason = if reason.is_empty() { String::new() } else { format!(" ({reason})") };
        ("no result", format!("has no verified result here{reason}"))
    };
    let sentence = format!("{} {what}.", capital(&device.phrase));
    Some(Headline::new(topic(group, None), answer, sentence, device.colour))
}
