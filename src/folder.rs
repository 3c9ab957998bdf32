//! The folder of a run: made once, appended to case by case, continued after a cut.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::machine;
use crate::record::{
    self, BreakdownRow, NoiseRow, PlanRow, Record, SampleRow, SummaryRow, Writer, file,
};
use crate::terms::{Keyed, RowKey};

/// Where runs go unless told otherwise.
pub const REPORTS: &str = "reports";

/// An open run folder.
pub struct RunFolder {
    path: PathBuf,
    name: String,
    results: Writer,
    samples: Writer,
}

impl RunFolder {
    /// Makes `out`, which must be new or empty, or else `reports/<UTC>-<name>`, and begins a run in it. Where that can't begin,
    /// nothing of it stays.
    pub fn create<T>(
        out: Option<&Path>,
        name: Option<&str>,
        begin: impl FnOnce(&RunFolder) -> Result<T>,
    ) -> Result<(RunFolder, T)> {
        let was_there = out.is_some_and(Path::is_dir);
        let path = place(out, name)?;
        let begun = RunFolder::open(path.clone()).and_then(|folder| {
            let begun = begin(&folder)?;
            Ok((folder, begun))
        });
        if begun.is_err() {
            // What can't be removed was not ours.
            for name in [file::RESULTS, file::SAMPLES, file::MACHINE] {
                let _ = fs::remove_file(path.join(name));
            }
            let _ = if was_there { Ok(()) } else { fs::remove_dir(&path) };
        }
        begun
    }

    /// Opens the folder of a run that was cut, and drops what was not written whole.
    pub fn resume(path: &Path) -> Result<RunFolder> {
        if !path.join(file::MACHINE).is_file() {
            let problem = "holds no run to continue (no machine.json)";
            return Err(Error::Usage(format!("{}: {problem}", path.display())));
        }
        let foreign = |e: Error| Error::Usage(format!("--resume: {e}"));
        record::check_header::<Record>(&path.join(file::RESULTS)).map_err(foreign)?;
        record::check_header::<SampleRow>(&path.join(file::SAMPLES)).map_err(foreign)?;
        let appended = [file::RESULTS, file::SAMPLES, file::BREAKDOWN, file::NOISE];
        let appended = appended.map(|name| path.join(name));
        let there = || appended.iter().filter(|path| path.exists());
        there().try_for_each(|path| record::check_line_ends(path)).map_err(foreign)?;
        there().try_for_each(|path| record::drop_partial_line(path))?;
        record::read_results(&path.join(file::RESULTS)).map_err(foreign)?;
        RunFolder::open(path.to_path_buf())
    }

