//! What a device can do at most: its measured peaks, and the rate of each level of its memory.

use std::ops::RangeInclusive;

use crate::machine;
use crate::manifest::Manifest;
use crate::record::{Home, Record};
use crate::roof::{self, ComputeRoof, MemoryRoof};
use crate::terms::{DeviceId, DeviceKind, Dtype};
use crate::units;

use super::chart;
use super::input::Input;
use super::names;

/// A level is not worth a line of its own where the next larger one is as fast but for this.
const FASTER: f64 = 1.05;

/// More than any machine has: beyond these a number is a mistake.
const MOST_BYTES: u64 = 1 << 50;
const MOST_THREADS: usize = 1 << 12;

/// A cache, as far as the threads of its device reach it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cache {
    /// `L1`, or `cache` where the driver says no more.
    pub name: String,
    /// Its bytes.
    pub bytes: u64,
}

/// A level of the memory with its rate.
#[derive(Clone, Debug, PartialEq)]
pub struct Level<'a> {
    /// `L1`, `memory`, `L3 and memory` where they can't be told apart.
    pub name: String,
    /// The working sets that tell of it.
    pub working_sets: RangeInclusive<u64>,
    /// Its best rate.
    pub roof: &'a MemoryRoof,
}

/// The device that a row's runner used: contenders run on devices of ours where these are known.
pub fn home(record: &Record, input: &Input) -> DeviceId {
    let mut entries = input.manifest.iter().flat_map(|m| &m.devices);
    match record.home() {
        Home::Id(id) if id.is_cpu() => id,
        home => entries.find(|d| home.is(&d.id, &d.name)).map_or(&record.device, |d| &d.id).clone(),
    }
}

/// The caches of a device, the smallest first.
pub fn caches(manifest: Option<&Manifest>, id: &DeviceId) -> Vec<Cache> {
    let Some(manifest) = manifest else { return Vec::new() };
    let entry = manifest.device(id);
    let mut caches: Vec<Cache> = if id.is_cpu() || entry.is_some_and(|d| d.kind == DeviceKind::Cpu)
    {
        let threads = entry.and_then(|d| d.threads).map(|n| n as usize);
        let threads = threads.unwrap_or(manifest.machine.cores_used.len()).clamp(1, MOST_THREADS);
        let known = manifest.machine.caches.iter().filter(|c| c.bytes < MOST_BYTES);
        let cache = |c: &machine::CacheLevel| Cache {
            name: format!("L{}", c.level),
            bytes: machine::reached_bytes(c, threads),
        };
        known.map(cache).collect()
    } else {
        let told = entry.and_then(|d| d.cache_bytes).filter(|bytes| *bytes < MOST_BYTES);
        told.map(|bytes| Cache { name: "cache".to_string(), bytes }).into_iter().collect()
    };
    caches.retain(|c| c.bytes > 0);
    caches.sort_by_key(|c| c.bytes);
    caches
}

/// The best peak of a device in each type, the fastest first.
pub fn peaks<'a>(input: &'a Input, id: &DeviceId) -> Vec<&'a ComputeRoof> {
    let mut peaks: Vec<&ComputeRoof> = Vec::new();
    for roof in input.roofs.compute.iter().filter(|r| r.device == *id && is_rate(r.flop_per_s)) {
        match peaks.iter_mut().find(|p| p.dtype == roof.dtype) {
            Some(old) if old.flop_per_s >= roof.flop_per_s => {}
            Some(old) => *old = roof,
            None => peaks.push(roof),
        }
    }
    peaks.sort_by(|a, b| b.flop_per_s.total_cmp(&a.flop_per_s));
    peaks
}

/// The peak that stands for a device: that of f32, where it was measured.
pub fn peak<'a>(input: &'a Input, id: &DeviceId) -> Option<&'a ComputeRoof> {
    let peaks = peaks(input, id);
    peaks.iter().find(|p| p.dtype == Dtype::F32).or(peaks.first()).copied()
}

/// What the device itself gets from behind the caches, or from the level that its largest working set
/// lies in.
pub fn memory<'a>(input: &'a Input, id: &DeviceId) -> Option<Level<'a>> {
    shown(levels_of(input, id, &roofs_of(input, id, false))).pop()
}

