//! `crossover tune`: search, keep, draw.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use super::args::TuneArgs;
use super::{End, interrupt, start};
use crate::backend::tunable::{Finding, Point, Tunable};
use crate::backend::{Device, Request};
use crate::conclude::conclude;
use crate::error::{Error, Result};
use crate::folder::{self, RunFolder};
use crate::machine::{Manifest, Sampling};
use crate::plan::Selection;
use crate::record::{TuningRow, Writer, file};
use crate::tune::{Bench, Limits, Poison, Rejection, Trial, Watcher, search};
use crate::units;
use crate::workload::{self, Shape, Work};

/// Tunes the chosen devices.
pub fn tune(args: &TuneArgs) -> Result<End> {
    if !(args.budget.is_finite() && args.budget > 0.0) {
        return Err(Error::usage("--budget takes a number of seconds above 0"));
    }
    for name in &args.workload {
        workload::find(name)?;
    }
    let names =
        if args.device.is_empty() { vec!["opencl".to_string()] } else { args.device.clone() };
    let request = Request { names: &names, strict: true, ..Request::default() };
    let (cores, devices) = start(&request)?;
    let jobs: Vec<(&dyn Device, Vec<Tunable>)> = devices
        .all
        .iter()
        .map(|device| (device.as_ref(), chosen(device.as_ref(), &args.workload)))
        .filter(|(_, tunables)| !tunables.is_empty())
        .collect();
    if jobs.is_empty() {
        return Err(Error::usage(
            "nothing to tune: the chosen devices have no searched kernels of these workloads",
        ));
    }
    let stop = interrupt::listen();
    let name = args.name.clone().or_else(|| args.out.is_none().then(folder::tune_name));
    let folder = RunFolder::create(args.out.as_deref(), name.as_deref())?;
    let selection =
        Selection { devices: names, workloads: args.workload.clone(), ..Selection::default() };
    let mut manifest = Manifest::new(folder.name(), &selection, Sampling::Interleaved, &cores);
    (manifest.devices, manifest.device_problems) = devices.facts();
    manifest.write(folder.path()).map_err(|e| Error::usage(e.to_string()))?;
    folder.write_plan(&[])?;
    let mut rows = Writer::open::<TuningRow>(&folder.path().join(file::TUNING))?;
    let mut well = true;
    for (device, tunables) in jobs {
        well &= tune_device(device, tunables, args, &mut rows, stop)?;
    }
    manifest.interrupted = stop.load(Ordering::Relaxed);
    conclude(&folder, &manifest, false)?;
    out!("{}", folder.path().join("report.html").display());
    Ok(if well && !manifest.interrupted { End::Well } else { End::Badly })
}

/// What is searched on a device for workloads: those that share their parameters with one of them.
fn chosen(device: &dyn Device, workloads: &[String]) -> Vec<Tunable> {
    let is_wanted = |tunable: &Tunable| {
        let shares = |name: &String| {
            let is_map = |name: &str| name.starts_with("stream-") && name != "stream-dot";
            name == tunable.workload || (is_map(name) && is_map(tunable.workload))
        };
        workloads.is_empty() || workloads.iter().any(shares)
    };
    device.tunables().into_iter().filter(is_wanted).collect()
}

/// Tunes one device. False where something could not be timed at all.
fn tune_device(
    device: &dyn Device,
    mut tunables: Vec<Tunable>,
    args: &TuneArgs,
    rows: &mut Writer,
    stop: &AtomicBool,
) -> Result<bool> {
    let entry = device.entry();
    out!(
        "{} {}: {} kernels and shapes, {}",
        entry.id,
        entry.name,
        tunables.len(),
        units::seconds(args.budget)
    );
    let program =
        std::env::current_exe().map_err(|e| Error::file(Path::new("/proc/self/exe"), &e))?;
    let mut bench = Bench::new(move || Command::new(&program), &entry.id, Limits::default());
    let mut poison = Poison::read(folder::user_data().map(|f| f.join("tuned")), entry);
    let begin = Instant::now();
    let mut well = true;
    for index in 0..tunables.len() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let (done, ahead) = tunables.split_at_mut(index + 1);
        let tunable = &done[index];
        // What one leaves of its share is for those that follow.
        let left_s = args.budget - begin.elapsed().as_secs_f64();
        let share_s = (left_s / (ahead.len() + 1) as f64).max(0.0);
        bench.turn_to(&tunable.name(), args.seed);
        let known = poison.points(tunable);
        let mut screen = Screen::new(device, tunable, &mut poison, rows, stop, share_s)?;
        let found = search(tunable, &known, &mut bench, &mut screen, share_s, args.seed);
        well &= screen.end(found.as_ref());
        if let Some(finding) = found {
            device.keep(tunable, &finding)?;
            // Good for one class of shapes, worth a try for the others.
            for other in ahead.iter_mut().filter(|other| other.shares_kernel(tunable)) {
                other.add_seed(&finding.point);
            }
        }
    }
    Ok(well)
}

/// Shows a search, and keeps what it finds.
struct Screen<'a> {
    device: &'a dyn Device,
    tunable: &'a Tunable,
    poison: &'a mut Poison,
    rows: &'a mut Writer,
    stop: &'a AtomicBool,
    bar: ProgressBar,
    begin: Instant,
    budget_s: f64,
    work: Work,
    best: Option<Finding>,
    tried: usize,
    rejected: usize,
    problem: Option<String>,
}

