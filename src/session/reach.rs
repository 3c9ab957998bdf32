//! How large a working set must be to lie in memory. What a system tells of its caches is not always so: a
//! virtual machine may be told those of its host, of which it has a slice.

use super::Setup;
use crate::backend::{self, Device, Runner, Task};
use crate::machine;
use crate::roof::is_one_rate;
use crate::tensor::Data;
use crate::terms::{Dtype, Format, Scope};
use crate::workload::{self, Workload};

/// The working set where caches are small or not known: it costs nothing.
const USUAL_BYTES: u64 = 128 << 20;

/// The first that is tried where caches are said to be larger.
const FIRST_BYTES: u64 = 32 << 20;

/// Share of the free memory that a working set may take.
const MEMORY_SHARE: u64 = 8;

/// Timed runs of a working set, the fastest of which counts.
const RUNS: usize = 9;

/// Bytes of the arrays of a triad that lie in the CPU's memory, where its last cache is said to have `told`.
pub(super) fn memory_set(setup: &Setup<'_>, told: u64) -> u64 {
    let free = machine::free_memory_bytes().unwrap_or(u64::MAX);
    let most = machine::beyond_cache(told, USUAL_BYTES).0.min(free / MEMORY_SHARE);
    let cpu = setup.devices.iter().find(|d| d.entry().id.is_cpu());
    let rate = |bytes| rate(cpu?.as_ref(), bytes, setup);
    if most <= USUAL_BYTES { most } else { settled(most, rate) }
}

/// The smallest working set that is as slow as the largest one, by the rates of sets that grow: those that stay one
/// over two doublings are of memory. Where one has no rate, the largest.
fn settled(most: u64, mut rate: impl FnMut(u64) -> Option<f64>) -> u64 {
    let mut rates = Vec::new();
    let mut bytes = FIRST_BYTES;
    while bytes < most {
        let Some(rate_here) = rate(bytes) else { return most };
        rates.push(rate_here);
        let before = rates.len().checked_sub(3).map(|i| rates[i]);
        if before.is_some_and(|before| is_one_rate(before, rate_here)) {
            // Or all three lie in a cache that is as large as it is said to be.
            let is_memory = rate(most).is_some_and(|last| is_one_rate(rate_here, last));
            return if is_memory { bytes } else { most };
        }
        bytes *= 2;
    }
    most
}

/// Bytes per second of the CPU's triad on arrays of so many bytes together.
fn rate(cpu: &dyn Device, bytes: u64, setup: &Setup<'_>) -> Option<f64> {
    let triad = &workload::TRIAD;
    let shape = triad.shape(&format!("bytes={}", bytes / 3)).ok()?;
    let names = cpu.defaults(triad, Dtype::F32);
    let task = Task {
        workload: triad,
        shape: &shape,
        dtype: Dtype::F32,
        implementation: names.first()?,
        parameters: None,
    };
    let mut runner = backend::prepare(cpu, &task).ok()?;
    // Numbers that were written: the system has one page for all that nobody has written to.
    let operands = Data::Signs(1).operands(Format::F32, &triad.inputs(&shape));
    runner.load(&operands).ok()?;
    let fastest_s = fastest(runner.as_mut(), setup)?;
    Some(triad.bytes_moved(&shape, Dtype::F32) as f64 / fastest_s)
}

/// Seconds of the fastest of a few runs, after one that touches all pages.
fn fastest(runner: &mut dyn Runner, setup: &Setup<'_>) -> Option<f64> {
    let mut run = || runner.run(Scope::Compute);
    run().ok()?;
    (0..RUNS).filter_map(|_| setup.clock.time(&mut run).ok()).reduce(f64::min)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u64 = 1 << 20;

    /// A machine whose last cache has so many bytes: 100 in it, 20 beyond it, and a mix between.
    fn machine(cache: u64) -> impl Fn(u64) -> Option<f64> {
        move |bytes| {
            let beyond = bytes.saturating_sub(cache).min(cache) as f64 / cache as f64;
            Some(100.0 - 80.0 * beyond)
        }
    }

    #[test]
    fn a_slice_of_a_hosts_cache_is_found() {
        // 300 MB are told, 8 or 30 are there.
        assert_eq!(settled(1024 * MB, machine(8 * MB)), 128 * MB);
        assert_eq!(settled(1024 * MB, machine(30 * MB)), 256 * MB);
    }

    #[test]
    fn a_large_cache_that_is_there_is_not_taken_for_memory() {
        assert_eq!(settled(1024 * MB, machine(300 * MB)), 1024 * MB);
    }

    #[test]
    fn without_a_rate_it_is_the_largest() {
        assert_eq!(settled(512 * MB, |_| None), 512 * MB);
    }
}
