//! The rows of the CSV files: written here, read here, and explained in docs/format.md.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::de::{DeserializeOwned, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use crate::error::{Error, Result};
use crate::workload::{Cache, Scope};

/// Version of the files' columns.
pub const SCHEMA: u32 = 1;

/// File names inside a run's folder.
pub mod file {
    /// Every outcome, one line per runner, case and scope.
    pub const RESULTS: &str = "results.csv";
    /// Every single sample.
    pub const SAMPLES: &str = "samples.csv";
    /// Which shape belongs to which sweep or list.
    pub const PLAN: &str = "plan.csv";
    /// Speed-ups, verdicts and crossovers.
    pub const SUMMARY: &str = "summary.csv";
    /// What the operations of a run take, where it was profiled.
    pub const BREAKDOWN: &str = "breakdown.csv";
    /// Every point that a search tried.
    pub const TUNING: &str = "tuning.csv";
    /// Every case measured twice.
    pub const NOISE: &str = "noise.csv";
    /// Runs set against each other.
    pub const COMPARISON: &str = "comparison.csv";
    /// The machine and the run.
    pub const MACHINE: &str = "machine.json";
}

/// How a case ended for one runner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Verified and timed.
    Measured,
    /// The implementation or device does not serve it.
    Unsupported,
    /// Left out, with the reason.
    Skipped,
    /// Timed, but faster than the measured roof allows.
    Suspect,
    /// Wrong result, or the device refused.
    Failed,
}

/// What kind of device a row ran on. An OpenCL device that is a CPU stays `cpu`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A CPU, whoever drives it.
    Cpu,
    /// A GPU.
    Gpu,
    /// Anything else.
    Accelerator,
}

impl DeviceKind {
    /// The word in the files.
    pub fn name(self) -> &'static str {
        match self {
            DeviceKind::Cpu => "cpu",
            DeviceKind::Gpu => "gpu",
            DeviceKind::Accelerator => "accelerator",
        }
    }
}

/// Whether an implementation keeps its tensors in blocks between runs.
pub fn is_blocked(implementation: &str) -> bool {
    implementation.ends_with("-blocked")
}

/// Whether a device may stand for the CPU: device `cpu`, and contenders on the CPU unless they drive
/// an OpenCL device (`contender:NAME:opencl-N`).
pub fn is_cpu_side(device: &str, kind: DeviceKind) -> bool {
    match device.strip_prefix("contender:") {
        None => device == "cpu",
        Some(contender) => {
            let drives_opencl =
                contender.rsplit(':').next().is_some_and(|id| id.starts_with("opencl-"));
            kind == DeviceKind::Cpu && !drives_opencl
        }
    }
}

/// The device of ours that a row's runner used: contenders run on them too.
#[derive(Debug, PartialEq)]
pub enum Home<'a> {
    /// By its id.
    Id(String),
    /// A contender's GPU is one of ours if it has the same name.
    Name(&'a str),
}

impl Home<'_> {
    /// Whether it is the device with this id and name.
    pub fn is(&self, device: &str, device_name: &str) -> bool {
        match self {
            Home::Id(id) => id == device,
            Home::Name(name) => *name == device_name && device.starts_with("opencl:"),
        }
    }
}

/// One line of results.csv. Times in seconds, rates in FLOP/s and bytes/s.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct Record {
    pub schema: u32,
    pub run: String,
    pub workload: String,
    pub shape: String,
    pub dtype: String,
    pub cache: Cache,
    pub scope: Scope,
    pub device: String,
    pub device_kind: DeviceKind,
    pub device_name: String,
    pub backend: String,
    pub implementation: String,
    pub threads: Option<u32>,
    pub tuned: String,
    pub outcome: Outcome,
    pub reason: String,
    pub notes: String,
    pub timer: String,
    pub max_error_ratio: Option<f64>,
    pub samples: Option<u64>,
    pub wall_median_s: Option<f64>,
    pub wall_low_s: Option<f64>,
    pub wall_high_s: Option<f64>,
    pub wall_min_s: Option<f64>,
    pub wall_mad_s: Option<f64>,
    pub device_median_s: Option<f64>,
    pub build_s: Option<f64>,
    pub parameters: Option<u64>,
    pub flop_count: u64,
    pub flop_exact: u64,
    pub bytes_moved: u64,
    pub scratch_bytes: Option<u64>,
    pub flop_per_s: Option<f64>,
    pub bytes_per_s: Option<f64>,
    pub compute_roof_fraction: Option<f64>,
    pub memory_roof_fraction: Option<f64>,
    pub noise: Option<f64>,
    pub energy_j: Option<f64>,
}

