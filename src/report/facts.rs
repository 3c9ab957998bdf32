//! Short facts about a run and its machine.

use crate::machine::{Manifest, Sampling};
use crate::record::{DeviceKind, Outcome};
use crate::units;

use super::input::Input;
use super::names;

/// A name and a value, with a word on it.
pub struct Fact {
    /// What it is.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// What else to know.
    pub note: String,
    /// Whether it deserves attention.
    pub alert: bool,
}

fn fact(name: &'static str, value: impl Into<String>, note: impl Into<String>) -> Fact {
    Fact { name, value: value.into(), note: note.into(), alert: false }
}

/// How far the numbers can be trusted.
pub fn trust(input: &Input) -> Vec<Fact> {
    let mut facts = vec![verified(input), noise(input), baseline(input)];
    if let Some(manifest) = &input.manifest {
        facts.push(match manifest.sampling {
            Sampling::Interleaved => {
                fact("Sampling", "interleaved", "all devices of a case in turns, round by round")
            }
            Sampling::Criterion => {
                fact("Sampling", "criterion", "one device after the other, compared unpaired")
            }
        });
        let (value, note) = if manifest.interrupted {
            ("interrupted", "cut before its end; continue it with --resume")
        } else {
            ("complete", "every planned case has an outcome")
        };
        facts.push(Fact { alert: manifest.interrupted, ..fact("Run", value, note) });
    }
    facts
}

fn verified(input: &Input) -> Fact {
    let count = |outcome| input.records.iter().filter(|r| r.outcome == outcome).count();
    let (measured, suspect) = (count(Outcome::Measured), count(Outcome::Suspect));
    let failed = count(Outcome::Failed);
    let rest: Vec<String> = [
        (failed, "failed"),
        (suspect, "suspect"),
        (count(Outcome::Skipped), "skipped"),
        (count(Outcome::Unsupported), "unsupported"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, word)| format!("{n} {word}"))
    .collect();
    let run = measured + suspect + failed;
    let note = if rest.is_empty() { "against an f64 reference".into() } else { rest.join(", ") };
    let value = format!("{} of {run} rows", measured + suspect);
    Fact { alert: failed + suspect > 0, ..fact("Verified", value, note) }
}

fn noise(input: &Input) -> Fact {
    let rows = input.records.iter().filter(|r| r.counts());
    let mut noise: Vec<f64> = rows.filter_map(|r| r.noise).filter(|n| n.is_finite()).collect();
    noise.sort_by(f64::total_cmp);
    let Some(median) = noise.get(noise.len() / 2) else { return fact("Noise", "-", "no samples") };
    let over = |limit: f64| noise.iter().filter(|n| **n > limit).count();
    let note = match (over(0.10), over(0.25)) {
        (0, _) => "no row over 10 %".to_string(),
        (noisy, 0) => format!("{noisy} of {} rows over 10 %", noise.len()),
        (noisy, none) => format!("{noisy} of {} rows over 10 %, {none} over 25 %", noise.len()),
    };
    let value = format!("{} median", names::percent(*median));
    Fact { alert: over(0.25) > 0, ..fact("Noise", value, note) }
}

fn baseline(input: &Input) -> Fact {
    let mut used: Vec<&str> = Vec::new();
    for s in input.summary.iter().filter(|s| s.baseline == super::views::BASELINE) {
        if !used.contains(&s.cpu_implementation.as_str()) {
            used.push(&s.cpu_implementation);
        }
    }
    if used.is_empty() {
        return fact("Baseline", "none", "nothing was set against the CPU");
    }
    let shown: Vec<&str> = used.iter().copied().take(4).collect();
    let more = if used.len() > 4 { format!(" and {} more", used.len() - 4) } else { String::new() };
    let threads = input.records.iter().filter(|r| r.device == "cpu").find_map(|r| r.threads);
    let threads = match threads {
        Some(1) => ", 1 thread".to_string(),
        Some(n) => format!(", {n} threads"),
        None => String::new(),
    };
    let note = format!("fastest verified row at each size: {}{more}", shown.join(", "));
    fact("Baseline", format!("best CPU path{threads}"), note)
}

/// When a run began, in words: `2026-11-23 05:50:00 UTC`.
pub fn moment(manifest: &Manifest) -> String {
    manifest.started.replace('T', " ").replace('Z', " UTC")
}

/// The computer and the run.
pub fn machine(manifest: &Manifest) -> Vec<Fact> {
    let m = &manifest.machine;
    let cores = m.cores_used.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let place = if m.virtual_machine { ", virtual machine" } else { "" };
    let bytes = |value: u64| units::bytes(value as f64);
    let seed = manifest.selection.seed.to_string();
    let revision = manifest.program.git_revision.as_deref().unwrap_or("unknown revision");
    vec![
        fact("CPU", m.cpu.clone(), m.instruction_sets.join(", ")),
        fact(
            "Cores",
            format!("{} physical, {} logical", m.physical_cores, m.logical_cores),
            format!("used: {cores}"),
        ),
        fact(
            "Memory",
            bytes(m.memory_bytes),
            format!("{} free at the start", bytes(m.free_memory_bytes)),
        ),
        fact("System", m.os.clone(), format!("{}{place}", m.kernel)),
        fact("Load at the start", format!("{:.2}", m.load), ""),
        fact("Started", moment(manifest), ""),
        fact("Program", format!("crossover {}", manifest.program.version), revision),
        fact("Preset", manifest.selection.preset.clone(), format!("seed {seed}")),
    ]
}

/// A device as machine.json has it.
pub struct DeviceFacts {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its driver.
    pub driver: String,
    /// Threads or compute units.
    pub units: String,
    /// Its memory.
    pub memory: String,
}

/// Every device of the machine.
pub fn devices(manifest: &Manifest) -> Vec<DeviceFacts> {
    let facts = |d: &crate::machine::DeviceEntry| DeviceFacts {
        id: d.id.clone(),
        kind: match d.kind {
            DeviceKind::Cpu => "CPU",
            DeviceKind::Gpu => "GPU",
            DeviceKind::Accelerator => "accelerator",
        },
        name: d.name.clone(),
        driver: if d.driver.is_empty() { d.backend.clone() } else { d.driver.clone() },
        units: match (d.threads, d.compute_units) {
            (Some(threads), _) => format!("{threads} threads"),
            (None, Some(units)) => format!("{units} compute units"),
            (None, None) => String::new(),
        },
        memory: if d.memory_bytes > 0 {
            units::bytes(d.memory_bytes as f64)
        } else {
            String::new()
        },
    };
    manifest.devices.iter().map(facts).collect()
}
