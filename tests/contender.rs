//! Contenders with planted faults: none may cost a row of another runner or hang the sweep, each
//! leaves a reason, and the program is started again for the next case.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![cfg(unix)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crossover::backend::contender;
use crossover::backend::{Device, Devices, cpu::Cpu};
use crossover::config::ContenderConfig;
use crossover::measure::WallClock;
use crossover::plan::{Effort, Selection};
use crossover::record::{Outcome, Record};
use crossover::terms::{Dtype, Scope};
use support::{crossover, missing, repository, texts};

/// Limit of answers for scripted contenders, some of which give none.
const PATIENCE_S: f64 = 3.0;

/// The command of a scripted contender.
fn scripted(arguments: &str) -> String {
    format!("python3 {} {arguments}", repository("tests/contenders/scripted.py").display())
}

fn has_python() -> bool {
    let found = Command::new("python3").arg("--version").output().is_ok_and(|o| o.status.success());
    if !found {
        missing("no python3 to run contenders with");
    }
    found
}

fn start(command: &str) -> Devices {
    let timeout_s = command.contains("scripted.py").then_some(PATIENCE_S);
    let config = ContenderConfig { name: None, command: command.into(), timeout_s };
    contender::discover(&[config], 1).unwrap()
}

/// Measures two cases on the CPU path and a contender.
fn measure(command: &str) -> Vec<Record> {
    measure_in(command, Dtype::F32)
}

fn measure_in(command: &str, dtype: Dtype) -> Vec<Record> {
    let Devices { all, problems } = start(command);
    assert_eq!(problems, Vec::<String>::new());
    let mut devices: Vec<Box<dyn Device>> = vec![Box::new(Cpu::new(&[0]).unwrap())];
    devices.extend(all);
    let gemm = crossover::workload::find("gemm").unwrap();
    let own = if dtype == Dtype::F32 { "native" } else { "gemm" };
    let mut implementations = vec![own.to_string()];
    implementations.extend(devices[1].defaults(gemm, dtype));
    let selection = Selection {
        shapes: vec!["m=7,n=5,k=6".into(), "m=6,n=7,k=5,ta=1,tb=1".into()],
        implementations,
        dtypes: vec![dtype],
        ..Selection::default()
    };
    let effort = Effort { warm_up_s: 0.002, sample_s: 0.01 };
    support::rows(&devices, &selection, &WallClock::default(), effort)
}

/// The contender's rows, case by case, after a look at the CPU's: two scopes each.
fn contender_rows(command: &str) -> [Vec<Record>; 2] {
    let records = measure(command);
    let (own, theirs): (Vec<Record>, Vec<Record>) =
        records.into_iter().partition(|r| r.device.is_cpu());
    assert_eq!(own.len(), 4, "{command}");
    assert!(own.iter().all(|r| r.outcome == Outcome::Measured), "{command}: {own:?}");
    assert_eq!(theirs.len(), 4, "{command}");
    let (first, second): (Vec<Record>, Vec<Record>) =
        theirs.into_iter().partition(|r| r.shape.starts_with("m=7"));
    [first, second]
}

fn all_measured(rows: &[Record]) -> bool {
    // A busy machine may wake us late for nearly every reply: the clocks then differ, and rightly so.
    let woken_late = |r: &Record| r.reason.ends_with("passed by the harness's clock");
    let is_measured = |r: &Record| r.outcome == Outcome::Measured || woken_late(r);
    rows.iter().all(|r| is_measured(r) && r.wall_median_s.is_some())
}

#[test]
fn a_right_answer_is_measured() {
    if !has_python() {
        return;
    }
    for rows in contender_rows(&scripted("right")) {
        assert!(all_measured(&rows), "{rows:?}");
        for row in rows {
            assert_eq!(row.device.as_str(), "contender:scripted:cpu");
            assert_eq!(
                (row.implementation.as_str(), row.backend.as_str()),
                ("scripted", "contender")
            );
            assert_eq!((row.threads, row.timer.as_str()), (Some(1), "wall"));
            assert!(row.max_error_ratio.unwrap() < 1.0 && row.samples.unwrap() >= 3);
        }
    }
}

