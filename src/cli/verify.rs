//! `crossover verify`: every workload and implementation at awkward shapes.

use super::args::{self, VerifyArgs};
use super::{End, check_memory, golden, interrupt, start};
use crate::backend::{self, Device, Request, Runner, Task};
use crate::config;
use crate::error::{Error, Result};
use crate::machine;
use crate::plan::{self, Case};
use crate::record::{Outcome, Record};
use crate::session;
use crate::terms::{Cache, Dtype, Scope, Shape};
use crate::verify::{Problem, Proof};
use crate::workload::{self, WORKLOADS, Workload};

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, Ordering};

/// Verifies and prints a line for each implementation, or a JSON object for each shape.
pub fn verify(args: &VerifyArgs) -> Result<End> {
    let workloads: Vec<&'static dyn Workload> = if args.workload.is_empty() {
        WORKLOADS.to_vec()
    } else {
        args.workload.iter().map(|name| workload::find(name)).collect::<Result<_>>()?
    };
    plan::check_shapes(&workloads, &args.shape)?;
    let dtypes = args::dtypes(&args.dtype)?;
    let is_asked = |dtype: &Dtype| dtypes.is_empty() || dtypes.contains(dtype);
    let shapes: Vec<(&'static dyn Workload, Vec<Shape>)> =
        workloads.into_iter().map(|w| Ok((w, shapes(w, &args.shape)?))).collect::<Result<_>>()?;
    let contenders = config::contenders(&args.contender)?;
    let (_, devices) = start(&Request {
        threads: args.threads,
        names: &args.device,
        contenders: &contenders,
        strict: true,
    })?;
    session::check_implementations(&devices.all, &args.implementation)?;
    let something = |(workload, shapes): &(&'static dyn Workload, Vec<Shape>)| {
        let asked: Vec<Dtype> = workload.dtypes().iter().copied().filter(is_asked).collect();
        let tallies = tallies(&devices.all, *workload, &asked, &args.implementation);
        !shapes.is_empty() && !tallies.is_empty()
    };
    if !shapes.iter().any(something) {
        return Err(Error::usage(
            "nothing to verify: no chosen device has such an implementation of a chosen workload; \
             'crossover verify' without options tells what there is",
        ));
    }
    let stop = interrupt::listen();
    let mut well = true;
    for (workload, shapes) in shapes.iter().filter(|(_, shapes)| !shapes.is_empty()) {
        let asked: Vec<Dtype> = workload.dtypes().iter().copied().filter(is_asked).collect();
        let mut tallies = tallies(&devices.all, *workload, &asked, &args.implementation);
        let each = shapes.iter().flat_map(|s| asked.iter().map(move |d| (s, *d)));
        for (shape, dtype) in each {
            let (workload, shape) = (*workload, shape.clone());
            let (cache, rows, skip) = (Cache::Hot, Vec::new(), None);
            let case = Case { workload, shape, dtype, cache, rows, skip };
            // The reference is computed once for all, where there is room for it.
            let takes = Problem::footprint_bytes(workload, &case.shape, dtype);
            let problem = machine::check_room(takes)
                .map(|()| Problem::new(workload, &case.shape, dtype, args.seed));
            for tally in tallies.iter_mut().filter(|tally| tally.serves(&case)) {
                if stop.load(Ordering::Relaxed) {
                    return Ok(End::Badly);
                }
                let record = tally.verify(&case, problem.as_ref());
                if args.json {
                    out!("{}", serde_json::to_string(&record).expect("a row is JSON"));
                }
            }
        }
        for tally in &tallies {
            well &= tally.failures.is_empty();
            if !args.json {
                tally.print(workload.name());
            }
        }
        if args.shape.is_empty() && is_asked(&Dtype::F32) {
            well &= train(*workload, &tallies, args.json, stop)?;
        }
    }
    Ok(if well { End::Well } else { End::Badly })
}

/// The golden trajectories of a training workload, on all that trains step by step.
fn train(
    workload: &dyn Workload,
    tallies: &[Tally<'_>],
    json: bool,
    stop: &AtomicBool,
) -> Result<bool> {
    let Some(network) = workload.network() else { return Ok(true) };
    let goldens = golden::trajectories(network);
    let mut well = true;
    for Tally { device, implementation, .. } in tallies {
        if !golden::can_train(*device) {
            continue;
        }
        let mut tally = golden::Tally::default();
        for golden in &goldens {
            if stop.load(Ordering::Relaxed) {
                return Ok(false);
            }
            let record = tally.train(*device, implementation, golden)?;
            if json {
                out!("{}", serde_json::to_string(&record).expect("a row is JSON"));
            }
        }
        well &= tally.is_well();
        if !json {
            tally.print(workload.name(), device.entry().id.as_str(), implementation);
        }
    }
    Ok(well)
}

fn shapes(workload: &'static dyn Workload, given: &[String]) -> Result<Vec<Shape>> {
    if given.is_empty() {
        return Ok(workload.awkward_shapes());
    }
    let shapes = plan::shapes_of(workload, given)?;
    shapes.iter().try_for_each(|shape| check_memory(workload, shape))?;
    Ok(shapes)
}

/// How the checks of one implementation in one dtype on one device have ended.
struct Tally<'d> {
    device: &'d dyn Device,
    implementation: &'d str,
    dtype: Dtype,
    right: usize,
    worst: f64,
    unsupported: Vec<String>,
    /// For want of room.
    skipped: Vec<String>,
    failures: Vec<String>,
}

