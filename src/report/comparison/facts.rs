//! The machines behind the runs, side by side.

use crate::compare::Side;
use crate::machine::DeviceEntry;
use crate::manifest::Manifest;
use crate::roof::MemoryRoof;
use crate::terms::Dtype;
use crate::units;

use super::super::facts;

/// A property of the runs: its name, and its value for each.
pub struct FactLine {
    /// What it is.
    pub name: &'static str,
    /// One a run.
    pub values: Vec<String>,
    /// Whether the runs differ in it.
    pub differs: bool,
}

type Property = (&'static str, fn(&Side, &Manifest) -> String);

const PROPERTIES: [Property; 13] = [
    ("Processes", |s, _| s.runs.len().to_string()),
    ("Started", |_, m| facts::moment(m)),
    ("Program", |_, m| format!("{} ({})", m.program.version, facts::revision(m))),
    ("CPU", |_, m| m.machine.cpu.clone()),
    ("Cores", |_, m| {
        format!("{} physical, {} used", m.machine.physical_cores, m.machine.cores_used.len())
    }),
    ("Memory", |_, m| units::bytes(m.machine.memory_bytes as f64)),
    ("System", |_, m| format!("{}, kernel {}", m.machine.os, m.machine.kernel)),
    ("Virtual machine", |_, m| facts::virtual_machine(&m.machine)),
    ("Devices", |_, m| lines(&m.devices, device)),
    ("Peak", |_, m| {
        let f32s = m.roofs.compute.iter().filter(|r| r.dtype == Dtype::F32);
        lines(f32s, |r| format!("{}: {}", r.device, units::flop_per_s(r.flop_per_s)))
    }),
    ("Memory rate", |_, m| bandwidths(m)),
    ("Load at the start", |_, m| format!("{:.2}", m.machine.load)),
    ("Sampling", |_, m| format!("{:?}, seed {}", m.sampling, m.selection.seed).to_lowercase()),
];

fn lines<T>(all: impl IntoIterator<Item = T>, line: impl Fn(T) -> String) -> String {
    all.into_iter().map(line).collect::<Vec<_>>().join("; ")
}

fn device(d: &DeviceEntry) -> String {
    let threads = d.threads.map(|n| format!(", {n} threads")).unwrap_or_default();
    let driver = if d.driver.is_empty() { String::new() } else { format!(", {}", d.driver) };
    format!("{}: {} ({}{threads}{driver})", d.id, d.name, d.kind.name())
}

/// The rate of each device at its largest working set.
fn bandwidths(m: &Manifest) -> String {
    let far = |d: &DeviceEntry| {
        let own = m.roofs.memory.iter().filter(|r| r.device == d.id);
        own.max_by_key(|r| r.working_set_bytes)
    };
    let line =
        |far: &MemoryRoof| format!("{}: {}", far.device, units::bytes_per_s(far.bytes_per_s));
    lines(m.devices.iter().filter_map(far), line)
}

/// What machine.json says of each run.
pub fn run_facts(sides: &[Side]) -> Vec<FactLine> {
    let line = |(name, value): &Property| {
        let of = |s: &Side| s.manifest().map_or("unknown".to_string(), |m| value(s, m));
        let values: Vec<String> = sides.iter().map(of).collect();
        let differs = values.iter().any(|v| *v != values[0]);
        FactLine { name, values, differs }
    };
    PROPERTIES.iter().map(line).collect()
}
