//! `crossover tune`: search, keep, draw.

mod screen;

use std::cmp::Ordering;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{self, AtomicBool};
use std::time::Instant;

use super::args::TuneArgs;
use super::{End, interrupt, start};
use crate::backend::tunable::{Finding, Tunable};
use crate::backend::{Device, Request};
use crate::conclude::conclude;
use crate::error::{Error, Result};
use crate::folder::{self, RunFolder};
use crate::manifest::{Manifest, Sampling};
use crate::plan::Selection;
use crate::record::{TuningRow, Writer, file};
use crate::terms::Role;
use crate::tune::{Bench, DenyList, Limits, Progress, Search};
use crate::units;
use crate::workload::{self, Workload};

use screen::{Screen, Tally};

/// Tunes the chosen devices.
pub fn tune(args: &TuneArgs) -> Result<End> {
    if !(args.budget.is_finite() && args.budget > 0.0) {
        return Err(Error::usage("--budget takes a number of seconds above 0"));
    }
    for name in &args.workload {
        workload::find(name)?;
    }
    let request = Request { names: &args.device, strict: true, ..Request::default() };
    let (cores, mut devices) = start(&request)?;
    devices.all.retain(|device| !chosen(device.as_ref(), &args.workload).is_empty());
    if devices.all.is_empty() {
        return Err(Error::usage(
            "nothing to tune: no such device has searched kernels of these workloads ('crossover \
             doctor' says what is missing)",
        ));
    }
    let stop = interrupt::listen();
    let name = args.name.clone().or_else(|| args.out.is_none().then(folder::tune_name));
    let selection = Selection {
        devices: args.device.clone(),
        workloads: args.workload.clone(),
        ..Selection::default()
    };
    let begin = |folder: &RunFolder| {
        let mut manifest = Manifest::new(folder.name(), &selection, Sampling::Interleaved, &cores);
        (manifest.devices, manifest.device_problems) = devices.facts();
        manifest.write(folder.path()).map_err(|e| Error::usage(e.to_string()))?;
        Ok(manifest)
    };
    let (folder, mut manifest) = RunFolder::create(args.out.as_deref(), name.as_deref(), begin)?;
    folder.write_plan(&[])?;
    let mut rows = Writer::open::<TuningRow>(&folder.path().join(file::TUNING))?;
    let mut well = true;
    for device in &devices.all {
        if stop.load(atomic::Ordering::Relaxed) {
            break;
        }
        let tunables = chosen(device.as_ref(), &args.workload);
        well &= tune_device(device.as_ref(), tunables, args, &mut rows, stop)?;
    }
    manifest.interrupted = stop.load(atomic::Ordering::Relaxed);
    conclude(&folder, &manifest, false)?;
    out!("{}", folder.path().join("report.html").display());
    Ok(if well && !manifest.interrupted { End::Well } else { End::Badly })
}

/// What is searched on a device for workloads: those that share their parameters with one of them.
fn chosen(device: &dyn Device, workloads: &[String]) -> Vec<Tunable> {
    let is_wanted = |tunable: &Tunable| {
        let shares = |name: &String| {
            let is_map =
                |name: &str| workload::role(name) == Role::Memory && name != workload::DOT.name();
            name == tunable.workload || (is_map(name) && is_map(tunable.workload))
        };
        workloads.is_empty() || workloads.iter().any(shares)
    };
    device.tunables().into_iter().filter(is_wanted).collect()
}

/// Share of the time for a first look at everything.
const FIRST_LOOK: f64 = 0.4;

/// A share of the defaults' time under which a first look has gained something.
const GAINED: f64 = 0.97;

/// A search that goes on for less is of no use: fewer go on instead.
const LEAST_SHARE_S: f64 = 3.0;

/// About what a last race alone takes.
const LAST_RACE_S: f64 = 0.5;

/// One search, and what is told of it.
struct Job {
    tunable: Tunable,
    progress: Progress,
    tally: Tally,
}

/// The searches of one device.
struct Tuning<'a> {
    device: &'a dyn Device,
    args: &'a TuneArgs,
    rows: &'a mut Writer,
    stop: &'a AtomicBool,
    bench: Bench,
    denied: DenyList,
    jobs: Vec<Job>,
    begin: Instant,
}

