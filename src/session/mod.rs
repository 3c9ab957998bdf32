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
//! | `canary.rs`, `timers.rs`, `zero_copy.rs`, `roofs.rs`, `reach.rs` | what devices, clocks and rows are held against |
//! | `budget.rs` | time for the whole run, and when it will be done |
//! | `resume.rs`, `bisect.rs`, `noise.rs` | runs that go on, points that are gained, the second pass |
//! | `progress.rs` | who hears how it goes |

mod bisect;
mod budget;
mod canary;
mod choice;
mod chooser;
mod ledger;
mod measurable;
mod memory;
mod method;
mod noise;
mod prepare;
mod progress;
mod reach;
mod resume;
mod roofs;
mod rows;
mod sampler;
mod setup;
mod timers;
mod zero_copy;

use crate::error::{Error, Result};
use crate::manifest::TimerCheck;
use crate::plan::{self, Case, Effort};
use crate::record::Record;
use crate::roof::Roofs;
use crate::terms::DeviceId;

use budget::{Budget, Forecast};
use canary::Canary;
use sampler::Sampler;

pub use canary::CanaryTimes;
pub use choice::{Choice, check_implementations, is_named};
pub use chooser::Chooser;
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
        let Agenda { mut cases, effort, bisects } = agenda;
        ledger.write_plan(&cases)?;
        resume::take_up(&self.setup, ledger, &mut self.chooser, &cases, progress)?;
        let budget = Budget::new(&self.setup, &self.chooser, &cases, effort);
        self.chooser.end_by(budget.deadline_s);
        let mut is_cut = self.run_cases(&cases, &budget, method, ledger, progress)?;
        for _ in 0..BISECTIONS {
            let Some(folder) = ledger.folder().filter(|_| bisects && !is_cut) else { break };
            let extra = bisect::extra_points(folder, &cases)?;
            if extra.is_empty() {
                break;
            }
            cases.extend(extra.iter().cloned());
            ledger.write_plan(&cases)?;
            progress.say("narrowing down where the lines cross");
            is_cut = self.run_cases(&extra, &budget, method, ledger, progress)?;
        }
        let again = self.setup.selection.noise_floor && !is_cut;
        if let Some(folder) = ledger.folder().filter(|_| again) {
            progress.say("measuring everything a second time: the noise floor");
            is_cut = noise::second_pass(self, folder, &cases, &budget, progress)?;
        }
        Ok(Ending { failed: ledger.has_failed(), interrupted: is_cut })
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
        for (index, case) in left {
            if self.setup.is_stopped() {
                return Ok(true);
            }
            // The noise floor takes as long again as all of them.
            let again_s = if self.setup.selection.noise_floor { forecast.all_s() } else { 0.0 };
            let left_s = forecast.next(self.setup.clock.now()) + again_s;
            progress.case(index + 1, cases.len(), &case.name(), left_s);
            if !budget.is_left(self.setup.clock) {
                ledger.keep(&self.skipped(case, &budget.reason()), progress)?;
            } else if let Some(reason) = &case.skip {
                ledger.keep(&self.skipped(case, reason), progress)?;
            } else {
                method.measure(self, case, budget.effort, ledger, progress)?;
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
        self.roofs.measure(&self.sampler, &mut self.chooser, progress);
    }

    /// When these cases will be done.
    fn forecast(&self, cases: &[(usize, &Case)], effort: Effort) -> Forecast {
        let expected = cases.iter().map(|(_, case)| self.chooser.case_seconds(case, effort));
        Forecast::new(expected.collect(), self.setup.clock.now())
    }
}
