//! The loop: prepare, verify, measure, record. The only place that knows the order.
//!
//! | file | holds |
//! | --- | --- |
//! | `mod.rs` | the loop over cases, passes and points that are gained |
//! | `setup.rs` | what stays the same from case to case |
//! | `choice.rs` | a runner by its names, and what users name |
//! | `chooser.rs` | which runners measure a case, by what was asked for and by the rates so far |
//! | `measurable.rs` | what can be measured at all |
//! | `memory.rs` | which of them are in memory together |
//! | `prepare.rs` | a runner prepared and verified |
//! | `sampler.rs` | the runners of a case, sampled together |
//! | `rows.rs` | from what was measured to rows |
//! | `method.rs` | how a case is sampled: in rounds, or as a front end likes |
//! | `ledger.rs` | where rows go |
//! | `canary.rs`, `timers.rs`, `zero_copy.rs`, `roofs.rs`, `earlier.rs`, `reach.rs` | what devices, clocks and rows are held against |
//! | `budget.rs` | time for the whole run |
//! | `forecast.rs` | when cases will be done |
//! | `resume.rs`, `bisect.rs`, `noise.rs` | runs that go on, points that are gained, the second pass |
//! | `open.rs`, `settle.rs` | comparisons without a verdict, and further rounds for them |
//! | `progress.rs` | who hears how it goes |

mod bisect;
mod budget;
mod canary;
mod choice;
mod chooser;
mod earlier;
mod forecast;
mod ledger;
mod measurable;
mod memory;
mod method;
mod noise;
mod open;
mod prepare;
mod progress;
mod reach;
mod resume;
mod roofs;
mod rows;
mod sampler;
mod settle;
mod setup;
mod timers;
mod zero_copy;

use crate::error::{Error, Result};
use crate::machine;
use crate::manifest::TimerCheck;
use crate::plan::{self, Case, Effort};
use crate::record::Record;
use crate::roof::Roofs;
use crate::stats::Pairing;
use crate::summary;
use crate::terms::DeviceId;

use budget::Budget;
use canary::Canary;
use forecast::Forecast;
use sampler::Sampler;

pub use canary::CanaryTimes;
pub use choice::{Choice, check_implementations, is_named};
pub use chooser::Chooser;
pub use forecast::outlook;
pub use ledger::Ledger;
pub use measurable::measurable;
pub use method::{Interleaved, Method};
pub use prepare::{Facts, Ready, prepared};
pub use progress::{Progress, Silent};
pub use roofs::RoofCheck;
pub use rows::{CaseRows, Rows, blank, refuse};
pub use setup::Setup;

/// Points that each sweep may gain inside the bracket of a crossover, one after the other.
const BISECTIONS: usize = 2;

/// What a run spends at the most on answers that are open after all cases, as a share of the time so far.
const SHARE_OF_FURTHER: f64 = 0.05;

/// What is done where an answer is open after all cases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Further {
    /// Nothing.
    Nothing,
    /// Rounds, for what the budget leaves or a share of what the run took.
    Share,
    /// Rounds until it is decided, or the budget used up.
    UntilDecided,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// A case failed or is suspect.
    pub failed: bool,
    /// The run was cut.
    pub interrupted: bool,
}

/// What a run measures.
pub struct Agenda {
    /// The cases, in order.
    pub cases: Vec<Case>,
    /// Caps of warm-up and sampling.
    pub effort: Effort,
    /// Whether each sweep gains points inside the bracket of its crossover.
    pub bisects: bool,
    /// What is done where an answer is open.
    pub further: Further,
}

/// A run, from case to case.
pub struct Session<'a> {
    /// What stays the same.
    pub setup: Setup<'a>,
    /// The roofs, and whether rows are held against them.
    pub roofs: RoofCheck,
    /// What the clocks of devices are worth; empty until the first case is measured.
    pub timers: Vec<TimerCheck>,
    /// Ids of devices whose mappings move nothing; empty until the first case is measured.
    pub zero_copy: Vec<DeviceId>,
    chooser: Chooser<'a>,
    sampler: Sampler<'a>,
    /// The canary; none until devices are looked at.
    canary: Option<Canary<'a>>,
    /// Its times after the last case.
    steady: Option<CanaryTimes>,
}