/// Tunes one device. False where something could not be timed at all.
fn tune_device(
    device: &dyn Device,
    tunables: Vec<Tunable>,
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
    let denied = DenyList::read(folder::user_data().map(|f| f.join("tuned")), entry);
    let job = |tunable: Tunable| {
        let progress = Progress::without(&denied.points(&tunable));
        Job { tunable, progress, tally: Tally::default() }
    };
    let mut tuning = Tuning {
        jobs: tunables.into_iter().map(job).collect(),
        bench: Bench::new(move || Command::new(&program), entry.id.as_str(), Limits::default()),
        device,
        args,
        rows,
        stop,
        denied,
        begin: Instant::now(),
    };
    let order = tuning.first_look()?;
    tuning.go_on(&order)
}

impl Tuning<'_> {
    fn is_stopped(&self) -> bool {
        self.stop.load(atomic::Ordering::Relaxed)
    }

    /// Seconds until a share of the budget is spent.
    fn left_s(&self, share: f64) -> f64 {
        (share * self.args.budget - self.begin.elapsed().as_secs_f64()).max(0.0)
    }

    /// Seeds and first steps of every search. Returns those that are to go on: which gained most first,
    /// of those that gained nothing the ones that tried least.
    fn first_look(&mut self) -> Result<Vec<usize>> {
        let count = self.jobs.len();
        for index in 0..count {
            let share_s = self.left_s(FIRST_LOOK) / (count - index) as f64;
            self.turn(index, share_s, |search| search.begin())?;
            if self.is_stopped() {
                return Ok((0..=index).rev().collect());
            }
            // Good for one class of shapes, worth a try for the others.
            let Job { tunable, progress, .. } = &self.jobs[index];
            let Some((best, _)) = progress.best() else { continue };
            let (tunable, best) = (tunable.clone(), best.clone());
            for other in self.jobs.iter_mut().filter(|job| job.tunable.shares_kernel(&tunable)) {
                other.tunable.add_seed(&best);
            }
        }
        let rank = |index: &usize| {
            let Job { progress, tally, .. } = &self.jobs[*index];
            let score = progress.best().map_or(1.0, |(_, score)| score);
            (if score < GAINED { score } else { 1.0 }, tally.tried)
        };
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|a, b| rank(a).partial_cmp(&rank(b)).unwrap_or(Ordering::Equal));
        Ok(order)
    }

    /// Each search to its end: the first of them with as much time as is of use.
    fn go_on(&mut self, order: &[usize]) -> Result<bool> {
        let useful = (self.left_s(1.0) / LEAST_SHARE_S) as usize;
        let mut well = true;
        for (place, index) in order.iter().enumerate() {
            if place > 0 && self.is_stopped() {
                let Job { tunable, tally, .. } = &self.jobs[*index];
                if tally.best.is_some() {
                    // In use already; only the last race is missing.
                    screen::conclude(tunable, tally, tally.best.as_ref())?;
                }
                continue;
            }
            let with_share = useful.clamp(1, order.len());
            let others_s = (order.len() - with_share) as f64 * LAST_RACE_S;
            let sharers = with_share.saturating_sub(place);
            let share_s = (self.left_s(1.0) - others_s).max(0.0) / sharers.max(1) as f64;
            let share_s = if sharers > 0 { share_s } else { 0.0 };
            let found = self.turn(*index, share_s, |search| search.end())?;
            let Job { tunable, progress, tally } = &self.jobs[*index];
            // Defaults take no place of what is in use, and was not tried: the second seed.
            let is_default = |f: &Finding| tunable.seeds.first() == Some(&f.point);
            let keeps =
                |f: &&Finding| !is_default(f) || progress.knows(tunable.seeds.iter().take(2));
            if let Some(finding) = found.as_ref().filter(keeps) {
                self.device.keep(tunable, finding)?;
            }
            well &= screen::conclude(tunable, tally, found.as_ref())?;
        }
        Ok(well)
    }

    /// A search goes on for some time.
    fn turn<T>(
        &mut self,
        index: usize,
        share_s: f64,
        go: impl FnOnce(Search<'_>) -> T,
    ) -> Result<T> {
        let Job { tunable, progress, tally } = &mut self.jobs[index];
        self.bench.turn_to(&tunable.name(), self.args.seed);
        let (denied, rows) = (&mut self.denied, &mut *self.rows);
        let about = (self.device, &*tunable);
        let mut screen = Screen::new(about, denied, rows, self.stop, tally, share_s)?;
        let (bench, seed) = (&mut self.bench, self.args.seed);
        let result = go(Search::new(tunable, progress, bench, &mut screen, share_s, seed));
        screen.clear();
        Ok(result)
    }
}
