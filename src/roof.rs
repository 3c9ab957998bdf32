//! How fast a device could be: measured roofs, the share of them that a row reaches, and what lies
//! above them and can't be true (Williams, Waterman and Patterson, "Roofline", 2009).
//!
//! A roof is a best rate: its fastest sample counts, as in STREAM, so that a busy machine does not
//! lower it. A compute roof is that of fused multiply-adds. The memory roof of a working set is the
//! best rate of any of the five streams at that working set or a larger one, so that it is the rate of
//! the cache level that holds it. Levels of the CPU that can't be told apart share the larger of their rates.

mod levels;

use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::terms::{Cache, DeviceId, DeviceKind, Dtype, Engine, Role};
use crate::workload;

pub use levels::{Level, Levels, ROUNDED_BYTES, is_one_rate};

/// A row may lie this far above a roof: both are measured.
pub const TOLERANCE: f64 = 1.05;

/// Every roof of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Roofs {
    /// Best rates of multiply-adds.
    pub compute: Vec<ComputeRoof>,
    /// Best rates of memory, point by point.
    pub memory: Vec<MemoryRoof>,
    /// Whether no working set in memory was measured, for want of time or of room: what the caches don't hold
    /// has no roof then.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub memory_unknown: bool,
    /// The levels of the CPU's memory that working sets lie in; none in runs of older versions.
    #[serde(default, skip_serializing_if = "Levels::is_empty")]
    pub levels: Levels,
    /// When an earlier run on this machine measured them, UTC; none where this run did. Nothing is called suspect
    /// by those of an earlier run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measured: Option<String>,
}

/// The best rate of multiply-adds of a device in one type.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComputeRoof {
    /// Id of the device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// What was multiplied.
    pub dtype: Dtype,
    /// Threads, for CPUs.
    pub threads: Option<u32>,
    /// The rate.
    pub flop_per_s: f64,
    /// How it was reached.
    pub implementation: String,
}

/// The best rate of one stream at one working set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemoryRoof {
    /// Id of the device.
    pub device: DeviceId,
    /// Its name.
    pub device_name: String,
    /// Threads, for CPUs.
    pub threads: Option<u32>,
    /// Bytes of all arrays together.
    pub working_set_bytes: u64,
    /// The rate.
    pub bytes_per_s: f64,
    /// Which stream.
    pub workload: String,
    /// How it was reached.
    pub implementation: String,
}

impl Roofs {
    /// Takes these for the levels of the CPU's memory.
    pub fn divide(&mut self, levels: Levels) {
        self.levels = levels;
        self.levels.update(&self.memory);
    }

    /// Takes a row into account that was measured to find a roof, or that lies on one.
    pub fn learn(&mut self, record: &Record) {
        if !record.counts() || record.device.is_contender() {
            return;
        }
        let Some(fastest) = record.wall_min_s else { return };
        match workload::role(&record.workload) {
            Role::Peak => self.learn_compute(record, record.flop_count as f64 / fastest),
            // A cold stream is slower than memory, never faster.
            Role::Memory if record.cache == Cache::Hot => {
                self.learn_memory(record, record.bytes_moved as f64 / fastest);
            }
            _ => {}
        }
    }

    fn learn_compute(&mut self, record: &Record, rate: f64) {
        let roof = ComputeRoof {
            device: record.device.clone(),
            device_name: record.device_name.clone(),
            dtype: record.dtype,
            threads: record.threads,
            flop_per_s: rate,
            implementation: record.implementation.clone(),
        };
        let same = |r: &&mut ComputeRoof| {
            (&r.device, r.dtype, r.threads) == (&roof.device, roof.dtype, roof.threads)
        };
        match self.compute.iter_mut().find(same) {
            Some(old) if old.flop_per_s >= rate => {}
            Some(old) => *old = roof,
            None => self.compute.push(roof),
        }
    }

    fn learn_memory(&mut self, record: &Record, rate: f64) {
        let roof = MemoryRoof {
            device: record.device.clone(),
            device_name: record.device_name.clone(),
            threads: record.threads,
            working_set_bytes: record.bytes_moved,
            bytes_per_s: rate,
            workload: record.workload.clone(),
            implementation: record.implementation.clone(),
        };
        let same = |r: &&mut MemoryRoof| {
            (&r.device, r.threads, r.working_set_bytes, &r.workload)
                == (&roof.device, roof.threads, roof.working_set_bytes, &roof.workload)
        };
        match self.memory.iter_mut().find(same) {
            Some(old) if old.bytes_per_s >= rate => {}
            Some(old) => *old = roof,
            None => self.memory.push(roof),
        }
        self.levels.update(&self.memory);
    }

