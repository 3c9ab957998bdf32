//! What people call things: devices, axes, shapes, scopes. An OpenCL device of kind `cpu` is never
//! called a GPU.

use std::borrow::Cow;

use crate::manifest::Manifest;
use crate::record::{self, Record};
use crate::terms::{
    BreakEven, Cache, CaseKey, Crossover, DeviceId, DeviceKind, Dtype, Family, Scope, Verdict,
};
use crate::units;
use crate::workload;

use super::chart;

/// A device, named for people.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// Its id in the files.
    pub id: DeviceId,
    /// What it is.
    pub kind: DeviceKind,
    /// For labels and tables: `GPU NVIDIA H200`, `OpenCL on the CPU (PoCL)`.
    pub label: String,
    /// For sentences: `the GPU NVIDIA H200`, `the same CPU driven through OpenCL (PoCL)`.
    pub phrase: String,
    /// Number of its colour; the CPU has 0.
    pub colour: usize,
}

impl Device {
    /// Whether it may stand for the CPU's own path: then it is no opponent.
    pub fn is_plain_cpu(&self) -> bool {
        self.id.is_cpu_side(self.kind)
    }

    /// What it is set against, in sentences about it.
    pub fn rival(&self) -> &'static str {
        if self.kind == DeviceKind::Cpu { "the CPU path" } else { "the CPU" }
    }
}

/// Every device of the rows, the CPU first, with unique labels.
pub fn devices(records: &[Record], manifest: Option<&Manifest>) -> Vec<Device> {
    let rows = record::grouped(records.iter().map(|r| (&r.device, r)));
    let mut devices: Vec<Device> = rows.iter().map(|(_, r)| device(r[0], manifest)).collect();
    devices.sort_by_key(|d| !d.id.is_cpu());
    let labels: Vec<String> = devices.iter().map(|d| d.label.clone()).collect();
    let has_cpu = devices.first().is_some_and(|d| d.id.is_cpu());
    for (i, device) in devices.iter_mut().enumerate() {
        // Colour 0 is the CPU's, whether it was measured or not.
        device.colour = i + usize::from(!has_cpu);
        if labels.iter().filter(|l| **l == device.label).count() > 1 {
            device.label = format!("{}, {}", device.label, device.id);
            device.phrase = format!("{} ({})", device.phrase, device.id);
        }
    }
    devices
}

fn device(record: &Record, manifest: Option<&Manifest>) -> Device {
    let name = record.device_name.trim();
    let by = driver(&record.device, manifest);
    let drives_opencl = record.device.opencl().is_some();
    let (label, phrase) = match (record.device.program(), record.device_kind) {
        (None, DeviceKind::Cpu) if drives_opencl => (
            format!("OpenCL on the CPU ({by})"),
            format!("the same CPU driven through OpenCL ({by})"),
        ),
        (None, of) => {
            let device = format!("{} {name}", kind(of));
            (capital(&device), format!("the {device}"))
        }
        (Some(contender), of) => {
            let place = match of {
                DeviceKind::Cpu if drives_opencl => format!("CPU ({by})"),
                DeviceKind::Cpu => "CPU".to_string(),
                of => format!("{} {name}", kind(of)),
            };
            let device = format!("{contender} on the {place}");
            (device.clone(), device)
        }
    };
    let (label, phrase) = (label.trim().to_string(), phrase.trim().to_string());
    Device { id: record.device.clone(), kind: record.device_kind, label, phrase, colour: 0 }
}

/// The driver of an OpenCL device by the name people know, or the device's id.
fn driver(id: &DeviceId, manifest: Option<&Manifest>) -> String {
    let id = id.opencl().unwrap_or_else(|| id.clone());
    let name = manifest.and_then(|m| m.device(&id)).map(|entry| driver_name(&entry.driver));
    name.filter(|name| !name.is_empty()).unwrap_or_else(|| id.to_string())
}

