//! The table against the sources of `cl-sys`, `ocl-core` and `ocl`, and every function without a library.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::functions::probes;
use crate::status::{LOG_LIMIT, UNKNOWN, UnknownStatus, is_known, known, take_unknown_status};

/// One function of the table.
pub(crate) struct Probe {
    name: &'static str,
    ours: *const (),
    declared: *const (),
    /// Calls the function with zeros and returns the status code, if it has one.
    call: fn() -> Option<i32>,
}

impl Probe {
    pub(crate) fn new(
        name: &'static str,
        [ours, declared]: [*const (); 2],
        call: fn() -> Option<i32>,
    ) -> Self {
        Self { name, ours, declared, call }
    }
}

/// The `src` folder of a package that this crate is built with.
fn source_folder(package: &str) -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline"])
        .args(["--filter-platform", env!("OPENCL_SHIM_TARGET")])
        .args(["--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")])
        .output()
        .expect("cargo can be run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata writes JSON");
    let manifest = metadata["packages"]
        .as_array()
        .expect("the metadata list the packages")
        .iter()
        .find(|entry| entry["name"] == package)
        .unwrap_or_else(|| panic!("{package} is a dependency"))["manifest_path"]
        .as_str()
        .expect("a package has a manifest");
    PathBuf::from(manifest).with_file_name("src")
}

/// A source file without its `//` comments.
fn code_of(text: &str) -> String {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// The code of all source files in a folder and those below it.
fn sources_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("the folder can be read");
    let sources = entries.flat_map(|entry| {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            return sources_in(&path);
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        let text = is_source.then(|| fs::read_to_string(&path).expect("sources are text"));
        text.as_deref().map(code_of).into_iter().collect()
    });
    sources.collect()
}

/// The functions that `cl-sys` declares.
fn declared() -> BTreeSet<String> {
    let mut declared = BTreeSet::new();
    for code in sources_in(&source_folder("cl-sys")) {
        let blocks: Vec<_> = code.split("\nextern \"system\" {").skip(1).collect();
        let externs = code.matches("\nextern").count() - code.matches("\nextern crate").count();
        assert_eq!(externs, blocks.len(), "another kind of extern block: {code}");
        for block in blocks {
            let block = &block[..block.find("\n}").expect("a block ends")];
            for function in block.split("fn cl").skip(1) {
                let name = function.split('(').next().unwrap_or_default();
                declared.insert(format!("cl{name}"));
            }
        }
    }
    assert!(declared.contains("clFinish"), "the sources were not understood: {declared:?}");
    declared
}

#[test]
fn the_table_has_every_function_that_ocl_calls() {
    let code = ["ocl-core", "ocl"].map(|package| sources_in(&source_folder(package))).concat();
    let is_called = |name: &String| code.iter().any(|code| code.contains(&format!("{name}(")));
    let mut needed: BTreeSet<_> = declared().into_iter().filter(is_called).collect();
    assert!(needed.contains("clFinish"), "the sources were not understood: {needed:?}");
    // Users of `ocl` call it through `ocl::ffi`.
    needed.insert("clCreateSubDevices".to_owned());

    let ours: Vec<_> = probes().into_iter().map(|probe| probe.name.to_owned()).collect();
    let unique: BTreeSet<_> = ours.iter().cloned().collect();
    assert_eq!(unique.len(), ours.len(), "an entry is there twice");
    assert_eq!(unique, needed);
}

/// `probe!` has compared the signatures already; this says that the linker, too, took ours.
#[test]
fn the_declarations_of_cl_sys_are_linked_to_the_functions_here() {
    for probe in probes() {
        assert_eq!(probe.ours, probe.declared, "{}", probe.name);
    }
}

#[test]
fn the_known_codes_are_those_of_ocl_core() {
    let text = fs::read_to_string(source_folder("ocl-core").join("lib.rs")).expect("a text");
    let code = code_of(&text);
    let start = code.find("pub enum Status {").expect("ocl-core has the enum");
    let body = &code[start..];
    let body = &body[..body.find('}').expect("the enum ends")];
    let theirs: BTreeSet<i32> = body
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(_, value)| value.trim().trim_end_matches(',').parse().expect("a number"))
        .collect();
    assert!(theirs.contains(&0) && theirs.contains(&UNKNOWN), "not understood: {theirs:?}");

    for code in (-20_000..20_000).chain([i32::MIN, i32::MAX]).chain(theirs.iter().copied()) {
        assert_eq!(is_known(code), theirs.contains(&code), "{code}");
    }
}

/// One test for all that touches the log, as the log is one for the whole process.
#[test]
fn unknown_codes_are_replaced_and_logged() {
    take_unknown_status();
    for code in -2000..=0 {
        let expected = if is_known(code) { code } else { UNKNOWN };
        assert_eq!(known("clFinish", code), expected);
    }
    let log = take_unknown_status();
    assert_eq!(log.len(), LOG_LIMIT);
    assert_eq!(log[0], UnknownStatus { function: "clFinish", code: -2000 });
    assert_eq!(log[0].to_string(), "clFinish returned the status code -2000");
    assert!(take_unknown_status().is_empty());

    assert_eq!(known("clFlush", 7), UNKNOWN, "a code above zero is unknown too");
    assert_eq!(take_unknown_status(), [UnknownStatus { function: "clFlush", code: 7 }]);
}

#[test]
fn every_function_fails_properly_without_a_library() {
    let output = Command::new(env::current_exe().expect("a test is a program"))
        .args(["--exact", "tests::call_every_function", "--ignored", "--nocapture"])
        .env("CROSSOVER_OPENCL_LIBRARY", "/nonexistent")
        .output()
        .expect("the test program can be run");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

#[test]
#[ignore = "started by every_function_fails_properly_without_a_library, in a process without one"]
fn call_every_function() {
    let why = crate::loader().expect_err("the library does not exist").to_string();
    assert!(why.contains("CROSSOVER_OPENCL_LIBRARY") && why.contains("/nonexistent"), "{why}");
    for probe in probes() {
        let expected = if probe.name == "clGetPlatformIDs" { 0 } else { -59 };
        assert!((probe.call)().is_none_or(|code| code == expected), "{}", probe.name);
    }
    assert!(take_unknown_status().is_empty());
}
