//! Criterion as a way to sample: the runners of a case one after the other, a benchmark a scope.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::panic::{self, AssertUnwindSafe};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, SamplingMode, Throughput};

use crossover::error::{Error, Result};
use crossover::measure::{self, Measured, RACE_ROUNDS, Sample, Timing};
use crossover::plan::{self, Case, Effort};
use crossover::session::{
    self, CanaryTimes, CaseRows, Choice, Ledger, Method, Progress, Ready, Session, Setup, Silent,
};
use crossover::stats::Summary;
use crossover::terms::Scope;
use crossover::units;
use crossover::verify::Problem;

/// Criterion samples the runners of a case one after the other.
pub struct ByCriterion {
    /// What warms up, samples and analyses.
    pub criterion: Criterion,
    /// How many samples it takes of each.
    pub samples: usize,
}

impl<'a> Method<'a> for ByCriterion {
    fn measure(
        &mut self,
        session: &mut Session<'a>,
        case: &Case,
        effort: Effort,
        ledger: &mut Ledger<'_>,
        progress: &mut dyn Progress,
    ) -> Result<()> {
        let (choices, rows) = session.choices(case, effort);
        ledger.keep(&rows, progress)?;
        let mut group = self.criterion.benchmark_group(case.workload.name());
        group.sampling_mode(SamplingMode::Flat);
        // One kind: critcmp and cargo-criterion know no two at once. Bytes are in our own files.
        let flop = case.workload.work(&case.shape).flop_count;
        if flop > 0 {
            group.throughput(Throughput::Elements(flop));
        }
        // The reference is computed for the first runner that passes the filter.
        let problem = OnceCell::new();
        let mut fastest = Fastest::new();
        // Nothing is timed between two benchmarks.
        let mut steady = session.canary_times();
        for choice in &choices {
            let (problem, fastest) = (&problem, &mut fastest);
            let mut bench = Bench { session, case, choice, problem, fastest, ready: None };
            steady = bench.measure(&mut group, self.samples, steady, ledger)?;
            if session.setup.is_stopped() {
                return Ok(());
            }
        }
        group.finish();
        Ok(())
    }
}

/// The fastest implementation of a case so far, by device and scope.
type Fastest = HashMap<(usize, Scope), Summary>;

/// A runner as a benchmark of criterion, once a scope.
struct Bench<'s, 'a, 'c> {
    session: &'s mut Session<'a>,
    case: &'c Case,
    choice: &'s Choice,
    problem: &'s OnceCell<Problem<'c>>,
    fastest: &'s mut Fastest,
    /// Prepared and verified when the first scope passes the filter.
    ready: Option<Ready<'a>>,
}

/// Ends a benchmark function whose runner can't be measured: criterion has no way to say so.
struct Abandoned;

impl<'a> Bench<'_, 'a, '_> {
    /// Measures all scopes, and keeps their rows. Returns the canary's times after them, which were `before`.
    fn measure(
        &mut self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        samples: usize,
        mut before: CanaryTimes,
        ledger: &mut Ledger<'_>,
    ) -> Result<CanaryTimes> {
        let mut same: Option<Measured> = None;
        for scope in self.session.setup.scopes(self.case.workload) {
            if let Some(measured) = &same {
                before = self.keep(scope, measured, before, ledger)?;
                continue;
            }
            let calls = match self.calls(group, scope) {
                Ok(calls) => calls,
                Err(why) => {
                    self.refuse(scope, &why, ledger)?;
                    break;
                }
            };
            if calls.outpaced {
                let name = &self.choice.implementation;
                eprintln!("{} {name}: another implementation is surely faster", self.case.name());
            }
            // The last calls are criterion's samples; the ones before warmed up.
            let last = &calls.all[calls.all.len().saturating_sub(samples)..];
            if let Some(measured) = self.measured(scope, last, calls.outpaced) {
                before = self.keep(scope, &measured, before, ledger)?;
                // A run that moves nothing is the same in every scope.
                let is_same = self.ready.as_ref().is_some_and(|r| r.runner.moves_nothing());
                same = is_same.then_some(measured);
            }
        }
        if let Some(remote) = self.ready.as_mut().and_then(|ready| ready.runner.remote()) {
            remote.settle();
        }
        Ok(before)
    }

    /// What criterion's calls took; none of them where its filter leaves the benchmark out.
    fn calls(&mut self, group: &mut BenchmarkGroup<'_, WallTime>, scope: Scope) -> Result<Calls> {
        let setup = self.session.setup;
        let races = setup.races(self.case.workload);
        let place = (self.choice.device, scope);
        let fastest = self.fastest.get(&place).filter(|_| races).copied();
        let device = &setup.device(self.choice).entry().id;
        let id = plan::bench_id(self.case, device, &self.choice.implementation, scope);
        let id = criterion::BenchmarkId::new(id.function, id.value);
        let mut calls = Calls::default();
        let mut refused: Option<Error> = None;
        let ended = panic::catch_unwind(AssertUnwindSafe(|| {
            group.bench_function(id, |bencher| {
                let ready = self.ready().unwrap_or_else(|why| {
                    refused = Some(why);
                    panic::resume_unwind(Box::new(Abandoned));
                });
                let race = fastest.map(|fastest| race(ready, scope, &fastest, &setup));
                match race.transpose() {
                    Ok(lost) => calls = lost.flatten().unwrap_or_default(),
                    Err(error) => refused = Some(error),
                }
                if refused.is_some() || calls.outpaced {
                    panic::resume_unwind(Box::new(Abandoned));
                }
                bencher.iter_custom(|iterations| {
                    let timing = timed(ready, scope, iterations, &setup).unwrap_or_else(|error| {
                        refused = Some(error);
                        panic::resume_unwind(Box::new(Abandoned));
                    });
                    let elapsed = units::duration(timing.seconds);
                    calls.all.push(timing);
                    elapsed
                });
            });
        }));
        if let Err(payload) = ended
            && !payload.is::<Abandoned>()
        {
            panic::resume_unwind(payload);
        }
        refused.map_or(Ok(calls), Err)
    }

