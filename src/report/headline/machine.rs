//! What each device can do at most, in a sentence.

use crate::roof::Level;
use crate::terms::DeviceKind;
use crate::units;

use super::super::input::Input;
use super::super::limits;
use super::super::names::{self, Device};
use super::Headline;

/// A sentence for every device with a roof, and what can't be told apart with the first that is the CPU.
pub fn answers(input: &Input, devices: &[Device]) -> Vec<Headline> {
    let mut answers: Vec<Headline> = Vec::new();
    let mut joined: Vec<String> = input.roofs.levels.joined().map(one_roof).collect();
    for device in devices {
        let Some(mut answer) = answer(input, device) else { continue };
        if device.kind == DeviceKind::Cpu {
            joined.drain(..).for_each(|sentence| answer.sentence += &format!(" {sentence}"));
        }
        answers.push(answer);
    }
    answers
}

/// `L3 and memory can't be told apart here (52.1 and 51.8 GB/s): rows of both are held to one roof.`
fn one_roof(levels: &[Level]) -> String {
    let rates = levels.iter().filter_map(|level| level.triad_bytes_per_s);
    let rates: Vec<String> = rates.map(units::bytes_per_s).collect();
    let all = if levels.len() == 2 { "both" } else { "all" };
    format!(
        "{} can't be told apart here ({}): rows of {all} are held to one roof.",
        limits::together(levels),
        names::in_a_row(&with_one_unit(rates))
    )
}

/// Amounts with their unit once, at the end, where all have the same.
fn with_one_unit(mut amounts: Vec<String>) -> Vec<String> {
    let unit = |amount: &String| amount.split_once(' ').map(|(_, unit)| unit.to_string());
    if let Some((last, others)) = amounts.split_last_mut()
        && others.iter().all(|amount| unit(amount) == unit(last))
    {
        for amount in others {
            amount.truncate(amount.find(' ').unwrap_or(amount.len()));
        }
    }
    amounts
}

fn answer(input: &Input, device: &Device) -> Option<Headline> {
    let peak = limits::peak(input, &device.id);
    let memory = limits::memory(input, &device.id);
    let (mut rates, mut sources) = (Vec::new(), Vec::new());
    if let Some(peak) = peak {
        rates.push(units::flop_per_s(peak.flop_per_s));
        sources.push(format!("{} multiply-adds ({})", peak.dtype.name(), peak.implementation));
    }
    if let Some(level) = memory {
        let roof = level.roof;
        rates.push(units::bytes_per_s(roof.bytes_per_s));
        let bytes = units::bytes(roof.working_set_bytes as f64);
        sources.push(format!("{} over {bytes} ({})", roof.workload, roof.implementation));
    }
    (!rates.is_empty()).then(|| Headline {
        topic: device.label.clone(),
        answer: format!("{} measured", rates.join(", ")),
        sentence: format!("Its roofs: {}.", sources.join(" and ")),
        colour: device.colour,
        minor: true,
    })
}
