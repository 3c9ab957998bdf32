//! The program as a user meets it: verbs, exit codes, one line for a mistake.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::{Duration, Instant};

use crossover::manifest::Manifest;
use crossover::network::{Trajectories, Trajectory};
use crossover::record::{self, BreakdownRow, ComparisonRow, NoiseRow, Outcome, Record, SummaryRow};
use crossover::terms::{Scope, Verdict};

use support::{crossover, texts};

fn run(arguments: &[&str]) -> Output {
    crossover().args(arguments).output().unwrap()
}

/// Exit code 2, nothing on standard output, one line on standard error that holds `part`.
fn is_refused(arguments: &[&str], part: &str) {
    let output = run(arguments);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {out}{err}");
    assert_eq!(err.trim_end().lines().count(), 1, "{arguments:?}: {err}");
    assert!(err.contains(part), "{arguments:?}: {err}");
    assert!(out.is_empty(), "{arguments:?}: {out}");
}

/// An mlp of 195 parameters.
const TINY_MLP: &str = "batch=4,inputs=8,width=16,depth=1,classes=3";

/// What can't be written is no success; a reader that has enough is.
#[cfg(target_os = "linux")]
#[test]
fn a_full_standard_output_is_no_success() {
    use std::io::Read;
    use std::process::Stdio;
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let verify = ["verify", "--device", "CPU", "--workload", "launch,stream-copy"];
    for arguments in [
        &["devices", "--json"][..],
        &["completions", "bash"],
        &["man"],
        &["--version"],
        &["run", "--list", "--device", "cpu", "--workload", "gemm"],
        &verify,
        &[],
    ] {
        let output = crossover().args(arguments).stdout(full()).output().unwrap();
        let err = texts(&output).1;
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {err}");
        assert!(err.contains("standard output can't be written"), "{arguments:?}: {err}");
        assert_eq!(run(arguments).status.code(), Some(0), "{arguments:?}");
    }
    let mut child =
        crossover().args(["completions", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    child.stdout.take().unwrap().read_exact(&mut [0; 1]).unwrap();
    assert!(child.wait().unwrap().success());
}

/// A driver that is not there, and a cache that can't be: doctor names the file, and is not content.
#[cfg(target_os = "linux")]
#[test]
fn doctor_names_what_is_broken() {
    let base = tempfile::tempdir().unwrap();
    fs::write(base.path().join("gone.icd"), "libno-such-driver.so\n").unwrap();
    let doctor = |name: &str, value: &Path| {
        let output = crossover().arg("doctor").env(name, value).output().unwrap();
        (output.status.code(), texts(&output).0)
    };
    let (code, out) = doctor("CROSSOVER_CACHE_DIR", &base.path().join("gone.icd"));
    assert!(out.contains("gone.icd/programs can't be written to"), "{out}");
    assert_eq!(code, Some(1), "{out}");
    let (code, out) = doctor("OCL_ICD_VENDORS", base.path());
    // Without a loader there is nothing that could name it.
    if !out.contains("missing  OpenCL loader") {
        assert!(out.contains("gone.icd names a driver that can't be loaded: libno-such"), "{out}");
        assert_eq!(code, Some(1), "{out}");
    }
}

/// A tiny run on the CPU into `folder`.
fn tiny(folder: &Path) -> Output {
    let out = folder.to_str().unwrap();
    let sizes = ["--shape", "m=16,n=16,k=16", "--shape", "m=24,n=24,k=24"];
    run(&[&["run", "--device", "cpu", "--out", out], &sizes[..]].concat())
}

#[test]
fn alone_it_explains_itself() {
    let output = run(&[]);
    let (out, _) = texts(&output);
    assert!(output.status.success());
    assert!(out.contains("crossover run") && out.lines().count() <= 12, "{out}");
    assert!(run(&["--version"]).status.success());
    assert!(texts(&run(&["run", "--help"])).0.contains("--preset"));
}

#[test]
fn bad_usage_is_one_line_and_exit_code_2() {
    is_refused(&["run", "--workload", "gem"], "unknown workload 'gem'");
    is_refused(&["run", "--sweep", "m=n=k"], "nothing grows");
    is_refused(&["run", "--reuse", "8,0"], "--reuse 0: takes whole numbers of runs from 1 on");
    is_refused(&["run", "--workload", "gemm", "--shape", "m=1,n=1,x=1"], "no axis 'x'");
    is_refused(&["run", "--shape", "m=0,n=1,k=1"], "m=0 is out of range");
    is_refused(&["run", "--shape", "m=8,k=8"], "axis 'n' is missing");
    is_refused(&["run", "--shape", "m=9999999,n=9999999,k=9"], "beyond");
    is_refused(&["run", "--shape", "m=400000,n=400000,k=9"], "beyond this machine's memory");
    let conv = "n=1,c=4,h=5,w=5,k=6,r=3,s=3";
    for (rest, part) in [
        (",r=7", "axis 'r' is given twice"),
        (",stride=0", "stride_h=0 is out of range"),
        (",groups=4", "groups=4 does not divide k=6"),
        (",dilation=3", "are more than the 5 of the padded image"),
        (",pad=900000000000", "beyond any memory"),
    ] {
        let shape = format!("{conv}{rest}");
        is_refused(&["run", "--workload", "conv-dgrad", "--shape", &shape], part);
    }
    is_refused(&["run", "--preset", "fast"], "unknown preset 'fast'");
    is_refused(&["run", "--device", "toaster"], "no device 'toaster'");
    is_refused(
        &["run", "--implementation", "best"],
        "no chosen device has an implementation 'best'",
    );
    is_refused(
        &["run", "--workload", "gemm", "--implementation", "winograd-f2"],
        "none of these does gemm",
    );
    is_refused(
        &["run", "--workload", "stream-copy", "--scope", "end_to_end"],
        "stream-copy has compute",
    );
    is_refused(&["run", "--workload", "transfer-h2d", "--device", "cpu"], "can't do transfer-h2d");
    is_refused(
        &["verify", "--workload", "gemm", "--implementation", "winograd-f2"],
        "nothing to verify",
    );
    is_refused(&["run", "--device", "contender"], "no device 'contender'; there is cpu");
    is_refused(&["run", "--scope", "all"], "unknown scope 'all'");
    is_refused(&["run", "--cache", "warm"], "unknown cache state 'warm'");
    is_refused(&["run", "--threads", "4096"], "--threads 4096");
    is_refused(&["run", "--budget", "-3"], "--budget");
    is_refused(&["run", "--name", "a/b"], "--name 'a/b'");
    is_refused(&["run", "--fast"], "unexpected argument '--fast'");
    is_refused(&["jump"], "unrecognized subcommand 'jump'");
    is_refused(&["verify", "--shape", "m=1"], "axis 'n' is missing");
    is_refused(&["verify", "--shape", "m=1099511627776,n=1,k=4"], "beyond");
    is_refused(&["run", "--resume", "x", "--threads", "1"], "cannot be used with");
    is_refused(&["run", "--until-decided"], "--resume <DIR>");
    is_refused(&["run", "--resume", "x", "--budget", "5"], "add --until-decided");
    is_refused(&["run", "--resume", "x", "--until-decided", "--budget", "0"], "above 0");
    is_refused(&["run", "--resume", "x", "--until-decided", "--list"], "cannot be used with");
    is_refused(&["run", "--resume", "/nowhere", "--until-decided"], "/nowhere");
    is_refused(&["report"], "required arguments were not provided");
    is_refused(&["run", "--repeat", "0"], "--repeat 0");
    is_refused(&["run", "--repeat", "2", "--preset", "fast"], "unknown preset 'fast'");
    is_refused(&["run", "--workload", "gem"], "did you mean 'gemm'?");
    is_refused(&["run", "--preset", "standart"], "did you mean 'standard'?");
    is_refused(&["run", "--device", "opencll"], "did you mean 'opencl'?");
    is_refused(&["run", "--scope", "compote"], "did you mean 'compute'?");
    is_refused(&["completions", "bach"], "did you mean 'bash'?");
    is_refused(&["man", "comparre"], "did you mean 'compare'?");
    is_refused(&["compare", "x"], "two folders");
    is_refused(&["compare", "x", "y", "--by", "colour"], "kind, device, implementation");
    is_refused(&["compare", "x", "y", "--threshold", "-1"], "--threshold");
    is_refused(&["report", "x", "--epoch-samples", "0"], "--epoch-samples");
    let train = |network, shape| ["train", network, "--shape", shape];
    is_refused(&train("vgg", "batch=1"), "unknown network 'vgg'; there is mlp, cnn, lstm, transf");
    is_refused(&train("mlp", "batch=1"), "axis 'inputs' is missing");
    let heads = "batch=2,seq=4,d_model=10,heads=3,layers=1,classes=2";
    is_refused(&train("transformer", heads), "3 heads do not divide d_model 10");
    let tiny = train("mlp", TINY_MLP);
    is_refused(&[&tiny[..], &["--steps", "0"]].concat(), "--steps");
    is_refused(&[&tiny[..], &["--device", "toaster"]].concat(), "no device 'toaster'");
    is_refused(&[&tiny[..], &["--implementation", "best"]].concat(), "no implementation 'best'");
    let reference = ["--device", "reference", "--implementation", "native"];
    is_refused(&[&tiny[..], &reference].concat(), "the reference is one");
}

#[test]
fn shells_and_man_know_the_verbs() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let (out, _) = texts(&run(&["completions", shell]));
        assert!(out.contains("compare") && out.contains("noise-floor"), "{shell}: {out}");
    }
    let (out, _) = texts(&run(&["man"]));
    assert!(out.contains(".TH") && out.contains("crossover\\-compare"), "{out}");
    assert!(texts(&run(&["man", "run"])).0.contains("noise"));
    // No terminal, no colours.
    assert!(!out.contains('\u{1b}'));
}

