//! The rows of the CSV files: written here, read here, and explained in docs/format.md.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | the line of results.csv, and the words in it |
//! | `rows.rs` | the lines of the other files |
//! | `columns.rs` | which columns a line has |
//! | `group.rs` | lines put together |
//! | `read.rs` `write.rs` | from files to lines, and back |

mod columns;
mod group;
mod read;
mod rows;
mod write;

use serde::{Deserialize, Serialize};

use crate::terms::{Cache, DeviceId, DeviceKind, Dtype, Scope, keyed};

pub use columns::{Row, columns};
pub use group::{distinct, grouped};
pub use read::{check_header, read, read_if_there, read_results, read_samples};
pub use rows::{
    BreakdownRow, ComparisonRow, NoiseRow, PlanRow, SampleRow, Seconds, SummaryRow, TrialOutcome,
    TuningRow, by_row,
};
pub use write::{Writer, drop_partial_line, replace, replace_bytes};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Verified and timed.
    #[default]
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

/// Whether an implementation may stand for its device, in baselines and as the fastest. Those of old
/// files that kept their tensors in blocks from run to run may not: their times leave the change of
/// layout out.
pub fn competes(implementation: &str) -> bool {
    !implementation.ends_with("-blocked")
}

/// The device of ours that a row's runner used: contenders run on them too.
#[derive(Debug, PartialEq)]
pub enum Home<'a> {
    /// By its id.
    Id(DeviceId),
    /// A contender's GPU is one of ours if it has the same name.
    Name(&'a str),
}

impl Home<'_> {
    /// Whether it is the device of our own with this id and name.
    pub fn is(&self, device: &DeviceId, device_name: &str) -> bool {
        match self {
            Home::Id(id) => id == device,
            Home::Name(name) => *name == device_name && !device.is_cpu() && !device.is_contender(),
        }
    }
}

/// One line of results.csv. Times in seconds, rates in FLOP/s and bytes/s. The default is of no version
/// and no device: rows begin as [`Record::unmeasured`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "docs/format.md explains every column; a test holds it to that")]
pub struct Record {
    pub schema: u32,
    pub run: String,
    pub workload: String,
    pub shape: String,
    pub dtype: Dtype,
    pub cache: Cache,
    pub scope: Scope,
    pub device: DeviceId,
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

keyed!(Record);

impl Record {
    /// Measured, verified and not suspect: may enter lines, verdicts and baselines.
    pub fn counts(&self) -> bool {
        self.outcome == Outcome::Measured && self.wall_median_s.is_some()
    }

    /// Whether it is timed, but not to be believed.
    pub fn is_suspect(&self) -> bool {
        self.outcome == Outcome::Suspect
    }

    /// The median of a row whose time may be shown: of one that counts or is suspect.
    pub fn timed_s(&self) -> Option<f64> {
        self.wall_median_s.filter(|_| self.counts() || self.is_suspect())
    }

    /// See [`Home`].
    pub fn home(&self) -> Home<'_> {
        match self.device.home(self.device_kind) {
            Some(id) => Home::Id(id),
            None => Home::Name(&self.device_name),
        }
    }

    /// [`counts`](Record::counts), and may stand for its device: see [`competes`].
    pub fn competes(&self) -> bool {
        self.counts() && competes(&self.implementation)
    }

    /// See [`DeviceId::is_cpu_side`].
    pub fn is_cpu_side(&self) -> bool {
        self.device.is_cpu_side(self.device_kind)
    }

    /// A row that says nothing yet, for others to start from: no text, no figure, measured with a hot
    /// cache on a CPU.
    pub fn unmeasured() -> Record {
        Record { schema: SCHEMA, device: DeviceId::cpu(), ..Record::default() }
    }