#[test]
fn a_program_is_asked_for_the_dtypes_that_it_tells_of() {
    if !has_python() {
        return;
    }
    for dtype in [Dtype::F32, Dtype::F64, Dtype::Bf16] {
        let records = measure_in(&scripted("version-2"), dtype);
        let theirs: Vec<Record> = records.into_iter().filter(|r| !r.device.is_cpu()).collect();
        assert_eq!(theirs.len(), 4, "{dtype:?}");
        assert!(all_measured(&theirs), "{theirs:?}");
        assert!(theirs.iter().all(|r| r.dtype == dtype));
    }
}

#[test]
fn programs_of_version_1_are_asked_for_f32_alone() {
    if !has_python() {
        return;
    }
    for program in ["right", "only-version-1"] {
        let [first, second] = contender_rows(&scripted(program));
        assert!(all_measured(&first) && all_measured(&second), "{first:?} {second:?}");
        let own_alone = measure_in(&scripted(program), Dtype::F64);
        assert_eq!(own_alone.len(), 4);
        assert!(own_alone.iter().all(|r| r.device.is_cpu()));
    }
}

/// Faults that show once, in one request of the first case: the second case is measured.
#[test]
fn a_program_that_breaks_is_started_again() {
    if !has_python() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    for (fault, phase, part) in [
        (
            "crash",
            "prepare",
            "ended (exit status: 3) at 'prepare'; its last words: something broke",
        ),
        ("crash", "run", "ended (exit status: 3) at 'run'; its last words: something broke"),
        ("crash", "outputs", "ended (exit status: 3) at 'outputs'"),
        ("silent", "prepare", "no whole line in answer to 'prepare' within 3.00 s; timeout_s in"),
        ("silent", "run", "no whole line in answer to 'run' within"),
        ("silent", "outputs", "no whole line in answer to 'outputs' within"),
        ("half-a-line", "run", "no whole line in answer to 'run' within"),
        (
            "dies-in-a-line",
            "run",
            "ended (exit status: 0) inside its answer to 'run': '{\"ok\": tr'",
        ),
        ("not-json", "prepare", "answer to 'prepare' is not JSON (messages of its own belong on"),
        ("not-json", "run", "answer to 'run' is not JSON"),
        ("huge", "outputs", "answered 'outputs' with a line of more than 1.05 MB"),
        ("error", "prepare", "failed at 'prepare': out of memory on the device"),
        ("error", "run", "failed at 'run': out of memory on the device"),
        ("talkative", "prepare", "'{\"ok\": true}'"),
        ("not-ok", "outputs", "answer to 'outputs' its 'ok' is false"),
    ] {
        let state = folder.path().join(format!("{fault}-{phase}"));
        let command = scripted(&format!("{fault} {phase} {}", state.display()));
        let [first, second] = contender_rows(&command);
        for row in &first {
            assert_eq!(row.outcome, Outcome::Failed, "{fault} {phase}: {row:?}");
            assert!(row.reason.contains(part), "{fault} {phase}: {}", row.reason);
            assert!(row.reason.starts_with("scripted: "), "{}", row.reason);
            assert_eq!(row.wall_median_s, None);
        }
        assert!(all_measured(&second), "{fault} {phase}: {second:?}");
    }
}

/// A fault when all is measured costs nothing.
#[test]
fn a_fault_at_the_end_of_a_case_costs_nothing() {
    if !has_python() {
        return;
    }
    for fault in ["crash release", "not-json release", "silent release", "crash bye"] {
        let [first, second] = contender_rows(&scripted(fault));
        assert!(all_measured(&first) && all_measured(&second), "{fault}: {first:?} {second:?}");
    }
}

#[test]
fn a_wrong_result_gets_no_number() {
    if !has_python() {
        return;
    }
    for (fault, part) in [
        ("wrong", "on small integers element 17 is"),
        ("less-exact", "its error bound"),
        ("too-short", "output0.f32 has 136 bytes, not 140"),
        ("unwritten", "wrote no result"),
        ("spoils-inputs", "overwrote operand 0"),
        ("too-few-times", "wall_s holds 0 times for 1 iterations"),
        ("negative-time", "is no time of a run"),
        ("too-many-threads", "it uses 99 threads and was given 1"),
    ] {
        let [first, _] = contender_rows(&scripted(fault));
        for row in first {
            assert_eq!((row.outcome, row.wall_median_s), (Outcome::Failed, None), "{fault}");
            assert!(row.reason.contains(part), "{fault}: {}", row.reason);
        }
    }
}