fn tallies<'d>(
    devices: &'d [Box<dyn Device>],
    workload: &dyn Workload,
    dtypes: &[Dtype],
    names: &[String],
) -> Vec<Tally<'d>> {
    let mut tallies = Vec::new();
    for (device, dtype) in devices.iter().flat_map(|d| dtypes.iter().map(move |t| (d, *t))) {
        for implementation in device.implementations(workload, dtype) {
            if names.is_empty() || session::is_named(names, implementation) {
                tallies.push(Tally {
                    device: device.as_ref(),
                    implementation,
                    dtype,
                    right: 0,
                    worst: 0.0,
                    unsupported: Vec::new(),
                    skipped: Vec::new(),
                    failures: Vec::new(),
                });
            }
        }
    }
    tallies
}

/// Checks a runner in all scopes: in that of data that are used several times with two uses.
fn verified(
    problem: &Problem<'_>,
    workload: &dyn Workload,
    runner: &mut dyn Runner,
) -> Result<Proof> {
    let mut proof = problem.verify(runner)?;
    let twice = Scope::Reused(const { NonZeroU32::new(2).unwrap() });
    if workload.reuses_data() && !runner.moves_nothing() && runner.serves(twice) {
        problem.verify_in(runner, twice, &mut proof)?;
    }
    Ok(proof)
}

impl Tally<'_> {
    fn serves(&self, case: &Case) -> bool {
        self.dtype == case.dtype
    }

    fn verify(
        &mut self,
        case: &Case,
        problem: std::result::Result<&Problem<'_>, &Error>,
    ) -> Record {
        let Case { workload, shape, dtype, .. } = case;
        let (workload, dtype, implementation) = (*workload, *dtype, self.implementation);
        let task = Task { workload, shape, dtype, implementation, parameters: None };
        let scope = workload.scopes()[0];
        let mut record = session::blank("", case, self.device.entry(), implementation, scope);
        let problem = match problem {
            Ok(problem) => problem,
            Err(why) => {
                self.refuse(&mut record, why);
                return record;
            }
        };
        let prepared = machine::check_room(self.device.footprint_bytes(&task))
            .and_then(|()| backend::prepare(self.device, &task));
        match prepared.and_then(|mut runner| verified(problem, workload, runner.as_mut())) {
            Ok(proof) => {
                self.right += 1;
                self.worst = self.worst.max(proof.max_error_ratio);
                record.max_error_ratio = Some(proof.max_error_ratio);
            }
            Err(why) => self.refuse(&mut record, &why),
        }
        record
    }

    fn refuse(&mut self, record: &mut Record, why: &Error) {
        session::refuse(record, why);
        let reasons = match record.outcome {
            Outcome::Unsupported => &mut self.unsupported,
            Outcome::Skipped => &mut self.skipped,
            _ => {
                record.reason = format!("{}: {why}", record.shape);
                &mut self.failures
            }
        };
        reasons.push(record.reason.clone());
    }

    fn print(&self, workload: &str) {
        let word = match (self.failures.is_empty(), self.right, self.skipped.is_empty()) {
            (false, ..) => "WRONG ",
            (true, 0, false) => "skip  ",
            (true, ..) => "ok    ",
        };
        let some = |reasons: &[String], word: &str| match reasons.first() {
            None => String::new(),
            Some(reason) => format!(", {} {word} ({reason})", reasons.len()),
        };
        let left_out = some(&self.unsupported, "unsupported") + &some(&self.skipped, "skipped");
        let dtype = if self.dtype == Dtype::F32 { "" } else { self.dtype.name() };
        let what = format!("{} {dtype}", self.implementation);
        out!(
            "{word} {workload} {} {}: {} shapes right, largest error {:.3} of its bound{left_out}",
            self.device.entry().id,
            what.trim_end(),
            self.right,
            self.worst
        );
        for failure in self.failures.iter().take(5) {
            out!("       {failure}");
        }
        if self.failures.len() > 5 {
            out!("       and {} more", self.failures.len() - 5);
        }
    }
}
