//! Which benchmarks criterion's filter lets through, known before anything is measured.

use crossover::error::{Error, Result};
use crossover::plan::{self, Case};
use crossover::session::{Chooser, Setup};
use regex::Regex;

/// Options of criterion that take a value, which is no filter.
const VALUED: [&str; 20] = [
    "--color",
    "-c",
    "--save-baseline",
    "-s",
    "--baseline",
    "-b",
    "--baseline-lenient",
    "--load-baseline",
    "--format",
    "--profile-time",
    "--sample-size",
    "--warm-up-time",
    "--measurement-time",
    "--nresamples",
    "--noise-threshold",
    "--confidence-level",
    "--significance-level",
    "--plotting-backend",
    "--output-format",
    "--skip",
];

/// See the module.
pub enum Filter {
    /// All of them.
    All,
    /// Whose name holds a match.
    Matching(Regex),
    /// The one with this name.
    Exact(String),
}

impl Filter {
    /// As criterion reads it from the arguments after the program's name.
    pub fn of(arguments: &[String]) -> Result<Filter> {
        let mut is_value = false;
        let filter = arguments.iter().skip(1).find(|argument| {
            let is_option = argument.starts_with('-');
            !std::mem::replace(&mut is_value, VALUED.contains(&argument.as_str())) && !is_option
        });
        match filter {
            None => Ok(Filter::All),
            Some(text) if arguments.iter().any(|a| a == "--exact") => {
                Ok(Filter::Exact(text.clone()))
            }
            Some(text) => Regex::new(text).map(Filter::Matching).map_err(|why| {
                let why = why.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                Error::usage(format!("'{text}' is no filter: {why}"))
            }),
        }
    }

    /// Fails as bad usage where no benchmark of these cases is let through.
    pub fn check(&self, setup: Setup<'_>, cases: &[Case]) -> Result<()> {
        let chooser = Chooser::new(setup);
        let lets_through = |case: &Case| {
            chooser.wanted(case).iter().any(|choice| {
                let device = &setup.device(choice).entry().id;
                setup.scopes(case.workload).into_iter().any(|scope| {
                    let id = plan::bench_id(case, device, &choice.implementation, scope);
                    self.passes(&format!("{}/{}/{}", case.workload.name(), id.function, id.value))
                })
            })
        };
        if cases.iter().any(lets_through) {
            return Ok(());
        }
        let text = match self {
            Filter::All => "",
            Filter::Matching(regex) => regex.as_str(),
            Filter::Exact(text) => text,
        };
        Err(Error::usage(format!(
            "no benchmark's name fits '{text}': cargo bench -- --list tells them"
        )))
    }

    /// Whether a benchmark of this name is measured.
    fn passes(&self, name: &str) -> bool {
        match self {
            Filter::All => true,
            Filter::Matching(regex) => regex.is_match(name),
            Filter::Exact(text) => text == name,
        }
    }
}