#[test]
fn what_is_not_served_is_unsupported() {
    if !has_python() {
        return;
    }
    for rows in contender_rows(&scripted("unsupported prepare")) {
        assert!(rows.iter().all(|r| r.outcome == Outcome::Unsupported && r.reason == "no gemm"));
    }
}

/// Times that the clock does not bear out stay in the row, which is suspect.
#[test]
fn lying_times_are_suspect() {
    if !has_python() {
        return;
    }
    for (fault, part) in [
        ("total-too-short", "passed by the harness's clock"),
        ("sum-over-total", "more than its total_s"),
        ("hidden-work", "of which its wall_s explain only"),
    ] {
        for row in contender_rows(&scripted(fault)).concat() {
            assert_eq!(row.outcome, Outcome::Suspect, "{fault}: {row:?}");
            assert!(row.reason.contains(part), "{fault}: {}", row.reason);
            assert!(row.wall_median_s.is_some() && !row.counts());
        }
    }
}

#[test]
fn a_slow_one_has_its_time() {
    if !has_python() {
        return;
    }
    let [first, _] = contender_rows(&scripted("slow"));
    assert!(all_measured(&first));
    assert!(first.iter().all(|r| r.wall_median_s.unwrap() > 0.29 && r.samples == Some(3)));
}

#[test]
fn one_that_stays_after_goodbye_is_ended() {
    if !has_python() {
        return;
    }
    let contenders = start(&scripted("never-exits")).all;
    let begin = Instant::now();
    drop(contenders);
    let took = begin.elapsed();
    assert!((Duration::from_secs(4)..Duration::from_secs(30)).contains(&took), "{took:?}");
}

#[test]
fn one_that_does_not_begin_is_a_problem() {
    if !has_python() {
        return;
    }
    for (command, part) in [
        (scripted("crash hello"), "at 'hello'; its last words: something broke inside"),
        (scripted("not-json hello"), "answer to 'hello' is not JSON"),
        (scripted("silent hello"), "no whole line in answer to 'hello' within 3.00 s"),
        (scripted("not-ok hello"), "answer to 'hello' lacks: missing field"),
        ("no-such-program --fast".into(), "'no-such-program' can't be started"),
        ("python3 -c 'import nothing_like_it'".into(), "No module named 'nothing_like_it'"),
    ] {
        let Devices { all: contenders, problems } = start(&command);
        assert!(contenders.is_empty());
        assert!(problems[0].contains(part), "{command}: {problems:?}");
        assert!(!problems[0].contains('\n'), "{problems:?}");
    }
}

/// The contender that contenders/README.md writes in 40 lines.
#[test]
fn the_one_of_the_readme_is_right() {
    if !has_python() {
        return;
    }
    let readme = fs::read_to_string(repository("contenders/README.md")).unwrap();
    let block = readme.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(block.lines().count() <= 40, "{} lines", block.lines().count());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("own.py");
    fs::write(&path, block).unwrap();
    for rows in contender_rows(&format!("python3 {}", path.display())) {
        assert!(all_measured(&rows), "{rows:?}");
    }
}

/// The shipped ones whose libraries are on this machine.
#[test]
fn the_shipped_ones_are_right() {
    if !has_python() {
        return;
    }
    for name in ["openblas", "clblast", "numpy_blas", "pytorch", "tensorflow"] {
        let file = repository("contenders").join(format!("{name}.py"));
        let command = format!("python3 {}", file.display());
        let Devices { all: contenders, problems } = start(&command);
        if let Some(problem) = problems.first() {
            // Ends in one clear line where its library is missing, and in no other way.
            assert!(problem.contains("missing") || problem.contains("install"), "{problem}");
            eprintln!("not tested here: {name}: {problem}");
            continue;
        }
        let before = contenders.len();
        drop(contenders);
        assert!(before > 0);
        for rows in contender_rows(&command) {
            assert!(all_measured(&rows), "{name}: {rows:?}");
        }
    }
}

/// `crossover` in a folder of its own, so that no crossover.toml of others is read.
struct Place {
    folder: tempfile::TempDir,
}

