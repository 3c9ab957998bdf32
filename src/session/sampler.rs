//! The runners of a case, sampled together.

use std::ops::Range;

use super::{CaseRows, Choice, Facts, Progress, Rows, Setup, memory, prepared};
use crate::backend::Runner;
use crate::error::Error;
use crate::measure::{self, Conditions, Contest, Lane, Measured};
use crate::plan::{Case, Effort};
use crate::terms::{Baseline, Cache, Scope};
use crate::verify::Problem;

/// How much of a case is sampled.
pub(super) struct Extent {
    /// Caps of warm-up and sampling.
    pub(super) effort: Effort,
    /// Its scopes.
    pub(super) scopes: Vec<Scope>,
    /// Numbers of the rounds that are taken, where they are told.
    pub(super) rounds: Option<Range<u64>>,
}

/// Prepares, verifies and samples the runners of a case in rounds, and makes rows of what comes out.
pub(super) struct Sampler<'a> {
    pub(super) setup: Setup<'a>,
    /// What makes its rows.
    pub(super) rows: Rows<'a>,
}

impl<'a> Sampler<'a> {
    /// Measures one case with these runners.
    pub(super) fn measure(
        &self,
        case: &Case,
        choices: Vec<Choice>,
        effort: Effort,
        progress: &mut dyn Progress,
    ) -> CaseRows {
        let scopes = self.setup.scopes(case.workload);
        self.sample(case, choices, &Extent { effort, scopes, rounds: None }, progress)
    }

    /// Samples one case with these runners, as many at a time as fit into memory.
    pub(super) fn sample(
        &self,
        case: &Case,
        choices: Vec<Choice>,
        extent: &Extent,
        progress: &mut dyn Progress,
    ) -> CaseRows {
        let (groups, refused) = memory::groups(&self.setup, case, choices);
        let mut rows = self.rows.refused(case, &refused);
        if groups.is_empty() {
            return rows;
        }
        progress.step("computing the reference");
        let seed = self.setup.selection.seed;
        let problem = Problem::new(case.workload, &case.shape, case.dtype, seed);
        let apart = groups.len() > 1;
        for group in groups {
            let mut measured = self.group(case, &problem, group, extent, progress);
            if apart {
                measured.records.iter_mut().for_each(|r| r.note("not-interleaved"));
            }
            rows.extend(measured);
        }
        rows
    }

    /// Prepares, verifies and samples runners together.
    fn group(
        &self,
        case: &Case,
        problem: &Problem<'_>,
        group: Vec<Choice>,
        extent: &Extent,
        progress: &mut dyn Progress,
    ) -> CaseRows {
        let (mut runners, facts, mut rows) = self.prepared(case, problem, group, progress);
        if self.setup.is_stopped() {
            return rows;
        }
        for facts in &facts {
            let here = facts.left_out.iter().filter(|(scope, _)| extent.scopes.contains(scope));
            let row = |(scope, why): &(Scope, Error)| {
                self.rows.left_out(case, &facts.choice, *scope, why)
            };
            rows.records.extend(here.map(row));
        }
        progress.step("measuring");
        let (lanes, places) = self.lanes(case, &runners, &facts, &extent.scopes);
        let conditions = Conditions {
            is_single: false,
            cache: case.cache,
            effort: extent.effort,
            contests: &self.contests(&extent.scopes, &lanes, &places, &facts),
            rounds: extent.rounds.clone(),
            seed: self.setup.selection.seed,
            clock: self.setup.clock,
            stop: self.setup.stop,
            watch: &mut |measured, left_s| {
                let there = places.iter().filter(|(lane, _)| !measured[*lane].samples.is_empty());
                let mut rows = there.map(|(lane, scope)| {
                    let facts = &facts[lanes[*lane].runner];
                    self.rows.measured(case, facts, *scope, &measured[*lane])
                });
                progress.live(&mut rows, left_s);
            },
        };
        let measured = measure::sample(&mut runners, &lanes, conditions);
        if self.setup.selection.profile && case.cache == Cache::Hot {
            progress.step("taking runs apart");
            self.profile(case, &mut runners, &facts, &lanes, &measured, &mut rows);
        }
        for (lane, scope) in places {
            let facts = &facts[lanes[lane].runner];
            rows.add(self.rows.measured(case, facts, scope, &measured[lane]), &measured[lane]);
        }
        rows
    }

