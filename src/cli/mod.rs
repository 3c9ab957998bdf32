//! Front end: one file a verb. Exit codes: 0 all well, 1 something failed or the run was cut, 2 bad
//! usage or input and nothing was started.

/// Prints a line on standard output.
macro_rules! out {
    ($($text:tt)*) => { crate::cli::stdout::line(format_args!($($text)*)) };
}

mod args;
mod compare;
mod devices;
mod doctor;
mod export;
mod golden;
mod interrupt;
mod progress;
mod race;
mod repeat;
mod report;
mod run;
mod shell;
mod stdout;
mod train;
mod tune;
mod verify;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use crate::backend::{Devices, Request, registry};
use crate::error::{Error, Result};
use crate::machine;
use crate::report::DRAWS_PICTURES;
use crate::terms::{Dtype, Shape};
use crate::units;
use crate::workload::Workload;

use args::{Arguments, Verb};

/// What `crossover` alone says.
const INTRODUCTION: &str = "\
Crossover measures from which model size on a GPU beats the CPU, by how much, and why.
  crossover run               measure; report.html goes to reports/ (--list shows what and how long)
  crossover race              let two programs of yours race, one on the CPU and one on a GPU
  crossover devices           list the devices
  crossover doctor            check them, and say what is missing
  crossover tune              search the kernels' parameters on this machine's devices
  crossover verify            check every kernel on every device
  crossover train NETWORK     train a network for some steps and print what comes out
  crossover report DIR        draw a run's charts and report again
  crossover export DIR        print its times for dashboards (--bmf, --github), its thresholds for programs (--dispatch)
  crossover compare DIR DIR   set runs against each other: machines, drivers, versions
Every verb explains itself with --help.";

/// How a verb ended, where it did not fail to start.
enum End {
    /// Exit code 0.
    Well,
    /// Exit code 1.
    Badly,
    /// Exit code 2; the reason is on standard error already.
    Refused,
}

/// Runs the command line of this process. What did not arrive on standard output is no success.
pub fn main() -> ExitCode {
    let code = dispatch();
    match stdout::finish() {
        Some(why) => {
            eprintln!("crossover: standard output can't be written: {why}");
            if code == ExitCode::SUCCESS { ExitCode::from(1) } else { code }
        }
        None => code,
    }
}

fn dispatch() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let Some(verb) = arguments.verb else {
        out!("{INTRODUCTION}");
        return ExitCode::SUCCESS;
    };
    let ended = match verb {
        Verb::Devices(a) => devices::devices(&a),
        Verb::Doctor => doctor::doctor(),
        Verb::Run(a) => run::run(&a),
        Verb::Report(a) => report::report(&a),
        Verb::Export(a) => export::export(&a),
        Verb::Race(a) => race::race(&a),
        Verb::Tune(a) => tune::tune(&a),
        Verb::Compare(a) => compare::compare(&a),
        Verb::Verify(a) => verify::verify(&a),
        Verb::Train(a) => train::train(&a),
        Verb::Completions(a) => shell::completions(&a),
        Verb::Man(a) => shell::man(&a),
    };
    match ended {
        Ok(End::Well) => ExitCode::SUCCESS,
        Ok(End::Badly) => ExitCode::from(1),
        Ok(End::Refused) => ExitCode::from(2),
        Err(error) => {
            eprintln!("crossover: {error}");
            ExitCode::from(2)
        }
    }
}

/// Help and version as clap prints them; a mistake as one line.
fn usage(error: &clap::Error) -> ExitCode {
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        stdout::note(error.print());
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    let mut parts = text.lines().map(str::trim).filter(|line| {
        !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("For more information")
    });
    let first = parts.next().unwrap_or_default().trim_start_matches("error: ").to_string();
    let rest: Vec<&str> = parts.collect();
    let rest = if rest.is_empty() { String::new() } else { format!(" ({})", rest.join("; ")) };
    eprintln!("crossover: {first}{rest}; see --help");
    ExitCode::from(2)
}

/// Shapes that the user named and that this machine could never hold are a mistake, not a skip.
fn check_memory(workload: &'static dyn Workload, shape: &Shape) -> Result<()> {
    let memory = machine::cpu_facts().memory_bytes;
    let bytes = workload.bytes_moved(shape, Dtype::F32);
    if memory == 0 || bytes <= memory {
        return Ok(());
    }
    Err(Error::usage(format!(
        "shape '{}' is beyond this machine's memory: its operands take {}, there is {}",
        shape.short(),
        units::bytes(bytes as f64),
        units::bytes(memory as f64)
    )))
}

/// `--png` in a program that can't draw pictures is a mistake, told before anything is measured.
fn check_pictures(wanted: bool) -> Result<()> {
    if DRAWS_PICTURES || !wanted {
        return Ok(());
    }
    Err(Error::usage(
        "--png: this program was built without pictures; build it with \
         'cargo install --path . --features png'",
    ))
}

/// Prepares this process for computing and finds the devices: `--threads` decides for the CPU path
/// and for CPU drivers. To be called once, before anything starts a thread.
fn start(request: &Request<'_>) -> Result<(Vec<usize>, Devices)> {
    // SAFETY: every verb calls this first; the only thread is this one.
    unsafe { registry::start(request) }
}