impl Record {
    /// Measured, verified and not suspect: may enter lines, verdicts and baselines.
    pub fn counts(&self) -> bool {
        self.outcome == Outcome::Measured && self.wall_median_s.is_some()
    }

    /// See [`Home`].
    pub fn home(&self) -> Home<'_> {
        let Some(contender) = self.device.strip_prefix("contender:") else {
            return Home::Id(self.device.clone());
        };
        let id = contender.rsplit(':').next().unwrap_or_default();
        match (id.strip_prefix("opencl-"), self.device_kind) {
            (Some(number), _) => Home::Id(format!("opencl:{number}")),
            (None, DeviceKind::Cpu) => Home::Id("cpu".to_string()),
            (None, _) => Home::Name(&self.device_name),
        }
    }

    /// Whether it was computed on tensors that stay in blocks: it is set against such rows only.
    pub fn is_blocked(&self) -> bool {
        is_blocked(&self.implementation)
    }

    /// See [`is_cpu_side`].
    pub fn is_cpu_side(&self) -> bool {
        is_cpu_side(&self.device, self.device_kind)
    }

    /// A measured row to start from in tests.
    #[cfg(test)]
    pub(crate) fn example() -> Record {
        Record {
            schema: SCHEMA,
            run: "r".into(),
            workload: "gemm".into(),
            shape: String::new(),
            dtype: "f32".into(),
            cache: Cache::Hot,
            scope: Scope::Compute,
            device: "cpu".into(),
            device_kind: DeviceKind::Cpu,
            device_name: "cpu".into(),
            backend: "test".into(),
            implementation: "test".into(),
            threads: None,
            tuned: String::new(),
            outcome: Outcome::Measured,
            reason: String::new(),
            notes: String::new(),
            timer: "wall".into(),
            max_error_ratio: Some(0.1),
            samples: Some(20),
            wall_median_s: Some(1.0),
            wall_low_s: Some(1.0),
            wall_high_s: Some(1.0),
            wall_min_s: Some(1.0),
            wall_mad_s: Some(0.0),
            device_median_s: None,
            build_s: None,
            parameters: None,
            flop_count: 1,
            flop_exact: 1,
            bytes_moved: 1,
            scratch_bytes: None,
            flop_per_s: None,
            bytes_per_s: None,
            compute_roof_fraction: None,
            memory_roof_fraction: None,
            noise: Some(0.01),
            energy_j: None,
        }
    }

    /// Adds a word to `notes`, once.
    pub fn note(&mut self, word: &str) {
        if !self.has_note(word) {
            if !self.notes.is_empty() {
                self.notes.push(';');
            }
            self.notes.push_str(word);
        }
    }

    /// Whether `notes` holds the word.
    pub fn has_note(&self, word: &str) -> bool {
        self.notes.split(';').any(|n| n == word)
    }
}

/// One line of samples.csv. Profiling runs have an empty `round` and are no samples.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct SampleRow {
    pub workload: String,
    pub shape: String,
    pub dtype: String,
    pub cache: Cache,
    pub scope: Scope,
    pub device: String,
    pub implementation: String,
    pub threads: Option<u32>,
    pub round: Option<u64>,
    pub iterations: u64,
    pub wall_s: f64,
    pub device_s: Option<f64>,
}

