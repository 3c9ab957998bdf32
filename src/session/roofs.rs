//! Roofs are measured before anything else, and again before a row is called suspect.

use super::{Choice, Progress, Session};
use crate::machine;
use crate::plan::{Case, Effort};
use crate::record::{Outcome, Record};
use crate::terms::{Cache, Dtype};
use crate::workload::{self, Workload};

/// Caps of a roof's runner: roofs take a few seconds in all.
const EFFORT: Effort = Effort { warm_up_s: 0.05, sample_s: 0.1 };

/// Working sets: this share of each cache, and this many times the last of them.
const SHARE_OF_CACHE: u64 = 2;
const TIMES_LAST_CACHE: u64 = 4;

/// The working set in memory where nobody tells of caches, and the least anywhere.
const MEMORY_BYTES: u64 = 128 << 20;

impl Session<'_> {
    /// Measures the roofs of all devices of our own, whatever was selected.
    pub(super) fn measure_roofs(&mut self, progress: &mut dyn Progress) {
        for case in self.roof_cases() {
            if self.is_stopped() {
                return;
            }
            progress.step(&format!("measuring the roofs: {}", case.workload.name()));
            let choices = self.roof_choices(case.workload);
            let rows = self.measure(&case, choices, EFFORT, &mut super::Silent);
            rows.records.iter().for_each(|record| self.roofs.learn(record));
        }
    }

    /// Holds measured rows against the roofs. One that lies above makes the roofs be measured again;
    /// if it still does it is suspect, and keeps its times.
    pub fn judge(&mut self, records: &mut [Record], progress: &mut dyn Progress) {
        records.iter().for_each(|record| self.roofs.learn(record));
        let is_over = |session: &Self, r: &Record| r.counts() && session.roofs.excess(r).is_some();
        if !self.judges || !records.iter().any(|r| is_over(self, r)) {
            return;
        }
        self.measure_roofs(progress);
        for record in records.iter_mut().filter(|r| r.counts()) {
            if let Some(reason) = self.roofs.excess(record) {
                record.outcome = Outcome::Suspect;
                record.reason = reason;
            }
        }
    }

    fn roof_cases(&self) -> Vec<Case> {
        let find = |name| workload::WORKLOADS.iter().copied().find(|w| w.name() == name);
        let case = |workload: &'static dyn Workload, shape: &str| {
            let shape = workload.shape(shape).ok()?;
            let (dtype, cache) = (Dtype::F32, Cache::Hot);
            Some(Case { workload, shape, dtype, cache, rows: Vec::new(), skip: None })
        };
        let peak = find("peak-fma").and_then(|peak| case(peak, ""));
        let streams = find("stream-triad").into_iter().flat_map(|triad| {
            // Three arrays make the working set.
            self.working_sets().into_iter().map(move |b| case(triad, &format!("bytes={}", b / 3)))
        });
        peak.into_iter().chain(streams.flatten()).collect()
    }

    fn working_sets(&self) -> Vec<u64> {
        let threads = self.threads().unwrap_or(1);
        let caches = machine::caches(&[]);
        let caches: Vec<u64> = caches.iter().map(|c| machine::reached_bytes(c, threads)).collect();
        let of_devices = self.devices.iter().filter_map(|d| d.entry().cache_bytes);
        let largest = caches.iter().copied().chain(of_devices).max().unwrap_or(0);
        let memory = (TIMES_LAST_CACHE * largest).max(MEMORY_BYTES);
        caches.iter().map(|bytes| bytes / SHARE_OF_CACHE).chain([memory]).collect()
    }

    /// Threads of the CPU path.
    fn threads(&self) -> Option<usize> {
        let cpu = self.devices.iter().find(|d| d.entry().id == "cpu")?;
        cpu.entry().threads.map(|threads| threads as usize)
    }

    /// Every device of our own with its usual implementations, of peaks the first alone.
    fn roof_choices(&self, workload: &dyn Workload) -> Vec<Choice> {
        let most = if workload.name() == "peak-fma" { 1 } else { usize::MAX };
        let mut choices = Vec::new();
        for (device, d) in self.devices.iter().enumerate() {
            if d.entry().backend != "contender" {
                let names = d.defaults(workload).into_iter().take(most);
                choices.extend(names.map(|implementation| Choice { device, implementation }));
            }
        }
        choices
    }
}
