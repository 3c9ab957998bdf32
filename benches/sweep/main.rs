//! `cargo bench`: criterion over the same plan as `crossover run`. Afterwards the run's folder under
//! `reports/` holds the same CSV files, charts and report.
//!
//! CROSSOVER_PRESET chooses the preset, CROSSOVER_DEVICE devices, CROSSOVER_THREADS the CPU threads;
//! `crossover.toml` names contenders.
//! `--list`, `--test`, `--profile-time` and `--load-baseline` measure nothing new and write no folder.

mod by_criterion;
mod filter;

use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use criterion::Criterion;

use crossover::backend::{Devices, Request, registry};
use crossover::conclude;
use crossover::config;
use crossover::error::{Error, Result};
use crossover::folder::RunFolder;
use crossover::machine;
use crossover::manifest::{Manifest, Sampling};
use crossover::measure::WallClock;
use crossover::plan::{self, Effort, Selection};
use crossover::roof::Roofs;
use crossover::session::{self, Agenda, Further, Ledger, Session, Setup, Silent};
use crossover::units;
use crossover::workload::{Host, Preset};

use by_criterion::ByCriterion;
use filter::Filter;

/// Ctrl-C ends the sweep; what is measured gets its report.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    registry::answer_if_asked();
    match bench() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("crossover: {error}");
            ExitCode::from(2)
        }
    }
}

fn bench() -> Result<ExitCode> {
    let selection = selection()?;
    let cases = plan::cases(&selection)?;
    let preset = Preset::parse(&selection.preset)?;
    if io::stderr().is_terminal() {
        eprintln!("{} cases to measure; looking for devices", cases.len());
    }
    // SAFETY: nothing has started a thread yet.
    let (cores, devices) = unsafe {
        registry::start(&Request {
            threads: selection.threads,
            names: &selection.devices,
            contenders: &selection.contenders,
            strict: true,
        })?
    };
    let arguments = machine::command_line();
    if arguments.iter().any(|a| a == "--quick") {
        return Err(Error::usage("--quick takes no samples; use CROSSOVER_PRESET=quick"));
    }
    if arguments.iter().any(|a| a.starts_with("--plotting-backend")) {
        return Err(Error::usage(
            "--plotting-backend: criterion draws no plots here, see report.html",
        ));
    }
    let clock = WallClock::default();
    let setup =
        Setup { devices: &devices.all, selection: &selection, clock: &clock, stop: interrupt() };
    let cases = session::measurable(setup, cases)?;
    Filter::of(&arguments)?.check(setup, &cases)?;
    let (mut folder, manifest) = if measures(&arguments) {
        let begin = |folder: &RunFolder| begun(Some(folder), &selection, &cores, &devices);
        let (folder, manifest) = RunFolder::create(None, None, begin)?;
        devices.log_to(folder.path());
        (Some(folder), manifest)
    } else {
        (None, begun(None, &selection, &cores, &devices)?)
    };
    let mut session = Session::new(setup, &manifest.run, Roofs::default());
    let mut method =
        ByCriterion { criterion: configured(preset), samples: sample_size(preset, &arguments) };
    let further = Further::Nothing;
    let agenda = Agenda { cases, effort: Effort::of(preset), bisects: false, further };
    if folder.is_some() {
        println!("{}", session::outlook(setup, &agenda));
    }
    let mut ledger = Ledger::new(folder.as_mut());
    let ended = session.run(agenda, &mut method, &mut ledger, &mut Silent);
    method.criterion.final_summary();
    let print = |line: &str| println!("{line}");
    let is_well = conclude::finish(folder.as_ref(), manifest, session, ended, false, print);
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The manifest of the run that begins, written where there is a folder.
fn begun(
    folder: Option<&RunFolder>,
    selection: &Selection,
    cores: &[usize],
    devices: &Devices,
) -> Result<Manifest> {
    let run = folder.map_or(String::new(), |f| f.name().to_string());
    let new = Manifest::new(&run, selection, Sampling::Criterion, cores);
    let (device_entries, device_problems) = devices.facts();
    let manifest = Manifest { devices: device_entries, device_problems, ..new };
    if let Some(folder) = folder {
        manifest.write(folder.path())?;
        manifest.introduction().iter().for_each(|line| println!("{line}"));
    }
    Ok(manifest)
}

/// Listens to Ctrl-C: the first ends the sweep, the second the process.
fn interrupt() -> &'static AtomicBool {
    // Fails only where a handler is there already; Ctrl-C then ends the process at once.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            registry::abandon();
            std::process::exit(130);
        }
    });
    &STOP
}

/// What the environment asks for.
fn selection() -> Result<Selection> {
    let contenders = config::contenders(&[])?;
    let mut selection = Selection {
        host: Host {
            last_level_cache_bytes: machine::last_cache_bytes(),
            free_memory_bytes: machine::free_memory_bytes().unwrap_or(0),
        },
        contenders,
        ..Selection::default()
    };
    if let Some(preset) = machine::variable("CROSSOVER_PRESET") {
        selection.preset = preset;
    }
    if let Some(devices) = machine::variable("CROSSOVER_DEVICE") {
        selection.devices = devices.split(',').map(|d| d.trim().to_string()).collect();
    }
    if let Some(threads) = machine::variable("CROSSOVER_THREADS") {
        let wrong = |_| Error::usage(format!("CROSSOVER_THREADS={threads} is not a number"));
        selection.threads = Some(threads.parse().map_err(wrong)?);
    }
    Ok(selection)
}

/// Whether criterion will measure, going by its arguments.
fn measures(arguments: &[String]) -> bool {
    const OTHERWISE: [&str; 4] = ["--list", "--test", "--profile-time", "--load-baseline"];
    let is = |argument: &String, option: &str| {
        argument == option || argument.starts_with(&format!("{option}="))
    };
    arguments.iter().any(|a| a == "--bench")
        && !arguments.iter().any(|a| OTHERWISE.iter().any(|o| is(a, o)))
}

/// Shares of a preset's caps that criterion always takes: what it warms up has just been verified, and it takes as
/// many samples however long they are.
const WARM_UP: f64 = 0.2;
const SAMPLES: f64 = 0.7;

fn configured(preset: Preset) -> Criterion {
    let effort = Effort::of(preset);
    Criterion::default()
        .without_plots()
        .warm_up_time(units::duration(WARM_UP * effort.warm_up_s))
        .measurement_time(units::duration(SAMPLES * effort.sample_s))
        .nresamples(10_000)
        .sample_size(default_sample_size(preset))
        .configure_from_args()
}

fn default_sample_size(preset: Preset) -> usize {
    match preset {
        Preset::Standard => 20,
        Preset::Full => 50,
        _ => 10,
    }
}

/// How many samples criterion takes: its own option counts before our default.
fn sample_size(preset: Preset, arguments: &[String]) -> usize {
    let mut given = arguments.iter().skip_while(|a| !a.starts_with("--sample-size"));
    let value = match given.next().map(|a| a.split_once('=')) {
        Some(Some((_, value))) => Some(value.to_string()),
        Some(None) => given.next().cloned(),
        None => None,
    };
    value.and_then(|v| v.parse().ok()).unwrap_or(default_sample_size(preset))
}
