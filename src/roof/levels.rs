//! The levels of the CPU's memory, as the system tells of them, and which of them can't be told apart: a virtual
//! machine may be told a cache that it has no share of.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{MemoryRoof, best};
use crate::machine::{self, CacheLevel};
use crate::workload::{self, Workload};

/// Levels whose rates differ by less than this share are one.
const FALL: f64 = 0.03;

/// Arrays are of whole floats: a working set may be smaller than it was asked to be by less than this.
pub const ROUNDED_BYTES: u64 = 64;

/// Whether the rate of a level tells it from the next one, which is larger. A smaller one is never slower in truth.
pub fn is_one_rate(inner: f64, outer: f64) -> bool {
    inner < (1.0 + FALL) * outer
}

/// The caches of the CPU as far as its threads reach them, the smallest first, and its memory.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Levels(Vec<Level>);

/// A cache, or memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Level {
    /// Threads of the CPU.
    pub threads: u32,
    /// Level of the cache; none for memory.
    pub cache: Option<u32>,
    /// Bytes of the smallest working set that tells of it.
    pub least_bytes: u64,
    /// Bytes of the largest; none for memory.
    pub most_bytes: Option<u64>,
    /// The best rate of triad on these cores, whoever drove them; none where it was not measured.
    pub triad_bytes_per_s: Option<f64>,
    /// Whether the next level is as fast, so that rows of both are held to one roof.
    pub same_rate_as_next: bool,
}

impl Level {
    /// `L3`, `memory`.
    pub fn name(&self) -> String {
        self.cache.map_or("memory".to_string(), |level| format!("L{level}"))
    }

    fn working_sets(&self) -> RangeInclusive<u64> {
        self.least_bytes..=self.most_bytes.unwrap_or(u64::MAX)
    }
}

impl Levels {
    /// These caches, and memory where it is known which working set lies in it: what a cache is told to hold
    /// beyond that it does not hold.
    pub fn new(threads: u32, caches: &[CacheLevel], memory_set: Option<u64>) -> Levels {
        let level = |cache, least_bytes, most_bytes| Level {
            threads,
            cache,
            least_bytes,
            most_bytes,
            triad_bytes_per_s: None,
            same_rate_as_next: false,
        };
        let mut levels = Vec::new();
        let mut below = 0u64;
        for cache in caches {
            let reached = machine::reached_bytes(cache, threads as usize);
            let most = reached.min(memory_set.unwrap_or(reached));
            levels.push(level(Some(cache.level), below.saturating_add(1), Some(most)));
            below = below.max(most);
        }
        let memory = memory_set.map(|bytes| bytes.saturating_sub(ROUNDED_BYTES));
        levels.extend(memory.map(|least| level(None, least, None)));
        Levels(levels)
    }

    /// Takes the rates of these roofs. Two levels are one where neither triad, which is measured in each, nor the
    /// best of all streams, which is their roof, tells them apart.
    pub(super) fn update(&mut self, roofs: &[MemoryRoof]) {
        let triad = workload::TRIAD.name();
        let rates = |level: &Level| {
            let sets = level.working_sets();
            let of_cores = roofs.iter().filter(|r| r.threads == Some(level.threads));
            let within = of_cores.filter(|r| sets.contains(&r.working_set_bytes));
            let of_triad = within.clone().filter(|r| r.workload == triad);
            [best(of_triad.map(|r| r.bytes_per_s)), best(within.map(|r| r.bytes_per_s))]
        };
        let rates: Vec<[Option<f64>; 2]> = self.0.iter().map(rates).collect();
        for (i, level) in self.0.iter_mut().enumerate() {
            let next = rates.get(i + 1).copied().unwrap_or_default();
            let is_one = |(inner, outer): (Option<f64>, Option<f64>)| {
                inner.zip(outer).is_some_and(|(inner, outer)| is_one_rate(inner, outer))
            };
            level.same_rate_as_next = rates[i].into_iter().zip(next).all(is_one);
            level.triad_bytes_per_s = rates[i][0];
        }
    }

    /// Levels that can't be told apart, as many as there are in a row.
    pub fn joined(&self) -> impl Iterator<Item = &[Level]> {
        self.0.chunk_by(|level, _| level.same_rate_as_next).filter(|levels| levels.len() > 1)
    }

    /// Those that a working set lies in, where its level can't be told from another.
    pub fn joined_at(&self, working_set: u64) -> Option<&[Level]> {
        self.joined().find(|levels| {
            let (first, last) = (&levels[0], &levels[levels.len() - 1]);
            (first.least_bytes..=*last.working_sets().end()).contains(&working_set)
        })
    }

    /// Threads of the CPU whose levels these are.
    pub fn threads(&self) -> Option<u32> {
        self.0.first().map(|level| level.threads)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
