//! What `crossover tune` found: shipped for some drivers, and the user's own, which comes first.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::origin::{Change, Origin};
use crate::backend::gpu::kernels::Kernels;
use crate::backend::gpu::tunables::kernels::is_legal;
use crate::backend::tunable::{Finding, Point, Tunable};
use crate::error::{Error, Result};
use crate::machine::DeviceEntry;
use crate::record;
use crate::terms::Dtype;

/// Class and text of each file that the tuner made on the project's machines.
const SHIPPED: &[(&str, &str)] = &[
    ("cpu", include_str!("../../../../kernels/tuned/found/pocl.toml")),
    ("cpu", include_str!("../../../../kernels/tuned/found/intel-cpu-runtime.toml")),
];

const HEAD: &str = "\
# Found by `crossover tune` and read by `run` and `cargo bench`; docs/tuning.md explains it. An entry serves
# the device, driver and kernel source that it names. After a change of any it is where a search begins.
";

/// What was found for one kernel and class of shapes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Name of the device, or a part of it.
    pub device: String,
    /// Its driver, or a part of that.
    pub driver: String,
    /// Workloads that share their parameters: `conv`.
    pub family: String,
    /// Implementation.
    pub implementation: String,
    /// Class of shapes.
    pub shape_class: String,
    /// What was computed in; f32 in files that were written before there was a choice.
    #[serde(default)]
    pub dtype: Dtype,
    /// Hash of the kernel's source.
    pub source: String,
    /// Seconds of a run.
    pub wall_s: f64,
    /// Seconds of a run with the defaults, measured beside it.
    pub default_s: f64,
    /// The parameters.
    pub parameters: Point,
    /// Where it was read.
    #[serde(skip)]
    pub origin: Origin,
}

impl Entry {
    /// A point of a tunable, for whatever device is at hand.
    pub fn of(tunable: &Tunable, point: &Point) -> Entry {
        Entry {
            device: String::new(),
            driver: String::new(),
            family: tunable.family().to_string(),
            implementation: tunable.implementation.to_string(),
            shape_class: tunable.shape_class.to_string(),
            dtype: tunable.dtype,
            source: String::new(),
            wall_s: 0.0,
            default_s: 0.0,
            parameters: point.clone(),
            origin: Origin::User,
        }
    }

    /// Whether it is about these shapes of an implementation in this dtype.
    pub fn is_for(&self, family: &str, implementation: &str, class: &str, dtype: Dtype) -> bool {
        (&*self.family, &*self.implementation, &*self.shape_class, self.dtype)
            == (family, implementation, class, dtype)
    }

    /// Whether it is about the same shapes, implementation and dtype as another.
    pub fn is_of_class_of(&self, other: &Entry) -> bool {
        self.is_for(&other.family, &other.implementation, &other.shape_class, other.dtype)
    }

    fn is_same(&self, other: &Entry) -> bool {
        self.is_of_class_of(other) && (&self.device, &self.driver) == (&other.device, &other.driver)
    }

    /// As found on a device: a seed where driver or source have changed. None on other devices.
    fn on(mut self, device: &DeviceEntry, kernels: &Kernels, origin: Origin) -> Option<Entry> {
        if !device.name.contains(&self.device) {
            return None;
        }
        let source = kernels.hash(&self.family, &self.implementation);
        self.origin = match () {
            () if source.is_none() => Origin::Seed(None),
            () if !device.driver.contains(&self.driver) => Origin::Seed(Some(Change::Driver)),
            () if source.as_deref() != Some(&*self.source) => Origin::Seed(Some(Change::Source)),
            () if !is_legal(&self.family, &self.implementation, &self.parameters) => {
                Origin::Seed(None)
            }
            () => origin,
        };
        Some(self)
    }
}

/// A file of entries.
#[derive(Debug, Default, Serialize, Deserialize)]
struct File {
    #[serde(default)]
    found: Vec<Entry>,
}