/// The levels of the memory that hold for a device, the fastest first. A CPU driven through OpenCL has
/// those of the CPU path where they are faster. Those that rows are held to as one are one here.
pub fn levels<'a>(input: &'a Input, id: &DeviceId) -> Vec<Level<'a>> {
    let levels = levels_of(input, id, &roofs_of(input, id, true));
    let entry = input.manifest.as_ref().and_then(|m| m.device(id));
    let threads = entry.filter(|d| d.kind == DeviceKind::Cpu).and_then(|d| d.threads);
    let told = &input.roofs.levels;
    let is_told = threads.is_some() && told.threads() == threads;
    shown(if is_told { joined(levels, told) } else { levels })
}

/// Every level that has a rate, the smallest first.
fn levels_of<'a>(input: &Input, id: &DeviceId, roofs: &[&'a MemoryRoof]) -> Vec<Level<'a>> {
    let Some(largest) = roofs.iter().map(|r| r.working_set_bytes).max() else { return Vec::new() };
    let caches = caches(input.manifest.as_ref(), id);
    let level = |name: String, working_sets: RangeInclusive<u64>| {
        let roof = best(roofs, &working_sets)?;
        Some(Level { name, working_sets, roof })
    };
    let mut levels = Vec::new();
    let mut below = 0;
    for cache in &caches {
        levels.extend(level(cache.name.clone(), below + 1..=cache.bytes));
        below = cache.bytes;
    }
    // Working sets of one array size differ by the number of arrays.
    let far = (largest / 2 + 1).max(below.saturating_add(1));
    if caches.iter().all(|cache| !cache.name.starts_with('L')) {
        // A cache that no driver tells of shows in the rates.
        levels.extend(level(String::new(), below + 1..=far - 1).map(|level| {
            let bytes = units::bytes(level.roof.working_set_bytes as f64);
            Level { name: format!("up to {}", chart::trim_zeros(&bytes)), ..level }
        }));
    }
    levels.extend(level("memory".to_string(), far..=u64::MAX));
    levels
}

/// Levels that can't be told apart as one, with the larger rate.
fn joined<'a>(levels: Vec<Level<'a>>, told: &roof::Levels) -> Vec<Level<'a>> {
    let others = |level: &Level<'_>| told.joined_at(*level.working_sets.start());
    let mut found: Vec<Level<'a>> = Vec::new();
    for level in levels {
        let Some(group) = others(&level) else {
            found.push(level);
            continue;
        };
        match found.last_mut().filter(|before| others(before) == Some(group)) {
            Some(before) => {
                before.working_sets = *before.working_sets.start()..=*level.working_sets.end();
                if level.roof.bytes_per_s > before.roof.bytes_per_s {
                    before.roof = level.roof;
                }
            }
            None => found.push(Level { name: together(group), ..level }),
        }
    }
    found
}

/// `L3 and memory`.
pub fn together(levels: &[roof::Level]) -> String {
    names::in_a_row(&levels.iter().map(roof::Level::name).collect::<Vec<_>>())
}

/// A level that is no faster than a larger one has no rate of its own: work that small is held up by
/// other things.
fn shown(levels: Vec<Level<'_>>) -> Vec<Level<'_>> {
    let mut shown: Vec<Level<'_>> = Vec::new();
    for level in levels.into_iter().rev() {
        let rate = level.roof.bytes_per_s;
        if shown.last().is_none_or(|slower| rate > FASTER * slower.roof.bytes_per_s) {
            shown.push(level);
        }
    }
    shown.reverse();
    shown
}

/// The memory roofs of a device; `shared` adds the CPU's to those of a CPU driven through OpenCL.
fn roofs_of<'a>(input: &'a Input, id: &DeviceId, shared: bool) -> Vec<&'a MemoryRoof> {
    let entry = input.manifest.as_ref().and_then(|m| m.device(id));
    let is_cpu = shared && entry.is_some_and(|d| d.kind == DeviceKind::Cpu);
    let threads = entry.and_then(|d| d.threads);
    let holds = |r: &&MemoryRoof| {
        let of_cpu = is_cpu && r.device.is_cpu() && (threads.is_none() || r.threads == threads);
        (r.device == *id || of_cpu) && is_rate(r.bytes_per_s)
    };
    input.roofs.memory.iter().filter(holds).collect()
}

fn best<'a>(roofs: &[&'a MemoryRoof], sets: &RangeInclusive<u64>) -> Option<&'a MemoryRoof> {
    let within = roofs.iter().filter(|r| sets.contains(&r.working_set_bytes));
    within.copied().max_by(|a, b| a.bytes_per_s.total_cmp(&b.bytes_per_s))
}

fn is_rate(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

#[cfg(test)]
mod tests;
