//! The first sentences: what was measured at all, and what it comes to.

use crate::plan::Selection;
use crate::terms::DeviceKind;

use super::super::input::Input;
use super::super::names::Device;
use super::Table;

/// What kind of figures these are, where no GPU is among them, and what the best device does.
pub fn sentences(input: &Input, devices: &[Device], tables: &[Table]) -> Vec<String> {
    let opponents: Vec<&Device> = devices.iter().filter(|d| !d.is_plain_cpu()).collect();
    let mut sentences = Vec::new();
    if opponents.is_empty() && !input.records.is_empty() {
        sentences.push(cpu_only(input));
    } else if !opponents.is_empty() && opponents.iter().all(|d| d.kind == DeviceKind::Cpu) {
        sentences.push(no_gpu());
    }
    sentences.extend(tables.first().map(|table| table.sentence.clone()));
    sentences
}

/// Why there is nothing to set the CPU against: what the run was told to leave out is no lack.
fn cpu_only(input: &Input) -> String {
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
    format!(
        "Only the CPU was measured, {why} These figures tell how fast this CPU is, and can be set against \
         other runs ('crossover compare'); they have no crossover."
    )
}

/// What figures are good for that were measured without a GPU.
fn no_gpu() -> String {
    "No GPU was measured: what is set against the CPU path drives the same CPU. These figures show how \
     well the kernels do and that all of it works here, and can be set against other runs \
     ('crossover compare'); they are no forecast of a GPU."
        .to_string()
}
