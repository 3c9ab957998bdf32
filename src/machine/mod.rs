//! The machine and the run, as machine.json keeps them.

mod caches;
mod cores;
mod moment;
mod state;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sysinfo::System;

use crate::error::{Error, Result};
use crate::plan::Selection;
use crate::record::{self, SCHEMA};
use crate::roof::Roofs;
use crate::terms::DeviceKind;
use crate::workload::Host;

pub use caches::{CacheLevel, caches, reached_bytes};
#[cfg(test)]
pub(crate) use cores::allowed_cores;
pub use cores::{choose_cores, restrict_thread};
pub use moment::{Moment, utc_now};

/// machine.json.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the run's files.
    pub schema: u32,
    /// Name of the run's folder.
    pub run: String,
    /// When it began, UTC, as 2026-11-23T05:50:00Z.
    pub started: String,
    /// This program.
    pub program: Program,
    /// The command line.
    pub command: Vec<String>,
    /// How samples were taken.
    pub sampling: Sampling,
    /// What was asked for.
    pub selection: Selection,
    /// The computer.
    pub machine: Machine,
    /// Its devices, in the order of `devices`.
    pub devices: Vec<DeviceEntry>,
    /// One sentence for each platform or device that can't be used.
    pub device_problems: Vec<String>,
    /// How fast each device can be, measured in this run.
    #[serde(default)]
    pub roofs: Roofs,
    /// What the clocks of devices are worth.
    #[serde(default)]
    pub timers: Vec<TimerCheck>,
    /// Devices that compute in the host's memory: mapping a buffer moves nothing, which is no speed
    /// of a transfer.
    #[serde(default)]
    pub zero_copy: Vec<String>,
    /// Libraries whose version matters for the numbers.
    pub libraries: BTreeMap<String, String>,
    /// Environment variables that change how libraries and drivers run.
    pub environment: BTreeMap<String, String>,
    /// What a reader of the numbers should know about the machine's state.
    pub warnings: Vec<String>,
    /// Whether the run was cut before its end.
    pub interrupted: bool,
}

/// The program that measured.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Program {
    /// Version of the package.
    pub version: String,
    /// Git revision it was built from, where known.
    pub git_revision: Option<String>,
}

/// How samples were taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// All runners of a case in rounds.
    Interleaved,
    /// By criterion, one runner after the other.
    Criterion,
}

/// The computer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Machine {
    /// Operating system with its version.
    pub os: String,
    /// Kernel version.
    pub kernel: String,
    /// The CPU's name.
    pub cpu: String,
    /// Instruction sets that the kernels care about.
    pub instruction_sets: Vec<String>,
    /// Cores, without those that share a core with another.
    pub physical_cores: usize,
    /// Logical processors.
    pub logical_cores: usize,
    /// Data caches of the first of them, the smallest first; empty where nobody tells.
    #[serde(default)]
    pub caches: Vec<CacheLevel>,
    /// Logical processors that the CPU path was pinned to, one thread each.
    pub cores_used: Vec<usize>,
    /// Main memory in bytes.
    pub memory_bytes: u64,
    /// Memory that was free at the start, in bytes.
    pub free_memory_bytes: u64,
    /// Load average of the last minute at the start.
    pub load: f64,
    /// Whether this is a virtual machine, where it can be seen.
    pub virtual_machine: bool,
    /// Who runs the virtual machine, where it can be seen.
    #[serde(default)]
    pub hypervisor: Option<String>,
    /// Whether two threads share a core, where it can be seen.
    #[serde(default)]
    pub smt: Option<bool>,
    /// Frequency governor, where there is one.
    #[serde(default)]
    pub governor: Option<String>,
    /// Logical processors that this process was allowed when it started.
    #[serde(default)]
    pub affinity: Vec<usize>,
    /// CPUs that the control groups allow; none without a limit.
    #[serde(default)]
    pub quota_cpus: Option<f64>,
}

/// The clocks of one device, held against ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimerCheck {
    /// Id of the device.
    pub device: String,
    /// Share of the wall time of a run of pure arithmetic that its events explain; none where it
    /// has no events. Zero for events that are no times at all.
    pub event_share: Option<f64>,
    /// Wall time of two runs over twice that of one.
    pub linearity: f64,
    /// Wall time of a run on a profiling queue over that of one without.
    pub profiling_cost: Option<f64>,
    /// Whether events are used. Else this device is timed by the wall alone.
    pub trusted: bool,
}