/// Before anything is read or measured, too.
#[test]
#[cfg(not(feature = "png"))]
fn pictures_need_a_build_that_can_draw_them() {
    for verb in
        [&["run"][..], &["run", "--repeat", "2"], &["report", "none"], &["compare", "a", "b"]]
    {
        is_refused(&[verb, &["--png"]].concat(), "--features png");
    }
}

#[test]
#[cfg(feature = "png")]
fn a_report_draws_its_charts_as_pictures() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("run");
    assert!(tiny(&folder).status.success());
    let output = run(&["report", folder.to_str().unwrap(), "--png"]);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    let written = |end: &str| out.lines().filter(|line| line.ends_with(end)).count();
    assert!(written(".svg") > 0 && written(".png") == written(".svg"), "{out}");
}

#[test]
fn bad_folders_are_one_line_and_exit_code_2() {
    let base = tempfile::tempdir().unwrap();
    let path = |name: &str| base.path().join(name).to_str().unwrap().to_string();
    fs::write(path("file"), "x").unwrap();
    fs::create_dir(path("full")).unwrap();
    fs::write(path("full/results.csv"), "name,value\n1,2\n").unwrap();
    is_refused(&["run", "--out", &path("full")], "not empty");
    is_refused(&["run", "--out", &path("file")], "file");
    is_refused(&["run", "--out", "/proc/crossover/run"], "/proc/crossover/run");
    is_refused(&["run", "--resume", &path("full")], "machine.json: not found");
    is_refused(&["report", &path("full")], "results.csv: not a file of this program");
    is_refused(&["report", &path("none")], "results.csv: not found");
    is_refused(&["compare", &path("none"), &path("full")], "results.csv: not found");
    fs::create_dir(path("out-r2")).unwrap();
    is_refused(&["run", "--repeat", "2", "--out", "."], "has no name");
    let repeat = ["run", "--repeat", "2", "--out", &path("out")];
    is_refused(&repeat, "out-r2 is there already");
}

