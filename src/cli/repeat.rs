//! `crossover run --repeat N`: the same run in N processes, for processes differ among themselves.

use std::env;
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::Ordering;

use super::args::RunArgs;
use super::{End, interrupt};
use crate::error::{Error, Result};
use crate::folder;
use crate::manifest::Group;
use crate::plan;

/// More processes than anyone waits for.
const MOST: u32 = 100;

/// Options that each process gets anew.
const REPLACED: [&str; 4] = ["--repeat", "--out", "--name", "--group"];

/// Runs N processes one after the other, each into a folder of its own.
pub fn repeat(args: &RunArgs, count: u32) -> Result<End> {
    if !(1..=MOST).contains(&count) {
        return Err(Error::usage(format!("--repeat {count}: takes 1 to {MOST}")));
    }
    // A mistake is found before the first process starts.
    plan::cases(&args.selection()?)?;
    let folders = folder::places(args.out.as_deref(), args.name.as_deref(), count)?;
    let stop = interrupt::listen();
    let program = env::current_exe()
        .map_err(|e| Error::usage(format!("--repeat: this program can't be started again: {e}")))?;
    let group = Group::unique();
    let mut ended = End::Well;
    for folder in &folders {
        let status = command(&program, folder, &group)
            .status()
            .map_err(|e| Error::usage(format!("--repeat: {}: {e}", program.display())))?;
        match status.code() {
            Some(0) => {}
            Some(2) => return Ok(End::Refused),
            _ => ended = End::Badly,
        }
        if stop.load(Ordering::Relaxed) {
            return Ok(End::Badly);
        }
    }
    Ok(ended)
}

/// This command line with another folder, as a part of this group.
fn command(program: &Path, folder: &Path, group: &Group) -> Command {
    let mut command = Command::new(program);
    command.args(without(env::args_os().skip(1), &REPLACED)).arg("--out").arg(folder);
    command.args(["--group", group.as_str()]);
    command
}

/// Arguments without some options and their values.
fn without(arguments: impl Iterator<Item = OsString>, options: &[&str]) -> Vec<OsString> {
    let mut kept = Vec::new();
    let mut is_value = false;
    for argument in arguments {
        let text = argument.to_string_lossy().into_owned();
        if std::mem::take(&mut is_value) {
            continue;
        }
        if options.contains(&text.as_str()) {
            is_value = true;
        } else if !text.split_once('=').is_some_and(|(name, _)| options.contains(&name)) {
            kept.push(argument);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_gets_a_folder_of_its_own() {
        let given = "run --repeat 3 --shape m=8 --name=x --json --out y";
        let kept = without(given.split(' ').map(OsString::from), &REPLACED);
        assert_eq!(kept, ["run", "--shape", "m=8", "--json"]);
    }
}
