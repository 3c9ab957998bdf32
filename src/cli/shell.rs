//! `crossover completions SHELL` and `crossover man`: what a package installs beside the program.

use clap::CommandFactory;
use clap_complete::Shell;

use super::args::{Arguments, CompletionsArgs, ManArgs};
use super::{End, stdout};
use crate::error::{self, Result};

const SHELLS: [(&str, Shell); 5] = [
    ("bash", Shell::Bash),
    ("elvish", Shell::Elvish),
    ("fish", Shell::Fish),
    ("powershell", Shell::PowerShell),
    ("zsh", Shell::Zsh),
];

/// Prints completions for a shell.
pub fn completions(args: &CompletionsArgs) -> Result<End> {
    let (_, shell) = error::named("shell", &args.shell, SHELLS, |(name, _)| name)?;
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "crossover", &mut text);
    stdout::print(&text);
    Ok(End::Well)
}

/// Prints the man page of the program, or of a verb.
pub fn man(args: &ManArgs) -> Result<End> {
    let mut command = Arguments::command();
    command.build();
    if let Some(verb) = &args.verb {
        command = error::named("verb", verb, command.get_subcommands(), |c| c.get_name())?.clone();
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text).expect("a vector takes every text");
    stdout::print(&text);
    Ok(End::Well)
}
