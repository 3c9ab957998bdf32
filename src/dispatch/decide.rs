//! Whether to prefer the device.

use std::cmp::Ordering;

use crate::terms::{Scope, Shape};

use super::entry::{Entry, Family};
use super::fit::{Fit, Work};

/// Uses of data that stay on the device.
pub const RESIDENT: u32 = u32::MAX;

/// Who computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The CPU.
    Cpu,
    /// The device.
    Device,
}

/// How often data are used between one upload and one download.
pub fn uses(scope: Scope) -> u32 {
    match scope {
        Scope::Compute => RESIDENT,
        Scope::EndToEnd => 1,
        Scope::Reused(uses) => uses.get(),
    }
}

/// Which share of the transfers falls to one use.
pub fn share(uses: u32) -> f64 {
    if uses == RESIDENT { 0.0 } else { 1.0 / f64::from(uses.max(1)) }
}

impl Entry {
    /// Whether to prefer the device for a shape whose data are used so often there, [`RESIDENT`] where they stay;
    /// `last` is what the program used before. The thresholds of families decide, and the fit where they don't.
    pub fn prefer_device(&self, shape: &Shape, uses: u32, last: Option<Side>) -> bool {
        let of_family = |family: &Family| {
            let size = family.size(self.described, shape)?;
            family.choice(size, uses, last)
        };
        let choice = self.families.iter().find_map(of_family);
        choice.unwrap_or_else(|| self.fitted_choice(shape, uses, last)) == Side::Device
    }

    /// What the fit alone says.
    pub fn fitted_choice(&self, shape: &Shape, uses: u32, last: Option<Side>) -> Side {
        let work = Work::of(self.described, shape, self.dtype, share(uses));
        self.fit.choice(&work, last)
    }
}

impl Family {
    /// The side to choose at a size. Between two numbers of uses that were measured, what both say.
    pub fn choice(&self, size: u64, wanted: u32, last: Option<Side>) -> Option<Side> {
        let mut fewer = self.thresholds.iter().rev().filter(|t| uses(t.scope) <= wanted);
        let mut more = self.thresholds.iter().filter(|t| uses(t.scope) >= wanted);
        let fewer = fewer.next()?.choice(size, last)?;
        let more = more.next()?.choice(size, last)?;
        (fewer == more).then_some(fewer)
    }
}

impl Fit {
    /// The side that is told to be faster; the last one where that is within the margin.
    pub fn choice(&self, work: &Work, last: Option<Side>) -> Side {
        let (cpu_s, device_s) = (self.cpu.seconds(work), self.device.seconds(work));
        let is_open = cpu_s.max(device_s) <= cpu_s.min(device_s) * (1.0 + self.stay_margin);
        match last.filter(|_| is_open) {
            Some(last) => last,
            None if device_s.total_cmp(&cpu_s) == Ordering::Less => Side::Device,
            None => Side::Cpu,
        }
    }
}
