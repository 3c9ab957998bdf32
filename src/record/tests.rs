//! From rows to files and back, and what is said of foreign and broken files.

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
        let (old, new) = (text(&sample.join(name)), text(&copy));
        assert_eq!(old.lines().count(), new.lines().count(), "{name}");
        // Columns of later versions stand at the end.
        let is_same = |(old, new): (&str, &str)| {
            new.strip_prefix(old).is_some_and(|more| more.is_empty() || more.starts_with(','))
        };
        assert!(old.lines().zip(new.lines()).all(is_same), "{name}");
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