    /// A measured row to start from in tests.
    #[cfg(test)]
    pub(crate) fn example() -> Record {
        Record {
            run: "r".into(),
            workload: "gemm".into(),
            device_name: "cpu".into(),
            backend: "test".into(),
            implementation: "test".into(),
            timer: "wall".into(),
            max_error_ratio: Some(0.1),
            samples: Some(20),
            wall_median_s: Some(1.0),
            wall_low_s: Some(1.0),
            wall_high_s: Some(1.0),
            wall_min_s: Some(1.0),
            wall_mad_s: Some(0.0),
            flop_count: 1,
            flop_exact: 1,
            bytes_moved: 1,
            noise: Some(0.01),
            ..Record::unmeasured()
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

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn plan_row(shape: &str) -> PlanRow {
        PlanRow {
            workload: "gemm".into(),
            shape: shape.into(),
            dtype: Dtype::F32,
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

    /// The run in the repository: identities, verdicts and crossovers have one spelling.
    #[test]
    fn files_of_a_run_are_written_as_they_are_read() {
        fn check<T: Row>(name: &str) {
            let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("reports/sample");
            let folder = tempfile::tempdir().unwrap();
            let copy = folder.path().join(name);
            let rows = read::<T>(&sample.join(name)).unwrap();
            assert!(!rows.is_empty());
            replace(&copy, &rows).unwrap();
            let text = |path: &Path| fs::read_to_string(path).unwrap();
            assert!(text(&copy) == text(&sample.join(name)), "{name}");
        }
        check::<Record>(file::RESULTS);
        check::<PlanRow>(file::PLAN);
        check::<SummaryRow>(file::SUMMARY);
        check::<BreakdownRow>(file::BREAKDOWN);
    }

    /// Whatever a line looks like, it is read as the general reader reads it.
    #[test]
    fn samples_are_read_as_any_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("samples.csv");
        let header = columns::<SampleRow>().join(",");
        let row = "gemm,\"m=8,n=8\",f32,hot,compute,cpu,native,2,";
        let other = "gemm,\"m=8,n=8\",f32,hot,compute,cpu,\"a \"\"b\"\",\nc\",,";
        let text = format!(
            "{header}\n{row}0,1,0.5,\n{row}1,1,1e-9,\r\n\n{row},3,0.25,0.125\n{other}0,1,2,\n\
             {other}1,1,3,\n{row}2,1,0.75,0.5\n{row}3,1,7,"
        );
        fs::write(&path, &text).unwrap();
        let mut rows = Vec::new();
        read_samples(&path, |row, same| rows.push((row.clone(), same))).unwrap();
        let (rows, same): (Vec<SampleRow>, Vec<bool>) = rows.into_iter().unzip();
        assert_eq!(rows, read::<SampleRow>(&path).unwrap());
        assert_eq!(rows.len(), 7);
        // Said only where it is so; an unusual line may hide it.
        assert_eq!(same, [false, false, false, false, true, false, false]);
        // Other columns beside ours, and in another order, are read too.
        let turned = format!("{}\n,0.5,1,0,2,native,cpu,compute,hot,f32,a,gemm,x\n", {
            let mut names: Vec<&str> = columns::<SampleRow>().iter().rev().copied().collect();
            names.push("more");
            names.join(",")
        });
        fs::write(&path, turned).unwrap();
        let mut seconds = Vec::new();
        read_samples(&path, |row, _| seconds.push(row.wall_s)).unwrap();
        assert_eq!(seconds, [0.5]);
        fs::write(&path, format!("{header}\n{row}0,1,0.5,\n{row}0,1,fast,\n")).unwrap();
        let error = read_samples(&path, |_, _| {}).unwrap_err().to_string();
        assert!(error.contains("samples.csv: not a file of this program in line 3"), "{error}");
        for end in ["1,2,3,,5", "1,2"] {
            fs::write(&path, format!("{header}\n{row}0,1,0.5,\n{row}{end}\n")).unwrap();
            let error = read_samples(&path, |_, _| {}).unwrap_err().to_string();
            assert!(error.contains("line 3 has 1"), "{error}");
            assert!(read::<SampleRow>(&path).is_err());
        }
    }

    #[test]
    fn every_column_is_explained() {
        let format = include_str!("../../docs/format.md");
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