    fn open(path: PathBuf) -> Result<RunFolder> {
        let name = path.file_name().map_or_else(|| "run".into(), |n| n.to_string_lossy().into());
        let results = Writer::open::<Record>(&path.join(file::RESULTS))?;
        let samples = Writer::open::<SampleRow>(&path.join(file::SAMPLES))?;
        Ok(RunFolder { path, name, results, samples })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its name, which is the run's.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds the rows of a case that has ended. Samples first: a row in results.csv has all of its.
    pub fn append(&mut self, records: &[Record], samples: &[SampleRow]) -> Result<()> {
        self.samples.append(samples)?;
        self.results.append(records)
    }

    /// Adds the operations of profiled runs, before the rows that they belong to. Without any there is
    /// no such file.
    pub fn append_breakdown(&mut self, rows: &[BreakdownRow]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        Writer::open::<BreakdownRow>(&self.path.join(file::BREAKDOWN))?.append(rows)
    }

    /// Keeps these rows, their samples and their breakdowns alone. Each file is replaced in one step.
    pub fn keep(&mut self, records: &[Record]) -> Result<()> {
        let keys: HashSet<RowKey<'_>> = records.iter().map(Keyed::key).collect();
        let mut samples = self.samples()?;
        samples.retain(|s| keys.contains(&s.key()));
        let (results_path, samples_path) =
            (self.path.join(file::RESULTS), self.path.join(file::SAMPLES));
        record::replace(&results_path, records)?;
        record::replace(&samples_path, &samples)?;
        let breakdown_path = self.path.join(file::BREAKDOWN);
        if breakdown_path.exists() {
            let mut breakdown = record::read::<BreakdownRow>(&breakdown_path)?;
            breakdown.retain(|b| records.iter().any(|r| b.is_of(r)));
            record::replace(&breakdown_path, &breakdown)?;
        }
        // The open files are the replaced ones.
        self.results = Writer::open::<Record>(&results_path)?;
        self.samples = Writer::open::<SampleRow>(&samples_path)?;
        Ok(())
    }

    /// Adds samples to rows that are there, which become these. Samples first, and results.csv is replaced in one
    /// step: a row has all of the samples that it speaks of.
    pub fn lengthen(&mut self, rows: &[Record], samples: &[SampleRow]) -> Result<()> {
        self.samples.append(samples)?;
        let path = self.path.join(file::RESULTS);
        let mut records = self.records()?;
        for record in &mut records {
            if let Some(row) = rows.iter().find(|row| row.key() == record.key()) {
                record.clone_from(row);
            }
        }
        record::replace(&path, &records)?;
        // The open file is the replaced one.
        self.results = Writer::open::<Record>(&path)?;
        Ok(())
    }

    /// Replaces plan.csv.
    pub fn write_plan(&self, rows: &[PlanRow]) -> Result<()> {
        record::replace(&self.path.join(file::PLAN), rows)
    }

    /// The rows of plan.csv, where it is there.
    pub fn plan(&self) -> Result<Vec<PlanRow>> {
        record::read_if_there(&self.path.join(file::PLAN))
    }

    /// Adds rows to noise.csv.
    pub fn append_noise(&self, rows: &[NoiseRow]) -> Result<()> {
        Writer::open::<NoiseRow>(&self.path.join(file::NOISE))?.append(rows)
    }

    /// The rows of noise.csv so far.
    pub fn noise(&self) -> Result<Vec<NoiseRow>> {
        record::read_if_there(&self.path.join(file::NOISE))
    }

    /// Replaces summary.csv.
    pub fn write_summary(&self, rows: &[SummaryRow]) -> Result<()> {
        record::replace(&self.path.join(file::SUMMARY), rows)
    }

    /// All rows so far.
    pub fn records(&self) -> Result<Vec<Record>> {
        record::read_results(&self.path.join(file::RESULTS))
    }

    /// All samples so far.
    pub fn samples(&self) -> Result<Vec<SampleRow>> {
        let mut samples = Vec::new();
        record::read_samples(&self.path.join(file::SAMPLES), |row, _| samples.push(row.clone()))?;
        Ok(samples)
    }
}

/// What a run of the tuner is called.
pub fn tune_name() -> String {
    format!("{}-tune", machine::host_name())
}

/// Where this program keeps the user's own data; none where the user switched it off or has no such
/// place.
pub fn user_data() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(folder) = set("CROSSOVER_DATA_DIR") {
        return (folder.as_os_str() != "off").then_some(folder);
    }
    let base = if cfg!(target_os = "macos") {
        set("HOME")?.join("Library/Application Support")
    } else if cfg!(windows) {
        set("APPDATA")?
    } else {
        set("XDG_DATA_HOME").or_else(|| Some(set("HOME")?.join(".local/share")))?
    };
    Some(base.join("crossover"))
}

/// Where a run goes: `out`, which must be new or empty, or else `reports/<UTC>-<name>`.
pub fn place(out: Option<&Path>, name: Option<&str>) -> Result<PathBuf> {
    match out {
        Some(path) => empty_folder(path),
        None => fresh_folder(Path::new(REPORTS), name),
    }
}