impl<'a> Screen<'a> {
    fn new(
        device: &'a dyn Device,
        tunable: &'a Tunable,
        poison: &'a mut Poison,
        rows: &'a mut Writer,
        stop: &'a AtomicBool,
        budget_s: f64,
    ) -> Result<Screen<'a>> {
        let workload = workload::find(tunable.workload)?;
        let shape = Shape::parse(workload, &tunable.shape)?;
        let bar = if io::stderr().is_terminal() {
            let bar = ProgressBar::new_spinner();
            let style = ProgressStyle::with_template("{spinner} {wide_msg}");
            bar.set_style(style.expect("a legal template"));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        } else {
            ProgressBar::hidden()
        };
        Ok(Screen {
            work: workload.work(&shape),
            device,
            tunable,
            poison,
            rows,
            stop,
            bar,
            begin: Instant::now(),
            budget_s,
            best: None,
            tried: 0,
            rejected: 0,
            problem: None,
        })
    }

    /// What a run computes in a second, or moves where it computes next to nothing; of a part of a run
    /// its time.
    fn rate(&self, wall_s: f64) -> String {
        if self.tunable.part.is_some() {
            units::seconds(wall_s)
        } else if self.work.flop_count <= self.work.bytes_moved / 4 {
            units::bytes_per_s(self.work.bytes_moved as f64 / wall_s)
        } else {
            units::flop_per_s(self.work.flop_count as f64 / wall_s)
        }
    }

    /// Adds a line to tuning.csv. A full disk ends no search: what counts is in the user's file.
    fn write(
        &mut self,
        point: &Point,
        outcome: &str,
        reason: &str,
        wall_s: Option<f64>,
        at_s: f64,
    ) {
        let row = TuningRow {
            device: self.device.entry().id.clone(),
            kernel: format!("{} {}", self.tunable.workload, self.tunable.implementation),
            shape_class: self.tunable.shape_class.to_string(),
            parameters: point.to_string(),
            outcome: outcome.to_string(),
            reason: reason.to_string(),
            wall_s,
            flop_per_s: wall_s
                .filter(|_| self.tunable.part.is_none())
                .map(|s| self.work.flop_count as f64 / s),
            at_s,
        };
        if let Err(error) = self.rows.append(&[row]) {
            self.problem = Some(error.to_string());
        }
    }

    fn show(&self) {
        let left_s = (self.budget_s - self.begin.elapsed().as_secs_f64()).max(0.0);
        let best = match &self.best {
            Some(f) => {
                let times = units::ratio(f.default_s / f.wall_s);
                format!("best {} ({times} the defaults)", self.rate(f.wall_s))
            }
            None => "best so far: the defaults".to_string(),
        };
        self.bar.set_message(format!(
            "{}: {best}, {} tried, {} rejected, {} left",
            self.tunable.name(),
            self.tried,
            self.rejected,
            units::seconds(left_s)
        ));
    }

    /// The last line of a search. False where nothing could be timed.
    fn end(&self, found: Option<&Finding>) -> bool {
        self.bar.finish_and_clear();
        let name = self.tunable.name();
        let counts = format!("{} tried, {} rejected", self.tried, self.rejected);
        match found {
            Some(f) => out!(
                "{name:<42} {:>13}  {:>6} the defaults  {counts}  {}",
                self.rate(f.wall_s),
                units::ratio(f.default_s / f.wall_s),
                f.point
            ),
            None => {
                let why = self.problem.as_deref().unwrap_or("there was no time");
                out!("{name:<42} nothing could be timed: {why}");
            }
        }
        found.is_some()
    }
}

impl Watcher for Screen<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    fn begins(&mut self, point: &Point) {
        // The defaults run without a search too.
        if self.tunable.seeds.first() != Some(point) {
            self.poison.add(self.tunable, point);
        }
        self.show();
    }

    fn tried(&mut self, trial: &Trial) {
        self.tried += 1;
        let (outcome, reason, wall_s) = match &trial.outcome {
            Ok(wall_s) => ("measured", "", Some(*wall_s)),
            Err(Rejection::Refused(why)) => ("refused", why.as_str(), None),
            Err(Rejection::Slow(wall_s)) => ("slow", "", Some(*wall_s)),
            Err(Rejection::Wrong(why)) => ("wrong", why.as_str(), None),
            Err(Rejection::Poison(why)) => ("poison", why.as_str(), None),
        };
        match trial.outcome {
            Err(Rejection::Poison(_)) => self.poison.add(self.tunable, &trial.point),
            _ => self.poison.remove(self.tunable, &trial.point),
        }
        if wall_s.is_none() {
            self.rejected += 1;
            self.problem = Some(reason.to_string());
        }
        self.write(&trial.point, outcome, reason, wall_s, trial.at_s);
        self.show();
    }

    fn raced(&mut self, point: &Point, wall_s: f64, at_s: f64) {
        self.write(point, "final", "", Some(wall_s), at_s);
    }

    fn improved(&mut self, finding: &Finding) {
        if let Err(error) = self.device.keep(self.tunable, finding) {
            self.problem = Some(error.to_string());
        }
        self.best = Some(finding.clone());
        self.show();
    }
}
