//! `crossover race`: two programs of the user's over one axis.

use super::args::RaceArgs;
use super::{End, check_pictures, interrupt};
use crate::conclude;
use crate::error::{Error, Result};
use crate::folder::RunFolder;
use crate::machine;
use crate::manifest::{Manifest, Sampling};
use crate::plan::Selection;
use crate::race::{self, Axis, Check, Command, Ending, Race};
use crate::units;

/// Measures into a folder, and says from which size on the program on the GPU wins.
pub fn race(args: &RaceArgs) -> Result<End> {
    check_pictures(args.png)?;
    let race = read(args)?;
    let stop = interrupt::listen();
    let (mut folder, mut manifest) =
        RunFolder::create(args.out.as_deref(), args.name.as_deref(), |folder| {
            race.try_out()?;
            let cores = machine::choose_cores(None)?;
            let selection = Selection { preset: String::new(), ..Selection::default() };
            let new = Manifest::new(folder.name(), &selection, Sampling::Race, &cores);
            let manifest = Manifest { devices: race::devices(&race.commands), ..new };
            manifest.write(folder.path()).map_err(|e| Error::usage(e.to_string()))?;
            Ok(manifest)
        })?;
    manifest.introduction().iter().for_each(|line| out!("{line}"));
    let ended = race.run(&mut folder, stop, &mut |line| out!("{line}"));
    let ending = ended.unwrap_or_else(|error| Ending {
        failure: Some(format!("the race was cut: {error}")),
        is_cut: true,
    });
    if let Some(failure) = &ending.failure {
        eprintln!("crossover: {failure}; what is measured is kept");
    }
    manifest.interrupted = ending.is_cut;
    match conclude::conclude(&folder, &manifest, args.png) {
        Ok(report) => report.overview.lines().iter().for_each(|line| out!("{line}")),
        Err(error) => {
            eprintln!("crossover: no report: {error}; 'crossover report' draws it later");
            return Ok(End::Badly);
        }
    }
    out!("{}", folder.path().join("report.html").display());
    match race::answer(&folder)? {
        Some(answer) => out!("{answer}"),
        None => return Ok(End::Badly),
    }
    let is_well = ending.failure.is_none() && !ending.is_cut;
    Ok(if is_well { End::Well } else { End::Badly })
}

fn read(args: &RaceArgs) -> Result<Race> {
    let axis = Axis::parse(&args.axis)?;
    let command = |side: &str, text: &str| Command::parse(side, text, &axis);
    let [cpu, gpu] = race::SIDES;
    let seconds = |name: &str, seconds: f64| match seconds.is_finite() && seconds > 0.0 {
        true => Ok(seconds),
        false => Err(Error::usage(format!("--{name} takes a number of seconds above 0"))),
    };
    Ok(Race {
        commands: [command(cpu, &args.cpu)?, command(gpu, &args.gpu)?],
        check: Check::parse(&args.check)?,
        limit: units::duration(seconds("timeout", args.timeout)?),
        budget_s: args.budget.map(|s| seconds("budget", s)).transpose()?,
        axis,
    })
}
