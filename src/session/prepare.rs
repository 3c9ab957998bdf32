//! A runner of a case, prepared and verified.

use super::{Choice, Refusal, Setup};
use crate::backend::{Details, Runner};
use crate::error::Result;
use crate::plan::Case;
use crate::terms::{Cache, Scope};
use crate::verify::{self, Problem, Proof};

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
) -> std::result::Result<Ready<'a>, Refusal> {
    let start = setup.clock.now();
    let timed_run = |runner: &mut dyn Runner| -> Result<f64> {
        let start = setup.clock.now();
        runner.run(Scope::Compute)?;
        Ok(setup.clock.now() - start)
    };
    let mut build_s = None;
    let first = |runner: &mut dyn Runner| -> std::result::Result<(), Refusal> {
        let prepare_s = setup.clock.now() - start;
        if runner.details().compiled {
            let (first_s, second_s) = (timed_run(runner)?, timed_run(runner)?);
            build_s = Some((prepare_s + first_s - second_s).max(0.0));
        }
        Ok(())
    };
    let prepared = setup.device(choice).prepare(&choice.task(case));
    let (mut runner, proof) = verify::admitted(prepared, first, problem)?;
    if case.cache == Cache::Cold {
        // Found out before anything is measured.
        runner.flush()?;
    }
    // What a runner in another process tells of itself it tells with its first answer.
    let details = runner.details();
    Ok(Ready { runner, facts: Facts { choice: choice.clone(), details, proof, build_s } })
}
