//! Levels of machines that never were.

use super::super::Roofs;
use super::*;
use crate::record::Record;
use crate::terms::{Cache, DeviceKind};

const KB: u64 = 1 << 10;
const MB: u64 = 1 << 20;

/// Roofs of a CPU with two threads and caches of 64 kB, 2 MB and 32 MB, whose memory begins at 128 MB.
fn told() -> Roofs {
    let cache = |level, bytes, shared_by| CacheLevel { level, bytes, shared_by };
    let caches = [cache(1, 32 * KB, 1), cache(2, MB, 1), cache(3, 32 * MB, 2)];
    let mut roofs = Roofs::default();
    roofs.divide(Levels::new(2, &caches, Some(128 * MB)));
    roofs
}

/// The same with a rate of triad in each level that has one, in GB/s.
fn measured(rates: [Option<f64>; 4]) -> Roofs {
    let mut roofs = told();
    for (bytes, rate) in [32 * KB, MB, 16 * MB, 128 * MB].into_iter().zip(rates) {
        rate.into_iter().for_each(|rate| roofs.learn(&stream("stream-triad", "cpu", bytes, rate)));
    }
    roofs
}

fn stream(workload: &str, device: &str, bytes: u64, rate: f64) -> Record {
    Record {
        workload: workload.into(),
        wall_min_s: Some(bytes as f64 / (rate * 1e9)),
        ..row(device, bytes)
    }
}

/// A row of two threads that moves so many bytes in a second.
fn row(device: &str, bytes: u64) -> Record {
    Record {
        workload: "gemm".into(),
        device: device.into(),
        device_kind: DeviceKind::Cpu,
        threads: Some(2),
        bytes_moved: bytes,
        wall_median_s: Some(1.0),
        ..Record::example()
    }
}

/// The names of what is joined.
fn joined(roofs: &Roofs) -> Vec<Vec<String>> {
    roofs.levels.joined().map(|levels| levels.iter().map(Level::name).collect()).collect()
}

/// The memory roof of a row that moves so many bytes, in GB/s.
fn roof(roofs: &Roofs, bytes: u64) -> f64 {
    (roofs.memory_of(&row("cpu", bytes)).unwrap() / 1e6).round() / 1e3
}

/// The roofs of rows in each level, and in what lies between the last cache and what was measured of memory.
fn of_rows(roofs: &Roofs) -> [f64; 5] {
    [KB, 256 * KB, 8 * MB, 64 * MB, 1 << 30].map(|bytes| roof(roofs, bytes))
}

#[test]
fn levels_with_rates_of_their_own_stay_apart() {
    let roofs = measured([Some(400.0), Some(150.0), Some(53.6), Some(52.0)]);
    assert!(joined(&roofs).is_empty());
    assert_eq!(of_rows(&roofs), [400.0, 150.0, 53.6, 52.0, 52.0]);
}

#[test]
fn two_levels_within_three_percent_have_the_larger_rate() {
    let roofs = measured([Some(400.0), Some(150.0), Some(53.5), Some(52.0)]);
    assert_eq!(joined(&roofs), [["L3", "memory"]]);
    assert_eq!(of_rows(&roofs), [400.0, 150.0, 53.5, 53.5, 53.5]);
    let caches = measured([Some(150.0), Some(149.0), Some(90.0), Some(52.0)]);
    assert_eq!(joined(&caches), [["L1", "L2"]]);
    assert_eq!(of_rows(&caches), [150.0, 150.0, 90.0, 52.0, 52.0]);
    let pairs = measured([Some(150.0), Some(149.0), Some(53.0), Some(52.0)]);
    assert_eq!(joined(&pairs), [["L1", "L2"], ["L3", "memory"]]);
    // A cold row has nothing in the caches, and the roof that memory shares.
    let cold = Record { cache: Cache::Cold, ..row("cpu", KB) };
    assert_eq!(roofs.memory_of(&cold), Some(53.5e9));
}

/// The first and the last of them differ by more than two that are one.
#[test]
fn three_in_a_row_have_one_roof() {
    let roofs = measured([Some(400.0), Some(55.0), Some(53.5), Some(52.0)]);
    assert_eq!(joined(&roofs), [["L2", "L3", "memory"]]);
    assert_eq!(of_rows(&roofs), [400.0, 55.0, 55.0, 55.0, 55.0]);
}

