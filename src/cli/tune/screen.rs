//! What is shown of a search, and written down.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use indicatif::ProgressBar;

use super::super::progress::spinner;
use crate::backend::Device;
use crate::backend::tunable::{Finding, Point, Tunable};
use crate::error::Result;
use crate::record::{TrialOutcome, TuningRow, Writer};
use crate::terms::Format;
use crate::tune::{DenyList, Rejection, Trial, Watcher};
use crate::units;
use crate::workload::{self, Work};

/// What a search came to so far.
#[derive(Default)]
pub struct Tally {
    /// Found so far and in use.
    pub best: Option<Finding>,
    /// Points.
    pub tried: usize,
    rejected: usize,
    problem: Option<String>,
}

/// The last line of a search. False where nothing could be timed.
pub fn conclude(tunable: &Tunable, tally: &Tally, found: Option<&Finding>) -> Result<bool> {
    let name = tunable.name();
    let counts = format!("{} tried, {} rejected", tally.tried, tally.rejected);
    match found {
        Some(f) => out!(
            "{name:<42} {:>13}  {:>6} the defaults  {counts}  {}",
            rate(tunable, &work_of(tunable)?, f.wall_s),
            units::ratio(f.default_s / f.wall_s),
            f.point
        ),
        None => {
            let why = tally.problem.as_deref().unwrap_or("there was no time");
            out!("{name:<42} nothing could be timed: {why}");
        }
    }
    Ok(found.is_some())
}

fn work_of(tunable: &Tunable) -> Result<Work> {
    let workload = workload::find(tunable.workload)?;
    Ok(workload.work(&workload.shape(&tunable.shape)?))
}

/// The rate of a run; of a part of a run its time.
fn rate(tunable: &Tunable, work: &Work, wall_s: f64) -> String {
    if tunable.part.is_some() {
        units::seconds(wall_s)
    } else {
        units::rate(work.flop_count, work.bytes_moved(Format::F32), wall_s)
    }
}

/// Shows a search, and keeps what it finds.
pub struct Screen<'a> {
    device: &'a dyn Device,
    tunable: &'a Tunable,
    denied: &'a mut DenyList,
    rows: &'a mut Writer,
    stop: &'a AtomicBool,
    bar: ProgressBar,
    begin: Instant,
    budget_s: f64,
    work: Work,
    tally: &'a mut Tally,
}

impl<'a> Screen<'a> {
    /// For a turn of so many seconds.
    pub fn new(
        (device, tunable): (&'a dyn Device, &'a Tunable),
        denied: &'a mut DenyList,
        rows: &'a mut Writer,
        stop: &'a AtomicBool,
        tally: &'a mut Tally,
        budget_s: f64,
    ) -> Result<Screen<'a>> {
        let (work, begin) = (work_of(tunable)?, Instant::now());
        let bar = spinner(|bar| bar, "{spinner} {wide_msg}", 120);
        Ok(Screen { device, tunable, denied, rows, stop, bar, begin, budget_s, work, tally })
    }

    /// Takes it off the terminal.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }

    /// Adds a line to tuning.csv. A full disk ends no search: what counts is in the user's file.
    fn write(
        &mut self,
        point: &Point,
        outcome: TrialOutcome,
        reason: &str,
        wall_s: Option<f64>,
        at_s: f64,
    ) {
        let row = TuningRow {
            device: self.device.entry().id.clone(),
            kernel: format!("{} {}", self.tunable.workload, self.tunable.implementation),
            shape_class: self.tunable.shape_class.to_string(),
            parameters: point.to_string(),
            outcome,
            reason: reason.to_string(),
            wall_s,
            flop_per_s: wall_s
                .filter(|_| self.tunable.part.is_none())
                .map(|s| self.work.flop_count as f64 / s),
            at_s,
        };
        if let Err(error) = self.rows.append(&[row]) {
            self.tally.problem = Some(error.to_string());
        }
    }

    fn show(&self) {
        let left_s = (self.budget_s - self.begin.elapsed().as_secs_f64()).max(0.0);
        let best = match &self.tally.best {
            Some(f) => {
                let times = units::ratio(f.default_s / f.wall_s);
                format!("best {} ({times} the defaults)", rate(self.tunable, &self.work, f.wall_s))
            }
            None => "best so far: the defaults".to_string(),
        };
        self.bar.set_message(format!(
            "{}: {best}, {} tried, {} rejected, {} left",
            self.tunable.name(),
            self.tally.tried,
            self.tally.rejected,
            units::seconds(left_s)
        ));
    }
}

impl Watcher for Screen<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn begins(&mut self, point: &Point) {
        // The defaults run without a search too.
        if self.tunable.seeds.first() != Some(point) {
            self.denied.add(self.tunable, point);
        }
        self.show();
    }

    fn tried(&mut self, trial: &Trial) {
        self.tally.tried += 1;
        let (outcome, reason, wall_s) = match &trial.outcome {
            Ok(wall_s) => (TrialOutcome::Measured, "", Some(*wall_s)),
            Err(Rejection::Refused(why)) => (TrialOutcome::Refused, why.as_str(), None),
            Err(Rejection::Slow(wall_s)) => (TrialOutcome::Slow, "", Some(*wall_s)),
            Err(Rejection::Wrong(why)) => (TrialOutcome::Wrong, why.as_str(), None),
            Err(Rejection::Fatal(why)) => (TrialOutcome::Poison, why.as_str(), None),
        };
        match trial.outcome {
            Err(Rejection::Fatal(_)) => self.denied.add(self.tunable, &trial.point),
            _ => self.denied.remove(self.tunable, &trial.point),
        }
        if wall_s.is_none() {
            self.tally.rejected += 1;
            self.tally.problem = Some(reason.to_string());
        }
        self.write(&trial.point, outcome, reason, wall_s, trial.at_s);
        self.show();
    }

    fn raced(&mut self, point: &Point, wall_s: f64, at_s: f64) {
        self.write(point, TrialOutcome::Final, "", Some(wall_s), at_s);
    }

    fn improved(&mut self, finding: &Finding) {
        if let Err(error) = self.device.keep(self.tunable, finding) {
            self.tally.problem = Some(error.to_string());
        }
        self.tally.best = Some(finding.clone());
        self.show();
    }
}
