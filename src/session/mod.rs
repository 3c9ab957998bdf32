//! The loop: prepare, verify, measure, record. The only place that knows the order.

mod bisect;
mod budget;
mod canary;
mod choice;
mod noise;
mod profile;
mod resume;
mod roofs;
mod rows;
mod timers;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::{Details, Device, Runner, Task};
use crate::error::{Error, Result, did_you_mean};
use crate::folder::RunFolder;
use crate::machine::TimerCheck;
use crate::measure::{self, Clock, Lane, Measured};
use crate::plan::{Case, Effort, Selection};
use crate::record::{BreakdownRow, Outcome, PlanRow, Record, SampleRow};
use crate::roof::Roofs;
use crate::verify::{Problem, Rejection, Verdict};
use crate::workload::{Cache, Scope, Workload};

use budget::Budget;
use canary::Canary;
use rows::{fill, sample_rows};

pub use canary::{Song, note_drift};
pub use rows::blank;

/// Points that each sweep may gain inside the bracket of a crossover, one after the other.
const BISECTIONS: usize = 2;

/// Who wants to hear how it goes.
pub trait Progress {
    /// A case begins: its number, how many there are, and its name.
    fn case(&mut self, _number: usize, _total: usize, _name: &str) {}
    /// What is being done right now.
    fn step(&mut self, _what: &str) {}
    /// The rows of a case that has ended.
    fn rows(&mut self, _records: &[Record]) {}
    /// A sentence.
    fn say(&mut self, _text: &str) {}
}

/// Hears nothing.
pub struct Silent;

impl Progress for Silent {}

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

/// One runner of a case, by device and implementation.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// Position of the device.
    pub device: usize,
    /// Name of the implementation.
    pub implementation: String,
}

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
    choice: Choice,
    details: Details,
    verdict: Verdict,
    build_s: Option<f64>,
}

/// Why a runner has no time.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// How its rows end.
    pub outcome: Outcome,
    /// One line.
    pub reason: String,
    /// Largest error over its bound, where a wrong result was the reason.
    pub error_ratio: Option<f64>,
}

impl Refusal {
    /// Left out from the start.
    pub fn skipped(reason: String) -> Refusal {
        Refusal { outcome: Outcome::Skipped, reason, error_ratio: None }
    }

    /// What a backend's error makes of its rows.
    pub fn of(error: Error) -> Refusal {
        let (outcome, reason) = match error {
            Error::Unsupported(reason) => (Outcome::Unsupported, reason),
            Error::Room(reason) => (Outcome::Skipped, reason),
            other => (Outcome::Failed, other.to_string()),
        };
        Refusal { outcome, reason, error_ratio: None }
    }
}

/// The rows of one case.
#[derive(Default)]
pub struct CaseRows {
    /// For results.csv.
    pub records: Vec<Record>,
    /// For samples.csv.
    pub samples: Vec<SampleRow>,
    /// For breakdown.csv.
    pub breakdown: Vec<BreakdownRow>,
}

impl CaseRows {
    /// Adds all of other rows.
    fn extend(&mut self, mut other: CaseRows) {
        self.records.append(&mut other.records);
        self.samples.append(&mut other.samples);
        self.breakdown.append(&mut other.breakdown);
    }