/// One line of plan.csv: a shape's membership in one sweep or list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct PlanRow {
    pub workload: String,
    pub shape: String,
    pub dtype: String,
    pub axis: String,
    pub axis_value: Option<u64>,
    pub list: String,
    pub layer: String,
    pub repeat: u64,
}

/// One line of summary.csv: a device set against a CPU baseline at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct SummaryRow {
    pub workload: String,
    pub axis: String,
    pub shape: String,
    pub dtype: String,
    pub cache: Cache,
    pub scope: Scope,
    pub baseline: String,
    pub cpu_device: String,
    pub cpu_implementation: String,
    pub device: String,
    pub implementation: String,
    pub cpu_median_s: f64,
    pub device_median_s: f64,
    pub speedup: f64,
    pub speedup_low: f64,
    pub speedup_high: f64,
    pub pairing: String,
    pub verdict: String,
    pub crossover: String,
}

/// One line of breakdown.csv: an operation of a profiled run, all its calls together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct BreakdownRow {
    pub workload: String,
    pub shape: String,
    pub dtype: String,
    pub device: String,
    pub implementation: String,
    pub operation: String,
    pub calls: u64,
    pub wall_s: f64,
    pub device_s: Option<f64>,
    pub flop_count: u64,
    pub bytes_moved: Option<u64>,
}

impl BreakdownRow {
    /// Whether it tells of the runner of a row.
    pub fn is_of(&self, r: &Record) -> bool {
        let own = [&self.workload, &self.shape, &self.dtype, &self.device, &self.implementation];
        own == [&r.workload, &r.shape, &r.dtype, &r.device, &r.implementation]
    }
}

/// One line of tuning.csv: a point that a search tried.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct TuningRow {
    pub device: String,
    pub kernel: String,
    pub shape_class: String,
    pub parameters: String,
    pub outcome: String,
    pub reason: String,
    pub wall_s: Option<f64>,
    pub flop_per_s: Option<f64>,
    pub at_s: f64,
}

/// One line of noise.csv: a row measured twice, which should be as fast as itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct NoiseRow {
    pub workload: String,
    pub shape: String,
    pub dtype: String,
    pub cache: Cache,
    pub scope: Scope,
    pub device: String,
    pub implementation: String,
    pub median_a_s: f64,
    pub median_b_s: f64,
    pub ratio: f64,
    pub ratio_low: f64,
    pub ratio_high: f64,
    pub floor: f64,
}

/// One line of comparison.csv: two runs at one point.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct ComparisonRow {
    pub workload: String,
    pub shape: String,
    pub dtype: String,
    pub cache: Cache,
    pub scope: Scope,
    pub implementation: String,
    pub run_a: String,
    pub device_a: String,
    pub run_b: String,
    pub device_b: String,
    pub median_a_s: f64,
    pub median_b_s: f64,
    pub ratio: f64,
    pub ratio_low: f64,
    pub ratio_high: f64,
    pub verdict: String,
    pub mismatch: String,
}

/// A line of one of the files.
pub trait Row: Serialize + DeserializeOwned {}

impl Row for Record {}
impl Row for SampleRow {}
impl Row for PlanRow {}
impl Row for SummaryRow {}
impl Row for BreakdownRow {}
impl Row for TuningRow {}
impl Row for NoiseRow {}
impl Row for ComparisonRow {}

/// Names of a row's columns, in order.
pub fn columns<T: Row>() -> &'static [&'static str] {
    let mut names = FieldNames(&[]);
    // Always ends in an error: the names are all that is wanted.
    let _ = T::deserialize(&mut names);
    names.0
}

/// A deserializer that only learns which fields a struct asks for.
struct FieldNames(&'static [&'static str]);

