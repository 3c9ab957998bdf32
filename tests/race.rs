//! `crossover race` as a user runs it, with programs whose times are made up.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use crossover::record::{self, Outcome, SummaryRow};
use crossover::terms::Crossover;

use support::{crossover, texts};

/// A folder with a program `side`, which prints what `body` does. Its words are the side and the size.
fn program(folder: &Path, body: &str) -> PathBuf {
    let path = folder.join("side");
    fs::write(&path, format!("#!/bin/sh\n{body}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// The CPU takes a microsecond an element, and the GPU as long as the CPU for 100 elements, whatever the size.
const CROSS_AT_100: &str = "\
echo \"sum $(($2 * 3))\"
if [ $1 = cpu ]; then us=$2; else us=100; fi
printf 'crossover: seconds=0.%06d\\n' $us";

fn race(folder: &Path, body: &str, arguments: &[&str]) -> (Output, PathBuf) {
    let program = program(folder, body);
    let out = folder.join("out");
    let command = |side: &str| format!("'{}' {side} {{n}}", program.display());
    let output = crossover()
        .args(["race", "--cpu", &command("cpu"), "--gpu", &command("gpu")])
        .args(["--out", out.to_str().unwrap()])
        .args(arguments)
        .output()
        .unwrap();
    (output, out)
}

#[test]
fn the_crossover_of_two_programs_is_found_and_narrowed_down() {
    let folder = tempfile::tempdir().unwrap();
    let (output, out) = race(folder.path(), CROSS_AT_100, &["--axis", "n=8..1k"]);
    let (text, err) = texts(&output);
    assert!(output.status.success(), "{text}{err}");
    let last = text.lines().last().unwrap();
    assert_eq!(last, "The GPU wins from n=104 on; it is 10.0× as fast at n=1000.", "{text}");
    let summary: Vec<SummaryRow> = record::read(&out.join("summary.csv")).unwrap();
    assert_eq!(summary[0].crossover, Some(Crossover::From(104)));
    let known = summary.iter().find(|row| row.shape == "n=512").unwrap();
    assert!((known.speedup - 5.12).abs() < 1e-9, "{known:?}");
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(page.contains("side"));
    // Other verbs read the folder; only `run` can't go on with it.
    let of = |arguments: &[&str]| crossover().args(arguments).arg(&out).output().unwrap();
    assert!(of(&["report"]).status.success());
    assert!(of(&["export", "--bmf"]).status.success());
    let resumed = of(&["run", "--resume"]);
    assert_eq!(resumed.status.code(), Some(2));
    assert!(texts(&resumed).1.contains("this is a race"), "{}", texts(&resumed).1);
}

#[test]
fn what_fails_at_the_smallest_size_is_refused_in_a_line_and_leaves_nothing() {
    for (body, arguments, part) in [
        ("exit 3", &[][..], "n=8: --cpu: failed (exit status: 3)"),
        ("echo no memory >&2; exit 1", &[], "its last words: no memory"),
        ("true", &[], "prints nothing"),
        ("echo $1", &[], "outputs differ in line 1: 'cpu', 'gpu'"),
        ("echo 'crossover: seconds=none'; echo 1", &[], "which is no time above 0"),
        ("sleep 60", &["--timeout", "0.05"], "took longer than 50.0 ms"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let axis = ["--axis", "n=8..16"];
        let (output, out) = race(folder.path(), body, &[&axis, arguments].concat());
        let (text, err) = texts(&output);
        assert_eq!(output.status.code(), Some(2), "{body}: {text}{err}");
        assert!(err.contains(part) && err.trim_end().lines().count() == 1, "{body}: {err}");
        assert!(text.is_empty() && !out.exists(), "{body}: {text}");
    }
}

#[test]
fn what_fails_later_keeps_what_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let body = format!("if [ $2 -gt 20 ]; then echo too large >&2; exit 1; fi\n{CROSS_AT_100}");
    let (output, out) = race(folder.path(), &body, &["--axis", "n=8..64"]);
    let (text, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{text}{err}");
    assert!(err.contains("n=32: --cpu: failed") && err.contains("too large"), "{err}");
    let records = record::read_results(&out.join("results.csv")).unwrap();
    let shapes = |outcome| {
        let rows = records.iter().filter(move |r| r.outcome == outcome);
        rows.map(|r| r.shape.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(shapes(Outcome::Measured), ["n=8", "n=8", "n=16", "n=16"]);
    assert_eq!(shapes(Outcome::Failed), ["n=32", "n=32"]);
    let last = "Whether the GPU wins from n=32 on is unclear; it is 0.160× as fast at n=16.";
    assert_eq!(text.lines().last().unwrap(), last);
}

#[test]
fn bad_usage_is_one_line_and_exit_code_2() {
    let refused = |arguments: &[&str], part: &str| {
        let usual = ["race", "--axis", "n=1..2", "--cpu", "true {n}", "--gpu", "true {n}"];
        let output = crossover().args(usual).args(arguments).output().unwrap();
        let (text, err) = texts(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}{err}");
        assert!(err.contains(part) && err.trim_end().lines().count() == 1, "{arguments:?}: {err}");
    };
    for (arguments, part) in [
        (["--check", "same"], "--check 'same' is unknown"),
        (["--timeout", "0"], "--timeout takes a number of seconds above 0"),
        (["--budget", "nan"], "--budget takes a number of seconds above 0"),
    ] {
        refused(&arguments, part);
    }
    let wrong = |arguments: &[&str], part: &str| {
        let output = crossover().arg("race").args(arguments).output().unwrap();
        let (text, err) = texts(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}{err}");
        assert!(err.contains(part), "{arguments:?}: {err}");
    };
    wrong(&["--axis", "n=1..2", "--cpu", "true", "--gpu", "true {n}"], "has no {n}");
    wrong(&["--axis", "n", "--cpu", "true {n}", "--gpu", "true {n}"], "--axis 'n'");
    wrong(&["--axis", "n=1..2", "--cpu", "/none/such {n}", "--gpu", "x {n}"], "can't be started");
}
