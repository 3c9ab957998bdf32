//! The child: opens the device, and builds, verifies and times what its parent asks for, a line of JSON
//! each way. A point that hangs or crashes takes only the child with it.

use std::collections::HashMap;
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};

use super::search::Rejection;
use crate::backend::tunable::{Pinned, Point, Tunable};
use crate::backend::{self, Device, Request, Runner, Task, registry};
use crate::error::{Error, Result};
use crate::machine;
use crate::measure::{self, Clock, WallClock};
use crate::terms::Scope;
use crate::verify::Problem;
use crate::workload;

/// Set in the child's environment.
pub const ASKED: &str = "CROSSOVER_TUNE_CHILD";

/// A timed sample lasts at least this long.
const SAMPLE_S: f64 = 1e-3;

/// Over this, no untimed run precedes a sample.
const NO_REHEARSAL_S: f64 = 0.05;

/// What the parent asks for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Ask {
    /// Open this device; number and name of a tunable of it follow.
    Open(String),
    /// From now on points are of this tunable, and data of this seed.
    Tunable(String, u64),
    /// Build a point, run it and, unless that took longer than so many seconds, verify it.
    Admit(Point, Option<f64>),
    /// Time admitted points, one after the other.
    Race(Vec<Point>),
    /// A point is not needed for now.
    Forget(Point),
}

/// What the child says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Say {
    /// Done.
    Done,
    /// It can't be opened.
    Closed(String),
    /// A point is built.
    Built,
    /// It is right, and this is how many seconds a run takes.
    Right(f64),
    /// About to time this one of those that race.
    At(usize),
    /// Their seconds.
    Times(Vec<f64>),
    /// A point fell out.
    #[serde(untagged)]
    Rejected(Rejection),
}

impl From<Say> for Rejection {
    fn from(say: Say) -> Rejection {
        match say {
            Say::Rejected(why) => why,
            other => Rejection::Refused(format!("{other:?}")),
        }
    }
}

/// To be called early in `main` by a program that tunes: in a child that was started to try points, it
/// serves and ends the process.
pub fn answer_if_asked() {
    if std::env::var_os(ASKED).is_none() {
        return;
    }
    // SAFETY: this is the first thing that the process does.
    unsafe { std::env::remove_var(ASKED) };
    serve();
    // A driver's own clean-up at exit proves nothing.
    std::process::exit(0);
}

fn tell(say: &Say) {
    let line = serde_json::to_string(say).expect("an answer is JSON");
    let mut out = io::stdout().lock();
    // A parent that is gone closes our input too.
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

/// The parent's next wish; none when it is gone.
fn listen() -> Option<Ask> {
    let mut line = String::new();
    match io::stdin().lock().read_line(&mut line) {
        Ok(0) | Err(_) => None,
        Ok(_) => serde_json::from_str(&line).ok(),
    }
}

fn serve() {
    let Some(Ask::Open(id)) = listen() else { return };
    let names = [id];
    let request = Request { names: &names, ..Request::default() };
    // SAFETY: no other thread has been started yet.
    let started = unsafe { registry::start(&request) };
    let devices = match started {
        Ok((_, devices)) => devices,
        Err(error) => return tell(&Say::Closed(error.to_string())),
    };
    let Some(device) = devices.all.first() else {
        return tell(&Say::Closed("the device is gone".to_string()));
    };
    tell(&Say::Done);
    let tunables = device.tunables();
    let mut next = listen();
    while let Some(Ask::Tunable(name, seed)) = next {
        match tunables.iter().find(|tunable| tunable.name() == name) {
            Some(tunable) => next = serve_tunable(device.as_ref(), tunable, seed),
            None => return tell(&Say::Closed(format!("there is no {name}"))),
        }
    }
}

/// Serves one tunable. Returns what the parent asks for that is about something else.
fn serve_tunable<'d>(device: &'d dyn Device, tunable: &'d Tunable, seed: u64) -> Option<Ask> {
    let workload = workload::find(tunable.workload).ok()?;
    let shape = workload.shape(&tunable.shape).ok()?;
    let problem = Problem::new(workload, &shape, tunable.dtype, seed);
    tell(&Say::Done);
    let implementation = tunable.prepared_as;
    let part = tunable.part.as_deref();
    let mut stage = Stage { clock: WallClock::default(), part, runners: HashMap::new() };
    loop {
        match listen()? {
            Ask::Admit(point, limit_s) => {
                let parameters = Some(Pinned { tunable, point: &point });
                let (shape, dtype) = (&shape, tunable.dtype);
                let task = Task { workload, shape, dtype, implementation, parameters };
                let prepared = machine::check_room(device.footprint_bytes(&task))
                    .and_then(|()| backend::prepare(device, &task));
                let admitted = stage.admit(point, limit_s, prepared, &problem);
                tell(&admitted.map_or_else(Say::Rejected, Say::Right));
            }
            Ask::Race(points) => {
                let times = stage.race(&points).map_err(Rejection::from);
                tell(&times.map_or_else(Say::Rejected, Say::Times));
            }
            Ask::Forget(point) => {
                stage.runners.remove(&point);
            }
            other => return Some(other),
        }
    }
}