/// Rows without their shares of the roofs, which are those of the whole run in the end.
fn without_roofs(results: &Path) -> Vec<Record> {
    let mut records = record::read_results(results).unwrap();
    for record in &mut records {
        (record.compute_roof_fraction, record.memory_roof_fraction) = (None, None);
    }
    records
}

#[test]
fn a_tiny_run_leaves_every_file() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("run");
    let output = tiny(&folder);
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    for name in ["plan.csv", "results.csv", "samples.csv", "summary.csv", "machine.json"] {
        assert!(folder.join(name).is_file(), "{name}");
    }
    assert!(fs::read_to_string(folder.join("report.html")).unwrap().contains("<html"));
    assert!(fs::read_dir(folder.join("charts")).unwrap().count() >= 1);
    let records = record::read_results(&folder.join("results.csv")).unwrap();
    assert!(records.iter().all(|r| r.outcome == Outcome::Measured && r.run == "run"));
    assert!(records.iter().all(|r| r.max_error_ratio.is_some_and(|e| e <= 1.0)));
    assert!(out.trim_end().ends_with("report.html"), "{out}");
    // The terminal names its columns, tells first what the page tells first, and paints nothing into a pipe.
    assert!(out.lines().any(|l| l.starts_with("case ") && l.ends_with(" noise")), "{out}");
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    let page = page.replace("&#39;", "'");
    let is_first = |line: &str| page.contains(&format!("<p class=\"first\">{line}</p>"));
    assert!(out.lines().any(is_first), "{out}");
    assert!(!out.contains('\u{1b}') && !err.contains('\u{1b}'), "{out}{err}");
    // Drawn again from the files alone.
    fs::remove_file(folder.join("report.html")).unwrap();
    assert!(run(&["report", folder.to_str().unwrap()]).status.success());
    assert!(folder.join("report.html").is_file());
    // A run that was cut inside a case measures that case again, and no other.
    let text = fs::read_to_string(folder.join("results.csv")).unwrap();
    let cut = text.trim_end().rfind('\n').unwrap();
    let kept = || {
        let mut records = without_roofs(&folder.join("results.csv"));
        records.retain(|r| !r.shape.starts_with("m=24"));
        records
    };
    let whole = kept();
    fs::write(folder.join("results.csv"), &text[..cut - 5]).unwrap();
    assert!(run(&["run", "--resume", folder.to_str().unwrap()]).status.success());
    let again = fs::read_to_string(folder.join("results.csv")).unwrap();
    assert_eq!(again.lines().count(), text.lines().count());
    assert_eq!(kept(), whole);
    // A foreign file is left as it is.
    let foreign = base.path().join("foreign");
    fs::create_dir(&foreign).unwrap();
    fs::copy(folder.join("machine.json"), foreign.join("machine.json")).unwrap();
    fs::write(foreign.join("results.csv"), "name,value\na,1").unwrap();
    is_refused(&["run", "--resume", foreign.to_str().unwrap()], "not a file of this program");
    assert_eq!(fs::read(foreign.join("results.csv")).unwrap(), b"name,value\na,1");
    // A finished run has nothing left to do, and says so by ending well.
    let before = fs::read(folder.join("results.csv")).unwrap();
    assert!(run(&["run", "--resume", folder.to_str().unwrap()]).status.success());
    assert_eq!(fs::read(folder.join("results.csv")).unwrap(), before);
}