impl<'de> Deserializer<'de> for &mut FieldNames {
    type Error = serde::de::value::Error;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> std::result::Result<V::Value, Self::Error> {
        self.0 = fields;
        self.deserialize_any_error()
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> std::result::Result<V::Value, Self::Error> {
        self.deserialize_any_error()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl FieldNames {
    fn deserialize_any_error<T>(&self) -> std::result::Result<T, serde::de::value::Error> {
        Err(serde::de::Error::custom("holds no values"))
    }
}

/// Reads a CSV file of ours. A foreign or broken file is one clear line, with the place.
pub fn read<T: Row>(path: &Path) -> Result<Vec<T>> {
    let mut rows = Vec::new();
    read_each(path, |row| rows.push(row))?;
    Ok(rows)
}

/// [`read`], a row at a time: samples are many.
pub fn read_each<T: Row>(path: &Path, mut take: impl FnMut(T)) -> Result<()> {
    let file = File::open(path).map_err(|e| Error::file(path, &e))?;
    let mut reader = csv::Reader::from_reader(file);
    check_columns::<T>(path, &mut reader)?;
    let rows: std::result::Result<(), csv::Error> =
        reader.deserialize().try_for_each(|row| row.map(&mut take));
    rows.map_err(|e| {
        let place = e.position().map(|p| format!(" in line {}", p.line())).unwrap_or_default();
        let problem = match e.kind() {
            csv::ErrorKind::Deserialize { err, .. } => err.kind().to_string(),
            _ => e.to_string(),
        };
        Error::content(path, format!("not a file of this program{place}: {problem}"))
    })
}

/// Refuses a file that is not ours by its first line.
pub fn check_header<T: Row>(path: &Path) -> Result<()> {
    let file = File::open(path).map_err(|e| Error::file(path, &e))?;
    check_columns::<T>(path, &mut csv::Reader::from_reader(file))
}

fn check_columns<T: Row>(path: &Path, reader: &mut csv::Reader<File>) -> Result<()> {
    let header = reader.headers().cloned().unwrap_or_default();
    // An empty file is a run that was cut before its first line.
    let missing = columns::<T>().iter().find(|c| !header.iter().any(|h| h == **c));
    match missing.filter(|_| !header.is_empty()) {
        None => Ok(()),
        Some(column) => {
            let problem = format!("not a file of this program: column '{column}' is missing");
            Err(Error::content(path, problem))
        }
    }
}

/// Reads results.csv and refuses other versions of its columns.
pub fn read_results(path: &Path) -> Result<Vec<Record>> {
    let records: Vec<Record> = read(path)?;
    if let Some(other) = records.iter().find(|r| r.schema != SCHEMA) {
        let problem = format!("schema {} is not {SCHEMA}; use the matching version", other.schema);
        return Err(Error::content(path, problem));
    }
    Ok(records)
}

/// Appends rows to a CSV file, a whole batch at a time: what is on disk is always whole lines.
pub struct Writer {
    path: PathBuf,
    file: File,
}

impl Writer {
    /// Opens `path`, new or to be continued. A new file gets its header.
    pub fn open<T: Row>(path: &Path) -> Result<Writer> {
        let open = || OpenOptions::new().create(true).append(true).open(path);
        let file = open().map_err(|e| Error::file(path, &e))?;
        let length = file.metadata().map_err(|e| Error::file(path, &e))?.len();
        let mut writer = Writer { path: path.to_path_buf(), file };
        if length == 0 {
            writer.write(&to_csv::<T>(&[], true).map_err(|e| Error::file(path, &e))?)?;
        }
        Ok(writer)
    }

    /// Writes rows and waits until the system has them. On a failure (a full disk, say) the file
    /// is cut back to its last whole line.
    pub fn append<T: Row>(&mut self, rows: &[T]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let text = to_csv(rows, false).map_err(|e| Error::file(&self.path, &e))?;
        self.write(&text)
    }

    fn write(&mut self, text: &[u8]) -> Result<()> {
        let before = self.file.metadata().map_err(|e| Error::file(&self.path, &e))?.len();
        let written = self.file.write_all(text).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Best effort: the error that counts is the first one.
            let _ = self.file.set_len(before);
            return Err(Error::file(&self.path, &error));
        }
        Ok(())
    }
}

/// Replaces a CSV file in one step, so that a reader sees the old or the new one.
pub fn replace<T: Row>(path: &Path, rows: &[T]) -> Result<()> {
    let text = to_csv(rows, true).map_err(|e| Error::file(path, &e))?;
    replace_bytes(path, &text)
}

/// Replaces a file in one step.
pub fn replace_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&beside, path)
    };
    write().map_err(|e| {
        let _ = fs::remove_file(&beside);
        Error::file(path, &e)
    })
}

