//! The loop: prepare, verify, measure, record. The only place that knows the order.

mod bisect;
mod budget;
mod canary;
mod case;
mod choice;
mod noise;
mod profile;
mod progress;
mod refusal;
mod resume;
mod roofs;
mod rows;
mod timers;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::Device;
use crate::error::Result;
use crate::folder::RunFolder;
use crate::manifest::TimerCheck;
use crate::measure::Clock;
use crate::plan::{Case, Effort, Selection};
use crate::record::{Outcome, PlanRow};
use crate::roof::Roofs;

use budget::Budget;
use canary::Canary;

pub use canary::{Song, note_drift};
pub use case::{CaseRows, Choice, Facts, Ready};
pub use choice::{check_implementations, is_named};
pub use progress::{Progress, Silent};
pub use refusal::Refusal;
pub use rows::blank;

/// Points that each sweep may gain inside the bracket of a crossover, one after the other.
const BISECTIONS: usize = 2;

/// How a session ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// A case failed or is suspect.
    pub failed: bool,
    /// The run was cut.
    pub interrupted: bool,
}

/// Everything that stays the same from case to case.
pub struct Session<'a> {
    /// The devices to measure.
    pub devices: &'a [Box<dyn Device>],
    /// What was asked for.
    pub selection: &'a Selection,
    /// Name of the run.
    pub run: String,
    /// The clock of all wall times.
    pub clock: &'a dyn Clock,
    /// Set when the user wants to stop.
    pub stop: &'a AtomicBool,
    /// Best FLOP/s so far by workload, device and implementation.
    rates: HashMap<(&'static str, usize, String), f64>,
    /// When the budget is used up, by the clock.
    deadline_s: Option<f64>,
    /// The best of the run so far.
    pub roofs: Roofs,
    /// Whether what lies above a roof is suspect. Kernels with debug assertions make no roof.
    pub judges: bool,
    /// What the clocks of devices are worth; empty until the first case is measured.
    pub timers: Vec<TimerCheck>,
    /// Devices whose mappings move nothing.
    pub zero_copy: Vec<String>,
    /// Made with the first case.
    canary: Option<Canary<'a>>,
    /// Devices whose own clock makes no sense.
    untrusted: Vec<String>,
}

impl<'a> Session<'a> {
    /// A session that has measured nothing yet. An implementation that no device has is bad usage.
    pub fn new(
        devices: &'a [Box<dyn Device>],
        selection: &'a Selection,
        run: &str,
        clock: &'a dyn Clock,
        stop: &'a AtomicBool,
    ) -> Result<Session<'a>> {
        check_implementations(devices, &selection.implementations)?;
        Ok(Session {
            devices,
            selection,
            run: run.to_string(),
            clock,
            stop,
            rates: HashMap::new(),
            deadline_s: None,
            roofs: Roofs::default(),
            judges: !cfg!(debug_assertions),
            timers: Vec::new(),
            zero_copy: Vec::new(),
            canary: None,
            untrusted: Vec::new(),
        })
    }

    /// Measures cases into a folder, with two more points inside the bracket of each crossover where
    /// `bisect`. Cases that the folder holds already are left alone.
    pub fn run(
        &mut self,
        folder: &mut RunFolder,
        mut cases: Vec<Case>,
        effort: Effort,
        bisect: bool,
        progress: &mut dyn Progress,
    ) -> Result<Ending> {
        folder.write_plan(&plan_rows(&cases))?;
        let mut ending = Ending { failed: self.take_up(folder, &cases)?, interrupted: false };
        let budget = Budget::new(self, &cases, effort);
        self.deadline_s = budget.deadline_s;
        self.run_cases(folder, &cases, &budget, progress, &mut ending)?;
        for _ in 0..BISECTIONS {
            if !bisect || ending.interrupted {
                break;
            }
            let extra = self.extra_points(folder, &cases)?;
            if extra.is_empty() {
                break;
            }
            cases.extend(extra.iter().cloned());
            folder.write_plan(&plan_rows(&cases))?;
            progress.say("narrowing down where the lines cross");
            self.run_cases(folder, &extra, &budget, progress, &mut ending)?;
        }
        if self.selection.noise_floor && !ending.interrupted {
            progress.say("measuring everything a second time: the noise floor");
            ending.interrupted = self.measure_noise(folder, &cases, &budget, progress)?;
        }
        Ok(ending)
    }

    fn run_cases(
        &mut self,
        folder: &mut RunFolder,
        cases: &[Case],
        budget: &Budget,
        progress: &mut dyn Progress,
        ending: &mut Ending,
    ) -> Result<()> {
        let done = folder.records()?;
        let to_do = |(_, case): &(usize, &Case)| !done.iter().any(|r| resume::is_of(r, case));
        let left: Vec<(usize, &Case)> = cases.iter().enumerate().filter(to_do).collect();
        if !left.is_empty() {
            self.look_at_devices(progress);
        }
        let mut forecast = self.forecast(left.iter().map(|(_, case)| *case), budget.effort);
        for (index, case) in left {
            if self.is_stopped() {
                ending.interrupted = true;
                return Ok(());
            }
            // The noise floor takes as long again as all of them.
            let again_s = if self.selection.noise_floor { forecast.all_s() } else { 0.0 };
            let left_s = forecast.next(self.clock.now()) + again_s;
            progress.case(index + 1, cases.len(), &case.name(), left_s);
            let rows = match budget.left(self.clock) {
                false => self.skipped(case, &budget.reason()),
                true => self.case(case, budget.effort, progress),
            };
            // A case that was cut has too few samples to stand beside the others.
            if self.is_stopped() {
                ending.interrupted = true;
                return Ok(());
            }
            folder.append_breakdown(&rows.breakdown)?;
            folder.append(&rows.records, &rows.samples)?;
            progress.rows(&rows.records);
            ending.failed |= rows
                .records
                .iter()
                .any(|r| matches!(r.outcome, Outcome::Failed | Outcome::Suspect));
        }
        Ok(())
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Before the first case: what clocks are worth, and how fast the devices could be.
    pub fn look_at_devices(&mut self, progress: &mut dyn Progress) {
        if self.canary.is_none() {
            self.check_timers();
            self.zero_copy = self.zero_copy_devices();
            self.measure_roofs(progress);
        }
    }

    /// The canary's times now.
    pub fn sing(&mut self) -> Song {
        let mut canary = self.canary.take().unwrap_or_else(|| Canary::new(self));
        let song = canary.sing(self.clock);
        self.canary = Some(canary);
        song
    }
}

/// plan.csv of some cases.
pub fn plan_rows(cases: &[Case]) -> Vec<PlanRow> {
    cases.iter().flat_map(|c| c.rows.iter().cloned()).collect()
}