#[test]
fn a_run_goes_on_until_nothing_is_open() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("run");
    assert!(tiny(&folder).status.success());
    let before = fs::read(folder.join("samples.csv")).unwrap();
    let until = ["run", "--resume", folder.to_str().unwrap(), "--until-decided", "--budget", "60"];
    let output = run(&until);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    // Nothing is set against the CPU here.
    assert!(err.contains("no comparison is open"), "{err}");
    assert_eq!(fs::read(folder.join("samples.csv")).unwrap(), before);
}

#[test]
fn a_budget_too_small_for_roofs_takes_those_of_an_earlier_run() {
    let base = tempfile::tempdir().unwrap();
    let measured = |name: &str, options: &[&str]| {
        let folder = base.path().join(name);
        let shape = ["run", "--device", "cpu", "--shape", "m=16,n=16,k=16", "--out"];
        let mut command = crossover();
        command.args(shape).arg(&folder).args(options);
        let cache = base.path().join("cache");
        assert!(command.env("CROSSOVER_CACHE_DIR", cache).output().unwrap().status.success());
        (Manifest::read(&folder).unwrap().roofs, folder)
    };
    let (first, _) = measured("unkept", &["--budget", "2"]);
    assert!(first.measured.is_none() && first.memory_unknown, "{first:?}");
    let (whole, _) = measured("whole", &[]);
    assert!(whole.measured.is_none() && !whole.memory_unknown, "{whole:?}");
    let (taken, folder) = measured("short", &["--budget", "2"]);
    assert!(taken.measured.is_some() && !taken.memory_unknown, "{taken:?}");
    assert_eq!(taken.memory.len(), whole.memory.len());
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.contains("of an earlier run"));
    let (other, _) = measured("other", &["--budget", "2", "--threads", "1"]);
    assert!(other.measured.is_none() || whole.compute[0].threads == Some(1), "{other:?}");
}

