//! `crossover run`: select, measure, report.

use std::path::Path;

use console::style;

use super::args::RunArgs;
use super::progress::Terminal;
use super::repeat::repeat;
use super::{End, check_memory, interrupt, start};
use crate::backend::{Devices, Request};
use crate::conclude::conclude;
use crate::error::{Error, Result};
use crate::folder::RunFolder;
use crate::machine::DeviceEntry;
use crate::manifest::{Manifest, Sampling};
use crate::measure::WallClock;
use crate::network::Memory;
use crate::plan::{self, Case, Effort, Selection};
use crate::report;
use crate::session::{Ending, Session};
use crate::units;
use crate::workload::Preset;

/// Measures into a folder, or shows what would be measured.
pub fn run(args: &RunArgs) -> Result<End> {
    if let Some(count) = args.repeat.filter(|_| !args.list) {
        return repeat(args, count);
    }
    let selection = match &args.resume {
        Some(folder) => resumed(folder)?,
        None => args.selection()?,
    };
    let cases = plan::cases(&selection)?;
    if !selection.shapes.is_empty() {
        cases.iter().try_for_each(|case| check_memory(case.workload, &case.shape))?;
    }
    let effort = Effort::of(Preset::parse(&selection.preset)?);
    let (cores, devices) = start(&Request {
        threads: selection.threads,
        names: &selection.devices,
        contenders: &selection.contenders,
        strict: true,
    })?;
    let clock = WallClock::default();
    let stop = interrupt::listen();
    // Finds unknown implementations before anything is written.
    let mut session = Session::new(&devices.all, &selection, "", &clock, stop)?;
    if args.list {
        list(&session, &cases, &devices, effort);
        return Ok(End::Well);
    }
    let mut folder = match &args.resume {
        Some(path) => RunFolder::resume(path)?,
        None => RunFolder::create(args.out.as_deref(), args.name.as_deref())?,
    };
    session.run = folder.name().to_string();
    devices.log_to(folder.path());
    let mut manifest = match args.resume {
        Some(_) => continued(&folder, &devices)?,
        None => Manifest::new(folder.name(), &selection, Sampling::Interleaved, &cores),
    };
    if args.resume.is_none() {
        (manifest.devices, manifest.device_problems) = devices.facts();
    }
    manifest.write(folder.path()).map_err(|e| Error::usage(e.to_string()))?;
    if !args.json {
        introduce(&manifest);
    }
    let mut progress = Terminal::new(args.json, &cases, &devices.all);
    let bisect = selection.preset != Preset::Quick.name();
    session.roofs = manifest.roofs.clone();
    let ended = session.run(&mut folder, cases, effort, bisect, &mut progress);
    progress.finish();
    let ending = ended.unwrap_or_else(|error| {
        eprintln!("crossover: the run was cut: {error}; what is measured is kept");
        Ending { failed: true, interrupted: true }
    });
    manifest.interrupted = ending.interrupted;
    manifest.roofs = session.roofs;
    // Nothing was looked at where nothing was left to measure.
    if !session.timers.is_empty() {
        (manifest.timers, manifest.zero_copy) = (session.timers, session.zero_copy);
    }
    if let Err(error) = conclude(&folder, &manifest, args.png) {
        eprintln!("crossover: no report: {error}; 'crossover report' draws it later");
        return Ok(End::Badly);
    }
    if !args.json {
        answer(folder.path());
        out!("{}", folder.path().join("report.html").display());
    }
    Ok(if ending.failed || ending.interrupted { End::Badly } else { End::Well })
}

/// Says what the run found. The report has it too, so that a failure is no loss.
fn answer(folder: &Path) {
    let answers = report::answers(folder).unwrap_or_default();
    if !answers.is_empty() {
        out!("");
    }
    for (topic, sentence) in answers {
        out!("{}: {sentence}", style(topic).bold());
    }
}

/// The selection of a run that was cut.
fn resumed(folder: &Path) -> Result<Selection> {
    let manifest = Manifest::read(folder)?;
    if manifest.sampling != Sampling::Interleaved {
        return Err(Error::usage(format!(
            "--resume {}: this run was sampled by 'cargo bench', which can't be continued",
            folder.display()
        )));
    }
    Ok(manifest.selection)
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

fn introduce(manifest: &Manifest) {
    for line in manifest.introduction() {
        out!("{line}");
    }
}

fn list(session: &Session<'_>, cases: &[Case], devices: &Devices, effort: Effort) {
    for case in cases {
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
    let ids: Vec<&str> = devices.all.iter().map(|d| d.entry().id.as_str()).collect();
    let expected = session.expected_seconds(cases, effort);
    out!(
        "{} cases on {}, at most about {} (less where times settle early)",
        cases.len(),
        ids.join(", "),
        units::seconds(expected)
    );
}