impl Place {
    fn new() -> Place {
        Place { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let tensors = self.path("tensors");
        fs::create_dir_all(&tensors).unwrap();
        let mut command = crossover();
        command.args(arguments).current_dir(self.folder.path()).env("TMPDIR", tensors);
        command
    }

    /// Runs it: exit code, standard output, standard error. No tensor may be left.
    fn crossover(&self, arguments: &[&str]) -> (i32, String, String) {
        let output = self.command(arguments).output().unwrap();
        let (out, err) = texts(&output);
        assert_eq!(self.tensors(), 0, "{arguments:?}");
        (output.status.code().unwrap(), out, err)
    }

    /// Folders of tensors.
    fn tensors(&self) -> usize {
        fs::read_dir(self.path("tensors")).map_or(0, Iterator::count)
    }
}

const TINY: [&str; 9] = [
    "run",
    "--shape",
    "m=7,n=5,k=6",
    "--scope",
    "compute",
    "--device",
    "cpu,contender",
    "--out",
    "run",
];

#[test]
fn the_program_lists_runs_and_resumes_with_contenders() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let toml = format!("[contender.plain]\ncommand = \"{}\"\n", scripted("right"));
    fs::write(place.path("crossover.toml"), toml).unwrap();
    let other = scripted("crash prepare");
    let (code, out, _) = place.crossover(&["devices", "--contender", &other]);
    assert_eq!(code, 0);
    for id in ["contender:plain:cpu", "contender:scripted:cpu"] {
        assert!(out.contains(id), "{out}");
    }
    let (code, out, err) = place.crossover(&[&TINY[..], &["--contender", &other]].concat());
    assert_eq!(code, 1, "{out}{err}");
    assert!(out.contains("failed: scripted: ended (exit status: 3)"), "{out}");
    let results = fs::read_to_string(place.path("run/results.csv")).unwrap();
    assert!(results.contains("contender:plain:cpu") && results.contains("contender:scripted:cpu"));
    let log = fs::read_to_string(place.path("run/contender-scripted.log")).unwrap();
    assert!(log.contains("something broke inside"), "{log}");
    assert!(!place.path("run/contender-plain.log").exists());
    let page = fs::read_to_string(place.path("run/report.html")).unwrap();
    assert!(page.contains("plain on the CPU"));
    // The contenders of a run that is continued are those it began with.
    fs::remove_file(place.path("crossover.toml")).unwrap();
    let (code, _, err) = place.crossover(&["run", "--resume", "run"]);
    assert_eq!(code, 1, "{err}");
    assert_eq!(fs::read_to_string(place.path("run/results.csv")).unwrap(), results);
}

#[test]
fn bad_contenders_are_bad_usage() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let crash = scripted("crash hello");
    for (contender, part) in [
        (crash.as_str(), "its last words: something broke inside"),
        ("no-such-program", "can't be started"),
        ("it's", "a quote is not closed"),
        ("", "the command is empty"),
    ] {
        let (code, _, err) = place.crossover(&[&TINY[..], &["--contender", contender]].concat());
        assert_eq!(code, 2, "{contender}: {err}");
        assert!(err.contains(part) && err.lines().count() == 1, "{contender}: {err}");
        assert!(!place.path("run").exists());
    }
    fs::write(place.path("crossover.toml"), "[contender.x]\ncommand = 1\n").unwrap();
    let (code, _, err) = place.crossover(&TINY);
    assert_eq!(code, 2);
    assert!(err.contains("crossover.toml: line 2"), "{err}");
}

#[test]
fn verify_checks_contenders() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let verify = |fault: &str| {
        let command = scripted(fault);
        place.crossover(&[
            "verify",
            "--device",
            "contender",
            "--shape",
            "m=3,n=4,k=5",
            "--contender",
            &command,
        ])
    };
    let (code, out, _) = verify("right");
    assert!(
        code == 0 && out.contains("ok     gemm contender:scripted:cpu scripted: 1 shapes"),
        "{out}"
    );
    let (code, out, _) = verify("wrong");
    assert!(code == 1 && out.contains("on small integers element"), "{out}");
}