/// Takes `path` if it is new or empty.
fn empty_folder(path: &Path) -> Result<PathBuf> {
    let usage = |e: &io::Error| Error::Usage(format!("--out {}", Error::file(path, e)));
    match fs::read_dir(path).map(|mut entries| entries.next().is_some()) {
        Ok(true) => {
            let problem = "the folder is not empty; name a new one";
            return Err(Error::Usage(format!("--out {}: {problem}", path.display())));
        }
        Ok(false) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path).map_err(|e| usage(&e))?;
        }
        Err(e) => return Err(usage(&e)),
    }
    // Found out before the first case: whether files can be written at all.
    let trial = path.join(".trial");
    let write = || fs::write(&trial, b"trial").and_then(|()| fs::remove_file(&trial));
    write().map_err(|e| usage(&e))?;
    Ok(path.to_path_buf())
}

/// Paths for the folders of `count` processes of one run, none of which is there: `out-r1` and so on, or
/// `reports/<UTC>-<name>-r1`.
pub fn places(out: Option<&Path>, name: Option<&str>, count: u32) -> Result<Vec<PathBuf>> {
    let numbered = |stem: &Path| -> Vec<PathBuf> {
        let name = stem.file_name().unwrap_or_default();
        let path = |n: u32| {
            let mut numbered = name.to_os_string();
            numbered.push(format!("-r{n}"));
            stem.with_file_name(numbered)
        };
        (1..=count).map(path).collect()
    };
    let taken = |paths: &[PathBuf]| paths.iter().find(|p| p.exists()).cloned();
    if let Some(out) = out {
        if out.file_name().is_none() {
            return Err(Error::Usage(format!(
                "--out {}: each process has a folder NAME-r1, NAME-r2, .., and this has no name; \
                 give one",
                out.display()
            )));
        }
        let paths = numbered(out);
        return match taken(&paths) {
            None => Ok(paths),
            Some(path) => Err(Error::Usage(format!(
                "--out {}: {} is there already; name a new one",
                out.display(),
                path.display()
            ))),
        };
    }
    let stem = fresh_stem(name)?;
    let mut each = fresh_names(&stem).map(|name| numbered(&Path::new(REPORTS).join(name)));
    each.find(|paths| taken(paths).is_none()).ok_or_else(|| too_many(&stem))
}

/// `stem`, `stem-2`, `stem-3` and so on: the first that is free names a run.
fn fresh_names(stem: &str) -> impl Iterator<Item = String> {
    (1..1000).map(move |n| if n == 1 { stem.to_string() } else { format!("{stem}-{n}") })
}

fn too_many(stem: &str) -> Error {
    Error::Usage(format!("{REPORTS}: too many runs named {stem}; name this one with --name"))
}

/// `<UTC>-<name>`.
fn fresh_stem(name: Option<&str>) -> Result<String> {
    let name = name.map_or_else(machine::host_name, str::to_string);
    let fit = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || !name.chars().all(fit) {
        return Err(Error::Usage(format!(
            "--name '{name}': use letters, digits, '-', '_' and '.'"
        )));
    }
    Ok(format!("{}-{name}", machine::utc_now().compact()))
}