    /// The roofs that other workloads than this one have made.
    pub fn without(&self, workload: &str) -> Roofs {
        let makes_peaks = workload::role(workload) == Role::Peak;
        let others = |r: &&MemoryRoof| r.workload != workload;
        Roofs {
            compute: if makes_peaks { Vec::new() } else { self.compute.clone() },
            memory: self.memory.iter().filter(others).cloned().collect(),
            memory_unknown: self.memory_unknown,
            levels: self.levels.clone(),
            measured: self.measured.clone(),
        }
    }

    /// The compute roof that holds for a row, in FLOP/s; on a CPU the largest of those that its cores have shown.
    /// Matrix engines are held to none of these.
    pub fn compute_of(&self, record: &Record) -> Option<f64> {
        if !record.device.is_contender() && Engine::of(&record.implementation) == Engine::Matrix {
            return None;
        }
        let home = record.home();
        let here = |r: &&ComputeRoof| {
            let on_home = home.is(&r.device, &r.device_name)
                && (r.threads == record.threads || record.threads.is_none());
            r.dtype == record.dtype && (on_home || are_its_cores(record, r.threads))
        };
        best(self.compute.iter().filter(here).map(|r| r.flop_per_s))
    }

    /// The memory roof that holds for a row, in bytes/s; on a CPU the largest of those that its cores have shown.
    pub fn memory_of(&self, record: &Record) -> Option<f64> {
        let home = record.home();
        let working_set = self.least_alike(record);
        let own = |r: &&MemoryRoof| home.is(&r.device, &r.device_name);
        let of_cores = |r: &&MemoryRoof| are_its_cores(record, r.threads);
        let beyond = !self.memory_unknown;
        let of_own = rate_at(self.memory.iter().filter(own), working_set, beyond);
        let of_cores = rate_at(self.memory.iter().filter(of_cores), working_set, beyond);
        best(of_own.into_iter().chain(of_cores))
    }

    /// The smallest working set whose roof holds for a row: its own, or that of the first of the levels that
    /// can't be told from its own.
    fn least_alike(&self, record: &Record) -> u64 {
        let own = if record.cache == Cache::Cold { u64::MAX } else { record.bytes_moved };
        let is_told = are_its_cores(record, self.levels.threads());
        let joined = self.levels.joined_at(own).filter(|_| is_told);
        joined.map_or(own, |levels| levels[0].least_bytes)
    }

    /// Shares of the compute and the memory roof that a row reaches; none where there is no roof.
    pub fn fractions(&self, record: &Record) -> (Option<f64>, Option<f64>) {
        let Some(median) = record.wall_median_s else { return (None, None) };
        let share = |amount: u64, roof: Option<f64>| {
            roof.filter(|_| amount > 0).map(|roof| amount as f64 / median / roof)
        };
        let compute = share(record.flop_exact, self.compute_of(record));
        (compute, share(record.bytes_moved, self.memory_of(record)))
    }

    /// Why a row can't be true, if it lies above a roof.
    pub fn excess(&self, record: &Record) -> Option<String> {
        if self.measured.is_some() {
            return None;
        }
        let (compute, memory) = self.fractions(record);
        let over = |share: Option<f64>| share.filter(|s| *s > TOLERANCE);
        if let Some(share) = over(compute) {
            return Some(format!("{share:.2} times the measured compute roof"));
        }
        let share = over(memory)?;
        Some(match record.cache {
            Cache::Hot => format!("{share:.2} times the measured memory roof of its working set"),
            Cache::Cold => format!("{share:.2} times the memory roof: its caches were not cold"),
        })
    }
}

/// Whether a roof with so many threads is that of the cores that a row ran on. Only CPUs have threads, and all that
/// compute on as many are held to the same cores: what these can do does not depend on who drove them.
fn are_its_cores(record: &Record, of_roof: Option<u32>) -> bool {
    record.device_kind == DeviceKind::Cpu
        && of_roof.is_some()
        && (of_roof == record.threads || record.threads.is_none())
}

/// The best rate at a working set or a larger one; beyond the largest, that of the largest, where it is so
/// `beyond`.
fn rate_at<'a>(
    roofs: impl Iterator<Item = &'a MemoryRoof> + Clone,
    working_set: u64,
    beyond: bool,
) -> Option<f64> {
    let largest = roofs.clone().map(|r| r.working_set_bytes).max()?;
    let least = if beyond { working_set.min(largest) } else { working_set };
    best(roofs.filter(|r| r.working_set_bytes >= least).map(|r| r.bytes_per_s))
}

fn best(rates: impl Iterator<Item = f64>) -> Option<f64> {
    rates.reduce(f64::max)
}

#[cfg(test)]
mod tests;
