//! `crossover tune` on a real device, with little time.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{crossover, missing, texts};

/// With data, cache and runs in a folder of the test's.
fn in_folder(folder: &Path) -> Command {
    let mut command = crossover();
    command
        .env("CROSSOVER_DATA_DIR", folder.join("data"))
        .env("CROSSOVER_CACHE_DIR", folder.join("cache"))
        .current_dir(folder);
    command
}

fn has_device() -> bool {
    let output = crossover().args(["devices", "--json"]).output().unwrap();
    let found = texts(&output).0.contains("\"opencl:0\"");
    if !found {
        missing("there is no OpenCL device");
    }
    found
}

/// The cells of a column.
fn column(path: &Path, name: &str) -> Vec<String> {
    let mut reader = csv::Reader::from_path(path).unwrap();
    let at = reader.headers().unwrap().iter().position(|header| header == name).unwrap();
    reader.records().map(|row| row.unwrap()[at].to_string()).collect()
}

fn user_file(folder: &Path) -> String {
    let entries = fs::read_dir(folder.join("data/tuned")).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_toml = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == "toml");
    fs::read_to_string(paths.into_iter().find(is_toml).unwrap()).unwrap()
}

#[test]
fn what_is_found_is_kept_used_and_drawn() {
    if !has_device() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tune = ["tune", "--device", "opencl:0", "--workload", "gemm", "--budget", "8"];
    let output = in_folder(folder.path()).args(tune).args(["--out", "tuned"]).output().unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    assert!(out.contains("gemm") && out.contains("the defaults"), "{out}");

    let csv = folder.path().join("tuned/tuning.csv");
    let outcomes = column(&csv, "outcome");
    assert!(outcomes.iter().any(|o| o == "measured"), "{outcomes:?}");
    assert!(outcomes.iter().any(|o| o == "final"), "{outcomes:?}");
    let page = fs::read_to_string(folder.path().join("tuned/report.html")).unwrap();
    assert!(page.contains("Tuned against the defaults"));
    // Nothing is left on the list of what must not be tried.
    let poison = fs::read_to_string(folder.path().join("data/tuned/poison.jsonl"));
    assert_eq!(poison.unwrap_or_default(), "");

    let run = ["run", "--device", "opencl:0", "--shape", "m=96,n=96,k=96", "--out", "run"];
    let output = in_folder(folder.path()).args(run).output().unwrap();
    assert!(output.status.success(), "{}", texts(&output).1);
    let tuned = column(&folder.path().join("run/results.csv"), "tuned");
    assert!(tuned.iter().any(|origin| origin == "user"), "{tuned:?}");
}

#[test]
fn a_changed_driver_makes_what_was_found_a_place_to_begin() {
    if !has_device() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tune = ["tune", "--device", "opencl:0", "--workload", "stream-dot", "--budget", "3"];
    let output = in_folder(folder.path()).args(tune).args(["--out", "tuned"]).output().unwrap();
    assert!(output.status.success(), "{}", texts(&output).1);
    let entries = fs::read_dir(folder.path().join("data/tuned")).unwrap();
    for path in entries.map(|entry| entry.unwrap().path()) {
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\ndriver = \"", "\ndriver = \"older ")).unwrap();
    }
    let run = ["run", "--device", "opencl:0", "--workload", "stream-dot"];
    let run = [&run[..], &["--shape", "bytes=4096", "--out", "run"]].concat();
    let output = in_folder(folder.path()).args(run).output().unwrap();
    assert!(output.status.success(), "{}", texts(&output).1);
    let path = folder.path().join("run/results.csv");
    let tuned = column(&path, "tuned").into_iter().zip(column(&path, "workload"));
    for (origin, _) in tuned.filter(|(_, workload)| workload == "stream-dot") {
        assert_ne!(origin, "user");
    }
    assert!(user_file(folder.path()).contains("older "));
    let notes = column(&path, "notes").into_iter().zip(column(&path, "workload"));
    for (notes, _) in notes.filter(|(_, workload)| workload == "stream-dot") {
        assert!(notes.contains("tuned-for-other-driver"), "{notes}");
    }
    for verb in ["devices", "doctor"] {
        let (out, _) = texts(&in_folder(folder.path()).arg(verb).output().unwrap());
        assert!(out.contains("was tuned for another driver; run 'crossover tune"), "{out}");
    }
    let page = fs::read_to_string(folder.path().join("run/report.html")).unwrap();
    assert!(page.contains("was tuned for another driver"));
}

/// The kernels of a part of a training step alone are timed; whole steps then use what was found.
#[test]
fn row_operations_are_tuned_and_training_uses_them() {
    if !has_device() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tune = ["tune", "--device", "opencl:0", "--workload", "train-mlp", "--budget", "2"];
    let output = in_folder(folder.path()).args(tune).args(["--out", "tuned"]).output().unwrap();
    assert!(output.status.success(), "{}", texts(&output).1);
    let found = user_file(folder.path());
    assert!(found.contains("family = \"train\"") && found.contains("elements\""), "{found}");

    let shape = "batch=4,inputs=9,width=16,depth=1,classes=3";
    let run = ["run", "--device", "opencl:0", "--workload", "train-mlp", "--shape", shape];
    let run = |out: &str| {
        let output = in_folder(folder.path()).args(run).args(["--out", out]).output().unwrap();
        assert!(output.status.success(), "{}", texts(&output).1);
        let path = folder.path().join(out).join("results.csv");
        let steps = column(&path, "workload").into_iter().zip(column(&path, "tuned"));
        let steps = steps.zip(column(&path, "notes"));
        let steps: Vec<_> = steps.filter(|((w, _), _)| w == "train-mlp").collect();
        assert!(!steps.is_empty());
        (steps[0].0.1.clone(), steps[0].1.clone())
    };
    assert_eq!(run("run").0, "user");
    // Another kernel: what was found is for what it was.
    for path in fs::read_dir(folder.path().join("data/tuned")).unwrap() {
        let path = path.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("\nsource = \"", "\nsource = \"0")).unwrap();
    }
    let (tuned, notes) = run("later");
    assert_ne!(tuned, "user");
    assert!(notes.contains("tuned-for-other-source"), "{notes}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_the_best_so_far() {
    if !has_device() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let tune = ["tune", "--device", "opencl:0", "--workload", "gemm", "--budget", "100"];
    let mut child = in_folder(folder.path()).args(tune).args(["--out", "tuned"]).spawn().unwrap();
    let csv = folder.path().join("tuned/tuning.csv");
    // A busy machine takes its time to compile and race the first points.
    for _ in 0..1200 {
        let measured = fs::read_to_string(&csv).unwrap_or_default().matches(",measured,").count();
        if measured >= 3 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let status = child.wait().unwrap();
    assert_eq!(status.code(), Some(1));
    assert!(user_file(folder.path()).contains("family = \"gemm\""));
    assert!(folder.path().join("tuned/report.html").is_file());
}

#[test]
fn bad_usage_is_one_line() {
    for (arguments, expected) in [
        (["tune", "--budget", "0"], "--budget takes a number of seconds above 0"),
        (["tune", "--workload", "nonsense"], "nonsense"),
        (["tune", "--device", "cpu"], "nothing to tune"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let output = in_folder(folder.path()).args(arguments).output().unwrap();
        let (_, err) = texts(&output);
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(err.contains(expected) && err.trim_end().lines().count() == 1, "{err}");
    }
}
