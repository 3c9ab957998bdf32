//! Which runners measure a case, and which of them together.

use super::{CaseRows, Choice, Refusal, Session};
use crate::backend::{Device, Task};
use crate::error::{Error, Result, did_you_mean};
use crate::machine;
use crate::plan::{Case, Effort};
use crate::units;
use crate::verify::Problem;
use crate::workload::WORKLOADS;

/// Share of the free memory that a case may take.
const MEMORY_SHARE: f64 = 0.7;

/// Up to this many FLOP every CPU implementation is timed, above it the fastest two.
const EVERY_CPU_IMPLEMENTATION: u64 = 1 << 31;

/// A run predicted to take this many times its cap is left out.
const PATIENCE: f64 = 10.0;

/// Runs that a scope takes at the least, with its verification.
const FEWEST_RUNS: f64 = 5.0;

/// Whether a list of implementations that a user gave means this one.
pub fn is_named(names: &[String], implementation: &str) -> bool {
    names.iter().any(|name| name == "all" || name == implementation)
}

/// Fails as bad usage where a user names an implementation that no device has.
pub fn check_implementations(devices: &[Box<dyn Device>], names: &[String]) -> Result<()> {
    let mut known: Vec<&str> =
        WORKLOADS.iter().flat_map(|w| devices.iter().flat_map(|d| d.implementations(*w))).collect();
    known.sort_unstable();
    known.dedup();
    match names.iter().find(|name| *name != "all" && !known.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Error::usage(format!(
            "no chosen device has an implementation '{name}'; there is {} and all{}",
            known.join(", "),
            did_you_mean(name, known.iter().copied())
        ))),
    }
}

impl Session<'_> {
    /// Which runners measure a case. Those that would take far too long become rows at once.
    pub fn choices(&self, case: &Case, effort: Effort, rows: &mut CaseRows) -> Vec<Choice> {
        let mut choices = self.wanted(case);
        choices.retain(|choice| match self.hopeless(case, choice, effort) {
            None => true,
            Some(reason) => {
                rows.records.extend(self.unmeasured(case, choice, &Refusal::skipped(reason)));
                false
            }
        });
        choices
    }

    /// The runners that were asked for, or each device's defaults.
    pub fn wanted(&self, case: &Case) -> Vec<Choice> {
        let wanted = &self.selection.implementations;
        let mut choices = Vec::new();
        for (device, d) in self.devices.iter().enumerate() {
            let names: Vec<String> = if wanted.is_empty() {
                self.defaults(case, device)
            } else {
                let names = d.implementations(case.workload).into_iter();
                names.filter(|name| is_named(wanted, name)).map(str::to_string).collect()
            };
            choices
                .extend(names.into_iter().map(|implementation| Choice { device, implementation }));
        }
        choices
    }

    fn defaults(&self, case: &Case, device: usize) -> Vec<String> {
        let mut names = self.devices[device].defaults(case.workload);
        let flop = case.workload.work(&case.shape).flop_count;
        let is_cpu = self.devices[device].entry().id == "cpu";
        let rate =
            |name: &String| self.rates.get(&(case.workload.name(), device, name.clone())).copied();
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
    fn hopeless(&self, case: &Case, choice: &Choice, effort: Effort) -> Option<String> {
        let key = (case.workload.name(), choice.device, choice.implementation.clone());
        let predicted = case.workload.work(&case.shape).flop_exact as f64 / self.rates.get(&key)?;
        if let Some(deadline_s) = self.deadline_s {
            let least = FEWEST_RUNS * self.scopes(case.workload).len() as f64 * predicted;
            return (self.clock.now() + least > deadline_s).then(|| {
                format!("{} at least, more than is left of the budget", units::seconds(least))
            });
        }
        (predicted > PATIENCE * effort.sample_s).then(|| {
            format!(
                "one run would take about {}; --budget SECONDS allows it",
                units::seconds(predicted)
            )
        })
    }

    /// Runners that fit into memory together: all in one group, else one by one. And those that
    /// don't fit even alone, with the figure.
    pub fn memory_groups(
        &self,
        case: &Case,
        choices: Vec<Choice>,
    ) -> (Vec<Vec<Choice>>, Vec<(Choice, String)>) {
        let Some(free) = machine::free_memory_bytes() else { return (vec![choices], Vec::new()) };
        let allowed = (free as f64 * MEMORY_SHARE) as u64;
        let shared = Problem::footprint_bytes(case.workload, &case.shape);
        let takes = |choice: &Choice| {
            let device = &self.devices[choice.device];
            device.footprint_bytes(&Task {
                workload: case.workload,
                shape: &case.shape,
                dtype: case.dtype,
                implementation: &choice.implementation,
            })
        };
        if choices.is_empty() {
            return (Vec::new(), Vec::new());
        }
        if shared + choices.iter().map(takes).sum::<u64>() <= allowed {
            return (vec![choices], Vec::new());
        }
        let (fit, too_large): (Vec<Choice>, Vec<Choice>) =
            choices.into_iter().partition(|c| shared + takes(c) <= allowed);
        let reason = |c: &Choice| {
            format!(
                "needs {} of memory, 70 % of the free is {}",
                units::bytes((shared + takes(c)) as f64),
                units::bytes(allowed as f64)
            )
        };
        let too_large = too_large.into_iter().map(|c| (c.clone(), reason(&c))).collect();
        (fit.into_iter().map(|c| vec![c]).collect(), too_large)
    }
}