#[test]
fn json_is_one_object_a_row() {
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("run");
    let out = out.to_str().unwrap();
    let shape = ["--shape", "m=16,n=8,k=4", "--scope", "compute", "--json"];
    let output = run(&[&["run", "--device", "cpu", "--out", out], &shape[..]].concat());
    let (text, _) = texts(&output);
    assert!(!text.is_empty());
    for line in text.lines() {
        let record: Record = serde_json::from_str(line).unwrap();
        assert_eq!(record.shape, "m=16,n=8,k=4,ta=0,tb=0");
    }
    let output = run(&["verify", "--device", "cpu", "--shape", "m=3,n=4,k=5", "--json"]);
    let (text, _) = texts(&output);
    assert!(output.status.success());
    for line in text.lines() {
        let record: Record = serde_json::from_str(line).unwrap();
        assert!(record.wall_median_s.is_none() && record.max_error_ratio.is_some());
    }
}

#[test]
fn a_report_prints_the_rows_of_its_summary_as_json() {
    let base = tempfile::tempdir().unwrap();
    for name in ["plan.csv", "results.csv", "summary.csv", "machine.json"] {
        let from = support::repository("reports/sample").join(name);
        fs::copy(from, base.path().join(name)).unwrap();
    }
    let (out, _) = texts(&run(&["report", base.path().to_str().unwrap(), "--json"]));
    let printed: Vec<SummaryRow> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected: Vec<SummaryRow> = record::read(&base.path().join("summary.csv")).unwrap();
    assert!(!expected.is_empty() && printed == expected, "{out}");
}

#[test]
fn times_are_exported_for_dashboards() {
    let sample = support::repository("reports/sample");
    let records = record::read_results(&sample.join("results.csv")).unwrap();
    let timed = records.iter().filter(|r| r.counts()).count();
    let exported = |format: &str| -> serde_json::Value {
        let output = run(&["export", sample.to_str().unwrap(), format]);
        let (out, err) = texts(&output);
        assert!(output.status.success(), "{err}");
        serde_json::from_str(&out).unwrap()
    };
    assert_eq!(exported("--bmf").as_object().unwrap().len(), timed);
    assert_eq!(exported("--github").as_array().unwrap().len(), timed);
    let nothing = tempfile::tempdir().unwrap();
    for (arguments, words) in [
        (vec!["export", sample.to_str().unwrap()], "--bmf"),
        (vec!["export", nothing.path().to_str().unwrap(), "--bmf"], "results.csv"),
    ] {
        let output = run(&arguments);
        let (out, err) = texts(&output);
        assert_eq!(output.status.code(), Some(2), "{out}{err}");
        assert!(err.contains(words) && err.trim_end().lines().count() == 1, "{err}");
    }
}

/// A folder without pairs, another format, and two formats at once are one clear line each.
#[test]
fn thresholds_are_exported_for_programs() {
    let sample = support::repository("reports/sample");
    let sample = sample.to_str().unwrap();
    for (format, words) in [
        ("json", "\"entries\""),
        ("toml", "[[entries.families.thresholds]]"),
        ("rust", "pub fn prefer_device("),
        ("c", "crossover_prefer_device("),
    ] {
        let output = run(&["export", sample, "--dispatch", format]);
        let (out, err) = texts(&output);
        assert!(output.status.success() && out.contains(words), "{format}: {err}");
        assert!(out.contains("regret") && out.contains("opencl:0"), "{format}");
    }
    is_refused(&["export", sample, "--dispatch", "jsn"], "did you mean 'json'?");
    is_refused(&["export", sample, "--dispatch", "c", "--bmf"], "cannot be used with");
    let alone = tempfile::tempdir().unwrap();
    let folder = alone.path().to_str().unwrap();
    is_refused(&["export", folder, "--dispatch", "c"], "summary.csv: not found");
    fs::copy(Path::new(sample).join("machine.json"), alone.path().join("machine.json")).unwrap();
    let summary = fs::read_to_string(Path::new(sample).join("summary.csv")).unwrap();
    let header = summary.lines().next().unwrap();
    fs::write(alone.path().join("summary.csv"), format!("{header}\n")).unwrap();
    is_refused(&["export", folder, "--dispatch", "c"], "no model was measured on a device");
}

/// From a step of a network to its rows, operations and epochs.
#[test]
fn a_run_that_measures_nothing_says_so_last_and_ends_badly() {
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("run");
    let shape = ["--device", "cpu", "--shape", "m=16,n=16,k=16", "--out", out.to_str().unwrap()];
    let output = run(&[&["run", "--budget", "0.000001"], &shape[..]].concat());
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{err}");
    let last = "crossover: nothing was measured: the budget of 1.00 µs is used up";
    assert_eq!(err.lines().last(), Some(last), "{err}");
}

