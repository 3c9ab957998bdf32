//! Everything a second time: what lies between two measurements of the same is what a machine can't
//! tell from nothing.

use std::collections::HashMap;

use super::budget::Budget;
use super::{CaseRows, Choice, Progress, Session, Setup};
use crate::error::Result;
use crate::folder::RunFolder;
use crate::plan::{self, Case};
use crate::record::{self, NoiseRow, Record, Seconds};
use crate::stats;
use crate::terms::{Keyed, RowKey};

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
    let (records, samples) = (folder.records()?, folder.samples()?);
    let first = record::by_row(&samples);
    let left = plan::left(cases, &folder.noise()?);
    let mut forecast = session.forecast(&left, budget.effort);
    for (index, case) in left {
        if setup.is_stopped() {
            return Ok(true);
        }
        let left_s = forecast.next(setup.clock.now());
        if !budget.is_left(setup.clock) {
            continue;
        }
        let own: Vec<&Record> = records.iter().filter(|r| case.has(*r) && r.counts()).collect();
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
pub(super) fn choices_of(setup: &Setup<'_>, records: &[&Record]) -> Vec<Choice> {
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

/// The rows that both passes have measured.
fn noise_rows(
    records: &[&Record],
    first: &HashMap<RowKey<'_>, Seconds>,
    again: &CaseRows,
) -> Vec<NoiseRow> {
    let second = record::by_row(&again.samples);
    let row = |r: &&Record| {
        let key = r.key();
        let other = again.records.iter().find(|o| o.counts() && o.key() == key)?;
        let [a, b] = [first.get(&key)?, second.get(&key)?].map(|s| s.values().copied().collect());
        let ratio = stats::ratio_of_processes(&[a], &[b])?;
        Some(NoiseRow {
            workload: r.workload.clone(),
            shape: r.shape.clone(),
            dtype: r.dtype,
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