impl<'a> Session<'a> {
    /// A session that has measured nothing yet but knows these roofs. Its rows are of the run with this
    /// name.
    pub fn new(setup: Setup<'a>, run: &str, roofs: Roofs) -> Session<'a> {
        let rows = Rows { setup, run: run.to_string(), untrusted: Vec::new() };
        Session {
            setup,
            roofs: RoofCheck::new(roofs),
            timers: Vec::new(),
            zero_copy: Vec::new(),
            chooser: Chooser::new(setup),
            sampler: Sampler { setup, rows },
            canary: None,
            steady: None,
        }
    }

    /// Measures cases by a method. Rows that the ledger's folder holds already are left alone.
    pub fn run(
        &mut self,
        agenda: Agenda,
        method: &mut dyn Method<'a>,
        ledger: &mut Ledger<'_>,
        progress: &mut dyn Progress,
    ) -> Result<Ending> {
        let Agenda { mut cases, effort, bisects, further } = agenda;
        let start_s = self.setup.clock.now();
        resume::add_gained(ledger, &mut cases)?;
        ledger.write_plan(&cases)?;
        resume::take_up(&self.setup, ledger, &mut self.chooser, &cases, progress)?;
        let left: Vec<Case> =
            plan::left(&cases, &ledger.records()?).iter().map(|(_, c)| (*c).clone()).collect();
        let budget = Budget::new(&self.setup, &self.chooser, &left, effort);
        self.chooser.end_by(budget.deadline_s);
        let mut is_cut = self.run_cases(&cases, &budget, method, ledger, progress)?;
        for _ in 0..BISECTIONS {
            let Some(folder) = ledger.folder().filter(|_| bisects && !is_cut) else { break };
            let Some(extra) = bisect::extra_points(folder, &mut cases)? else { break };
            cases.extend(extra.iter().cloned());
            ledger.write_plan(&cases)?;
            progress.say("narrowing down where the lines cross");
            is_cut = self.run_cases(&extra, &budget, method, ledger, progress)?;
        }
        if further != Further::Nothing && !is_cut {
            let until_s = self.further_until_s(further, start_s, &budget);
            is_cut = settle::settle(self, &cases, (effort, until_s), ledger, progress)?;
        }
        let again = self.setup.selection.noise_floor && !is_cut;
        if let Some(folder) = ledger.folder().filter(|_| again) {
            progress.say("measuring everything a second time: the noise floor");
            is_cut = noise::second_pass(self, folder, &cases, &budget, progress)?;
        }
        Ok(Ending { failed: ledger.has_failed(), interrupted: is_cut })
    }

    /// Until when answers that are open may be sampled; none where that takes as long as it takes. A run that
    /// began at `start_s` gives a share of its time, unless it has a budget for nothing else.
    fn further_until_s(&self, further: Further, start_s: f64, budget: &Budget) -> Option<f64> {
        let now = self.setup.clock.now();
        let share_s = now + SHARE_OF_FURTHER * (now - start_s);
        match (further, budget.deadline_s) {
            (Further::UntilDecided, deadline_s) => deadline_s,
            (_, Some(deadline_s)) if self.setup.selection.noise_floor => {
                Some(deadline_s.min(share_s))
            }
            (_, deadline_s) => Some(deadline_s.unwrap_or(share_s)),
        }
    }

    /// The loop. True where it was cut.
    fn run_cases(
        &mut self,
        cases: &[Case],
        budget: &Budget,
        method: &mut dyn Method<'a>,
        ledger: &mut Ledger<'_>,
        progress: &mut dyn Progress,
    ) -> Result<bool> {
        let left = plan::left(cases, &ledger.records()?);
        if !left.is_empty() && ledger.folder().is_some() {
            self.look_at_devices(progress);
        }
        let mut forecast = self.forecast(&left, budget.effort);
        for (at, (index, case)) in left.iter().enumerate() {
            if self.setup.is_stopped() {
                return Ok(true);
            }
            // The noise floor takes as long again as all of them.
            let again_s = if self.setup.selection.noise_floor { forecast.all_s() } else { 0.0 };
            let left_s = forecast.next(self.setup.clock.now()) + again_s;
            progress.case(
                index + 1,
                cases.len(),
                &case.name(),
                budget.cut(left_s, self.setup.clock),
            );
            if !budget.is_left(self.setup.clock) {
                ledger.keep(&self.skipped(case, &budget.reason()), progress)?;
            } else if let Some(reason) = &case.skip {
                ledger.keep(&self.skipped(case, reason), progress)?;
            } else {
                method.measure(self, case, budget.effort, ledger, progress)?;
                machine::give_back();
            }
            let name = case.workload.name();
            if left[at + 1..].iter().all(|(_, later)| later.workload.name() != name) {
                tell_answers(name, ledger, progress)?;
            }
        }
        Ok(self.setup.is_stopped())
    }

    /// Measures one case with all its runners, in rounds.
    pub fn case(&mut self, case: &Case, effort: Effort, progress: &mut dyn Progress) -> CaseRows {
        let (choices, refused) = self.chooser.choices(case, effort);
        let mut rows = self.sampler.rows.refused(case, &refused);
        // Nothing is timed between two cases.
        let before = match self.steady.take() {
            Some(times) => times,
            None => self.canary_times(),
        };
        let mut measured = self.sampler.measure(case, choices, effort, progress);
        self.steady = Some(self.hold(&mut measured.records, &before, progress));
        rows.extend(measured);
        rows
    }

    /// The runners that measure a case one after the other, and the rows of those that are left out.
    pub fn choices(&self, case: &Case, effort: Effort) -> (Vec<Choice>, CaseRows) {
        let (choices, too_slow) = self.chooser.choices(case, effort);
        let (groups, refused) = memory::groups(&self.setup, case, choices);
        let mut rows = self.sampler.rows.refused(case, &too_slow);
        rows.extend(self.sampler.rows.refused(case, &refused));
        (groups.into_iter().flatten().collect(), rows)
    }

    /// What makes the rows of runners that are measured one after the other.
    pub fn rows(&self) -> &Rows<'a> {
        &self.sampler.rows
    }

