//! machine.json: which program measured what, on which computer, and what a reader of the numbers should
//! know.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::machine::{self, DeviceEntry, Machine, host_name, utc_now};
use crate::plan::Selection;
use crate::record::{self, SCHEMA};
use crate::roof::Roofs;
use crate::terms::DeviceId;

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
    /// The run that this process is a part of, where `--repeat` made several.
    #[serde(default)]
    pub group: Option<Group>,
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
    pub zero_copy: Vec<DeviceId>,
    /// Bytes of the arrays of a stream that were found to lie in memory, whatever the caches are said to be;
    /// none where no roof was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_set_bytes: Option<u64>,
    /// Libraries whose version matters for the numbers.
    pub libraries: BTreeMap<String, String>,
    /// Environment variables that change how libraries and drivers run.
    pub environment: BTreeMap<String, String>,
    /// What a reader of the numbers should know about the machine's state.
    pub warnings: Vec<String>,
    /// Whether the run was cut before its end.
    pub interrupted: bool,
}

/// Several processes of one run have this in common, and no other run has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Group(String);

impl Group {
    /// That of a run which begins now, in this process.
    pub fn unique() -> Group {
        Group(format!("{}-{}-{}", utc_now().compact(), host_name(), std::process::id()))
    }

    /// As it is handed to a process.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Group {
    fn from(text: &str) -> Group {
        Group(text.to_string())
    }
}

/// The program that measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Two programs of the user's in rounds, each run a process of its own.
    Race,
}

/// The clocks of one device, held against ours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TimerCheck {
    /// Id of the device.
    pub device: DeviceId,
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

impl Manifest {
    /// A manifest for a run that begins now; devices are filled in by the caller.
    pub fn new(run: &str, selection: &Selection, sampling: Sampling, cores: &[usize]) -> Manifest {
        let computer = Machine::now(cores);
        Manifest {
            schema: SCHEMA,
            run: run.to_string(),
            started: utc_now().extended(),
            program: Program {
                version: env!("CARGO_PKG_VERSION").to_string(),
                git_revision: option_env!("CROSSOVER_GIT_REVISION").map(str::to_string),
            },
            command: machine::command_line(),
            sampling,
            group: None,
            selection: selection.clone(),
            warnings: computer.warnings(),
            machine: computer,
            devices: Vec::new(),
            device_problems: Vec::new(),
            roofs: Roofs::default(),
            timers: Vec::new(),
            zero_copy: Vec::new(),
            memory_set_bytes: None,
            libraries: libraries(),
            environment: environment(),
            interrupted: false,
        }
    }

    /// Whether two processes without a group may be parts of one run: the same program measured the same
    /// on the same devices of the same computer.
    pub fn is_alike(&self, other: &Manifest) -> bool {
        let devices = |m: &Manifest| -> Vec<_> {
            let device =
                |d: &DeviceEntry| (d.id.clone(), d.name.clone(), d.driver.clone(), d.threads);
            m.devices.iter().map(device).collect()
        };
        (&self.program, &self.selection, self.sampling)
            == (&other.program, &other.selection, other.sampling)
            && self.machine.is_same(&other.machine)
            && devices(self) == devices(other)
    }

    /// The device of this id.
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceEntry> {
        self.devices.iter().find(|d| d.id == *id)
    }

    /// Devices and problems, a line each, as a run begins with them.
    pub fn introduction(&self) -> Vec<String> {
        let width = self.devices.iter().map(|d| d.id.as_str().len()).max().unwrap_or(0);
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

/// Versions of the crates whose kernels are measured, from the lock file of this build.
fn libraries() -> BTreeMap<String, String> {
    const MEASURED: [&str; 5] = ["criterion", "gemm", "matrixmultiply", "ocl", "rayon"];
    let lock: toml::Table = include_str!("../Cargo.lock").parse().unwrap_or_default();
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
    let is_one = |name: &str| PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    machine::environment().filter(|(name, _)| is_one(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roof::Levels;

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

    #[test]
    fn a_run_without_levels_of_memory_opens_and_joins_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(record::file::MACHINE);
        let mut manifest = Manifest::new("r", &Selection::default(), Sampling::Interleaved, &[0]);
        manifest.roofs.divide(Levels::new(2, &manifest.machine.caches, Some(1 << 27)));
        manifest.write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap().roofs, manifest.roofs);
        let mut old: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert!(old["roofs"].as_object_mut().unwrap().remove("levels").is_some());
        fs::write(&path, old.to_string()).unwrap();
        assert!(Manifest::read(folder.path()).unwrap().roofs.levels.is_empty());
    }
}
