//! The computer and its devices.

use crate::machine::{CacheLevel, DeviceEntry, Machine};
use crate::manifest::{Manifest, TimerCheck};
use crate::roof::ComputeRoof;
use crate::terms::DeviceId;
use crate::units;

use super::super::input::Input;
use super::super::limits::{self, Level};
use super::super::names;
use super::{Fact, fact};

/// When a run began, in words: `2026-11-23 05:50:00 UTC`.
pub fn moment(manifest: &Manifest) -> String {
    utc(&manifest.started)
}

/// A time of machine.json, for people.
pub fn utc(time: &str) -> String {
    time.replace('T', " ").replace('Z', " UTC")
}

/// The source that the program was built from.
pub fn revision(manifest: &Manifest) -> &str {
    manifest.program.git_revision.as_deref().unwrap_or("unknown revision")
}

/// The computer and the run.
pub fn machine(manifest: &Manifest) -> Vec<Fact> {
    let m = &manifest.machine;
    let bytes = |value: u64| units::bytes(value as f64);
    let seed = manifest.selection.seed;
    let mut facts = vec![
        fact("CPU", m.cpu.clone(), m.instruction_sets.join(", ")),
        fact(
            "Cores",
            format!("{} physical, {} logical", m.physical_cores, m.logical_cores),
            cores(m),
        ),
    ];
    facts.extend(caches(m));
    facts.extend([
        fact(
            "Memory",
            bytes(m.memory_bytes),
            format!("{} free at the start", bytes(m.free_memory_bytes)),
        ),
        fact("System", m.os.clone(), m.kernel.clone()),
        fact("Virtual machine", virtual_machine(m), ""),
        fact("Load at the start", format!("{:.2}", m.load), ""),
    ]);
    facts.extend(m.governor.iter().map(|g| fact("Frequency governor", g.as_str(), "")));
    let cpus = m.quota_cpus.map(|n| format!("{} CPUs", names::significant(n)));
    facts.extend(cpus.map(|cpus| fact("CPU quota", cpus, "by control groups")));
    facts.extend([
        fact("Started", moment(manifest), ""),
        fact("Program", format!("crossover {}", manifest.program.version), revision(manifest)),
        fact("Preset", manifest.selection.preset.clone(), format!("seed {seed}")),
    ]);
    facts
}

/// `SMT off; used: 0, 1`.
fn cores(m: &Machine) -> String {
    let list = |cores: &[usize]| cores.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    let smt = m.smt.map(|on| if on { "two threads a core" } else { "one thread a core" });
    // An empty list is of an older version; a full one says nothing.
    let bound = !m.affinity.is_empty() && m.affinity.len() < m.logical_cores;
    let allowed = bound.then(|| format!("allowed: {}", list(&m.affinity)));
    let used = format!("used: {}", list(&m.cores_used));
    let parts = smt.map(str::to_string).into_iter().chain(allowed).chain([used]);
    parts.collect::<Vec<_>>().join("; ")
}

/// `L1 49.2 kB, L2 1.05 MB, L3 33.6 MB`.
fn caches(m: &Machine) -> Option<Fact> {
    let size = |c: &CacheLevel| format!("L{} {}", c.level, units::bytes(c.bytes as f64));
    let shared = |c: &CacheLevel| format!("L{} shared by {} processors", c.level, c.shared_by);
    let sizes: Vec<String> = m.caches.iter().map(size).collect();
    let notes: Vec<String> = m.caches.iter().filter(|c| c.shared_by > 1).map(shared).collect();
    (!sizes.is_empty()).then(|| fact("Caches", sizes.join(", "), notes.join(", ")))
}

/// What the computer runs on, where it is a virtual one.
pub fn virtual_machine(m: &Machine) -> String {
    match (&m.hypervisor, m.virtual_machine) {
        (Some(name), _) => name.clone(),
        (None, true) => "yes".to_string(),
        (None, false) => "none seen".to_string(),
    }
}

/// A device as machine.json has it.
pub struct DeviceFacts {
    pub id: DeviceId,
    pub kind: &'static str,
    pub name: String,
    pub driver: String,
    /// Threads or compute units.
    pub units: String,
    pub memory: String,
    /// Whether that is the host's, so that mapping a buffer moves nothing.
    pub shares_memory: bool,
    /// Its measured peak.
    pub peak: String,
    /// The measured rate of its memory.
    pub bandwidth: String,
    /// What its own clock is worth.
    pub clock: String,
}

/// Every device of the machine.
pub fn devices(input: &Input) -> Vec<DeviceFacts> {
    let Some(manifest) = &input.manifest else { return Vec::new() };
    let peak = |roof: &ComputeRoof| units::flop_per_s(roof.flop_per_s);
    let bandwidth = |level: Level<'_>| units::bytes_per_s(level.roof.bytes_per_s);
    let facts = |d: &DeviceEntry| DeviceFacts {
        id: d.id.clone(),
        kind: names::kind(d.kind),
        name: d.name.clone(),
        driver: if d.driver.is_empty() { d.backend.clone() } else { d.driver.clone() },
        units: match (d.threads, d.compute_units) {
            (Some(threads), _) => format!("{threads} threads"),
            (None, Some(units)) => format!("{units} compute units"),
            (None, None) => String::new(),
        },
        memory: match d.memory_bytes {
            0 => String::new(),
            bytes => units::bytes(bytes as f64),
        },
        shares_memory: manifest.zero_copy.contains(&d.id),
        peak: limits::peak(input, &d.id).map_or(String::new(), peak),
        bandwidth: limits::memory(input, &d.id).map_or(String::new(), bandwidth),
        clock: manifest.timers.iter().find(|t| t.device == d.id).map_or(String::new(), clock),
    };
    manifest.devices.iter().map(facts).collect()
}

/// `own clock trusted: 98.0 % of the wall time; twice the work takes 2.03×`.
fn clock(check: &TimerCheck) -> String {
    let share = check.event_share.map(|s| format!(": {} of the wall time", names::percent(s)));
    let word = match (check.trusted, check.event_share) {
        (true, None) => "no clock of its own",
        (true, Some(_)) => "own clock trusted",
        (false, _) => "own clock not trusted",
    };
    let twice = names::ratio(2.0 * check.linearity);
    format!("{word}{}; twice the work takes {twice}", share.unwrap_or_default())
}
