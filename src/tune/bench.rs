//! Has points built, verified and timed in a child process. What takes too long or crashes ends the
//! child, and the next point gets a new one.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

use super::child::{ASKED, Ask, Say};
use super::search::{Evaluator, Rejection};
use crate::backend::tunable::Point;
use crate::units;

/// Seconds that a child may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// To open the device, or to compute the reference of a tunable.
    pub open_s: f64,
    /// To build a point.
    pub build_s: f64,
    /// To verify it, or to time one point once.
    pub run_s: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { open_s: 60.0, build_s: 20.0, run_s: 10.0 }
    }
}

/// Evaluates the points of a device's tunables.
pub struct Bench {
    command: Box<dyn Fn() -> Command>,
    limits: Limits,
    device: String,
    tunable: String,
    seed: u64,
    start: Instant,
    child: Option<Running>,
    /// Points that the child holds.
    admitted: HashSet<Point>,
}

/// A child and its two pipes.
struct Running {
    process: Child,
    to: ChildStdin,
    from: Receiver<Say>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Running {
    /// Asks. A child that is gone shows at the answer.
    fn send(&mut self, ask: &Ask) {
        let line = serde_json::to_string(ask).expect("a wish is JSON");
        let _ = writeln!(self.to, "{line}").and_then(|()| self.to.flush());
    }
}

impl Bench {
    /// For a device by its id. `command` makes the command of a child.
    pub fn new(command: impl Fn() -> Command + 'static, device: &str, limits: Limits) -> Bench {
        Bench {
            command: Box::new(command),
            limits,
            device: device.to_string(),
            tunable: String::new(),
            seed: 1,
            start: Instant::now(),
            child: None,
            admitted: HashSet::new(),
        }
    }

    /// From now on points are of the tunable with this name. The child and what is in the driver's
    /// caches stay.
    pub fn turn_to(&mut self, tunable: &str, seed: u64) {
        (self.tunable, self.seed) = (tunable.to_string(), seed);
        self.admitted.clear();
        if self.child.is_some() && self.introduce().is_err() {
            self.child = None;
        }
    }

    /// Starts a child where there is none.
    fn start(&mut self) -> Result<(), String> {
        if self.child.is_some() {
            return Ok(());
        }
        self.admitted.clear();
        let mut command = (self.command)();
        // What many points compile to is not worth keeping: some drivers compile once more to tell it.
        command.env("CROSSOVER_CACHE_DIR", "off");
        command.env(ASKED, "1").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        #[cfg(unix)]
        {
            // Ctrl-C is for the parent, which keeps the best and ends the child.
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        let mut process = command.spawn().map_err(|e| format!("no child process: {e}"))?;
        let pipes = process.stdin.take().zip(process.stdout.take());
        let (to, from) = pipes.ok_or("no pipes to a child process")?;
        let (sender, receiver) = mpsc::channel();
        let listen = move || {
            for line in BufReader::new(from).lines().map_while(|line| line.ok()) {
                // A driver may write to standard output too: other lines are not ours.
                let Ok(say) = serde_json::from_str(&line) else { continue };
                if sender.send(say).is_err() {
                    return;
                }
            }
        };
        self.child = Some(Running { process, to, from: receiver });
        if let Err(error) = thread::Builder::new().spawn(listen) {
            self.child = None;
            return Err(format!("no thread to listen to a child process: {error}"));
        }
        let ready = self.open(&Ask::Open(self.device.clone())).and_then(|()| self.introduce());
        if ready.is_err() {
            self.child = None;
        }
        ready
    }

    fn introduce(&mut self) -> Result<(), String> {
        self.open(&Ask::Tunable(self.tunable.clone(), self.seed))
    }

    fn open(&mut self, ask: &Ask) -> Result<(), String> {
        match self.ask(ask, self.limits.open_s)? {
            Say::Done => Ok(()),
            other => Err(format!("{other:?}")),
        }
    }

    fn ask(&mut self, ask: &Ask, limit_s: f64) -> Result<Say, String> {
        if let Some(child) = &mut self.child {
            child.send(ask);
        }
        self.answer(limit_s)
    }

    /// The child's next answer. One that gives none is ended, and the error says what happened.
    fn answer(&mut self, limit_s: f64) -> Result<Say, String> {
        let child = self.child.as_mut().ok_or("there is no child process")?;
        let why = match child.from.recv_timeout(units::duration(limit_s)) {
            Ok(say) => return Ok(say),
            Err(RecvTimeoutError::Timeout) => "no answer in time".to_string(),
            Err(RecvTimeoutError::Disconnected) => {
                let ending = child.process.wait();
                let ending = ending.map_or_else(|e| e.to_string(), |status| status.to_string());
                format!("the driver crashed ({ending})")
            }
        };
        self.child = None;
        self.admitted.clear();
        Err(why)
    }
}

/// A point whose child gave no answer is never tried again.
fn fatal(doing: &str) -> impl Fn(String) -> Rejection {
    move |how| Rejection::Fatal(format!("{doing}: {how}"))
}

impl Evaluator for Bench {
    fn admit(&mut self, point: &Point, limit_s: f64) -> Result<f64, Rejection> {
        self.start().map_err(Rejection::Refused)?;
        let Limits { build_s, run_s, .. } = self.limits;
        // JSON has no infinity.
        let ask = Ask::Admit(point.clone(), Some(limit_s).filter(|s| s.is_finite()));
        let mut answer = self.ask(&ask, build_s).map_err(fatal("building"))?;
        if answer == Say::Built {
            answer = self.answer(build_s + run_s).map_err(fatal("verifying"))?;
        }
        let Say::Right(seconds) = answer else { return Err(answer.into()) };
        self.admitted.insert(point.clone());
        Ok(seconds)
    }

    fn race(&mut self, points: &[&Point]) -> Result<Vec<f64>, (usize, Rejection)> {
        // A child that was ended has taken with it what was admitted.
        for (index, point) in points.iter().enumerate() {
            if !self.admitted.contains(*point) {
                self.admit(point, f64::INFINITY).map_err(|why| (index, why))?;
            }
        }
        // Building one may have cost the others.
        if let Some(index) = points.iter().position(|point| !self.admitted.contains(*point)) {
            return Err((index, Rejection::Refused("its child process was ended".into())));
        }
        let ask = Ask::Race(points.iter().map(|point| (*point).clone()).collect());
        let mut at = 0;
        let mut answer = self.ask(&ask, self.limits.run_s);
        loop {
            match answer.map_err(|how| (at, fatal("running")(how)))? {
                Say::At(index) => at = index,
                Say::Times(times) if times.len() == points.len() => return Ok(times),
                other => return Err((at, other.into())),
            }
            answer = self.answer(self.limits.run_s);
        }
    }

    fn forget(&mut self, point: &Point) {
        self.admitted.remove(point);
        if let Some(child) = &mut self.child {
            child.send(&Ask::Forget(point.clone()));
        }
    }

    fn now(&self) -> f64 {
        self.start.elapsed().as_secs_f64()
    }
}
