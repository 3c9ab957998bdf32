//! What each device can do at most, in a sentence.

use crate::units;

use super::super::input::Input;
use super::super::limits;
use super::super::names::Device;
use super::Headline;

/// A sentence for every device with a roof.
pub fn answers(input: &Input, devices: &[Device]) -> Vec<Headline> {
    devices.iter().filter_map(|device| answer(input, device)).collect()
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
