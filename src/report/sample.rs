//! Runs that never were, for tests.

use std::path::Path;

use crate::machine::{CacheLevel, DeviceEntry};
use crate::manifest::{Manifest, Sampling};
use crate::plan::Selection;
use crate::record::{self, PlanRow, Record, SampleRow, file};
use crate::roof::Levels;
use crate::stats::Pairing;
use crate::summary;
use crate::terms::{Cache, DeviceId, DeviceKind, Dtype, Format, Role, Scope};
use crate::workload;

/// A device: id, kind and name.
pub type Device<'a> = (&'a str, DeviceKind, &'a str);

/// The CPU.
pub const CPU: Device<'_> = ("cpu", DeviceKind::Cpu, "AMD EPYC 9B14");
/// A GPU.
pub const GPU: Device<'_> = ("opencl:0", DeviceKind::Gpu, "NVIDIA H200");
/// The CPU, driven through OpenCL.
pub const POCL: Device<'_> = ("opencl:1", DeviceKind::Cpu, "pthread-skylake-avx512-AMD EPYC 9B14");

/// A run in the making.
pub struct Run {
    /// What becomes machine.json.
    pub manifest: Manifest,
    /// What becomes plan.csv.
    pub plan: Vec<PlanRow>,
    /// What becomes results.csv.
    pub records: Vec<Record>,
    samples: Vec<SampleRow>,
}

impl Run {
    /// A run without devices and rows.
    pub fn new() -> Run {
        let name = "20261123T055000Z-bench";
        let mut manifest =
            Manifest::new(name, &Selection::default(), Sampling::Interleaved, &[0, 1]);
        manifest.warnings.clear();
        manifest.command = ["crossover", "run", "--preset", "quick"].map(String::from).to_vec();
        Run { manifest, plan: Vec::new(), records: Vec::new(), samples: Vec::new() }
    }

    /// Tells machine.json of a device.
    pub fn knows(&mut self, (id, kind, name): Device<'_>, driver: &str) {
        let id = DeviceId::from(id);
        let backend = id.backend().to_string();
        self.manifest.devices.push(DeviceEntry {
            driver: driver.into(),
            threads: (kind == DeviceKind::Cpu).then_some(2),
            compute_units: (kind != DeviceKind::Cpu).then_some(132),
            memory_bytes: 16 << 30,
            max_allocation_bytes: 4 << 30,
            ..DeviceEntry::new(id, kind, name, &backend)
        });
    }

    /// Plans a cube of a product as a point of the sweep over m = n = k, and gives its shape.
    pub fn point(&mut self, size: u64) -> String {
        let shape = format!("m={size},n={size},k={size},ta=0,tb=0");
        self.plan("gemm", &shape, "mnk", Some(size), "", "");
        shape
    }

    /// Plans a shape.
    pub fn plan(
        &mut self,
        workload: &str,
        shape: &str,
        axis: &str,
        value: Option<u64>,
        list: &str,
        layer: &str,
    ) {
        self.plan.push(PlanRow {
            workload: workload.into(),
            shape: shape.into(),
            dtype: Dtype::F32,
            axis: axis.into(),
            axis_value: value,
            list: list.into(),
            layer: layer.into(),
            repeat: 1,
        });
    }

    /// Adds a measured row and its samples.
    pub fn add(
        &mut self,
        workload: &str,
        shape: &str,
        device: Device<'_>,
        implementation: &str,
        scope: Scope,
        median: f64,
    ) -> &mut Record {
        // Each device has a phase of its own, so that ratios have an interval too.
        let phase = device.0.len() as u64 * 3;
        let wave = |round: u64| ((round * 5 + phase) % 12) as f64 / 5.5 - 1.0;
        let seconds: Vec<f64> = (0..12).map(|round| median * (1.0 + 0.02 * wave(round))).collect();
        self.add_sampled(workload, shape, device, implementation, scope, median, &seconds)
    }

    /// Adds a measured row with these samples.
    pub fn add_sampled(
        &mut self,
        workload: &str,
        shape: &str,
        (id, kind, name): Device<'_>,
        implementation: &str,
        scope: Scope,
        median: f64,
        seconds: &[f64],
    ) -> &mut Record {
        for (round, wall_s) in (0u64..).zip(seconds) {
            self.samples.push(SampleRow {
                workload: workload.into(),
                shape: shape.into(),
                dtype: Dtype::F32,
                cache: Cache::Hot,
                scope,
                device: id.into(),
                implementation: implementation.into(),
                threads: None,
                round: Some(round),
                iterations: 1,
                wall_s: *wall_s,
                device_s: None,
            });
        }
        let mut record = blank(workload, shape, scope, median);
        record.run.clone_from(&self.manifest.run);
        (record.device, record.device_kind) = (id.into(), kind);
        (record.device_name, record.implementation) = (name.into(), implementation.into());
        record.threads = (kind == DeviceKind::Cpu).then_some(2);
        self.records.push(record);
        self.records.last_mut().expect("a row was just added")
    }

