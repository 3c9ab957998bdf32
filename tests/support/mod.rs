//! What several tests share.

#![allow(dead_code, reason = "each test uses its part")]

pub mod device;

use std::path::PathBuf;
use std::process::{Command, Output};
use std::sync::atomic::AtomicBool;

use crossover::backend::Device;
use crossover::measure::Clock;
use crossover::plan::{self, Effort, Selection};
use crossover::record::Record;
use crossover::roof::Roofs;
use crossover::session::{Session, Setup, Silent};

/// Measures all cases of a selection, without a folder.
pub fn rows(
    devices: &[Box<dyn Device>],
    selection: &Selection,
    clock: &dyn Clock,
    effort: Effort,
) -> Vec<Record> {
    let stop = AtomicBool::new(false);
    let setup = Setup { devices, selection, clock, stop: &stop };
    let mut session = Session::new(setup, "test", Roofs::default());
    let cases = plan::cases(selection).expect("a selection that names cases");
    cases.iter().flat_map(|case| session.case(case, effort, &mut Silent).records).collect()
}

/// Whether a missing device or tool must fail the tests instead of shortening them.
pub fn is_required() -> bool {
    std::env::var("CROSSOVER_REQUIRE_DEVICE").is_ok_and(|v| v == "1")
}

/// Says that something could not be tested here, or fails where it must be.
pub fn missing(what: &str) {
    assert!(!is_required(), "CROSSOVER_REQUIRE_DEVICE=1, but {what}");
    eprintln!("not tested here: {what}");
}

/// The program, to be given arguments.
pub fn crossover() -> Command {
    Command::new(env!("CARGO_BIN_EXE_crossover"))
}

/// Standard output and standard error as text.
pub fn texts(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// A file of the repository.
pub fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Whether a program is on the path.
pub fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}
