//! `crossover run`: select, measure, report.

use std::path::Path;

use super::args::RunArgs;
use super::progress::Terminal;
use super::repeat::repeat;
use super::{End, check_memory, check_pictures, interrupt, start};
use crate::backend::{Devices, Request};
use crate::conclude;
use crate::error::{Error, Result};
use crate::folder::RunFolder;
use crate::machine::DeviceEntry;
use crate::manifest::{Group, Manifest, Sampling};
use crate::measure::WallClock;
use crate::network::Memory;
use crate::plan::{self, Effort, Selection};
use crate::session::{self, Agenda, Chooser, Further, Interleaved, Ledger, Session, Setup};
use crate::units;
use crate::workload::Preset;

/// Measures into a folder, or shows what would be measured.
pub fn run(args: &RunArgs) -> Result<End> {
    check_pictures(args.png)?;
    if let Some(count) = args.repeat.filter(|_| !args.list) {
        return repeat(args, count);
    }
    args.check_budget()?;
    let mut selection = match &args.resume {
        Some(folder) => resumed(folder)?,
        None => args.selection()?,
    };
    let mut agenda = agenda(&selection)?;
    if args.until_decided {
        agenda.further = Further::UntilDecided;
        selection.budget = args.budget;
    }
    // Drivers may take their time.
    if console::user_attended_stderr() {
        eprintln!("{} cases to measure; looking for devices", agenda.cases.len());
    }
    let (cores, devices) = start(&Request {
        threads: selection.threads,
        names: &selection.devices,
        contenders: &selection.contenders,
        strict: true,
    })?;
    session::check_implementations(&devices.all, &selection.implementations)?;
    let clock = WallClock::default();
    let setup = Setup {
        devices: &devices.all,
        selection: &selection,
        clock: &clock,
        stop: interrupt::listen(),
    };
    agenda.cases = session::measurable(setup, agenda.cases)?;
    if args.list {
        list(setup, &agenda);
        return Ok(End::Well);
    }
    let (mut folder, manifest) = opened(args, &selection, &cores, &devices)?;
    if !args.json {
        manifest.introduction().iter().for_each(|line| out!("{line}"));
        out!("{}", session::outlook(setup, &agenda));
    }
    let mut session = Session::new(setup, folder.name(), manifest.roofs.clone());
    let mut progress = Terminal::new(args.json, &agenda.cases, &devices.all);
    let mut ledger = Ledger::new(Some(&mut folder));
    let ended = session.run(agenda, &mut Interleaved, &mut ledger, &mut progress);
    progress.finish();
    let print = |line: &str| {
        if !args.json {
            out!("{line}");
        }
    };
    let is_well = conclude::finish(Some(&folder), manifest, session, ended, args.png, print);
    Ok(if is_well { End::Well } else { End::Badly })
}

/// What is to be measured. Shapes that the user named must fit into this machine's memory.
fn agenda(selection: &Selection) -> Result<Agenda> {
    let cases = plan::cases(selection)?;
    if !selection.shapes.is_empty() {
        cases.iter().try_for_each(|case| check_memory(case.workload, &case.shape))?;
    }
    let effort = Effort::of(Preset::parse(&selection.preset)?);
    let bisects = selection.preset != Preset::Quick.name();
    Ok(Agenda { cases, effort, bisects, further: Further::Share })
}

/// The folder of a new run, or of one that goes on, with its manifest.
fn opened(
    args: &RunArgs,
    selection: &Selection,
    cores: &[usize],
    devices: &Devices,
) -> Result<(RunFolder, Manifest)> {
    let written = |folder: &RunFolder, manifest: Manifest| {
        manifest.write(folder.path()).map_err(|e| Error::usage(e.to_string()))?;
        Ok(manifest)
    };
    let (folder, manifest) = if let Some(path) = &args.resume {
        let folder = RunFolder::resume(path)?;
        let manifest = written(&folder, continued(&folder, devices)?)?;
        (folder, manifest)
    } else {
        RunFolder::create(args.out.as_deref(), args.name.as_deref(), |folder| {
            let new = Manifest::new(folder.name(), selection, Sampling::Interleaved, cores);
            let (devices, device_problems) = devices.facts();
            let group = args.group.as_deref().map(Group::from);
            written(folder, Manifest { devices, device_problems, group, ..new })
        })?
    };
    devices.log_to(folder.path());
    Ok((folder, manifest))
}

/// The selection of a run that was cut.
fn resumed(folder: &Path) -> Result<Selection> {
    let manifest = Manifest::read(folder)?;
    let of_what = match manifest.sampling {
        Sampling::Interleaved => return Ok(manifest.selection),
        Sampling::Criterion => "this run was sampled by 'cargo bench'",
        Sampling::Race => "this is a race",
    };
    let folder = folder.display();
    Err(Error::usage(format!("--resume {folder}: {of_what}, which can't be continued")))
}

/// The manifest of a run that goes on: as it was, if the devices are.
fn continued(folder: &RunFolder, devices: &Devices) -> Result<Manifest> {
    let manifest = Manifest::read(folder.path())?;
    let same = |a: &DeviceEntry, b: &DeviceEntry| {
        (&a.id, &a.name, &a.driver, a.threads) == (&b.id, &b.name, &b.driver, b.threads)
    };
    let (now, _) = devices.facts();
    let equal = now.len() == manifest.devices.len()
        && now.iter().zip(&manifest.devices).all(|(a, b)| same(a, b));
    if equal {
        return Ok(manifest);
    }
    Err(Error::usage(format!(
        "--resume {}: the devices or drivers are not those of the run; start a new one",
        folder.path().display()
    )))
}

fn list(setup: Setup<'_>, agenda: &Agenda) {
    for case in &agenda.cases {
        let skip = case.skip.as_deref().map(|why| format!("  skipped: {why}")).unwrap_or_default();
        let flop = units::flop(case.workload.work(&case.shape).flop_count as f64);
        let memory = case.workload.network().map(|network| {
            let memory = Memory::of(&(network.graph)(&case.shape));
            format!("  {}: {}", units::bytes(memory.total() as f64), memory.parts())
        });
        let memory = memory.unwrap_or_default();
        let layers = case.rows.iter().filter(|r| !r.layer.is_empty());
        let layers = layers.map(|r| match r.repeat {
            1 => format!("  {}", r.layer),
            n => format!("  {} ({n} times)", r.layer),
        });
        let layers = layers.collect::<String>();
        out!("{:<44} {flop:>12}{memory}{layers}{skip}", case.name());
    }
    let ids: Vec<&str> = setup.devices.iter().map(|d| d.entry().id.as_str()).collect();
    let expected_s = Chooser::new(setup).seconds(&agenda.cases, agenda.effort);
    out!(
        "{} cases on {}, at most about {} (less where times settle early)",
        agenda.cases.len(),
        ids.join(", "),
        units::seconds(expected_s)
    );
}
