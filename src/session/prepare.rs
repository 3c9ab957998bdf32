//! A runner of a case, prepared and verified.

use super::{Choice, Setup};
use crate::backend::{self, Details, Runner};
use crate::error::Result;
use crate::plan::Case;
use crate::terms::{Cache, Scope};
use crate::verify::{Problem, Proof};

/// A runner that is ready to be sampled.
pub struct Ready<'d> {
    /// The runner, with the measured data loaded.
    pub runner: Box<dyn Runner + 'd>,
    /// What a row says of it besides its times.
    pub facts: Facts,
}

/// What a row says of a verified runner besides its times.
#[derive(Clone, Debug)]
pub struct Facts {
    pub(super) choice: Choice,
    pub(super) details: Details,
    pub(super) proof: Proof,
    /// Seconds from source to the end of the first run, less one run, where something was compiled.
    pub(super) build_s: Option<f64>,
}

/// Compiles, allocates and verifies. The error says how the runner's rows end, and why.
pub fn prepared<'a>(
    setup: &Setup<'a>,
    case: &Case,
    problem: &Problem<'_>,
    choice: &Choice,
) -> Result<Ready<'a>> {
    let clock = setup.clock;
    let start = clock.now();
    let mut runner = backend::prepare(setup.device(choice), &choice.task(case))?;
    let prepare_s = clock.now() - start;
    let mut build_s = None;
    if runner.details().compiled {
        let mut run = || clock.time(&mut || runner.run(Scope::Compute));
        let (first_s, second_s) = (run()?, run()?);
        build_s = Some((prepare_s + first_s - second_s).max(0.0));
    }
    let proof = problem.verify(runner.as_mut())?;
    if case.cache == Cache::Cold {
        // Found out before anything is measured.
        runner.flush()?;
    }
    // What a runner in another process tells of itself it tells with its first answer.
    let details = runner.details();
    Ok(Ready { runner, facts: Facts { choice: choice.clone(), details, proof, build_s } })
}