/// One device.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// `cpu` or `opencl:N`.
    pub id: String,
    /// What it is.
    pub kind: DeviceKind,
    /// Its name.
    pub name: String,
    /// Which backend drives it.
    pub backend: String,
    /// Platform and driver with versions; empty for the CPU.
    pub driver: String,
    /// Which defaults its kernels start from; empty for the CPU.
    pub class: String,
    /// Threads, for CPUs.
    pub threads: Option<u32>,
    /// Compute units, for OpenCL devices.
    pub compute_units: Option<u32>,
    /// Highest clock in MHz, where known.
    pub clock_mhz: Option<u32>,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Largest single allocation in bytes.
    pub max_allocation_bytes: u64,
    /// Local memory of a work-group in bytes.
    pub local_memory_bytes: Option<u64>,
    /// Whether local memory is memory of its own, for OpenCL devices.
    #[serde(default)]
    pub own_local_memory: Option<bool>,
    /// Bytes of the cache that an OpenCL device tells of.
    #[serde(default)]
    pub cache_bytes: Option<u64>,
    /// Seconds between two ticks of an OpenCL device's clock.
    #[serde(default)]
    pub timer_resolution_s: Option<f64>,
    /// Extensions, for OpenCL devices.
    pub extensions: Vec<String>,
}

impl DeviceEntry {
    /// A device of which no more is known.
    pub fn new(id: &str, kind: DeviceKind, name: &str, backend: &str) -> DeviceEntry {
        DeviceEntry {
            id: id.to_string(),
            kind,
            name: name.to_string(),
            backend: backend.to_string(),
            driver: String::new(),
            class: String::new(),
            threads: None,
            compute_units: None,
            clock_mhz: None,
            memory_bytes: 0,
            max_allocation_bytes: 0,
            local_memory_bytes: None,
            own_local_memory: None,
            cache_bytes: None,
            timer_resolution_s: None,
            extensions: Vec::new(),
        }
    }
}

impl Manifest {
    /// A manifest for a run that begins now; devices are filled in by the caller.
    pub fn new(run: &str, selection: &Selection, sampling: Sampling, cores: &[usize]) -> Manifest {
        let machine = machine(cores);
        let warnings = warnings(&machine);
        Manifest {
            schema: SCHEMA,
            run: run.to_string(),
            started: utc_now().extended(),
            program: Program {
                version: env!("CARGO_PKG_VERSION").to_string(),
                git_revision: option_env!("CROSSOVER_GIT_REVISION").map(str::to_string),
            },
            command: std::env::args().collect(),
            sampling,
            selection: selection.clone(),
            machine,
            devices: Vec::new(),
            device_problems: Vec::new(),
            roofs: Roofs::default(),
            timers: Vec::new(),
            zero_copy: Vec::new(),
            libraries: libraries(),
            environment: environment(),
            warnings,
            interrupted: false,
        }
    }

    /// Devices and problems, a line each, as a run begins with them.
    pub fn introduction(&self) -> Vec<String> {
        let width = self.devices.iter().map(|d| d.id.len()).max().unwrap_or(0);
        let device = |d: &DeviceEntry| {
            let threads = d.threads.map(|n| format!(", {n} threads")).unwrap_or_default();
            format!("{:<width$}  {} ({}{threads})", d.id, d.name, d.kind.name())
        };
        let notes = self.device_problems.iter().chain(&self.warnings);
        let note = |text: &String| format!("{:<width$}  {text}", "note");
        self.devices.iter().map(device).chain(notes.map(note)).collect()
    }

    /// Writes machine.json in one step.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(record::file::MACHINE);
        let text = serde_json::to_vec_pretty(self).expect("plain data is JSON");
        record::replace_bytes(&path, &text)
    }

    /// Reads machine.json.
    pub fn read(folder: &Path) -> Result<Manifest> {
        let path = folder.join(record::file::MACHINE);
        let text = fs::read(&path).map_err(|e| Error::file(&path, &e))?;
        serde_json::from_slice(&text)
            .map_err(|e| Error::content(&path, format!("not a file of this program: {e}")))
    }
}

fn machine(cores: &[usize]) -> Machine {
    let facts = facts();
    let cpu = |system: &System| system.cpus().first().map(|c| c.brand().trim().to_string());
    Machine {
        os: System::long_os_version().unwrap_or_default(),
        kernel: System::kernel_version().unwrap_or_default(),
        cpu: facts.as_ref().and_then(cpu).unwrap_or_default(),
        instruction_sets: instruction_sets(),
        physical_cores: System::physical_core_count().unwrap_or(0),
        logical_cores: facts.as_ref().map_or(0, |s| s.cpus().len()),
        caches: caches(cores),
        cores_used: cores.to_vec(),
        memory_bytes: facts.as_ref().map_or(0, System::total_memory),
        free_memory_bytes: facts.as_ref().map_or(0, System::available_memory),
        load: System::load_average().map_or(0.0, |l| l.one),
        virtual_machine: state::is_virtual(),
        hypervisor: state::hypervisor(),
        smt: state::has_smt(),
        governor: state::governor(),
        affinity: cores::affinity_at_start(),
        quota_cpus: state::quota_cpus(),
    }
}

