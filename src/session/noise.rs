//! Everything a second time: what lies between two measurements of the same is what a machine can't
//! tell from nothing.

use std::collections::HashMap;

use super::budget::Budget;
use super::{CaseRows, Choice, Progress, Session, Setup, resume};
use crate::error::Result;
use crate::folder::RunFolder;
use crate::plan::Case;
use crate::record::{NoiseRow, Record, SampleRow};
use crate::stats;
use crate::terms::{Cache, Scope};

/// Name of a row within the samples.
type Key = ([String; 5], Cache, Scope);

/// Measures all cases again, in a pass of its own, and writes noise.csv. True where it was cut. Cases
/// that the file holds already are left alone.
pub(super) fn second_pass(
    session: &mut Session<'_>,
    folder: &RunFolder,
    cases: &[Case],
    budget: &Budget,
    progress: &mut dyn Progress,
) -> Result<bool> {
    let setup = session.setup;
    let (records, done) = (folder.records()?, folder.noise()?);
    let first = by_row(&folder.samples()?);
    let to_do = |(_, case): &(usize, &Case)| !done.iter().any(|n| is_of(n, case));
    let left: Vec<(usize, &Case)> = cases.iter().enumerate().filter(to_do).collect();
    let mut forecast = session.forecast(&left, budget.effort);
    for (index, case) in left {
        if setup.is_stopped() {
            return Ok(true);
        }
        let left_s = forecast.next(setup.clock.now());
        if !budget.is_left(setup.clock) {
            continue;
        }
        let own = records.iter().filter(|r| resume::is_of(r, case) && r.counts());
        let own: Vec<&Record> = own.collect();
        let choices = choices_of(&setup, &own);
        if choices.is_empty() {
            continue;
        }
        session.look_at_devices(progress);
        progress.case(index + 1, cases.len(), &format!("{} again", case.name()), left_s);
        let again = session.sampler.measure(case, choices, budget.effort, progress);
        if setup.is_stopped() {
            return Ok(true);
        }
        folder.append_noise(&noise_rows(&own, &first, &again))?;
    }
    Ok(false)
}

/// Who measured these rows.
fn choices_of(setup: &Setup<'_>, records: &[&Record]) -> Vec<Choice> {
    let mut choices: Vec<Choice> = Vec::new();
    for record in records {
        let device = setup.devices.iter().position(|d| d.entry().id == record.device);
        let Some(device) = device else { continue };
        let choice = Choice { device, implementation: record.implementation.clone() };
        if !choices.contains(&choice) {
            choices.push(choice);
        }
    }
    choices
}

fn is_of(n: &NoiseRow, case: &Case) -> bool {
    n.workload == case.workload.name()
        && n.shape == case.shape.to_string()
        && n.dtype == case.dtype.name()
        && n.cache == case.cache
}

fn key_of(r: &Record) -> Key {
    let name = [&r.workload, &r.shape, &r.dtype, &r.device, &r.implementation];
    (name.map(String::clone), r.cache, r.scope)
}

/// Seconds by row. Profiling runs are no samples.
fn by_row(samples: &[SampleRow]) -> HashMap<Key, Vec<f64>> {
    let mut rows: HashMap<Key, Vec<f64>> = HashMap::new();
    for s in samples.iter().filter(|s| s.round.is_some()) {
        let name = [&s.workload, &s.shape, &s.dtype, &s.device, &s.implementation];
        rows.entry((name.map(String::clone), s.cache, s.scope)).or_default().push(s.wall_s);
    }
    rows
}

/// The rows that both passes have measured.
fn noise_rows(
    records: &[&Record],
    first: &HashMap<Key, Vec<f64>>,
    again: &CaseRows,
) -> Vec<NoiseRow> {
    let second = by_row(&again.samples);
    let row = |r: &&Record| {
        let key = key_of(r);
        let other = again.records.iter().find(|o| o.counts() && key_of(o) == key)?;
        let (a, b) = (first.get(&key)?.clone(), second.get(&key)?.clone());
        let ratio = stats::ratio_of_processes(&[a], &[b])?;
        Some(NoiseRow {
            workload: r.workload.clone(),
            shape: r.shape.clone(),
            dtype: r.dtype.clone(),
            cache: r.cache,
            scope: r.scope,
            device: r.device.clone(),
            implementation: r.implementation.clone(),
            median_a_s: r.wall_median_s?,
            median_b_s: other.wall_median_s?,
            ratio: ratio.value,
            ratio_low: ratio.low,
            ratio_high: ratio.high,
            floor: ratio.floor(),
        })
    };
    records.iter().filter_map(row).collect()
}
