//! One case: prepare, verify and sample its runners, and make rows of what comes out.

use super::rows::{blank, fill, sample_rows};
use super::{Progress, Refusal, Session, note_drift};
use crate::backend::{Details, Device, Runner, Task};
use crate::error::Result;
use crate::measure::{self, Conditions, Lane, Measured};
use crate::plan::{Case, Effort};
use crate::record::{BreakdownRow, Record, SampleRow};
use crate::terms::{Cache, Scope};
use crate::verify::{self, Problem, Proof};
use crate::workload::Workload;

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
    pub(super) choice: Choice,
    pub(super) details: Details,
    pub(super) proof: Proof,
    pub(super) build_s: Option<f64>,
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
    pub(super) fn extend(&mut self, mut other: CaseRows) {
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

    /// Measures one case with these runners, as many at a time as fit into memory.
    pub(super) fn measure(
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
        let conditions = Conditions {
            cache: case.cache,
            effort,
            seed: self.selection.seed,
            clock: self.clock,
            stop: self.stop,
            watch: &mut |measured, left_s| {
                let there = lanes.iter().zip(measured).filter(|(_, m)| !m.samples.is_empty());
                let mut rows = there.map(|(lane, measured)| {
                    let facts = &facts[lane.runner];
                    let mut record = self.record(case, &facts.choice, lane.scope);
                    fill(&mut record, case, facts, measured);
                    record
                });
                progress.live(&mut rows, left_s);
            },
        };
        let measured = measure::sample(&mut runners, &lanes, conditions);
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
        let task = Task {
            workload: case.workload,
            shape: &case.shape,
            dtype: case.dtype,
            implementation: &choice.implementation,
        };
        let device: &'a dyn Device = self.devices[choice.device].as_ref();
        let start = self.clock.now();
        let mut build_s = None;
        let first = |runner: &mut dyn Runner| -> std::result::Result<(), Refusal> {
            let prepare_s = self.clock.now() - start;
            if runner.details().compiled {
                // From source to the end of the first run, less one run.
                let first_s = self.timed_run(runner)?;
                let second_s = self.timed_run(runner)?;
                build_s = Some((prepare_s + first_s - second_s).max(0.0));
            }
            Ok(())
        };
        let (mut runner, proof) = verify::admitted(device.prepare(&task), first, problem)?;
        if case.cache == Cache::Cold {
            // Found out before anything is measured.
            runner.flush()?;
        }
        // What a runner in another process tells of itself it tells with its first answer.
        let details = runner.details();
        let facts = Facts { choice: choice.clone(), details, proof, build_s };
        Ok(Ready { runner, facts })
    }

    fn timed_run(&self, runner: &mut dyn Runner) -> Result<f64> {
        let start = self.clock.now();
        runner.run(Scope::Compute)?;
        Ok(self.clock.now() - start)
    }

    pub(super) fn remember(
        &mut self,
        workload: &'static dyn Workload,
        choice: &Choice,
        record: &Record,
    ) {
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
