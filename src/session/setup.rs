//! What stays the same from case to case.

use std::sync::atomic::{AtomicBool, Ordering};

use super::Choice;
use crate::backend::Device;
use crate::measure::Clock;
use crate::plan::Selection;
use crate::terms::Scope;
use crate::workload::Workload;

/// What a session works with: devices, wishes, a clock, and the user's word to stop.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// The devices to measure.
    pub devices: &'a [Box<dyn Device>],
    /// What was asked for.
    pub selection: &'a Selection,
    /// The clock of all wall times.
    pub clock: &'a dyn Clock,
    /// Set when the user wants to stop.
    pub stop: &'a AtomicBool,
}

impl<'a> Setup<'a> {
    /// Whether the user wants to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The device of a choice.
    pub fn device(&self, choice: &Choice) -> &'a dyn Device {
        self.devices[choice.device].as_ref()
    }

    /// Whether the implementations that a device has of a workload race: those that are surely slower than another
    /// are sampled no further, unless the user named them or each answers a question of its own.
    pub fn races(&self, workload: &dyn Workload) -> bool {
        self.selection.implementations.is_empty() && !workload.role().asks_each_implementation()
    }

    /// The scopes that were asked for and that the workload has.
    pub fn scopes(&self, workload: &dyn Workload) -> Vec<Scope> {
        let has = |scope: &&Scope| match scope {
            Scope::Reused(_) => workload.reuses_data(),
            scope => workload.scopes().contains(scope),
        };
        let mut scopes: Vec<Scope> = self.selection.scopes.iter().filter(has).copied().collect();
        scopes.sort_unstable();
        scopes
    }
}
