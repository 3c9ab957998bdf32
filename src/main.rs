//! The command line: parse, dispatch, one line for an error, an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    crossover::backend::registry::answer_if_asked();
    crossover::tune::answer_if_asked();
    crossover::cli::main()
}