/// Makes `base/<UTC>-<name>`, with `-2`, `-3` where that is taken.
fn fresh_folder(base: &Path, name: Option<&str>) -> Result<PathBuf> {
    let usage = |path: &Path, e: &io::Error| Error::Usage(Error::file(path, e).to_string());
    fs::create_dir_all(base).map_err(|e| usage(base, &e))?;
    let stem = fresh_stem(name)?;
    for path in fresh_names(&stem).map(|name| base.join(name)) {
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(usage(&path, &e)),
        }
    }
    Err(too_many(&stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_collide() {
        let base = tempfile::tempdir().unwrap();
        let first = fresh_folder(base.path(), Some("box")).unwrap();
        let second = fresh_folder(base.path(), Some("box")).unwrap();
        assert_ne!(first, second);
        assert!(first.file_name().unwrap().to_string_lossy().ends_with("Z-box"));
        for wrong in ["", "a/b", "ä"] {
            assert!(fresh_folder(base.path(), Some(wrong)).is_err());
        }
    }

    #[test]
    fn processes_are_named_after_their_run() {
        let of = |out: &str| places(Some(Path::new(out)), None, 2);
        for out in ["/none/res", "/none/res/", "/none/res/."] {
            let expected = ["/none/res-r1", "/none/res-r2"].map(PathBuf::from);
            assert_eq!(of(out).unwrap(), expected, "{out}");
        }
        for out in [".", "..", "/"] {
            let error = of(out).unwrap_err().to_string();
            assert!(error.contains("has no name"), "{out}: {error}");
        }
    }

    #[test]
    fn an_out_folder_is_new_or_empty() {
        let base = tempfile::tempdir().unwrap();
        let new = base.path().join("a/b");
        let create = |path: &Path| RunFolder::create(Some(path), None, |_| Ok(()));
        create(&new).unwrap();
        let error = create(&new).err().unwrap().to_string();
        assert!(error.contains("not empty"), "{error}");
        fs::write(base.path().join("file"), "").unwrap();
        assert!(create(&base.path().join("file")).is_err());
    }

    #[test]
    fn a_run_that_does_not_begin_leaves_nothing() {
        let base = tempfile::tempdir().unwrap();
        let fails = |folder: &RunFolder| {
            assert!(folder.path().join(file::RESULTS).exists());
            fs::write(folder.path().join(file::MACHINE), "half").unwrap();
            Err::<(), _>(Error::usage("no"))
        };
        let new = base.path().join("new");
        assert!(RunFolder::create(Some(&new), None, fails).is_err() && !new.exists());
        let given = base.path().join("given");
        fs::create_dir(&given).unwrap();
        assert!(RunFolder::create(Some(&given), None, fails).is_err());
        assert_eq!(fs::read_dir(&given).unwrap().count(), 0);
    }

    #[test]
    #[cfg(unix)]
    fn a_name_need_not_be_utf8() {
        use std::os::unix::ffi::OsStrExt;
        let base = tempfile::tempdir().unwrap();
        let odd = |name: &[u8]| base.path().join(std::ffi::OsStr::from_bytes(name));
        let (folder, ()) = RunFolder::create(Some(&odd(b"\xa3")), None, |_| Ok(())).unwrap();
        assert_eq!(folder.path(), odd(b"\xa3"));
        assert!(folder.path().is_dir() && folder.name() == "\u{fffd}");
        let several = places(Some(&odd(b"\xa3")), None, 2).unwrap();
        assert_eq!(several, [odd(b"\xa3-r1"), odd(b"\xa3-r2")]);
    }

    #[test]
    fn lines_that_end_in_cr_alone_are_refused_and_stay() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("run");
        let (mut run, ()) = RunFolder::create(Some(&folder), None, |_| Ok(())).unwrap();
        run.append(&[Record::example()], &[]).unwrap();
        fs::write(folder.join(file::MACHINE), "{}").unwrap();
        let results = folder.join(file::RESULTS);
        let text = fs::read_to_string(&results).unwrap();
        for (ends, is_taken) in [("\n", true), ("\r\n", true), ("\r", false)] {
            let given = text.replace('\n', ends);
            fs::write(&results, &given).unwrap();
            let error = RunFolder::resume(&folder).err().map(|e| e.to_string());
            assert_eq!(error.is_none(), is_taken, "{ends:?}: {error:?}");
            assert!(error.is_none_or(|e| e.contains("results.csv") && e.contains("CR alone")));
            assert_eq!(fs::read_to_string(&results).unwrap(), given);
        }
    }

    #[test]
    fn only_a_run_can_be_continued() {
        let base = tempfile::tempdir().unwrap();
        let error = RunFolder::resume(base.path()).err().unwrap().to_string();
        assert!(error.contains("no run to continue"), "{error}");
    }
}