    /// Adds a row with its samples.
    pub fn add(&mut self, record: Record, measured: &Measured) {
        self.samples.extend(sample_rows(&record, measured));
        self.records.push(record);
    }
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
        let session = Session {
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
        };
        session.check_implementations()?;
        Ok(session)
    }

    fn check_implementations(&self) -> Result<()> {
        let known: Vec<&str> = crate::workload::WORKLOADS
            .iter()
            .flat_map(|w| self.devices.iter().flat_map(|d| d.implementations(*w)))
            .collect();
        for name in &self.selection.implementations {
            if name != "all" && !known.contains(&name.as_str()) {
                let mut there: Vec<&str> = known.clone();
                there.sort_unstable();
                there.dedup();
                return Err(Error::usage(format!(
                    "no chosen device has an implementation '{name}'; there is {} and all{}",
                    there.join(", "),
                    did_you_mean(name, there.iter().copied())
                )));
            }
        }
        Ok(())
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
        for (index, case) in cases.iter().enumerate() {
            if self.is_stopped() {
                ending.interrupted = true;
                return Ok(());
            }
            if done.iter().any(|r| resume::is_of(r, case)) {
                continue;
            }
            self.look_at_devices(progress);
            progress.case(index + 1, cases.len(), &case.name());
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

    /// Measures one case with all its runners.
    pub fn case(&mut self, case: &Case, effort: Effort, progress: &mut dyn Progress) -> CaseRows {
        if let Some(reason) = &case.skip {
            return self.skipped(case, reason);
        }
        let mut rows = CaseRows::default();
        let choices = self.choices(case, effort, &mut rows);
        let before = self.sing();
        let mut measured = self.measure(case, choices, effort, progress);
        let after = self.sing();
        note_drift(&mut measured.records, &before, &after);
        self.judge(&mut measured.records, progress);
        rows.extend(measured);
        rows
    }

    /// The canary's times now.
    pub fn sing(&mut self) -> Song {
        let mut canary = self.canary.take().unwrap_or_else(|| Canary::new(self));
        let song = canary.sing(self.clock);
        self.canary = Some(canary);
        song
    }

    /// Measures one case with these runners, as many at a time as fit into memory.
    fn measure(
        &mut self,
        case: &Case,
        choices: Vec<Choice>,
        effort: Effort,
        progress: &mut dyn Progress,
    ) -> CaseRows {
        let mut rows = CaseRows::default();
        let (groups, too_large) = self.memory_groups(case, choices);
        for (choice, reason) in too_large {
            rows.records.extend(self.unmeasured(case, &choice, &Refusal::skipped(reason)));
        }
        if groups.is_empty() {
            return rows;
        }
        progress.step("computing the reference");
        let problem = Problem::new(case.workload, &case.shape, case.dtype, self.selection.seed);
        let apart = groups.len() > 1;
        for group in groups {
            let mut measured = self.group(case, &problem, group, effort, progress);
            if apart {
                measured.records.iter_mut().for_each(|r| r.note("not-interleaved"));
            }
            rows.extend(measured);
        }
        rows
    }

    /// Prepares, verifies and samples runners together.
    fn group(
        &mut self,
        case: &Case,
        problem: &Problem<'_>,
        group: Vec<Choice>,
        effort: Effort,
        progress: &mut dyn Progress,
    ) -> CaseRows {
        let mut rows = CaseRows::default();
        let scopes = self.scopes(case.workload);
        let mut ready: Vec<Ready<'a>> = Vec::new();
        for choice in group {
            let what = format!("verifying {}", choice.implementation);
            progress.step(&what);
            match self.prepared(case, problem, &choice) {
                Ok(runner) => ready.push(runner),
                Err(refusal) => rows.records.extend(self.unmeasured(case, &choice, &refusal)),
            }
            if self.is_stopped() {
                return rows;
            }
        }
        progress.step("measuring");
        let lanes: Vec<Lane> = (0..ready.len())
            .flat_map(|runner| scopes.iter().map(move |scope| Lane { runner, scope: *scope }))
            .collect();
        let mut facts = Vec::new();
        let mut runners: Vec<Box<dyn Runner + '_>> = Vec::new();
        for one in ready {
            facts.push(one.facts);
            runners.push(one.runner);
        }
        let seed = self.selection.seed;
        let (clock, stop) = (self.clock, self.stop);
        let measured = measure::sample(&mut runners, &lanes, case.cache, effort, seed, clock, stop);
        if self.selection.profile && case.cache == Cache::Hot {
            progress.step("taking runs apart");
            for (runner, facts) in facts.iter().enumerate() {
                let own =
                    |(lane, m): (&Lane, &Measured)| lane.runner == runner && m.failure.is_none();
                if lanes.iter().zip(&measured).any(own) && !self.is_stopped() {
                    rows.breakdown.extend(self.profiled(
                        case,
                        &facts.choice,
                        &mut *runners[runner],
                    ));
                }
            }
        }
        for (lane, measured) in lanes.iter().zip(&measured) {
            rows.add(self.measured(case, &facts[lane.runner], lane.scope, measured), measured);
        }
        rows
    }

    /// The row of a measured lane. Its rate is remembered for what is still to come.
    pub fn measured(
        &mut self,
        case: &Case,
        facts: &Facts,
        scope: Scope,
        measured: &Measured,
    ) -> Record {
        let mut record = self.record(case, &facts.choice, scope);
        fill(&mut record, case, facts, measured);
        if self.untrusted.contains(&record.device) && record.device_median_s.take().is_some() {
            record.timer = "wall".to_string();
            record.note("untimed-device");
        }
        self.remember(case.workload, &facts.choice, &record);
        record
    }

    /// The scopes that were asked for and that the workload has.
    pub fn scopes(&self, workload: &dyn Workload) -> Vec<Scope> {
        let chosen = |s: &&Scope| self.selection.scopes.contains(s);
        workload.scopes().iter().filter(chosen).copied().collect()
    }

    /// Compiles, allocates and verifies. The error is how the runner's rows end, and why.
    pub fn prepared(
        &self,
        case: &Case,
        problem: &Problem<'_>,
        choice: &Choice,
    ) -> std::result::Result<Ready<'a>, Refusal> {
        let failed = Refusal::of;
        let task = Task {
            workload: case.workload,
            shape: &case.shape,
            dtype: case.dtype,
            implementation: &choice.implementation,
        };
        let device: &'a dyn Device = self.devices[choice.device].as_ref();
        let start = self.clock.now();
        let mut runner = device.prepare(&task).map_err(failed)?;
        let prepare_s = self.clock.now() - start;
        let build_s = if runner.details().compiled {
            // From source to the end of the first run, less one run.
            let first_s = self.timed_run(runner.as_mut()).map_err(failed)?;
            let second_s = self.timed_run(runner.as_mut()).map_err(failed)?;
            Some((prepare_s + first_s - second_s).max(0.0))
        } else {
            None
        };
        let verdict = problem.verify(runner.as_mut()).map_err(|rejection| match rejection {
            Rejection::Refused(error) => Refusal::of(error),
            Rejection::Wrong(wrong) => Refusal {
                outcome: Outcome::Failed,
                reason: wrong.what,
                error_ratio: wrong.error_ratio,
            },
        })?;
        if case.cache == Cache::Cold {
            // Found out before anything is measured.
            runner.flush().map_err(failed)?;
        }
        // What a runner in another process tells of itself it tells with its first answer.
        let details = runner.details();
        let facts = Facts { choice: choice.clone(), details, verdict, build_s };
        Ok(Ready { runner, facts })
    }

    fn timed_run(&self, runner: &mut dyn Runner) -> Result<f64> {
        let start = self.clock.now();
        runner.run(Scope::Compute)?;
        Ok(self.clock.now() - start)
    }

    fn remember(&mut self, workload: &'static dyn Workload, choice: &Choice, record: &Record) {
        let Some(rate) = record.flop_per_s.filter(|_| record.counts()) else { return };
        let key = (workload.name(), choice.device, choice.implementation.clone());
        let best = self.rates.entry(key).or_insert(rate);
        *best = best.max(rate);
    }

    /// The rows of a case that no runner measures.
    pub fn skipped(&self, case: &Case, reason: &str) -> CaseRows {
        let mut rows = CaseRows::default();
        let refusal = Refusal::skipped(reason.to_string());
        for choice in self.wanted(case) {
            rows.records.extend(self.unmeasured(case, &choice, &refusal));
        }
        rows
    }

    /// The rows of a runner without a time, one a scope.
    pub fn unmeasured(&self, case: &Case, choice: &Choice, refusal: &Refusal) -> Vec<Record> {
        let row = |scope: Scope| Record {
            outcome: refusal.outcome,
            reason: refusal.reason.clone(),
            max_error_ratio: refusal.error_ratio,
            ..self.record(case, choice, scope)
        };
        self.scopes(case.workload).into_iter().map(row).collect()
    }

    /// A row with everything but results.
    fn record(&self, case: &Case, choice: &Choice, scope: Scope) -> Record {
        let entry = self.devices[choice.device].entry();
        blank(&self.run, case, entry, &choice.implementation, scope)
    }
}

/// plan.csv of some cases.
pub fn plan_rows(cases: &[Case]) -> Vec<PlanRow> {
    cases.iter().flat_map(|c| c.rows.iter().cloned()).collect()
}