/// A driver by the name people know it by.
fn driver_name(driver: &str) -> String {
    let lower = driver.to_lowercase();
    if lower.contains("pocl") || lower.contains("portable computing language") {
        return "PoCL".to_string();
    }
    // The platform's name comes first, versions follow.
    let platform = driver.split(',').next().unwrap_or_default();
    platform.chars().take(40).collect::<String>().trim().to_string()
}

/// A kind of device in a label.
pub fn kind(kind: DeviceKind) -> &'static str {
    match kind {
        DeviceKind::Cpu => "CPU",
        DeviceKind::Gpu => "GPU",
        DeviceKind::Accelerator => "accelerator",
    }
}

/// What drives a device, as people write it.
pub fn driven_by(name: &str) -> &str {
    if name == "opencl" { "OpenCL" } else { name }
}

/// Words as a sentence has them: `L2, L3 and memory`.
pub fn in_a_row(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// With a capital letter at its beginning.
pub fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |c| c.to_uppercase().chain(chars).collect())
}

/// An axis: `m = n = k` for axes that change together, `m = n (k = 32)` for a family.
pub fn axis(workload: &str, axis: &str) -> String {
    let joint = workload::find(workload).map_or(&[][..], |w| w.joint_axes());
    match joint.iter().find(|(name, _)| *name == axis) {
        Some((_, axes)) => axes.join(" = "),
        None => family(workload, axis).map_or(axis.to_string(), |family| family.words(None)),
    }
}

/// The family that an axis is the name of.
fn family(workload: &str, axis: &str) -> Option<Family> {
    Family::named(workload::find(workload).ok()?.axes(), axis)
}

/// A value on an axis: a number, or an amount of bytes.
pub fn axis_value(axis: &str, value: u64) -> String {
    if axis == "bytes" { chart::trim_zeros(&units::bytes(value as f64)) } else { value.to_string() }
}

/// A place on an axis in a sentence: `m = n = k = 384`, `16.8 MB`.
pub fn size(workload: &str, axis_name: &str, value: u64) -> String {
    let value = axis_value(axis_name, value);
    if axis_name == "bytes" {
        return value;
    }
    match family(workload, axis_name) {
        Some(family) => family.words(Some(&value)),
        None => format!("{} = {value}", axis(workload, axis_name)),
    }
}

/// A crossover in a few words, for a label: `from 384 on`. `last` is the largest size measured.
pub fn crossover(crossover: Crossover, axis: &str, last: u64) -> String {
    let value = |v| axis_value(axis, v);
    match crossover {
        Crossover::Always => "faster at every size".to_string(),
        Crossover::Never => format!("never up to {}", value(last)),
        Crossover::From(v) => format!("from {} on", value(v)),
        Crossover::Unclear(low, high) if low == high => format!("unclear at {}", value(low)),
        Crossover::Unclear(low, high) => format!("unclear from {} to {}", value(low), value(high)),
    }
}

/// A crossover in as few words as a table has room for, beside from where to where its sweep goes: `from 384`.
pub fn crossing(crossover: Crossover, axis: &str) -> String {
    let value = |v| axis_value(axis, v);
    match crossover {
        Crossover::Always => "at every size".to_string(),
        Crossover::Never => "never".to_string(),
        Crossover::From(v) => format!("from {}", value(v)),
        Crossover::Unclear(low, high) if low == high => format!("unclear at {}", value(low)),
        Crossover::Unclear(low, high) => format!("unclear {}–{}", value(low), value(high)),
    }
}

/// A shape in the workload's own short words, or as it stands in the file.
pub fn shape(workload: &str, text: &str) -> String {
    if text.is_empty() {
        return workload.to_string();
    }
    let known = workload::find(workload).ok();
    let label = known.and_then(|w| Some(w.label(&w.shape(text).ok()?)));
    label.filter(|l| !l.is_empty()).unwrap_or_else(|| text.to_string())
}

/// Workload and shape: `gemm 512³`.
pub fn problem(workload: &str, text: &str) -> String {
    if text.is_empty() {
        workload.to_string()
    } else {
        format!("{workload} {}", shape(workload, text))
    }
}