#[test]
fn a_tiny_training_run_leaves_every_file() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("run");
    let out = folder.to_str().unwrap();
    let chosen = ["--workload", "train-mlp", "--shape", TINY_MLP, "--device", "cpu"];
    let output = run(&[&["run", "--profile", "--out", out], &chosen[..]].concat());
    let (text, err) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{text}{err}");
    let records = record::read_results(&folder.join("results.csv")).unwrap();
    assert!(records.iter().all(|r| r.outcome == Outcome::Measured && r.parameters == Some(195)));
    for scope in [Scope::Compute, Scope::EndToEnd] {
        assert!(records.iter().any(|r| r.scope == scope && r.counts()), "{}", scope.name());
    }
    let operations: Vec<BreakdownRow> = record::read(&folder.join("breakdown.csv")).unwrap();
    for (name, calls) in
        [("linear-forward", 2), ("linear-backward", 2), ("loss", 1), ("update-sgd", 1)]
    {
        let found = operations.iter().find(|o| o.operation == name);
        let found = found.unwrap_or_else(|| panic!("{name} is not in {operations:?}"));
        assert!(found.calls == calls && found.wall_s > 0.0, "{found:?}");
    }
    let page = || fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page().contains("Samples/s") && page().contains("ImageNet"));
    let own = run(&["report", out, "--epoch-samples", "1000", "--epoch-samples", "7"]);
    assert!(own.status.success());
    assert!(page().contains("7 samples") && !page().contains("ImageNet"));
    // What it keeps is known before it runs.
    let (text, _) = texts(&run(&[&["run", "--list"], &chosen[..]].concat()));
    assert!(text.contains("3.20 kB: parameters 780 B, gradients 1.21 kB, optimiser"), "{text}");
}

#[test]
fn training_prints_losses_and_norms() {
    let train = |rest: &[&str]| {
        let output = run(&[&["train", "mlp", "--shape", TINY_MLP, "--steps", "3"], rest].concat());
        assert_eq!(output.status.code(), Some(0), "{}", texts(&output).1);
        texts(&output).0
    };
    let told = |text: &str| -> Trajectory {
        let mut all: Trajectories = serde_json::from_str(text).unwrap();
        assert_eq!(all.cases.len(), 1);
        all.cases.remove(0)
    };
    let (cpu, reference) =
        (told(&train(&["--json"])), told(&train(&["--json", "--device", "reference"])));
    assert_eq!((cpu.losses.len(), reference.losses.len()), (3, 3));
    for (a, b) in cpu.losses.iter().zip(&reference.losses) {
        assert!((a / b - 1.0).abs() < 5e-6 && *b > 0.0, "{a} {b}");
    }
    let other = told(&train(&["--json", "--device", "reference", "--seed", "2"]));
    assert_ne!(other.losses, reference.losses);
    let text = train(&["--device", "reference"]);
    assert_eq!(text.lines().filter(|l| l.starts_with("step ")).count(), 3, "{text}");
    assert!(text.contains(&format!("loss {:.9}", reference.losses[2])), "{text}");
    assert!(text.contains("gradient, step 0"), "{text}");
}

#[test]
fn a_list_measures_nothing() {
    let base = tempfile::tempdir().unwrap();
    let output = crossover()
        .args(["run", "--list", "--preset", "deepbench"])
        .current_dir(base.path())
        .output();
    let (out, _) = texts(&output.unwrap());
    assert!(out.contains("160 cases") || out.lines().count() > 100, "{out}");
    assert!(out.contains("over 6e9 FLOP"));
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
}

#[test]
fn devices_name_the_cpu_and_its_threads() {
    let (out, _) = texts(&run(&["devices", "--json"]));
    let value: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(value["devices"][0]["id"], "cpu");
    assert!(value["devices"][0]["threads"].as_u64().unwrap() >= 1);
}

