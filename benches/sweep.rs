//! `cargo bench`: criterion over the same plan as `crossover run`. Afterwards the run's folder under
//! `reports/` holds the same CSV files, charts and report.
//!
//! CROSSOVER_PRESET chooses the preset, CROSSOVER_DEVICE devices, CROSSOVER_THREADS the CPU threads;
//! `crossover.toml` names contenders.
//! `--list`, `--test`, `--profile-time` and `--load-baseline` measure nothing new and write no folder.

use std::cell::OnceCell;
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, PlottingBackend, SamplingMode, Throughput};

use crossover::backend::{self, Devices};
use crossover::conclude::conclude;
use crossover::config;
use crossover::error::{Error, Result};
use crossover::folder::RunFolder;
use crossover::machine;
use crossover::manifest::{Manifest, Sampling};
use crossover::measure::{self, Clock, Measured, Sample, Timing, WallClock};
use crossover::plan::{self, Case, Effort, Selection};
use crossover::record::Outcome;
use crossover::session::{self, CaseRows, Choice, Ready, Refusal, Session, Silent, Song};
use crossover::terms::Scope;
use crossover::verify::Problem;
use crossover::workload::{Host, Preset};

/// Ctrl-C ends the sweep; what is measured gets its report.
static STOP: AtomicBool = AtomicBool::new(false);

fn main() -> ExitCode {
    backend::opencl::probe::answer_if_asked();
    match bench() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("crossover: {error}");
            ExitCode::from(2)
        }
    }
}

