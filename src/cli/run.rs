//! `crossover run`: select, measure, report.

use std::path::Path;

use super::args::RunArgs;
use super::progress::Terminal;
use super::{End, interrupt, start};
use crate::backend::Devices;
use crate::conclude::conclude;
use crate::error::{Error, Result};
use crate::folder::RunFolder;
use crate::machine::{self, Manifest, Sampling};
use crate::measure::WallClock;
use crate::plan::{self, Case, Effort, Selection};
use crate::session::{self, Ending, Session};
use crate::units;
use crate::workload::Preset;

/// Measures into a folder, or shows what would be measured.
pub fn run(args: &RunArgs) -> Result<End> {
    let selection = match &args.resume {
        Some(folder) => resumed(folder)?,
        None => args.selection()?,
    };
    let cases = plan::cases(&selection)?;
    check_memory(&selection, &cases)?;
    let effort = Effort::of(Preset::parse(&selection.preset)?);
    let (cores, devices) = start(selection.threads, &selection.devices)?;
    let clock = WallClock::default();
    let stop = interrupt::listen();
    // Finds unknown implementations before anything is written.
    let mut session = Session::new(&devices.all, &selection, "", &clock, stop)?;
    if args.list {
        list(&selection, &cases, &devices, effort);
        return Ok(End::Well);
    }
    let mut folder = match &args.resume {
        Some(path) => RunFolder::resume(path)?,
        None => RunFolder::create(args.out.as_deref(), args.name.as_deref())?,
    };
    session.run = folder.name().to_string();
    let mut manifest = Manifest::new(folder.name(), &selection, Sampling::Interleaved, &cores);
    (manifest.devices, manifest.device_problems) = devices.facts();
    manifest.write(folder.path()).map_err(|e| Error::usage(e.to_string()))?;
    if !args.json {
        introduce(&manifest);
    }
    let mut progress = Terminal::new(args.json);
    // A list of the user's own is measured as it is; so is the short preset.
    let bisect = selection.shapes.is_empty() && selection.preset != Preset::Quick.name();
    let ended = session.run(&mut folder, cases, effort, bisect, &mut progress);
    progress.finish();
    let ending = ended.unwrap_or_else(|error| {
        eprintln!("crossover: the run was cut: {error}; what is measured is kept");
        Ending { failed: true, interrupted: true }
    });
    manifest.interrupted = ending.interrupted;
    if let Err(error) = conclude(&folder, &manifest) {
        eprintln!("crossover: no report: {error}; 'crossover report' draws it later");
        return Ok(End::Badly);
    }
    if !args.json {
        println!("{}", folder.path().join("report.html").display());
    }
    Ok(if ending.failed || ending.interrupted { End::Badly } else { End::Well })
}

/// The selection of a run that was cut.
fn resumed(folder: &Path) -> Result<Selection> {
    Ok(Manifest::read(folder)?.selection)
}

/// Shapes that the user named and that this machine could never hold are a mistake, not a skip.
fn check_memory(selection: &Selection, cases: &[Case]) -> Result<()> {
    let memory = machine::cpu_facts().memory_bytes;
    if selection.shapes.is_empty() || memory == 0 {
        return Ok(());
    }
    for case in cases {
        let bytes = case.workload.work(&case.shape).bytes_moved;
        if bytes > memory {
            return Err(Error::usage(format!(
                "shape '{}' is beyond this machine's memory: its operands take {}, there is {}",
                case.shape.short(case.workload),
                units::bytes(bytes as f64),
                units::bytes(memory as f64)
            )));
        }
    }
    Ok(())
}

fn introduce(manifest: &Manifest) {
    for line in manifest.introduction() {
        println!("{line}");
    }
}

fn list(selection: &Selection, cases: &[Case], devices: &Devices, effort: Effort) {
    for case in cases {
        let skip = case.skip.as_deref().map(|why| format!("  skipped: {why}")).unwrap_or_default();
        let flop = units::flop(case.workload.work(&case.shape).flop_count as f64);
        println!("{:<44} {flop:>12}{skip}", case.name());
    }
    let lanes: usize = devices
        .all
        .iter()
        .map(|d| cases.first().map_or(0, |c| d.defaults(c.workload).len()))
        .sum::<usize>()
        * selection.scopes.len();
    let ids: Vec<&str> = devices.all.iter().map(|d| d.entry().id.as_str()).collect();
    let expected = session::expected_seconds(lanes, cases, effort);
    println!(
        "{} cases on {}, at most about {} (less where times settle early)",
        cases.len(),
        ids.join(", "),
        units::seconds(expected)
    );
}