/// Ctrl-C in a sweep: exit code 1, whole rows, a report of what there is, and it can go on.
#[test]
#[cfg(unix)]
fn an_interrupt_keeps_what_is_measured() {
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join("run");
    let sizes: Vec<String> = (1..40).map(|i| format!("m={0},n={0},k={0}", 8 * i)).collect();
    let mut command = crossover();
    command.args(["run", "--device", "cpu", "--out", folder.to_str().unwrap()]);
    sizes.iter().for_each(|s| {
        command.args(["--shape", s]);
    });
    let child = command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    let child = child.spawn().unwrap();
    let results = folder.join("results.csv");
    let start = Instant::now();
    while fs::read_to_string(&results).map_or(0, |t| t.lines().count()) < 3 {
        assert!(start.elapsed() < Duration::from_secs(60), "no row appeared");
        std::thread::sleep(Duration::from_millis(5));
    }
    // SAFETY: sends a signal to the child that was just started and is still owned here.
    unsafe { libc::kill(child.id() as i32, libc::SIGINT) };
    let output = child.wait_with_output().unwrap();
    let (_, err) = texts(&output);
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("what is measured is kept"), "{err}");
    let records = without_roofs(&results);
    assert!(!records.is_empty() && records.len() < 39 * 4);
    let page = fs::read_to_string(folder.join("report.html")).unwrap();
    assert!(page.to_lowercase().contains("interrupted"));
    let output = run(&["run", "--resume", folder.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(0), "{}", texts(&output).1);
    let all = without_roofs(&results);
    assert_eq!(all[..records.len()], records[..]);
    let shapes: std::collections::HashSet<&str> = all.iter().map(|r| r.shape.as_str()).collect();
    assert_eq!(shapes.len(), 39);
}

/// A disk that fills up in the middle: one line, exit code 1, rows so far intact.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_keeps_what_is_measured() {
    // A small file system of its own needs a mount namespace.
    let script = "mount -t tmpfs -o size=1m tmpfs \"$1\" && shift && exec \"$@\"";
    let base = tempfile::tempdir().unwrap();
    let mount = base.path().join("small");
    fs::create_dir(&mount).unwrap();
    // A first case with few samples, then ever more cases with many.
    let mut sizes = vec!["m=512,n=512,k=512".to_string()];
    sizes.extend((1..200).map(|i| format!("m={i},n={},k=8", i + 1)));
    let mut command = std::process::Command::new("unshare");
    command.args(["-m", "sh", "-c", &format!("{script}; true")]);
    command.args(["sh", mount.to_str().unwrap(), "sh", "-c"]);
    command.arg("\"$@\"; code=$?; cat \"$OUT/results.csv\"; exit $code").arg("sh");
    command.arg(env!("CARGO_BIN_EXE_crossover"));
    let out = mount.join("run");
    command.args(["run", "--device", "cpu", "--json", "--out", out.to_str().unwrap()]);
    sizes.iter().for_each(|s| {
        command.args(["--shape", s]);
    });
    let output = command.env("OUT", &out).output();
    let Ok(output) = output.map(|o| (o.status.code(), texts(&o))) else {
        support::missing("unshare is not installed");
        return;
    };
    let (code, (text, err)) = output;
    if err.contains("unshare") || err.contains("mount:") {
        support::missing("mount namespaces are not allowed");
        return;
    }
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("the disk is full; free some space"), "{err}");
    assert!(!err.contains("panicked"), "{err}");
    // What follows the JSON rows is results.csv: its rows are whole.
    let csv = &text[text.find("schema,run,").expect("results.csv is there")..];
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let rows: Result<Vec<Record>, _> = reader.deserialize().collect();
    assert!(!rows.expect("whole lines").is_empty());
}

