//! A run, or several processes of it, as its files tell it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::machine::DeviceEntry;
use crate::manifest::Manifest;
use crate::record::{self, NoiseRow, PlanRow, Record, file};
use crate::terms::{DeviceId, Keyed, RowKey};

/// One process of a run: the files of one folder.
pub struct Run {
    /// Its folder, as it was given.
    pub folder: PathBuf,
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
            folder: folder.to_path_buf(),
            name: folder_name(folder),
            records,
            samples,
            plan: record::read_if_there(&folder.join(file::PLAN))?,
            noise: record::read_if_there(&folder.join(file::NOISE))?,
            manifest: has_manifest.then(|| Manifest::read(folder)).transpose()?,
        })
    }

    /// A process that has measured nothing.
    #[cfg(test)]
    pub(super) fn empty(folder: &str, manifest: Manifest) -> Run {
        Run {
            folder: folder.into(),
            name: manifest.run.clone(),
            records: Vec::new(),
            samples: Vec::new(),
            plan: Vec::new(),
            noise: Vec::new(),
            manifest: Some(manifest),
        }
    }

    /// Whether another process is of the same run: `--repeat` says so of its own. Of others it is taken
    /// from names, `NAME-r1` and `NAME-r2` in one place, where nothing speaks against it.
    fn is_part_of_the_same(&self, other: &Run) -> bool {
        let (Some(own), Some(others)) = (&self.manifest, &other.manifest) else { return false };
        if own.group.is_some() || others.group.is_some() {
            return own.group == others.group;
        }
        let place = |run: &Run| {
            let real = run.folder.canonicalize().unwrap_or_else(|_| run.folder.clone());
            Some(real.with_file_name(stem(&run.name)?))
        };
        place(self).is_some() && place(self) == place(other) && own.is_alike(others)
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
    fn of(runs: Vec<Run>) -> Side {
        let name = match runs.as_slice() {
            [only] => only.name.clone(),
            all => stem(&all[0].name).unwrap_or(&all[0].name).to_string(),
        };
        Side { name, runs }
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

/// The sides that some processes make, in the order of their first ones.
pub fn pooled(runs: Vec<Run>) -> Vec<Side> {
    let mut pools: Vec<Vec<Run>> = Vec::new();
    for run in runs {
        match pools.iter_mut().find(|pool| pool[0].is_part_of_the_same(&run)) {
            Some(pool) => pool.push(run),
            None => pools.push(vec![run]),
        }
    }
    if let [only] = &mut pools[..] {
        // Processes of one run against each other.
        pools = std::mem::take(only).into_iter().map(|run| vec![run]).collect();
    }
    let mut sides: Vec<Side> = pools.into_iter().map(Side::of).collect();
    // Runs of the same name from different places are told apart by their paths.
    let names: Vec<String> = sides.iter().map(|side| side.name.clone()).collect();
    for side in &mut sides {
        if names.iter().filter(|name| **name == side.name).count() > 1 {
            side.name = side.runs[0].folder.display().to_string();
        }
    }
    sides
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Group, Sampling};
    use crate::plan::Selection;

    /// Processes of these folders, with these groups, whose manifests `change` makes unlike.
    fn named(
        processes: &[(&str, Option<&str>)],
        change: impl Fn(usize, &mut Manifest),
    ) -> Vec<(String, usize)> {
        let run = |(i, (folder, group)): (usize, &(&str, Option<&str>))| {
            let mut manifest =
                Manifest::new("r", &Selection::default(), Sampling::Interleaved, &[0]);
            manifest.group = group.map(Group::from);
            change(i, &mut manifest);
            Run { name: folder_name(Path::new(folder)), ..Run::empty(folder, manifest) }
        };
        let sides = pooled(processes.iter().enumerate().map(run).collect());
        sides.into_iter().map(|side| (side.name, side.runs.len())).collect()
    }

    fn is(found: &[(String, usize)], expected: &[(&str, usize)]) {
        let found: Vec<(&str, usize)> = found.iter().map(|(n, c)| (n.as_str(), *c)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn processes_of_a_run_are_one_side() {
        let alike = |folders: &[&str]| {
            named(&folders.iter().map(|f| (*f, None)).collect::<Vec<_>>(), |_, _| ())
        };
        is(&alike(&["/x/a-r1", "/x/b", "/x/a-r2", "/x/a-r10"]), &[("a", 3), ("b", 1)]);
        // Not a process, not the same place, not the same name.
        let found = alike(&["/x/a-r1", "/y/a-r2", "/x/a-rx", "/x/-r1"]);
        is(&found, &[("a-r1", 1), ("a-r2", 1), ("a-rx", 1), ("-r1", 1)]);
        // With nothing else to compare they stand against each other.
        is(&alike(&["/x/a-r1", "/x/a-r2"]), &[("a-r1", 1), ("a-r2", 1)]);
        assert_eq!(alike(&["/x/a", "/y/a"])[1].0, "/y/a");
    }

    #[test]
    fn a_group_says_more_than_names() {
        let (one, two) = (Some("one"), Some("two"));
        // Renamed, and beside a process of another run that took the name.
        let found = [("/x/a-r1", one), ("/y/moved", one), ("/x/a-r2", two), ("/x/a-r3", None)];
        is(&named(&found, |_, _| ()), &[("a", 2), ("a-r2", 1), ("a-r3", 1)]);
    }

    #[test]
    fn names_alone_pool_nothing_that_is_unlike() {
        let folders = [("/x/base", None), ("/x/radeon-r9", None), ("/x/radeon-r7", None)];
        is(&named(&folders, |_, _| ()), &[("base", 1), ("radeon", 2)]);
        let apart = [("base", 1), ("radeon-r9", 1), ("radeon-r7", 1)];
        let last = |change: fn(&mut Manifest)| {
            named(&folders, |i, manifest| {
                if i == 2 {
                    change(manifest)
                }
            })
        };
        is(&last(|m| m.machine.cpu = "another".into()), &apart);
        is(&last(|m| m.program.git_revision = Some("another".into())), &apart);
        is(&last(|m| m.selection.devices = vec!["gpu".into()]), &apart);
    }
}