    /// Adds a row of a workload about the machine, whose FLOP and bytes are given.
    pub fn probe(
        &mut self,
        workload: &str,
        (flop, bytes): (u64, u64),
        device: Device<'_>,
        implementation: &str,
        median: f64,
    ) -> &mut Record {
        let shape = if bytes > 0 { format!("bytes={bytes}") } else { String::new() };
        let (axis, value) = if bytes > 0 { ("bytes", Some(bytes)) } else { ("", None) };
        self.plan(workload, &shape, axis, value, "", "");
        let is_moved = workload::role(workload) == Role::Link;
        let scope = if is_moved { Scope::EndToEnd } else { Scope::Compute };
        let record = self.add(workload, &shape, device, implementation, scope, median);
        (record.flop_count, record.flop_exact, record.bytes_moved) = (flop, flop, bytes);
        // Roofs are made of the fastest sample.
        record.wall_min_s = Some(median);
        record.flop_per_s = (flop > 0).then(|| flop as f64 / median);
        record.bytes_per_s = (bytes > 0).then(|| bytes as f64 / median);
        record
    }

    /// Triad of a second at a working set in each cache of the sample CPU and in memory, at rates in
    /// GB/s, and a peak in GFLOP/s.
    pub fn limits(&mut self, device: Device<'_>, peak: u64, rates: [u64; 3]) {
        const GIGA: u64 = 1_000_000_000;
        let name = if device.1 == DeviceKind::Cpu { "avx512" } else { "v4-fma" };
        self.probe("peak-fma", (peak * GIGA, 0), device, name, 1.0);
        for (bytes, rate) in [60_000, 1_500_000, 600_000_000].into_iter().zip(rates) {
            let seconds = bytes as f64 / (rate * GIGA) as f64;
            self.probe("stream-triad", (bytes / 6, bytes), device, "plain", seconds);
        }
    }

    /// Tells machine.json of caches and of the roofs that the rows tell of.
    pub fn knows_limits(&mut self) {
        let cache = |level, bytes, shared_by| CacheLevel { level, bytes, shared_by };
        self.manifest.machine.caches = vec![cache(1, 48 << 10, 1), cache(2, 1 << 20, 1)];
        self.records.iter().for_each(|record| self.manifest.roofs.learn(record));
    }

    /// Tells machine.json of the levels that these caches and memory are.
    pub fn knows_levels(&mut self) {
        let levels = Levels::new(2, &self.manifest.machine.caches, Some(600_000_000));
        self.manifest.roofs.divide(levels);
    }

    /// The same size on the CPU and on another device.
    pub fn pair(&mut self, size: u64, cpu: f64, other: Device<'_>, time: f64) {
        let shape = self.point(size);
        self.add("gemm", &shape, CPU, "gemm", Scope::Compute, cpu);
        self.add("gemm", &shape, other, "packed", Scope::Compute, time);
    }

    /// Writes the run's files.
    pub fn write(&self, folder: &Path) {
        let rows =
            summary::summarize_all(&self.plan, &self.records, &self.samples, Pairing::Paired);
        record::replace(&folder.join(file::RESULTS), &self.records).expect("a writable folder");
        record::replace(&folder.join(file::SAMPLES), &self.samples).expect("a writable folder");
        record::replace(&folder.join(file::PLAN), &self.plan).expect("a writable folder");
        record::replace(&folder.join(file::SUMMARY), &rows).expect("a writable folder");
        self.manifest.write(folder).expect("a writable folder");
    }
}

fn blank(workload: &str, shape: &str, scope: Scope, median: f64) -> Record {
    let known = workload::find(workload).ok();
    let work = known.and_then(|w| Some(w.work(&w.shape(shape).ok()?)));
    let (flop, bytes) = work.map_or((0, 1 << 20), |w| (w.flop_count, w.bytes_moved(Format::F32)));
    Record {
        workload: workload.into(),
        shape: shape.into(),
        dtype: Dtype::F32,
        scope,
        backend: "test".into(),
        timer: "wall".into(),
        max_error_ratio: Some(0.012),
        samples: Some(12),
        wall_median_s: Some(median),
        wall_low_s: Some(median * 0.98),
        wall_high_s: Some(median * 1.02),
        wall_min_s: Some(median * 0.97),
        wall_mad_s: Some(median * 0.01),
        flop_count: flop,
        flop_exact: flop,
        bytes_moved: bytes,
        flop_per_s: Some(flop as f64 / median),
        bytes_per_s: Some(bytes as f64 / median),
        compute_roof_fraction: Some(0.5),
        noise: Some(0.015),
        ..Record::unmeasured()
    }
}
