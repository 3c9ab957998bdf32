//! Which runners measure a case: those that were asked for, unless their rates so far say that they would
//! take far too long.

use std::collections::HashMap;

use super::choice::is_named;
use super::{Choice, Setup};
use crate::error::Error;
use crate::plan::{Case, Effort};
use crate::record::Record;
use crate::terms::DeviceId;
use crate::units;

/// Up to this many FLOP every CPU implementation is timed, above it the fastest two.
const EVERY_CPU_IMPLEMENTATION: u64 = 1 << 31;

/// A run predicted to take this many times its cap is left out.
const MOST_CAPS: f64 = 10.0;

/// Runs that a scope takes at the least, with its verification.
const FEWEST_RUNS: f64 = 5.0;

/// Seconds that verifying a case is expected to take.
const VERIFY_S: f64 = 0.5;

/// What is likely: the share of the caps that sampling takes, and how much work a runner does in a second, with
/// all of its verification and its fewest samples.
const OF_THE_CAPS: f64 = 0.38;
const LIKELY_FLOP_PER_S: f64 = 9e9;
const LIKELY_BYTES_PER_S: f64 = 100e6;

/// Chooses runners by what was asked for and by the rates so far.
pub struct Chooser<'a> {
    setup: Setup<'a>,
    /// Best FLOP/s so far by workload, device and implementation.
    rates: HashMap<(String, DeviceId, String), f64>,
    /// When the budget is used up, by the clock.
    deadline_s: Option<f64>,
}

impl<'a> Chooser<'a> {
    /// A chooser that knows no rate yet.
    pub fn new(setup: Setup<'a>) -> Chooser<'a> {
        Chooser { setup, rates: HashMap::new(), deadline_s: None }
    }

    /// From now on what can't end by this time of the clock is left out.
    pub(super) fn end_by(&mut self, deadline_s: Option<f64>) {
        self.deadline_s = deadline_s;
    }

    /// Remembers the rate of a row for what is still to come.
    pub(super) fn learn(&mut self, record: &Record) {
        let Some(rate) = record.flop_per_s.filter(|_| record.counts()) else { return };
        let (workload, device) = (record.workload.clone(), record.device.clone());
        let key = (workload, device, record.implementation.clone());
        let best = self.rates.entry(key).or_insert(rate);
        *best = best.max(rate);
    }

    /// The best rate so far of a runner in FLOP/s.
    fn rate(&self, case: &Case, device: usize, implementation: &str) -> Option<f64> {
        let id = self.setup.devices[device].entry().id.clone();
        let key = (case.workload.name().to_string(), id, implementation.to_string());
        self.rates.get(&key).copied()
    }

    /// Who measures a case, and who would take far too long.
    pub(super) fn choices(
        &self,
        case: &Case,
        effort: Effort,
    ) -> (Vec<Choice>, Vec<(Choice, Error)>) {
        let (mut choices, mut refused) = (Vec::new(), Vec::new());
        for choice in self.wanted(case) {
            match self.too_slow(case, &choice, effort) {
                None => choices.push(choice),
                Some(reason) => refused.push((choice, Error::Skipped(reason))),
            }
        }
        (choices, refused)
    }

    /// The runners that were asked for, or each device's defaults.
    pub fn wanted(&self, case: &Case) -> Vec<Choice> {
        let wanted = &self.setup.selection.implementations;
        let mut choices = Vec::new();
        for (device, d) in self.setup.devices.iter().enumerate() {
            let names: Vec<String> = if wanted.is_empty() {
                self.defaults(case, device)
            } else {
                let names = d.implementations(case.workload, case.dtype).into_iter();
                names.filter(|name| is_named(wanted, name)).map(str::to_string).collect()
            };
            choices
                .extend(names.into_iter().map(|implementation| Choice { device, implementation }));
        }
        choices
    }

    fn defaults(&self, case: &Case, device: usize) -> Vec<String> {
        let mut names = self.setup.devices[device].defaults(case.workload, case.dtype);
        let flop = case.workload.work(&case.shape).flop_count;
        let is_cpu = self.setup.devices[device].entry().id.is_cpu();
        let rate = |name: &String| self.rate(case, device, name);
        // One that was never timed may be the fastest.
        let all_known = names.iter().all(|name| rate(name).is_some());
        if is_cpu && flop > EVERY_CPU_IMPLEMENTATION && all_known {
            names.sort_by(|a, b| {
                rate(b).unwrap_or_default().total_cmp(&rate(a).unwrap_or_default())
            });
            names.truncate(2);
        }
        names
    }

    /// Why a runner is not even tried: by its best rate so far one run would outlast its cap tenfold,
    /// or a few of them what is left of the budget.
    fn too_slow(&self, case: &Case, choice: &Choice, effort: Effort) -> Option<String> {
        let rate = self.rate(case, choice.device, &choice.implementation)?;
        let predicted = case.workload.work(&case.shape).flop_exact as f64 / rate;
        if let Some(deadline_s) = self.deadline_s {
            let scopes = self.setup.scopes(case.workload).len() as f64;
            let least = FEWEST_RUNS * scopes * predicted;
            return (self.setup.clock.now() + least > deadline_s).then(|| {
                format!("{} at least, more than is left of the budget", units::seconds(least))
            });
        }
        (predicted > MOST_CAPS * effort.sample_s).then(|| {
            format!(
                "one run would take about {}; --budget SECONDS allows it",
                units::seconds(predicted)
            )
        })
    }

    /// Seconds that cases take at the most where no run is long: caps of all runners in all scopes, and
    /// verification; twice that with a second pass.
    pub fn seconds(&self, cases: &[Case], effort: Effort) -> f64 {
        let once: f64 = cases.iter().map(|case| self.case_seconds(case, effort)).sum();
        if self.setup.selection.noise_floor { 2.0 * once } else { once }
    }

    /// Seconds that a case takes on a machine of medium speed: a share of the caps, and what grows with the
    /// amount of work, above all verification. What a machine makes of that is learned while it measures.
    pub(super) fn likely_seconds(&self, case: &Case, effort: Effort) -> f64 {
        if case.skip.is_some() {
            return 0.0;
        }
        let runners = self.wanted(case).len() as f64;
        let lanes = runners * self.setup.scopes(case.workload).len() as f64;
        let flop = case.workload.work(&case.shape).flop_count as f64;
        let bytes = case.workload.bytes_moved(&case.shape, case.dtype) as f64;
        lanes * OF_THE_CAPS * (effort.warm_up_s / 2.0 + effort.sample_s)
            + runners * (flop / LIKELY_FLOP_PER_S + bytes / LIKELY_BYTES_PER_S)
    }

    /// Seconds of one case in one pass, at the most.
    pub(super) fn case_seconds(&self, case: &Case, effort: Effort) -> f64 {
        if case.skip.is_some() {
            return 0.0;
        }
        let lanes = self.wanted(case).len() * self.setup.scopes(case.workload).len();
        VERIFY_S + lanes as f64 * (effort.warm_up_s / 2.0 + effort.sample_s)
    }
}
