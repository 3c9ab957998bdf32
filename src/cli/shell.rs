//! `crossover completions SHELL` and `crossover man`: what a package installs beside the program.

use std::io::{self, Write};

use clap::CommandFactory;
use clap_complete::Shell;

use super::End;
use super::args::{Arguments, CompletionsArgs, ManArgs};
use crate::error::{Error, Result, did_you_mean};

const SHELLS: [(&str, Shell); 5] = [
    ("bash", Shell::Bash),
    ("elvish", Shell::Elvish),
    ("fish", Shell::Fish),
    ("powershell", Shell::PowerShell),
    ("zsh", Shell::Zsh),
];

/// Prints completions for a shell.
pub fn completions(args: &CompletionsArgs) -> Result<End> {
    let found = SHELLS.iter().find(|(name, _)| *name == args.shell);
    let (_, shell) = found.ok_or_else(|| {
        let names = SHELLS.map(|(name, _)| name);
        let hint = did_you_mean(&args.shell, names);
        Error::usage(format!("unknown shell '{}'; there is {}{hint}", args.shell, names.join(", ")))
    })?;
    let mut text = Vec::new();
    clap_complete::generate(*shell, &mut Arguments::command(), "crossover", &mut text);
    print(&text);
    Ok(End::Well)
}

/// Prints the man page of the program, or of a verb.
pub fn man(args: &ManArgs) -> Result<End> {
    let mut command = Arguments::command();
    command.build();
    if let Some(verb) = &args.verb {
        let found = command.get_subcommands().find(|c| c.get_name() == verb).cloned();
        let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
        let hint = did_you_mean(verb, names.iter().copied());
        command = found.ok_or_else(|| {
            Error::usage(format!("no verb '{verb}'; there is {}{hint}", names.join(", ")))
        })?;
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text).expect("a vector takes every text");
    print(&text);
    Ok(End::Well)
}

fn print(text: &[u8]) {
    // A reader that went away is no reason to panic.
    let _ = io::stdout().write_all(text);
}
