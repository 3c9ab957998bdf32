//! Roofs are measured before anything else, and again before a row is called suspect.

use super::{Choice, Chooser, Progress, Sampler, Setup, Silent, reach};
use crate::error::Result;
use crate::machine;
use crate::plan::{Case, Effort};
use crate::record::{Outcome, Record};
use crate::roof::{Levels, ROUNDED_BYTES, Roofs};
use crate::terms::{Cache, DeviceKind, Dtype, Role};
use crate::workload::{self, Workload};

/// Caps of a roof's runner: roofs take a few seconds in all.
const EFFORT: Effort = Effort { warm_up_s: 0.05, sample_s: 0.1 };

/// Most of a budget that roofs may take, and most of a long one: answers come first.
const SHARE_OF_BUDGET: f64 = 0.25;
const MOST_S: f64 = 15.0;

/// Seconds of a budget that are left to roofs.
pub(super) fn share_of(budget_s: f64) -> f64 {
    (SHARE_OF_BUDGET * budget_s).min(MOST_S)
}

/// What a slow machine does of a roof's working set in a second, verification included.
const BYTES_PER_S: f64 = 64e6;

/// The working set of a cache is the cache divided by this.
const CACHE_DIVISOR: u64 = 2;

/// A case takes this many times its working set: operands and references, and those of a runner.
const TIMES_TAKEN: u64 = 6;

/// The roofs so far, and whether rows are held against them.
pub struct RoofCheck {
    /// The best rates of the run so far.
    pub known: Roofs,
    /// Whether what lies above a roof is suspect. Kernels with debug assertions make no roof.
    pub judges: bool,
    /// Bytes of the working set that lies in memory, once it is found.
    pub memory_set: Option<u64>,
    /// Until when roofs may be measured, where there is a budget; none before the first is.
    until_s: Option<f64>,
}

impl RoofCheck {
    /// A check that begins with these roofs.
    pub(super) fn new(roofs: Roofs) -> RoofCheck {
        RoofCheck { known: roofs, judges: !cfg!(debug_assertions), memory_set: None, until_s: None }
    }

    /// Measures the roofs of all devices of our own, whatever was selected.
    pub(super) fn measure(
        &mut self,
        sampler: &Sampler<'_>,
        chooser: &mut Chooser<'_>,
        progress: &mut dyn Progress,
    ) {
        let setup = &sampler.setup;
        let now = || setup.clock.now();
        let share_s = setup.selection.budget.map(share_of);
        let until_s = share_s.map(|share_s| *self.until_s.get_or_insert_with(|| now() + share_s));
        if self.memory_set.is_none() {
            match memory_set(setup) {
                Ok(bytes) => self.memory_set = Some(bytes),
                Err(why) => progress.say(&format!("no roof of the memory: {why}")),
            }
        }
        self.known.divide(levels(setup, self.memory_set));
        self.known.memory_unknown |= self.known.memory.is_empty();
        for case in cases(setup, self.memory_set) {
            if setup.is_stopped() {
                return;
            }
            if until_s.is_some_and(|until_s| now() >= until_s) {
                progress
                    .say("roofs had their share of the budget: those that are left are unknown");
                return;
            }
            progress.step(&format!("measuring the roofs: {}", case.workload.name()));
            let choices = choices(setup, &case);
            for record in sampler.measure(&case, choices, EFFORT, &mut Silent).records {
                chooser.learn(&record);
                self.known.learn(&record);
            }
            let bytes = case.workload.bytes_moved(&case.shape, case.dtype) + ROUNDED_BYTES;
            if self.memory_set.is_some_and(|in_memory| bytes > in_memory) {
                self.known.memory_unknown = false;
            }
        }
    }

    /// Holds measured rows against the roofs. One that lies above makes the roofs be measured again;
    /// if it still does it is suspect, and keeps its times.
    pub(super) fn judge(
        &mut self,
        records: &mut [Record],
        sampler: &Sampler<'_>,
        chooser: &mut Chooser<'_>,
        progress: &mut dyn Progress,
    ) {
        records.iter().for_each(|record| self.known.learn(record));
        let is_over = |r: &Record| r.counts() && self.known.excess(r).is_some();
        if !self.judges || !records.iter().any(is_over) {
            return;
        }
        self.measure(sampler, chooser, progress);
        for record in records.iter_mut().filter(|r| r.counts()) {
            if let Some(reason) = self.known.excess(record) {
                record.outcome = Outcome::Suspect;
                record.reason = reason;
            }
        }
    }
}

