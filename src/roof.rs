//! How fast a device could be: measured roofs, the share of them that a row reaches, and what lies
//! above them and can't be true (Williams, Waterman and Patterson, "Roofline", 2009).
//!
//! A roof is a best rate: its fastest sample counts, as in STREAM, so that a busy machine does not
//! lower it. A compute roof is that of fused multiply-adds. The memory roof of a working set is the
//! best rate of any of the five streams at that working set or a larger one, so that it is the rate of
//! the cache level that holds it.

use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::terms::{Cache, DeviceId, DeviceKind, Dtype, Engine, Role};
use crate::workload;

/// A row may lie this far above a roof: both are measured.
pub const TOLERANCE: f64 = 1.05;

/// Every roof of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Roofs {
    /// Best rates of multiply-adds.
    pub compute: Vec<ComputeRoof>,
    /// Best rates of memory, point by point.
    pub memory: Vec<MemoryRoof>,
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
    }

    /// The compute roof that holds for a row, in FLOP/s. Matrix engines are held to none of these.
    fn compute_of(&self, record: &Record) -> Option<f64> {
        if !record.device.is_contender() && Engine::of(&record.implementation) == Engine::Matrix {
            return None;
        }
        let home = record.home();
        let here = |r: &&ComputeRoof| {
            home.is(&r.device, &r.device_name)
                && r.dtype == record.dtype
                && (r.threads == record.threads || record.threads.is_none())
        };
        best(self.compute.iter().filter(here).map(|r| r.flop_per_s))
    }

    /// The memory roof that holds for a row, in bytes/s. A CPU driven through OpenCL has the CPU's
    /// where that is larger.
    fn memory_of(&self, record: &Record) -> Option<f64> {
        let home = record.home();
        let working_set = if record.cache == Cache::Cold { u64::MAX } else { record.bytes_moved };
        let own = |r: &&MemoryRoof| home.is(&r.device, &r.device_name);
        let of_cpu = |r: &&MemoryRoof| {
            record.device_kind == DeviceKind::Cpu
                && r.device.is_cpu()
                && (r.threads == record.threads || record.threads.is_none())
        };
        let of_own = rate_at(self.memory.iter().filter(own), working_set);
        let of_cpu = rate_at(self.memory.iter().filter(of_cpu), working_set);
        best(of_own.into_iter().chain(of_cpu))
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

/// The best rate at a working set or a larger one; beyond the largest, that of the largest.
fn rate_at<'a>(
    roofs: impl Iterator<Item = &'a MemoryRoof> + Clone,
    working_set: u64,
) -> Option<f64> {
    let largest = roofs.clone().map(|r| r.working_set_bytes).max()?;
    let least = working_set.min(largest);
    best(roofs.filter(|r| r.working_set_bytes >= least).map(|r| r.bytes_per_s))
}