#[test]
fn a_cache_that_is_slower_than_what_lies_behind_it_is_joined() {
    let roofs = measured([Some(400.0), Some(150.0), Some(40.0), Some(52.0)]);
    assert_eq!(joined(&roofs), [["L3", "memory"]]);
    assert_eq!(of_rows(&roofs), [400.0, 150.0, 52.0, 52.0, 52.0]);
}

#[test]
fn what_was_not_measured_joins_nothing() {
    assert!(joined(&measured([None; 4])).is_empty());
    assert!(joined(&measured([Some(52.0), None, Some(52.0), None])).is_empty());
    let roofs = measured([Some(52.0), Some(52.0), None, Some(52.0)]);
    assert_eq!(joined(&roofs), [["L1", "L2"]]);
    // Where nothing is told of caches, or it is not known what lies in memory.
    for levels in [Levels::new(2, &[], Some(128 * MB)), Levels::new(2, &[], None)] {
        let mut roofs = Roofs { memory: roofs.memory.clone(), ..Roofs::default() };
        roofs.divide(levels);
        assert!(joined(&roofs).is_empty());
        assert_eq!(roof(&roofs, 1 << 30), 52.0);
    }
}

/// Later rates count, and those of a driver of the same cores; those of other threads do not.
#[test]
fn levels_come_apart_where_a_faster_rate_is_found() {
    let roofs = measured([Some(400.0), Some(150.0), Some(52.0), Some(52.0)]);
    let with = |record: Record| {
        let mut roofs = roofs.clone();
        roofs.learn(&record);
        roofs
    };
    let faster = stream("stream-triad", "opencl:0", 12 * MB, 80.0);
    assert!(joined(&with(faster.clone())).is_empty());
    assert_eq!(joined(&with(Record { threads: Some(1), ..faster })), [["L3", "memory"]]);
    // Another stream that memory is slower at would be a roof that rows of memory are not held to.
    assert!(joined(&with(stream("stream-dot", "cpu", 12 * MB, 80.0))).is_empty());
    let of_memory = with(stream("stream-dot", "cpu", 256 * MB, 60.0));
    assert_eq!(joined(&of_memory), [["L3", "memory"]]);
    assert_eq!(of_rows(&of_memory), [400.0, 150.0, 60.0, 60.0, 60.0]);
    // Rows of other threads, and of GPUs, have levels of their own.
    let alone = measured([None, None, Some(53.0), Some(52.0)]);
    let other = Record { threads: Some(1), ..row("opencl:0", 1 << 30) };
    assert_eq!(alone.memory_of(&other), None);
}

/// What was found to lie in memory lies in the cache that is told: that cache is memory, as far as it was measured.
#[test]
fn a_hosts_cache_that_holds_what_lies_in_memory_is_memory() {
    let cache = |level, bytes| CacheLevel { level, bytes, shared_by: 2 };
    let mut roofs = Roofs::default();
    roofs.divide(Levels::new(2, &[cache(2, MB), cache(3, 300 * MB)], Some(128 * MB)));
    roofs.learn(&stream("stream-triad", "cpu", MB / 2, 150.0));
    roofs.learn(&stream("stream-triad", "cpu", 128 * MB - 8, 52.0));
    assert_eq!(joined(&roofs), [["L3", "memory"]]);
    // Its part that is there shows as soon as it is measured.
    roofs.learn(&stream("stream-triad", "cpu", 4 * MB, 90.0));
    assert!(joined(&roofs).is_empty());
    assert_eq!([2 * MB, 200 * MB].map(|bytes| roof(&roofs, bytes)), [90.0, 52.0]);
}

#[test]
fn odd_caches_are_harmless() {
    let cache = |bytes, shared_by| CacheLevel { level: u32::MAX, bytes, shared_by };
    let caches = [cache(u64::MAX, 0), cache(0, 1), cache(u64::MAX, 1)];
    for memory_set in [None, Some(0), Some(u64::MAX)] {
        let mut roofs = Roofs::default();
        roofs.divide(Levels::new(u32::MAX, &caches, memory_set));
        roofs.learn(&stream("stream-triad", "cpu", MB, 1.0));
        assert!(roofs.memory_of(&row("cpu", MB)).is_some());
    }
}