/// Points that are built and right.
struct Stage<'d> {
    clock: WallClock,
    /// The part of a run that is timed.
    part: Option<&'d str>,
    runners: HashMap<Point, Entrant<'d>>,
}

struct Entrant<'d> {
    runner: Box<dyn Runner + 'd>,
    /// Seconds of a run, about.
    run_s: f64,
}

impl<'d> Stage<'d> {
    /// Takes up a point whose runner is right. Returns the seconds of a run.
    fn admit(
        &mut self,
        point: Point,
        limit_s: Option<f64>,
        prepared: Result<Box<dyn Runner + 'd>>,
        problem: &Problem<'_>,
    ) -> std::result::Result<f64, Rejection> {
        let mut boxed = prepared?;
        let runner = boxed.as_mut();
        tell(&Say::Built);
        narrow(runner, self.part)?;
        // The second of two runs counts: some drivers compile in the first.
        runner.run(Scope::Compute)?;
        let run_s = self.clock.time(&mut || runner.run(Scope::Compute))?.max(1e-9);
        if limit_s.is_some_and(|limit_s| run_s > limit_s) {
            return Err(Rejection::Slow(run_s));
        }
        narrow(runner, None)?;
        problem.verify(runner)?;
        narrow(runner, self.part)?;
        self.runners.insert(point, Entrant { runner: boxed, run_s });
        Ok(run_s)
    }

    /// Seconds of a run of each point, one after the other.
    fn race(&mut self, points: &[Point]) -> Result<Vec<f64>> {
        let time = |(index, point): (usize, &Point)| {
            tell(&Say::At(index));
            self.time(point)
        };
        points.iter().enumerate().map(time).collect()
    }

    fn time(&mut self, point: &Point) -> Result<f64> {
        let entrant =
            self.runners.get_mut(point).ok_or_else(|| Error::device("it is not there"))?;
        let iterations = (SAMPLE_S / entrant.run_s).ceil().clamp(1.0, 1e5) as u64;
        let rehearse = entrant.run_s <= NO_REHEARSAL_S;
        let runner = entrant.runner.as_mut();
        let timing = measure::timed(runner, Scope::Compute, iterations, rehearse, &self.clock)?;
        entrant.run_s = timing.per_run_s().max(1e-9);
        Ok(timing.per_run_s())
    }
}

/// Has a runner compute only what goes by these parameters, or all of it.
fn narrow(runner: &mut dyn Runner, part: Option<&str>) -> Result<()> {
    match (runner.parts(), part) {
        (Some(parts), _) => parts.narrow(part),
        (None, None) => Ok(()),
        (None, Some(_)) => Err(Error::Unsupported("it has no parts to be timed alone".into())),
    }
}
