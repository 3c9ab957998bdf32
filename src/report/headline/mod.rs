//! The answers at the top: from which size on, or by how much, in a sentence a device.
//!
//! | file | holds |
//! | --- | --- |
//! | `sweep.rs` | from which size on, and by how much at the largest |
//! | `list.rs` | what a list adds up to |
//! | `machine.rs` | what each device can do at most |

mod list;
mod machine;
mod sweep;

use crate::plan::Selection;
use crate::record::{Outcome, Record};
use crate::terms::{Cased, DeviceKind, Scope};
use crate::units;

use super::input::Input;
use super::names::{self, Device, capital};
use super::views::{Entrant, Group, Member, SCOPES};

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
}

/// All answers, workload by workload. Without an opponent of the CPU there is one that says so.
pub fn headlines(input: &Input, groups: &[Group<'_>], devices: &[Device]) -> Vec<Headline> {
    let opponents: Vec<&Device> = devices.iter().filter(|d| !d.is_plain_cpu()).collect();
    let mut found = Vec::new();
    if opponents.is_empty() && !input.records.is_empty() {
        found.push(cpu_only(input));
    } else if !opponents.is_empty() && opponents.iter().all(|d| d.kind == DeviceKind::Cpu) {
        found.push(no_gpu());
    }
    for group in groups.iter().filter(|g| !g.is_about_machine()) {
        let before = found.len();
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
            let answer = if group.is_sweep() {
                sweep::answer(input, group, &own)
            } else {
                list::answer(input, group, &own)
            };
            found.extend(answer.or_else(|| nothing(input, group, device)));
        }
        let minor = group.moves_data(input);
        found[before..].iter_mut().for_each(|h| h.minor = minor);
    }
    found.extend(machine::answers(input, devices));
    found
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

/// Why there is nothing to set the CPU against: what the run was told to leave out is no lack.
fn cpu_only(input: &Input) -> Headline {
    let others = input.manifest.iter().flat_map(|m| &m.devices).filter(|d| !d.id.is_cpu()).count();
    let selection = input.manifest.as_ref().map(|m| &m.selection);
    let given = |list: fn(&Selection) -> &Vec<String>| {
        selection.map(list).filter(|names| !names.is_empty()).map(|names| names.join(","))
    };
    let why = if let Some(devices) = given(|s| &s.devices).filter(|_| others == 0) {
        format!("as --device {devices} says. Without it, every device that is there is measured.")
    } else if let Some(names) = given(|s| &s.implementations).filter(|_| others > 0) {
        format!(
            "for no other device has --implementation {names} here. Without it, every device is \
             measured."
        )
    } else if others > 0 {
        "for the other devices have no times here.".to_string()
    } else {
        "for no OpenCL device was found. ./setup adds one (PoCL, which drives this CPU) and names \
         what a GPU needs; then run again."
            .to_string()
    };
    let sentence = format!("Only the CPU was measured, {why}");
    Headline::new("devices".to_string(), "CPU only", sentence, 0)
}

/// What figures are good for that were measured without a GPU.
fn no_gpu() -> Headline {
    let sentence = "No GPU was measured: what is set against the CPU path drives the same CPU. That \
                    shows how well the kernels do and that all of it works here; it is no forecast \
                    of a GPU.";
    Headline::new("devices".to_string(), "no GPU", sentence.to_string(), 0)
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