/// Contenders start on an unpinned thread whose mask is the chosen cores, with the usual variables.
#[test]
#[cfg(target_os = "linux")]
fn a_contender_has_the_chosen_cores_and_the_thread_count() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    for threads in 1..=2 {
        let out = format!("run{threads}");
        let (count, mask) = (threads.to_string(), scripted("mask"));
        let arguments = [
            "run",
            "--shape",
            "m=4,n=4,k=4",
            "--threads",
            &count,
            "--device",
            "cpu,contender",
            "--out",
            &out,
            "--contender",
            &mask,
        ];
        let (code, _, err) = place.crossover(&arguments);
        if threads == 2 && code == 2 && err.contains("may use 1 to 1") {
            return;
        }
        assert_eq!(code, 0, "{err}");
        let manifest = fs::read_to_string(place.path(&out).join("machine.json")).unwrap();
        let manifest: serde_json::Value = serde_json::from_str(&manifest).unwrap();
        let cores = manifest["machine"]["cores_used"].as_array().unwrap().iter();
        let cores = cores.map(ToString::to_string).collect::<Vec<_>>().join(",");
        let devices = manifest["devices"].as_array().unwrap();
        let device = devices.iter().find(|d| d["id"] == "contender:scripted:cpu").unwrap();
        assert_eq!(device["name"], format!("{cores} {count} {count} {count} close cores"));
    }
}

/// Ctrl-C twice ends everything at once, a silent contender and its tensors too.
#[test]
#[cfg(target_os = "linux")]
fn an_impatient_user_leaves_nothing_behind() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let silent = scripted("silent run");
    let mut command = place.command(&[&TINY[..], &["--contender", &silent]].concat());
    let mut child = command
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let is_there = || {
        let folders = fs::read_dir(place.path("tensors")).into_iter().flatten().flatten();
        folders.into_iter().any(|f| fs::read_dir(f.path()).is_ok_and(|files| files.count() >= 3))
    };
    wait_until(is_there);
    let contender = children(child.id());
    assert!(!contender.is_empty());
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(200));
        let kill = ["-INT".to_string(), child.id().to_string()];
        assert!(Command::new("kill").args(kill).status().unwrap().success());
    }
    assert_eq!(child.wait().unwrap().code(), Some(130));
    assert_eq!(place.tensors(), 0);
    wait_until(|| contender.iter().all(|id| !Path::new(&format!("/proc/{id}/stat")).exists()));
}

#[cfg(target_os = "linux")]
fn children(process: u32) -> Vec<String> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    list.unwrap_or_default().split_whitespace().map(str::to_string).collect()
}

#[cfg(target_os = "linux")]
fn wait_until(done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "waited in vain");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Only what the protocol has is asked of a contender.
#[test]
fn scopes_are_both_asked_for() {
    if !has_python() {
        return;
    }
    let [first, _] = contender_rows(&scripted("right"));
    let scopes: Vec<Scope> = first.iter().map(|r| r.scope).collect();
    assert_eq!(scopes, [Scope::Compute, Scope::EndToEnd]);
}

/// A full disk is no mistake of a contender's.
#[test]
#[cfg(target_os = "linux")]
fn tensors_without_room_are_skipped() {
    if !has_python() {
        return;
    }
    let place = Place::new();
    let tensors = place.path("tensors");
    fs::create_dir_all(&tensors).unwrap();
    let mut command = Command::new("unshare");
    let script = "mount -t tmpfs -o size=1m tmpfs \"$1\" && shift && exec \"$@\"";
    command.args(["-m", "sh", "-c", script, "sh"]).arg(&tensors);
    command.arg(env!("CARGO_BIN_EXE_crossover"));
    command.args(["verify", "--workload", "gemm", "--shape", "m=7,n=5,k=6"]);
    command.args(["--device", "contender", "--contender", &scripted("right")]);
    command.current_dir(place.path("")).env("TMPDIR", &tensors);
    let Ok(output) = command.output() else {
        missing("unshare is not installed");
        return;
    };
    let (out, err) = texts(&output);
    if err.contains("unshare") || err.contains("mount:") {
        missing("mount namespaces are not allowed");
        return;
    }
    assert_eq!(output.status.code(), Some(0), "{out}{err}");
    let line = out.lines().find(|line| line.contains("contender:")).unwrap();
    assert!(line.starts_with("skip") && line.contains("1 skipped (its tensors take"), "{out}");
    assert!(line.contains(tensors.to_str().unwrap()) && line.contains("set TMPDIR"), "{out}");
}