/// CPU and memory facts. Without them the numbers still stand; the fields stay empty or zero.
fn facts() -> Option<System> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    system.refresh_cpu_all();
    Some(system)
}

/// What presets have to know of this machine.
pub fn host() -> Host {
    let last = caches(&[]).last().map_or(0, |cache| cache.bytes);
    Host { last_level_cache_bytes: last }
}

/// Facts about the CPU as a device.
pub struct CpuFacts {
    /// Its name.
    pub name: String,
    /// Clock in MHz as the system tells it, where it does.
    pub clock_mhz: Option<u32>,
    /// Main memory in bytes; zero where unknown.
    pub memory_bytes: u64,
}

/// See [`CpuFacts`].
pub fn cpu_facts() -> CpuFacts {
    let facts = facts();
    let cpu = facts.as_ref().and_then(|s| s.cpus().first());
    CpuFacts {
        name: cpu.map_or_else(|| "CPU".to_string(), |c| c.brand().trim().to_string()),
        clock_mhz: cpu.map(|c| c.frequency() as u32).filter(|f| *f > 0),
        memory_bytes: facts.as_ref().map_or(0, System::total_memory),
    }
}

/// Memory that a run may still take, in bytes, inside the cgroup's limit; none where the system doesn't say.
pub fn free_memory_bytes() -> Option<u64> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    let limit = system.cgroup_limits().map_or(u64::MAX, |limits| limits.free_memory);
    Some(system.available_memory().min(limit))
}

fn instruction_sets() -> Vec<String> {
    let mut found: Vec<&str> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let sets = [
            ("sse2", is_x86_feature_detected!("sse2")),
            ("avx", is_x86_feature_detected!("avx")),
            ("avx2", is_x86_feature_detected!("avx2")),
            ("fma", is_x86_feature_detected!("fma")),
            ("avx512f", is_x86_feature_detected!("avx512f")),
            ("avx512bf16", is_x86_feature_detected!("avx512bf16")),
        ];
        found.extend(sets.iter().filter(|(_, has)| *has).map(|(name, _)| *name));
    }
    #[cfg(target_arch = "aarch64")]
    found.push("neon");
    found.into_iter().map(str::to_string).collect()
}

fn warnings(machine: &Machine) -> Vec<String> {
    let mut warnings = Vec::new();
    if machine.load > 0.5 {
        warnings.push(format!(
            "load average {:.1} at the start: other programs were using the machine",
            machine.load
        ));
    }
    if machine.virtual_machine {
        warnings.push("virtual machine: its neighbours can slow it down unseen".to_string());
    }
    if let Some(cpus) = machine.quota_cpus.filter(|cpus| *cpus < machine.cores_used.len() as f64) {
        warnings.push(format!("a control group allows {cpus:.2} CPUs, fewer than the threads"));
    }
    if let Some(governor) = machine.governor.as_ref().filter(|g| *g != "performance") {
        warnings.push(format!("CPU frequency governor is '{governor}', not 'performance'"));
    }
    warnings
}

/// Versions of the crates whose kernels are measured, from the lock file of this build.
fn libraries() -> BTreeMap<String, String> {
    const MEASURED: [&str; 5] = ["criterion", "gemm", "matrixmultiply", "ocl", "rayon"];
    let lock: toml::Table = include_str!("../../Cargo.lock").parse().unwrap_or_default();
    let packages = lock.get("package").and_then(|p| p.as_array());
    let entry = |p: &toml::Value| {
        let text = |field: &str| p.get(field).and_then(|v| v.as_str()).map(str::to_string);
        Some((text("name").filter(|n| MEASURED.contains(&n.as_str()))?, text("version")?))
    };
    packages.into_iter().flatten().filter_map(entry).collect()
}

fn environment() -> BTreeMap<String, String> {
    const PREFIXES: [&str; 10] = [
        "CROSSOVER_",
        "CUDA_",
        "GOMP_",
        "MKL_",
        "OCL_",
        "OMP_",
        "OPENBLAS_",
        "OPENCL_",
        "POCL_",
        "RAYON_",
    ];
    std::env::vars().filter(|(name, _)| PREFIXES.iter().any(|p| name.starts_with(p))).collect()
}

/// The host's name, made fit for a folder name.
pub fn host_name() -> String {
    let name = System::host_name().unwrap_or_default();
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(fit).take(40).collect();
    if name.trim_matches(['.', '-']).is_empty() { "machine".to_string() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_manifest_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = Manifest::new("r", &Selection::default(), Sampling::Interleaved, &[0]);
        manifest.write(folder.path()).unwrap();
        let back = Manifest::read(folder.path()).unwrap();
        assert_eq!(back.selection, manifest.selection);
        assert!(back.libraries.contains_key("gemm"));
        assert!(back.machine.memory_bytes > 0);
    }
}
