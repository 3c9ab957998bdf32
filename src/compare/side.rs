//! A run, or several processes of it, as its files tell it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::error::Result;
use crate::machine::DeviceEntry;
use crate::manifest::Manifest;
use crate::record::{self, NoiseRow, PlanRow, Record, file};
use crate::terms::{DeviceId, Keyed, RowKey};

/// One process of a run: the files of one folder.
pub struct Run {
    /// Name of the folder.
    pub name: String,
    /// results.csv, only what counts.
    pub records: Vec<Record>,
    /// Seconds of each record's samples.
    pub samples: Vec<Vec<f64>>,
    /// plan.csv; empty where the file is missing.
    pub plan: Vec<PlanRow>,
    /// noise.csv; empty where the file is missing.
    pub noise: Vec<NoiseRow>,
    /// machine.json; none where the file is missing.
    pub manifest: Option<Manifest>,
}

/// What is compared: one run.
pub struct Side {
    /// Its name.
    pub name: String,
    /// Its processes.
    pub runs: Vec<Run>,
}

impl Run {
    /// Reads a run's folder.
    pub fn read(folder: &Path) -> Result<Run> {
        let mut records = record::read_results(&folder.join(file::RESULTS))?;
        records.retain(Record::counts);
        let samples = samples(&folder.join(file::SAMPLES), &records)?;
        let has_manifest = folder.join(file::MACHINE).exists();
        Ok(Run {
            name: folder_name(folder),
            records,
            samples,
            plan: record::read_if_there(&folder.join(file::PLAN))?,
            noise: record::read_if_there(&folder.join(file::NOISE))?,
            manifest: has_manifest.then(|| Manifest::read(folder)).transpose()?,
        })
    }

    /// The device of this id, as machine.json has it.
    pub fn device(&self, id: &DeviceId) -> Option<&DeviceEntry> {
        self.manifest.as_ref()?.device(id)
    }
}

/// The seconds of each record's samples, in their order. Profiling runs are no samples.
fn samples(path: &Path, records: &[Record]) -> Result<Vec<Vec<f64>>> {
    let places: HashMap<RowKey<'_>, usize> =
        records.iter().enumerate().map(|(i, r)| (r.key(), i)).collect();
    let mut samples = vec![Vec::new(); records.len()];
    let mut place: Option<usize> = None;
    record::read_samples(path, |s, same_row| {
        if !same_row {
            place = places.get(&s.key()).copied();
        }
        if let (Some(place), Some(_)) = (place, s.round) {
            samples[place].push(s.wall_s);
        }
    })?;
    Ok(samples)
}

impl Side {
    /// Reads the folders of a run's processes.
    pub fn read(name: String, folders: &[PathBuf]) -> Result<Side> {
        let runs = folders.par_iter().map(|f| Run::read(f)).collect::<Result<Vec<Run>>>()?;
        Ok(Side { name, runs })
    }

    /// Whether nothing is known of how processes differ.
    pub fn is_single(&self) -> bool {
        self.runs.len() == 1
    }

    /// machine.json of the first process that has one.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.runs.iter().find_map(|r| r.manifest.as_ref())
    }
}

fn folder_name(folder: &Path) -> String {
    let real = folder.canonicalize().unwrap_or_else(|_| folder.to_path_buf());
    real.file_name().map_or_else(|| folder.display().to_string(), |n| n.to_string_lossy().into())
}

/// `run` of `run-r3`.
fn stem(name: &str) -> Option<&str> {
    let (stem, number) = name.rsplit_once("-r")?;
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    (digits && !stem.is_empty()).then_some(stem)
}

/// The sides that some folders make, each with its name, in the order of their first folders.
pub fn pools(folders: &[PathBuf]) -> Vec<(String, Vec<PathBuf>)> {
    let keyed = |folder: &PathBuf| {
        let name = folder_name(folder);
        let stem = stem(&name).unwrap_or(&name).to_string();
        let place = folder.canonicalize().unwrap_or_else(|_| folder.clone()).with_file_name(&stem);
        ((place, stem), folder.clone())
    };
    let pools = record::grouped(folders.iter().map(keyed));
    if pools.len() == 1 {
        // Processes of one run against each other.
        return folders.iter().map(|f| (folder_name(f), vec![f.clone()])).collect();
    }
    let named = |((_, stem), pool): ((PathBuf, String), Vec<PathBuf>)| match pool.as_slice() {
        [only] => (folder_name(only), pool),
        _ => (stem, pool),
    };
    let mut pools: Vec<(String, Vec<PathBuf>)> = pools.into_iter().map(named).collect();
    // Runs of the same name from different places are told apart by their paths.
    let names: Vec<String> = pools.iter().map(|(name, _)| name.clone()).collect();
    for (name, folders) in &mut pools {
        if names.iter().filter(|n| *n == name).count() > 1 {
            *name = folders[0].display().to_string();
        }
    }
    pools
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(folders: &[&str]) -> Vec<(String, usize)> {
        let folders: Vec<PathBuf> = folders.iter().map(PathBuf::from).collect();
        pools(&folders).into_iter().map(|(name, pool)| (name, pool.len())).collect()
    }

    #[test]
    fn processes_of_a_run_are_one_side() {
        let found = named(&["/x/a-r1", "/x/b", "/x/a-r2", "/x/a-r10"]);
        assert_eq!(found, [("a".to_string(), 3), ("b".to_string(), 1)]);
        // Not a process, not the same place, not the same name.
        let found = named(&["/x/a-r1", "/y/a-r2", "/x/a-rx", "/x/-r1"]);
        assert_eq!(found.len(), 4);
        assert_eq!(found[0].0, "a-r1");
        // With nothing else to compare they stand against each other.
        let found = named(&["/x/a-r1", "/x/a-r2"]);
        assert_eq!(found, [("a-r1".to_string(), 1), ("a-r2".to_string(), 1)]);
        assert_eq!(named(&["/x/a", "/y/a"])[1].0, "/y/a");
    }
}