/// The peak kernel, and triad in each cache and in memory.
fn cases(setup: &Setup<'_>, memory_set: Option<u64>) -> Vec<Case> {
    let case = |workload: &'static dyn Workload, shape: &str, dtype: Dtype| {
        let shape = workload.shape(shape).ok()?;
        let cache = Cache::Hot;
        Some(Case { workload, shape, dtype, cache, rows: Vec::new(), skip: None })
    };
    // Rows in f64 are held to chains in f64; shorter formats have f32 sums.
    let f64 = setup.selection.dtypes.contains(&Dtype::F64).then_some(Dtype::F64);
    let dtypes = [Dtype::F32].into_iter().chain(f64);
    let peaks = dtypes.filter_map(|dtype| case(&workload::Peak, "", dtype));
    // Three arrays make the working set of a triad.
    let streams =
        working_sets(setup, memory_set).into_iter().map(|bytes| format!("bytes={}", bytes / 3));
    let streams = streams.filter_map(|shape| case(&workload::TRIAD, &shape, Dtype::F32));
    peaks.chain(streams).collect()
}

/// Bytes of all arrays of a stream together: half of each cache, and in memory.
fn working_sets(setup: &Setup<'_>, memory: Option<u64>) -> Vec<u64> {
    let in_time = setup.selection.budget.map(|s| (share_of(s) * BYTES_PER_S) as u64);
    let is_in_time = |bytes: &u64| in_time.is_none_or(|most| *bytes <= most);
    let caches = caches(setup).into_iter().map(|bytes| bytes / CACHE_DIVISOR);
    let caches = caches.filter(|bytes| memory.is_none_or(|memory| *bytes < memory));
    // Less than a whole set would be a rate of a cache, called one of memory.
    caches.chain(memory).filter(is_in_time).collect()
}

/// Bytes of a working set that lies in the memory of every device, cut to what there is room for; why there is
/// none where that is too little. What GPUs tell of their caches holds.
fn memory_set(setup: &Setup<'_>) -> Result<u64> {
    let gpus = setup.devices.iter().map(|d| d.entry()).filter(|e| e.kind != DeviceKind::Cpu);
    let of_gpus = gpus.filter_map(|e| e.cache_bytes).max().unwrap_or(0);
    let told = caches(setup).into_iter().max().unwrap_or(0);
    let (_, least) = machine::beyond_cache(told.max(of_gpus), 0);
    let wanted = reach::memory_set(setup, told).max(machine::beyond_cache(of_gpus, 0).0);
    let takes = |bytes: u64| bytes.saturating_mul(TIMES_TAKEN);
    machine::fitting(takes(wanted), takes(least.min(wanted))).map(|bytes| bytes / TIMES_TAKEN)
}

/// Bytes of each level of the CPU's caches, as far as its threads reach them.
fn caches(setup: &Setup<'_>) -> Vec<u64> {
    let threads = threads(setup).unwrap_or(1);
    machine::caches(&[]).iter().map(|cache| machine::reached_bytes(cache, threads)).collect()
}

/// The levels of the CPU's memory that rows are held to.
fn levels(setup: &Setup<'_>, memory_set: Option<u64>) -> Levels {
    let threads = threads(setup).and_then(|threads| u32::try_from(threads).ok());
    threads.map_or_else(Levels::default, |n| Levels::new(n, &machine::caches(&[]), memory_set))
}

/// Threads of the CPU path.
fn threads(setup: &Setup<'_>) -> Option<usize> {
    let cpu = setup.devices.iter().find(|d| d.entry().id.is_cpu())?;
    cpu.entry().threads.map(|threads| threads as usize)
}

/// Every device of our own with its usual implementations, of peaks the first alone.
fn choices(setup: &Setup<'_>, case: &Case) -> Vec<Choice> {
    let count = if case.workload.role() == Role::Peak { 1 } else { usize::MAX };
    let mut choices = Vec::new();
    for (device, d) in setup.devices.iter().enumerate() {
        if !d.entry().id.is_contender() {
            let names = d.defaults(case.workload, case.dtype).into_iter().take(count);
            choices.extend(names.map(|implementation| Choice { device, implementation }));
        }
    }
    choices
}