fn best(rates: impl Iterator<Item = f64>) -> Option<f64> {
    rates.reduce(f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A row of one second: amounts are rates.
    fn row(workload: &str, device: &str, flop: u64, bytes: u64) -> Record {
        let kind = if device.contains("gpu") { DeviceKind::Gpu } else { DeviceKind::Cpu };
        Record {
            workload: workload.into(),
            device: device.into(),
            device_kind: kind,
            device_name: format!("{device}'s name"),
            threads: (kind == DeviceKind::Cpu).then_some(2),
            flop_count: flop,
            flop_exact: flop,
            bytes_moved: bytes,
            flop_per_s: Some(flop as f64),
            bytes_per_s: Some(bytes as f64),
            ..Record::example()
        }
    }

    /// Streams whose rate is not their working set: a second's share of `rate` bytes.
    fn stream(device: &str, working_set: u64, rate: f64) -> Record {
        let mut record = row("stream-triad", device, 0, working_set);
        record.wall_min_s = Some(working_set as f64 / rate);
        record
    }

    fn roofs() -> Roofs {
        let mut roofs = Roofs::default();
        for record in [
            row("peak-fma", "cpu", 1000, 0),
            row("peak-fma", "cpu", 900, 0),
            row("peak-fma", "opencl:0", 800, 0),
            stream("cpu", 100, 400.0),
            stream("cpu", 1000, 100.0),
            stream("cpu", 10_000, 20.0),
            stream("opencl:0", 100, 50.0),
            stream("opencl:0", 10_000, 30.0),
        ] {
            roofs.learn(&record);
        }
        roofs
    }

    #[test]
    fn the_best_is_kept() {
        let roofs = roofs();
        assert_eq!(roofs.compute.len(), 2);
        assert_eq!(roofs.compute[0].flop_per_s, 1000.0);
        let mut more = roofs.clone();
        more.learn(&Record {
            outcome: crate::record::Outcome::Suspect,
            ..row("peak-fma", "cpu", 9999, 0)
        });
        more.learn(&row("peak-fma", "contender:x:cpu", 9999, 0));
        more.learn(&Record { cache: Cache::Cold, ..stream("cpu", 100, 9999.0) });
        assert_eq!(more, roofs);
    }

    #[test]
    fn a_working_set_has_the_roof_of_the_cache_that_holds_it() {
        let roofs = roofs();
        let share = |record: &Record| roofs.fractions(record).1.unwrap();
        // In one second: amount over roof.
        assert_eq!(share(&row("gemm", "cpu", 1, 50)), 50.0 / 400.0);
        assert_eq!(share(&row("gemm", "cpu", 1, 200)), 200.0 / 100.0);
        // Larger than anything measured.
        assert_eq!(share(&row("gemm", "cpu", 1, 99_999)), 99_999.0 / 20.0);
        // A slow point below a fast larger one is no roof.
        let mut dip = roofs.clone();
        dip.memory.retain(|r| !r.device.is_cpu());
        assert_eq!(dip.fractions(&row("gemm", "opencl:0", 1, 100)).1.unwrap(), 2.0);
        // The CPU's roof counts for a CPU behind OpenCL too.
        assert_eq!(share(&row("gemm", "opencl:0", 1, 50)), 50.0 / 400.0);
        assert_eq!(share(&row("gemm", "opencl:0", 1, 10_000)), 10_000.0 / 30.0);
    }

    #[test]
    fn contenders_have_the_roofs_of_the_device_they_run_on() {
        let mut roofs = roofs();
        roofs.learn(&row("peak-fma", "opencl:1-gpu", 5000, 0));
        let share = |device: &str, name: &str| {
            let record = Record { device_name: name.into(), ..row("gemm", device, 500, 1) };
            roofs.fractions(&record).0
        };
        assert_eq!(share("contender:torch:cpu", "any"), Some(0.5));
        assert_eq!(share("contender:clblast:opencl-0", "any"), Some(0.625));
        assert_eq!(share("contender:torch:gpu-0", "opencl:1-gpu's name"), Some(0.1));
        assert_eq!(share("contender:torch:gpu-0", "unknown"), None);
        let other_threads =
            Record { threads: Some(1), ..row("gemm", "contender:torch:cpu", 500, 1) };
        assert_eq!(roofs.fractions(&other_threads).0, None);
        let matrix = Record { implementation: "matrix".into(), ..row("gemm", "opencl:0", 500, 1) };
        assert_eq!(roofs.fractions(&matrix).0, None);
    }

    #[test]
    fn what_lies_above_is_named() {
        let roofs = roofs();
        assert_eq!(roofs.excess(&row("gemm", "cpu", 1049, 1)), None);
        let why = roofs.excess(&row("gemm", "cpu", 1100, 1)).unwrap();
        assert!(why.contains("1.10 times the measured compute roof"), "{why}");
        let why = roofs.excess(&row("gemm", "cpu", 1, 200)).unwrap();
        assert!(why.contains("2.00 times the measured memory roof of its working set"), "{why}");
        let cold = Record { cache: Cache::Cold, ..row("gemm", "cpu", 1, 30) };
        assert!(roofs.excess(&cold).unwrap().contains("its caches were not cold"));
    }
}
