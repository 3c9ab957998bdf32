//! What can be measured at all, known before anything starts.

use super::{Chooser, Setup};
use crate::backend;
use crate::error::{Error, Result};
use crate::plan::Case;

/// The cases that some chosen device has a runner for, in a scope that was asked for. Where there is none,
/// that is bad usage.
pub fn measurable(setup: Setup<'_>, cases: Vec<Case>) -> Result<Vec<Case>> {
    let chooser = Chooser::new(setup);
    let has_scope = |case: &Case| !setup.scopes(case.workload).is_empty();
    let (scoped, unscoped): (Vec<Case>, Vec<Case>) = cases.into_iter().partition(has_scope);
    if scoped.is_empty() {
        return Err(no_scope(setup, &unscoped));
    }
    let has_runner = |case: &Case| !chooser.wanted(case).is_empty();
    let (measured, left): (Vec<Case>, Vec<Case>) = scoped.into_iter().partition(has_runner);
    if measured.is_empty() { Err(no_runner(setup, &left)) } else { Ok(measured) }
}

/// No case is measured in a scope that was asked for.
fn no_scope(setup: Setup<'_>, cases: &[Case]) -> Error {
    let asked: Vec<_> = setup.selection.scopes.iter().map(|s| s.name()).collect();
    let scopes = |case: &Case| {
        let names: Vec<_> = case.workload.scopes().iter().map(|s| s.name()).collect();
        format!("{} has {}", case.workload.name(), names.join(" and "))
    };
    let what = distinct(cases.iter().map(scopes)).join(", ");
    Error::usage(format!("--scope {}: nothing to measure; {what}", asked.join(",")))
}

/// No chosen device has an implementation for any case, or not the one that was asked for.
fn no_runner(setup: Setup<'_>, cases: &[Case]) -> Error {
    let workloads = distinct(cases.iter().map(|case| case.workload.name().to_string())).join(", ");
    let of = |case: &Case| -> Vec<String> {
        let names = setup.devices.iter().flat_map(|d| backend::names(d.as_ref(), case.workload));
        names.map(str::to_string).collect()
    };
    let there = distinct(cases.iter().flat_map(of));
    let devices: Vec<&str> = setup.devices.iter().map(|d| d.entry().id.as_str()).collect();
    let devices = devices.join(", ");
    let asked = &setup.selection.implementations;
    Error::usage(if there.is_empty() {
        format!(
            "nothing to measure: {devices} can't do {workloads}; choose other devices or workloads"
        )
    } else if asked.is_empty() {
        format!("nothing to measure: {devices} can't do {workloads} in the chosen dtypes")
    } else {
        format!(
            "--implementation {}: none of these does {workloads} on {devices}; there is {} and all",
            asked.join(","),
            there.join(", ")
        )
    })
}

/// Each text once, in order.
fn distinct(texts: impl Iterator<Item = String>) -> Vec<String> {
    let mut found = Vec::new();
    for text in texts {
        if !found.contains(&text) {
            found.push(text);
        }
    }
    found
}