/// All entries about a device: the user's first. What is shipped for others of its class is where its
/// searches begin.
pub fn entries(device: &DeviceEntry, kernels: &Kernels) -> Vec<Entry> {
    let own = user_file(device).map(|path| read(&path)).unwrap_or_default();
    let own = own.into_iter().filter_map(|entry| entry.on(device, kernels, Origin::User));
    let of_class = SHIPPED.iter().filter(|(class, _)| *class == device.class);
    let shipped = of_class.flat_map(|(_, text)| parse(text)).map(|entry| {
        let stranger = Entry { origin: Origin::Seed(None), ..entry.clone() };
        let found = entry.on(device, kernels, Origin::Shipped);
        found.filter(|entry| !entry.origin.is_seed()).unwrap_or(stranger)
    });
    let mut shipped: Vec<Entry> = shipped.collect();
    shipped.sort_by_key(|entry| entry.origin.is_seed());
    own.chain(shipped).collect()
}

/// The implementation with the least time over the classes that it shares with the usual one; none
/// where that is the usual one.
pub fn fastest(entries: &[Entry], (family, dtype): (&str, Dtype), usual: &str) -> Option<String> {
    let of_family = || entries.iter().filter(|e| (&*e.family, e.dtype) == (family, dtype));
    // Seconds by class; what comes first is trusted most.
    let of = |name: &str| {
        let mut seconds = BTreeMap::new();
        for e in of_family().filter(|e| e.implementation == name && !e.origin.is_seed()) {
            seconds.entry(&*e.shape_class).or_insert(e.wall_s);
        }
        seconds
    };
    let base = of(usual);
    let mut best: Option<(&str, f64)> = None;
    for entry in of_family().filter(|e| e.implementation != usual) {
        let other = of(&entry.implementation);
        let ratio = |(class, base_s): (&&str, &f64)| Some((other.get(class)? / base_s).ln());
        let ratios: Vec<f64> = base.iter().filter_map(ratio).collect();
        // A choice for all classes has to know them all.
        if ratios.len() < base.len() || ratios.is_empty() {
            continue;
        }
        let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
        if mean < -0.02 && best.is_none_or(|(_, least)| mean < least) {
            best = Some((&entry.implementation, mean));
        }
    }
    best.map(|(name, _)| name.to_string())
}

/// Writes a finding into the user's file, in one step. What it replaces goes.
pub fn keep(
    device: &DeviceEntry,
    kernels: &Kernels,
    tunable: &Tunable,
    finding: &Finding,
) -> Result<()> {
    let Some(path) = user_file(device) else {
        return Err(Error::usage("there is no folder for user data: set CROSSOVER_DATA_DIR"));
    };
    let source = kernels.hash(tunable.family(), tunable.implementation);
    let entry = Entry {
        device: device.name.clone(),
        driver: device.driver.clone(),
        source: source.unwrap_or_default(),
        wall_s: finding.wall_s,
        default_s: finding.default_s,
        ..Entry::of(tunable, &finding.point)
    };
    keep_in(&path, entry)
}

fn keep_in(path: &Path, entry: Entry) -> Result<()> {
    let mut found = read(path);
    found.retain(|other| !other.is_same(&entry));
    found.push(entry);
    found.sort_by_cached_key(|e| {
        [&e.device, &e.driver, &e.family, &e.implementation, &e.shape_class].map(String::clone)
    });
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| Error::file(folder, &e))?;
    }
    let text = toml::to_string(&File { found }).map_err(|e| Error::content(path, e.to_string()))?;
    record::replace_bytes(path, format!("{HEAD}\n{text}").as_bytes())
}

/// The entries of a file; none where there is no such file, or it can't be understood.
fn read(path: &Path) -> Vec<Entry> {
    fs::read_to_string(path).map(|text| parse(&text)).unwrap_or_default()
}

fn parse(text: &str) -> Vec<Entry> {
    toml::from_str::<File>(text).map(|file| file.found).unwrap_or_default()
}

/// The file of a device. None where the user has no such folder, or switched it off.
pub fn user_file(device: &DeviceEntry) -> Option<PathBuf> {
    let fit = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let words: String = device.name.chars().map(fit).collect();
    let words: Vec<&str> = words.split('-').filter(|w| !w.is_empty()).collect();
    let name: String = words.join("-").chars().take(80).collect();
    Some(crate::folder::user_data()?.join("tuned").join(format!("{name}.toml")))
}

#[cfg(test)]
mod tests;