fn to_csv<T: Row>(rows: &[T], header: bool) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    if header {
        writer.write_record(columns::<T>()).map_err(io::Error::other)?;
    }
    for row in rows {
        writer.serialize(row).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|e| e.into_error())
}

/// Drops what follows the last line end, where a run was cut inside a line.
pub fn drop_partial_line(path: &Path) -> Result<()> {
    let bytes = fs::read(path).map_err(|e| Error::file(path, &e))?;
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    if whole == bytes.len() {
        return Ok(());
    }
    let cut = || OpenOptions::new().write(true).open(path)?.set_len(whole as u64);
    cut().map_err(|e| Error::file(path, &e))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan_row(shape: &str) -> PlanRow {
        PlanRow {
            workload: "gemm".into(),
            shape: shape.into(),
            dtype: "f32".into(),
            axis: "mnk".into(),
            axis_value: Some(8),
            list: String::new(),
            layer: String::new(),
            repeat: 1,
        }
    }

    #[test]
    fn rows_come_back_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.csv");
        let rows = [plan_row("m=8,n=8,k=8,ta=0,tb=0"), plan_row("a \"quoted\" one")];
        let mut writer = Writer::open::<PlanRow>(&path).unwrap();
        writer.append(&rows[..1]).unwrap();
        drop(writer);
        Writer::open::<PlanRow>(&path).unwrap().append(&rows[1..]).unwrap();
        assert_eq!(read::<PlanRow>(&path).unwrap(), rows);
    }

    #[test]
    fn every_column_is_explained() {
        let format = include_str!("../docs/format.md");
        let files = [
            (file::RESULTS, columns::<Record>()),
            (file::SAMPLES, columns::<SampleRow>()),
            (file::PLAN, columns::<PlanRow>()),
            (file::SUMMARY, columns::<SummaryRow>()),
            (file::BREAKDOWN, columns::<BreakdownRow>()),
            (file::TUNING, columns::<TuningRow>()),
            (file::NOISE, columns::<NoiseRow>()),
            (file::COMPARISON, columns::<ComparisonRow>()),
        ];
        for (name, columns) in files {
            let section = format.split("\n## ").find(|s| s.starts_with(name)).unwrap();
            assert!(!columns.is_empty());
            for column in columns {
                assert!(section.contains(&format!("`{column}`")), "{name}: {column}");
            }
        }
    }

    #[test]
    fn a_file_without_rows_has_its_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("summary.csv");
        replace::<SummaryRow>(&path, &[]).unwrap();
        assert!(fs::read_to_string(&path).unwrap().starts_with("workload,axis,shape,"));
        assert!(read::<SummaryRow>(&path).unwrap().is_empty());
    }

    #[test]
    fn a_foreign_file_is_one_line_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        for text in ["name,value\na,1\n", "name,value\n", "\u{0}\u{1}\u{2}", "schema\n\"open"] {
            fs::write(&path, text).unwrap();
            let error = read_results(&path).unwrap_err().to_string();
            assert!(error.contains("results.csv: not a file of this program"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn a_cut_line_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.csv");
        fs::write(&path, "a,b\n1,2\n3,").unwrap();
        drop_partial_line(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "a,b\n1,2\n");
    }

    /// /dev/full accepts an open and refuses every write.
    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_is_an_error_and_not_a_panic() {
        let error = Writer::open::<PlanRow>(Path::new("/dev/full")).err().unwrap();
        assert!(error.to_string().contains("the disk is full"));
    }
}