/// A case, with what is not usual: `gemm 512³ f64 cold`.
pub fn case(case: CaseKey<'_>) -> String {
    let mut words = vec![problem(case.workload, case.shape)];
    words.extend(unusual(case.dtype).map(str::to_string));
    words.extend((case.cache != Cache::Hot).then(|| case.cache.name().to_string()));
    words.join(" ")
}

/// A dtype, unless it is the usual one.
pub fn unusual(dtype: Dtype) -> Option<&'static str> {
    (dtype != Dtype::F32).then_some(dtype.name())
}

/// How many threads, after a name: `, 2 threads`; nothing where that is not known.
pub fn threads(count: Option<u32>) -> String {
    match count {
        Some(1) => ", 1 thread".to_string(),
        Some(n) => format!(", {n} threads"),
        None => String::new(),
    }
}

/// A name's part, fit for a file whatever the CSV holds.
pub fn fit(text: &str) -> String {
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' };
    text.chars().map(fit).take(60).collect()
}

/// The first twelve of some texts, and how many more there are.
pub fn twelve(texts: impl ExactSizeIterator<Item = String>) -> String {
    let more = texts.len().saturating_sub(12);
    let mut shown: Vec<String> = texts.take(12).collect();
    shown.extend((more > 0).then(|| format!("and {more} more")));
    shown.join("; ")
}

/// A scope in a label.
pub fn scope(scope: Scope) -> Cow<'static, str> {
    match scope {
        Scope::Compute => "compute".into(),
        Scope::EndToEnd => "with transfers".into(),
        Scope::Reused(uses) => format!("{} on the same data", runs(f64::from(uses.get()))).into(),
    }
}

/// `1 run`, `3.2 runs`.
fn runs(runs: f64) -> String {
    match break_even(BreakEven::After(runs)) {
        one if one == "1" => "1 run".to_string(),
        several => format!("{several} runs"),
    }
}

/// `3.2`, `never`: from how many runs on the same data on a device is worth its transfers.
pub fn break_even(break_even: BreakEven) -> String {
    match break_even {
        BreakEven::After(runs) if runs < 9.95 => chart::trim_zeros(&format!("{runs:.1}")),
        BreakEven::After(runs) => format!("{runs:.0}"),
        BreakEven::Never => "never".to_string(),
    }
}

/// A verdict in a sentence.
pub fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Same => "the same",
        Verdict::Ambiguous => "ambiguous",
        Verdict::None => "too noisy",
    }
}

/// Three digits, where it is a number.
pub fn significant(value: f64) -> String {
    if value.is_finite() { units::significant(value) } else { "-".to_string() }
}

/// A ratio, where it is a number.
pub fn ratio(value: f64) -> String {
    if value.is_finite() { units::ratio(value) } else { "-".to_string() }
}

/// A ratio's interval: `0.860–1.00×`, or one number where both ends are the same.
pub fn span(low: f64, high: f64) -> String {
    let (first, last) = (significant(low), ratio(high));
    if first == significant(high) { last } else { format!("{first}–{last}") }
}

/// A share as a percentage of three digits.
pub fn percent(value: f64) -> String {
    let percent = value * 100.0;
    if percent.is_finite() { format!("{} %", units::significant(percent)) } else { "-".into() }
}

/// A whole number with its thousands apart.
pub fn count(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push('\u{202F}');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_crossover_has_words() {
        for (found, words, few) in [
            (Crossover::Always, "faster at every size", "at every size"),
            (Crossover::Never, "never up to 2048", "never"),
            (Crossover::From(384), "from 384 on", "from 384"),
            (Crossover::Unclear(256, 512), "unclear from 256 to 512", "unclear 256–512"),
            (Crossover::Unclear(2048, 2048), "unclear at 2048", "unclear at 2048"),
        ] {
            assert_eq!((&*crossover(found, "mnk", 2048), &*crossing(found, "mnk")), (words, few));
        }
        assert_eq!(crossover(Crossover::From(1 << 24), "bytes", 0), "from 16.8 MB on");
    }
}