    /// The runner, prepared and verified once.
    fn ready(&mut self) -> Result<&mut Ready<'a>> {
        let ready = match self.ready.take() {
            Some(ready) => ready,
            None => {
                let (setup, case) = (self.session.setup, self.case);
                let problem = self.problem.get_or_init(|| {
                    Problem::new(case.workload, &case.shape, case.dtype, setup.selection.seed)
                });
                session::prepared(&setup, case, problem, self.choice)?
            }
        };
        Ok(self.ready.insert(ready))
    }

    /// The rows of a runner from `scope` on: the scopes before it have theirs.
    fn refuse(&self, scope: Scope, why: &Error, ledger: &mut Ledger<'_>) -> Result<()> {
        let (case, choice) = (self.case, self.choice);
        if self.session.setup.is_stopped() {
            return Ok(());
        }
        let name = &choice.implementation;
        let mut records = self.session.rows().unmeasured(case, choice, why);
        if let Some(record) = records.first() {
            eprintln!("{} {name}: {:?}: {}", case.name(), record.outcome, record.reason);
        }
        records.retain(|r| r.scope >= scope);
        ledger.keep(&CaseRows { records, ..CaseRows::default() }, &mut Silent)
    }

    /// Samples as the other front end has them; none where there were no calls.
    fn measured(&mut self, scope: Scope, calls: &[Timing], outpaced: bool) -> Option<Measured> {
        let runner = self.ready.as_mut()?.runner.as_mut();
        let last_s = calls.last()?.per_call_s();
        let doubts: Vec<String> = calls.iter().filter_map(|t| t.doubt.clone()).collect();
        let sample = |(round, timing): (usize, &Timing)| Sample {
            round: round as u64,
            iterations: timing.iterations * timing.repeats,
            wall_s: timing.per_run_s(),
        };
        let device_runs = match scope {
            Scope::Compute if !outpaced => {
                measure::device_runs(runner, last_s, self.session.setup.clock)
            }
            _ => Vec::new(),
        };
        let measured = Measured {
            samples: calls.iter().enumerate().map(sample).collect(),
            device_runs,
            failure: None,
            outpaced,
            doubt: measure::doubt(&doubts, calls.len()),
        };
        let own = Summary::of(&measured.wall_s())?;
        let fastest = self.fastest.entry((self.choice.device, scope)).or_insert(own);
        if own.median < fastest.median {
            *fastest = own;
        }
        Some(measured)
    }

    /// Keeps the row of a scope. Returns the canary's times after it.
    fn keep(
        &mut self,
        scope: Scope,
        measured: &Measured,
        before: CanaryTimes,
        ledger: &mut Ledger<'_>,
    ) -> Result<CanaryTimes> {
        let mut rows = CaseRows::default();
        if let Some(ready) = &self.ready {
            let record = self.session.rows().measured(self.case, &ready.facts, scope, measured);
            rows.add(record, measured);
        }
        let after = self.session.hold(&mut rows.records, &before, &mut Silent);
        ledger.keep(&rows, &mut Silent)?;
        Ok(after)
    }
}

/// What calls of a benchmark took.
#[derive(Default)]
struct Calls {
    all: Vec<Timing>,
    /// Whether they showed that another implementation of the device is surely faster: criterion made none.
    outpaced: bool,
}

/// A few calls in a race with the fastest implementation of the device so far; none where it may be as fast.
fn race(
    ready: &mut Ready<'_>,
    scope: Scope,
    fastest: &Summary,
    setup: &Setup<'_>,
) -> Result<Option<Calls>> {
    let iterations = measure::calls_of_sample(timed(ready, scope, 1, setup)?.per_call_s());
    let call = |_| timed(ready, scope, iterations, setup);
    let all = (0..RACE_ROUNDS).map(call).collect::<Result<Vec<Timing>>>()?;
    let times: Vec<f64> = all.iter().map(Timing::per_run_s).collect();
    let outpaced = Summary::of(&times).is_some_and(|own| measure::is_outpaced(&own, fastest));
    Ok(outpaced.then_some(Calls { all, outpaced }))
}

/// `iterations` blocking runs; an interrupt ends them.
fn timed(
    ready: &mut Ready<'_>,
    scope: Scope,
    iterations: u64,
    setup: &Setup<'_>,
) -> Result<Timing> {
    if setup.is_stopped() {
        return Err(Error::Interrupted);
    }
    measure::timed(ready.runner.as_mut(), scope, iterations, false, setup.clock)
}