fn bench() -> Result<ExitCode> {
    let selection = selection()?;
    let cases = plan::cases(&selection)?;
    let preset = Preset::parse(&selection.preset)?;
    // SAFETY: nothing has started a thread yet.
    let (cores, devices) = unsafe {
        backend::start(&backend::Request {
            threads: selection.threads,
            names: &selection.devices,
            contenders: &selection.contenders,
            strict: true,
        })?
    };
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|a| a == "--quick") {
        return Err(Error::usage("--quick takes no samples; use CROSSOVER_PRESET=quick"));
    }
    let mut criterion = configured(preset);
    let folder = if measures(&arguments) { Some(RunFolder::create(None, None)?) } else { None };
    let run = folder.as_ref().map_or(String::new(), |f| f.name().to_string());
    let mut manifest = Manifest::new(&run, &selection, Sampling::Criterion, &cores);
    (manifest.devices, manifest.device_problems) = devices.facts();
    if let Some(folder) = &folder {
        folder.write_plan(&session::plan_rows(&cases))?;
        manifest.write(folder.path())?;
        devices.log_to(folder.path());
        manifest.introduction().iter().for_each(|line| println!("{line}"));
    }
    // Fails only where a handler is there already; Ctrl-C then ends the process at once.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::Relaxed) {
            backend::contender::abandon();
            std::process::exit(130);
        }
    });
    let samples = sample_size(preset, &arguments);
    let clock = WallClock::default();
    let mut session = Session::new(&devices.all, &selection, &run, &clock, &STOP)?;
    if folder.is_some() {
        session.look_at_devices(&mut Silent);
        manifest.timers.clone_from(&session.timers);
        manifest.zero_copy.clone_from(&session.zero_copy);
    }
    let mut sweep = Sweep { session, folder, samples, before: Song::new(), failed: false };
    let ended = sweep.all(&mut criterion, &cases, Effort::of(preset), &devices);
    if let Err(error) = &ended {
        eprintln!("crossover: the run was cut: {error}; what is measured is kept");
        sweep.failed = true;
    }
    criterion.final_summary();
    manifest.roofs = sweep.session.roofs.clone();
    manifest.interrupted = ended.is_err() || STOP.load(Ordering::Relaxed);
    if let Some(folder) = &sweep.folder {
        match conclude(folder, &manifest, false) {
            Ok(()) => println!("\n{}", folder.path().join("report.html").display()),
            Err(error) => {
                eprintln!("crossover: no report: {error}; 'crossover report' draws it later");
                sweep.failed = true;
            }
        }
    }
    Ok(if sweep.failed || manifest.interrupted { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What the environment asks for.
fn selection() -> Result<Selection> {
    let set = |name: &str| std::env::var(name).ok().filter(|v| !v.is_empty());
    let contenders = config::contenders(&[])?;
    let mut selection = Selection {
        host: Host { last_level_cache_bytes: machine::last_cache_bytes() },
        contenders,
        ..Selection::default()
    };
    if let Some(preset) = set("CROSSOVER_PRESET") {
        selection.preset = preset;
    }
    if let Some(devices) = set("CROSSOVER_DEVICE") {
        selection.devices = devices.split(',').map(|d| d.trim().to_string()).collect();
    }
    if let Some(threads) = set("CROSSOVER_THREADS") {
        let wrong = |_| Error::usage(format!("CROSSOVER_THREADS={threads} is not a number"));
        selection.threads = Some(threads.parse().map_err(wrong)?);
    }
    Ok(selection)
}

/// Whether criterion will measure, going by its arguments.
fn measures(arguments: &[String]) -> bool {
    const OTHERWISE: [&str; 4] = ["--list", "--test", "--profile-time", "--load-baseline"];
    let is = |argument: &String, option: &str| {
        argument == option || argument.starts_with(&format!("{option}="))
    };
    arguments.iter().any(|a| a == "--bench")
        && !arguments.iter().any(|a| OTHERWISE.iter().any(|o| is(a, o)))
}

fn configured(preset: Preset) -> Criterion {
    let effort = Effort::of(preset);
    Criterion::default()
        .plotting_backend(PlottingBackend::Plotters)
        .warm_up_time(Duration::from_secs_f64(effort.warm_up_s))
        .measurement_time(Duration::from_secs_f64(effort.sample_s))
        .nresamples(10_000)
        .sample_size(default_sample_size(preset))
        .configure_from_args()
}

fn default_sample_size(preset: Preset) -> usize {
    match preset {
        Preset::Quick | Preset::DeepBench | Preset::ResNet50 | Preset::Vgg16 | Preset::UNet => 10,
        Preset::Standard => 20,
        Preset::Full => 50,
    }
}

/// How many samples criterion takes: its own option counts before our default.
fn sample_size(preset: Preset, arguments: &[String]) -> usize {
    let mut given = arguments.iter().skip_while(|a| !a.starts_with("--sample-size"));
    let value = match given.next().map(|a| a.split_once('=')) {
        Some(Some((_, value))) => Some(value.to_string()),
        Some(None) => given.next().cloned(),
        None => None,
    };
    value.and_then(|v| v.parse().ok()).unwrap_or(default_sample_size(preset))
}

struct Sweep<'a> {
    session: Session<'a>,
    folder: Option<RunFolder>,
    samples: usize,
    /// The canary's times before the benchmark at hand.
    before: Song,
    failed: bool,
}

/// Ends a benchmark function whose runner can't be measured: criterion has no way to say so.
struct Abandoned;

impl<'a> Sweep<'a> {
    fn all(
        &mut self,
        criterion: &mut Criterion,
        cases: &[Case],
        effort: Effort,
        devices: &'a Devices,
    ) -> Result<()> {
        for case in cases {
            let mut rows = CaseRows::default();
            let choices = match &case.skip {
                Some(reason) => {
                    rows = self.session.skipped(case, reason);
                    Vec::new()
                }
                None => self.choices(case, effort, &mut rows),
            };
            self.keep(&rows)?;
            let work = case.workload.work(&case.shape);
            let mut group = criterion.benchmark_group(case.workload.name());
            group.sampling_mode(SamplingMode::Flat);
            group.throughput(Throughput::ElementsAndBytes {
                elements: work.flop_count,
                bytes: work.bytes_moved,
            });
            let problem = OnceCell::new();
            for choice in &choices {
                let id = devices.all[choice.device].entry().id.clone();
                self.runner(&mut group, case, choice, &id, &problem)?;
                if STOP.load(Ordering::Relaxed) {
                    return Ok(());
                }
            }
            group.finish();
        }
        Ok(())
    }

    /// The runners of a case that are worth a try and fit into memory.
    fn choices(&self, case: &Case, effort: Effort, rows: &mut CaseRows) -> Vec<Choice> {
        let choices = self.session.choices(case, effort, rows);
        let (groups, too_large) = self.session.memory_groups(case, choices);
        for (choice, reason) in too_large {
            let refusal = Refusal::skipped(reason);
            rows.records.extend(self.session.unmeasured(case, &choice, &refusal));
        }
        groups.into_iter().flatten().collect()
    }

    /// Both scopes of one runner, prepared and verified when the first of them passes the filter.
    fn runner<'c>(
        &mut self,
        group: &mut BenchmarkGroup<'_, WallTime>,
        case: &'c Case,
        choice: &Choice,
        device: &str,
        problem: &OnceCell<Problem<'c>>,
    ) -> Result<()> {
        if self.folder.is_some() {
            self.before = self.session.sing();
        }
        let mut ready: Option<Ready<'a>> = None;
        for scope in self.session.scopes(case.workload) {
            let id = plan::bench_id(case, device, &choice.implementation, scope);
            let mut calls: Vec<Timing> = Vec::new();
            let mut refused: Option<Refusal> = None;
            let session = &self.session;
            let ended = panic::catch_unwind(AssertUnwindSafe(|| {
                group.bench_function(
                    criterion::BenchmarkId::new(id.function, id.value),
                    |bencher| {
                        if ready.is_none() {
                            let seed = session.selection.seed;
                            let problem = problem.get_or_init(|| {
                                Problem::new(case.workload, &case.shape, case.dtype, seed)
                            });
                            match session.prepared(case, problem, choice) {
                                Ok(runner) => ready = Some(runner),
                                Err(why) => {
                                    refused = Some(why);
                                    panic::resume_unwind(Box::new(Abandoned));
                                }
                            }
                        }
                        let Some(ready) = &mut ready else { return };
                        bencher.iter_custom(|iterations| {
                            match timed(ready, scope, iterations, session.clock) {
                                Ok(timing) => {
                                    let elapsed = Duration::from_secs_f64(timing.seconds);
                                    calls.push(timing);
                                    elapsed
                                }
                                Err(error) => {
                                    refused = Some(error.into());
                                    panic::resume_unwind(Box::new(Abandoned));
                                }
                            }
                        });
                    },
                );
            }));
            if let Err(payload) = ended
                && !payload.is::<Abandoned>()
            {
                panic::resume_unwind(payload);
            }
            if let Some(refusal) = refused {
                return self.refuse(case, choice, scope, &refusal);
            }
            if let Some(ready) = ready.as_mut().filter(|_| !calls.is_empty()) {
                self.measured(case, ready, scope, &calls)?;
            }
        }
        if let Some(remote) = ready.as_mut().and_then(|ready| ready.runner.remote()) {
            remote.settle();
        }
        Ok(())
    }

    /// The rows of a runner from `scope` on: the scopes before it have theirs.
    fn refuse(
        &mut self,
        case: &Case,
        choice: &Choice,
        scope: Scope,
        refusal: &Refusal,
    ) -> Result<()> {
        if STOP.load(Ordering::Relaxed) {
            return Ok(());
        }
        let name = &choice.implementation;
        eprintln!("{} {name}: {:?}: {}", case.name(), refusal.outcome, refusal.reason);
        self.failed |= refusal.outcome == Outcome::Failed;
        let mut records = self.session.unmeasured(case, choice, refusal);
        records.retain(|r| r.scope >= scope);
        self.keep(&CaseRows { records, ..CaseRows::default() })
    }

    /// The last calls are criterion's samples; the ones before warmed up.
    fn measured(
        &mut self,
        case: &Case,
        ready: &mut Ready<'_>,
        scope: Scope,
        calls: &[Timing],
    ) -> Result<()> {
        let samples = &calls[calls.len().saturating_sub(self.samples)..];
        let doubts: Vec<String> = samples.iter().filter_map(|t| t.doubt.clone()).collect();
        let doubt = measure::doubt(&doubts, samples.len());
        let sample = |(round, timing): (usize, &Timing)| Sample {
            round: round as u64,
            iterations: timing.iterations * timing.repeats,
            wall_s: timing.per_run_s(),
        };
        let samples: Vec<Sample> = samples.iter().enumerate().map(sample).collect();
        let device_runs = match (scope, samples.last()) {
            (Scope::Compute, Some(last)) => {
                measure::device_runs(ready.runner.as_mut(), last.wall_s, self.session.clock)
            }
            _ => Vec::new(),
        };
        let measured = Measured { samples, device_runs, failure: None, doubt };
        let mut rows = CaseRows::default();
        rows.add(self.session.measured(case, &ready.facts, scope, &measured), &measured);
        if self.folder.is_some() {
            let after = self.session.sing();
            session::note_drift(&mut rows.records, &self.before, &after);
            self.before = after;
            self.session.judge(&mut rows.records, &mut Silent);
        }
        self.failed |= rows.records.iter().any(|r| r.outcome == Outcome::Suspect);
        self.keep(&rows)
    }

    fn keep(&mut self, rows: &CaseRows) -> Result<()> {
        match &mut self.folder {
            Some(folder) => folder.append(&rows.records, &rows.samples),
            None => Ok(()),
        }
    }
}

/// `iterations` blocking runs; an interrupt ends them.
fn timed(
    ready: &mut Ready<'_>,
    scope: Scope,
    iterations: u64,
    clock: &dyn Clock,
) -> Result<Timing> {
    if STOP.load(Ordering::Relaxed) {
        return Err(Error::Interrupted);
    }
    measure::timed(ready.runner.as_mut(), scope, iterations, false, clock)
}