    /// The lanes of some runners, and the lane and scope of each row: where a run is the same in every scope,
    /// one lane serves all.
    fn lanes(
        &self,
        case: &Case,
        runners: &[Box<dyn Runner + 'a>],
        facts: &[Facts],
        scopes: &[Scope],
    ) -> (Vec<Lane>, Vec<(usize, Scope)>) {
        let races = self.setup.races(case.workload);
        let (mut lanes, mut places) = (Vec::new(), Vec::new());
        for (runner, (r, facts)) in runners.iter().zip(facts).enumerate() {
            let is_measured = |scope: &Scope| facts.left_out.iter().all(|(s, _)| s != scope);
            for (number, scope) in scopes.iter().enumerate().filter(|(_, s)| is_measured(s)) {
                if number == 0 || !r.moves_nothing() {
                    let race = races.then_some(facts.choice.device * scopes.len() + number);
                    lanes.push(Lane { runner, scope: *scope, race });
                }
                places.push((lanes.len() - 1, *scope));
            }
        }
        (lanes, places)
    }

    /// What a run asks of these lanes: of each device that is none of the CPU's side whether it is faster than
    /// the fastest of that side.
    fn contests(
        &self,
        scopes: &[Scope],
        lanes: &[Lane],
        places: &[(usize, Scope)],
        facts: &[Facts],
    ) -> Vec<Contest> {
        let device = |lane: usize| self.setup.device(&facts[lanes[lane].runner].choice).entry();
        let mut contests = Vec::new();
        for scope in scopes {
            let here = places.iter().filter(|(_, s)| s == scope).map(|(lane, _)| *lane);
            let is_baseline = |lane: &usize| {
                let entry = device(*lane);
                Baseline::Best.admits(&entry.id, entry.kind)
            };
            let (baselines, opponents): (Vec<usize>, Vec<usize>) = here.partition(is_baseline);
            let contest = |opponent| Contest { baselines: baselines.clone(), opponent };
            contests.extend(opponents.into_iter().map(contest));
        }
        contests
    }

    /// Those that are right, with what is known of them, and the rows of those that are not. Ends early
    /// where the user wants to stop.
    fn prepared(
        &self,
        case: &Case,
        problem: &Problem<'_>,
        group: Vec<Choice>,
        progress: &mut dyn Progress,
    ) -> (Vec<Box<dyn Runner + 'a>>, Vec<Facts>, CaseRows) {
        let (mut runners, mut facts, mut rows) = (Vec::new(), Vec::new(), CaseRows::default());
        for choice in group {
            progress.step(&format!("verifying {}", choice.implementation));
            match prepared(&self.setup, case, problem, &choice) {
                Ok(ready) => {
                    runners.push(ready.runner);
                    facts.push(ready.facts);
                }
                Err(refusal) => rows.records.extend(self.rows.unmeasured(case, &choice, &refusal)),
            }
            if self.setup.is_stopped() {
                break;
            }
        }
        (runners, facts, rows)
    }

    /// Takes runs apart of the runners that have times. One that fails here has no breakdown, and
    /// nothing else is lost.
    fn profile(
        &self,
        case: &Case,
        runners: &mut [Box<dyn Runner + 'a>],
        facts: &[Facts],
        lanes: &[Lane],
        measured: &[Measured],
        rows: &mut CaseRows,
    ) {
        for (number, (runner, facts)) in runners.iter_mut().zip(facts).enumerate() {
            let is_well =
                |(lane, m): (&Lane, &Measured)| lane.runner == number && m.failure.is_none();
            if lanes.iter().zip(measured).any(is_well) && !self.setup.is_stopped() {
                let parts = measure::profile(runner.as_mut(), self.setup.clock).unwrap_or_default();
                rows.breakdown.extend(self.rows.breakdown(case, &facts.choice, parts));
            }
        }
    }
}