/// Two processes, each measured twice, set against each other.
#[test]
fn processes_are_repeated_and_compared() {
    let base = tempfile::tempdir().unwrap();
    let path = |name: &str| base.path().join(name).to_str().unwrap().to_string();
    let shape = ["--shape", "m=16,n=16,k=16", "--shape", "m=24,n=24,k=24"];
    let options = ["--device", "cpu", "--repeat", "2", "--noise-floor", "--out", &path("run")];
    let output = run(&[&["run"], &options[..], &shape[..]].concat());
    let (out, err) = texts(&output);
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    let folders = [path("run-r1"), path("run-r2")];
    for folder in &folders {
        let noise: Vec<NoiseRow> = record::read(&Path::new(folder).join("noise.csv")).unwrap();
        let results = record::read_results(&Path::new(folder).join("results.csv")).unwrap();
        assert_eq!(noise.len(), results.iter().filter(|r| r.counts()).count(), "{folder}");
        assert!(noise.iter().all(|n| n.floor > 0.0 && n.ratio_low <= n.ratio_high));
    }
    let groups = folders.each_ref().map(|f| Manifest::read(Path::new(f)).unwrap().group);
    assert!(groups[0].is_some() && groups[0] == groups[1], "{groups:?}");
    let output = run(&["compare", &folders[0], &folders[1], "--out", &path("comparison")]);
    let (out, err) = texts(&output);
    // Whether a process of a few microseconds regressed is the machine's business.
    assert!(matches!(output.status.code(), Some(0 | 1)), "{out}{err}");
    assert!(out.contains("floor ±") && out.contains("1 process"), "{out}");
    let rows: Vec<ComparisonRow> =
        record::read(&Path::new(&path("comparison")).join("comparison.csv")).unwrap();
    assert_eq!(rows.len(), 4, "{out}");
    let regressed = rows.iter().any(|r| r.verdict == Verdict::Slower && r.rest_high < 1.0 / 1.05);
    assert_eq!(output.status.code(), Some(i32::from(regressed)), "{out}");
    assert!(Path::new(&path("comparison")).join("comparison.html").is_file());
}

/// Names and variables of the system need not be UTF-8.
#[test]
#[cfg(unix)]
fn words_of_the_system_need_not_be_utf8() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let base = tempfile::tempdir().unwrap();
    let folder = base.path().join(OsStr::from_bytes(b"here \xa3"));
    fs::create_dir(&folder).unwrap();
    let out = OsStr::from_bytes(b"out \xa3");
    let mut command = crossover();
    command.env(OsStr::from_bytes(b"BAD\xa3"), "1").env("OMP_BAD", OsStr::from_bytes(b"x\xa3"));
    command.current_dir(&folder).args(["run", "--device", "cpu", "--workload", "gemm"]);
    command.args(["--shape", "m=8,n=8,k=8", "--out"]).arg(out);
    let (code, (text, err)) = command.output().map(|o| (o.status.code(), texts(&o))).unwrap();
    assert_eq!(code, Some(0), "{text}{err}");
    let manifest = fs::read_to_string(folder.join(out).join("machine.json")).unwrap();
    assert!(manifest.contains("\"OMP_BAD\": \"x\u{fffd}\""), "{manifest}");
    assert!(folder.join(out).join("report.html").is_file());
}

/// No system has so large a stack for a thread: none can be started.
#[test]
#[cfg(target_os = "linux")]
fn threads_that_cant_be_started_are_one_line() {
    let base = tempfile::tempdir().unwrap();
    let out = base.path().join("run");
    for verb in [&["run", "--out", out.to_str().unwrap()][..], &["verify"], &["devices"]] {
        let output =
            crossover().args(verb).env("RUST_MIN_STACK", (1u64 << 50).to_string()).output();
        let (code, (text, err)) = output.map(|o| (o.status.code(), texts(&o))).unwrap();
        assert_eq!(code, Some(2), "{verb:?}: {text}{err}");
        assert_eq!(err.trim_end().lines().count(), 1, "{verb:?}: {err}");
        assert!(err.contains("the system starts no") && err.contains("--threads"), "{err}");
    }
    assert!(!out.exists());
}

/// References that take long are kept, and a file of them that is damaged is no reference.
#[test]
fn a_damaged_reference_is_computed_anew() {
    let cache = tempfile::tempdir().unwrap();
    let verify = || {
        let shape = "batch=128,inputs=9,width=8,depth=2,classes=3";
        let args = ["verify", "--device", "cpu", "--workload", "train-mlp", "--shape", shape];
        let output =
            crossover().args(args).env("CROSSOVER_CACHE_DIR", cache.path()).output().unwrap();
        assert!(output.status.success(), "{:?}", texts(&output));
    };
    let folder = cache.path().join("references");
    let files =
        || fs::read_dir(&folder).unwrap().map(|f| f.unwrap().path()).collect::<Vec<PathBuf>>();
    verify();
    let first = files();
    assert_eq!(first.len(), 1, "one step, one file");
    let whole = fs::read(&first[0]).unwrap();
    let last = whole.len() - 1;
    let mut changed = whole.clone();
    changed[last] ^= 0x10;
    for damaged in [&whole[..last], b"", &changed] {
        fs::write(&first[0], damaged).unwrap();
        verify();
        assert_eq!(files(), first);
        assert_eq!(fs::read(&first[0]).unwrap(), whole);
    }
}