    /// The rows of a case that no runner measures.
    fn skipped(&self, case: &Case, reason: &str) -> CaseRows {
        let refused = |choice| (choice, Error::Skipped(reason.to_string()));
        let refused: Vec<_> = self.chooser.wanted(case).into_iter().map(refused).collect();
        self.sampler.rows.refused(case, &refused)
    }

    /// The canary's times now; none before devices were looked at.
    pub fn canary_times(&mut self) -> CanaryTimes {
        let clock = self.setup.clock;
        self.canary.as_mut().map(|canary| canary.times(clock)).unwrap_or_default()
    }

    /// Holds rows that have just been measured against the canary, whose times before them are `before`,
    /// and against the roofs, and remembers their rates. Returns the canary's times after them. Devices
    /// that were not looked at are held against nothing.
    pub fn hold(
        &mut self,
        records: &mut [Record],
        before: &CanaryTimes,
        progress: &mut dyn Progress,
    ) -> CanaryTimes {
        records.iter().for_each(|record| self.chooser.learn(record));
        let after = self.canary_times();
        if self.canary.is_some() {
            canary::note_drift(records, before, &after);
            self.roofs.judge(records, &self.sampler, &mut self.chooser, progress);
        }
        after
    }

    /// Before the first case: what clocks are worth, and how fast the devices could be.
    fn look_at_devices(&mut self, progress: &mut dyn Progress) {
        if self.canary.is_some() {
            return;
        }
        let canary = self.canary.insert(Canary::new(&self.setup));
        self.timers = timers::checks(canary, self.setup.clock);
        let lies = self.timers.iter().filter(|check| !check.trusted);
        self.sampler.rows.untrusted = lies.map(|check| check.device.clone()).collect();
        self.zero_copy = zero_copy::devices(self.setup.devices, self.setup.clock);
        // A run that goes on has them.
        if self.roofs.known == Roofs::default() {
            self.roofs.measure(&self.sampler, &mut self.chooser, progress);
            earlier::keep_or_take(&mut self.roofs, &self.setup, progress);
        }
    }

    /// When these cases will be done.
    fn forecast<'c>(&self, cases: &[(usize, &'c Case)], effort: Effort) -> Forecast<'c> {
        let expected = cases
            .iter()
            .map(|(_, case)| (case.workload.name(), self.chooser.likely_seconds(case, effort)));
        Forecast::new(expected.collect(), self.setup.clock.now())
    }
}

/// Tells what all cases of a workload have answered, as soon as they are done.
fn tell_answers(workload: &str, ledger: &Ledger<'_>, progress: &mut dyn Progress) -> Result<()> {
    let (mut records, mut samples) = (ledger.records()?, ledger.samples()?);
    records.retain(|row| row.workload == workload);
    samples.retain(|row| row.workload == workload);
    let mut plan = ledger.plan()?;
    plan.retain(|row| row.workload == workload);
    let rows = summary::summarize(&plan, &records, &samples, Pairing::Paired);
    progress.answers(&plan, &rows);
    Ok(())
}
