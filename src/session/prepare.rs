//! A runner of a case, prepared and verified.

use super::{Choice, Setup};
use crate::backend::{self, Details, Runner};
use crate::error::{Error, Result};
use crate::plan::Case;
use crate::terms::{Cache, Scope};
use crate::units;
use crate::verify::{Problem, Proof};

/// Calls of many runs that take longer than this are not made: they would take the rounds of all others.
const MOST_CALL_S: f64 = 0.1;

/// A runner that is ready to be sampled.
pub struct Ready<'d> {
    /// The runner, with the measured data loaded.
    pub runner: Box<dyn Runner + 'd>,
    /// What a row says of it besides its times.
    pub facts: Facts,
}

/// What a row says of a verified runner besides its times.
#[derive(Debug)]
pub struct Facts {
    pub(super) choice: Choice,
    pub(super) details: Details,
    pub(super) proof: Proof,
    /// Seconds from source to the end of the first run, less one run, where something was compiled.
    pub(super) build_s: Option<f64>,
    /// The scopes that it is not measured in, and why.
    pub(super) left_out: Vec<(Scope, Error)>,
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
    let mut proof = problem.verify(runner.as_mut())?;
    let mut left_out = Vec::new();
    for scope in setup.scopes(case.workload) {
        match room_for(scope, runner.as_mut(), setup)? {
            Some(why) => left_out.push((scope, why)),
            // The others are part of every proof.
            None if matches!(scope, Scope::Reused(_)) && !runner.moves_nothing() => {
                problem.verify_in(runner.as_mut(), scope, &mut proof)?;
            }
            None => {}
        }
    }
    if case.cache == Cache::Cold {
        // Found out before anything is measured.
        runner.flush()?;
    }
    // What a runner in another process tells of itself it tells with its first answer.
    let details = runner.details();
    let choice = choice.clone();
    Ok(Ready { runner, facts: Facts { choice, details, proof, build_s, left_out } })
}

/// Why a runner is not measured in a scope; none where it is.
fn room_for(scope: Scope, runner: &mut dyn Runner, setup: &Setup<'_>) -> Result<Option<Error>> {
    let Scope::Reused(uses) = scope else { return Ok(None) };
    if !runner.serves(scope) {
        return Ok(Some(Error::Unsupported("contenders have no scope of this kind".into())));
    }
    if runner.moves_nothing() {
        return Ok(None);
    }
    let run_s = setup.clock.time(&mut || runner.run(Scope::Compute))?;
    let call_s = run_s * f64::from(uses.get());
    Ok((call_s > MOST_CALL_S).then(|| {
        let call = units::seconds(call_s);
        Error::Skipped(format!("{uses} runs would take about {call}: what is derived stands"))
    }))
}
