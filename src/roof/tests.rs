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
    let alone = |record: &Record| {
        let mut roofs = roofs.clone();
        roofs.memory.retain(|r| r.device == record.device);
        roofs.fractions(record).1.unwrap()
    };
    assert_eq!(alone(&row("gemm", "cpu", 1, 99_999)), 99_999.0 / 20.0);
    // A slow point below a fast larger one is no roof.
    let mut dip = roofs.clone();
    dip.memory.retain(|r| !r.device.is_cpu());
    assert_eq!(dip.fractions(&row("gemm", "opencl:0", 1, 100)).1.unwrap(), 2.0);
    // What the same cores have shown counts, whoever drove them.
    assert_eq!(share(&row("gemm", "cpu", 1, 99_999)), 99_999.0 / 30.0);
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
    assert_eq!(share("contender:clblast:opencl-0", "any"), Some(0.5));
    assert_eq!(share("contender:torch:gpu-0", "opencl:1-gpu's name"), Some(0.1));
    assert_eq!(share("contender:torch:gpu-0", "unknown"), None);
    let other_threads = Record { threads: Some(1), ..row("gemm", "contender:torch:cpu", 500, 1) };
    assert_eq!(roofs.fractions(&other_threads).0, None);
    let matrix = Record { implementation: "matrix".into(), ..row("gemm", "opencl:0", 500, 1) };
    assert_eq!(roofs.fractions(&matrix).0, None);
}

#[test]
fn a_roof_of_multiply_adds_is_that_of_the_cores() {
    let mut roofs = roofs();
    let share = |roofs: &Roofs, device: &str| roofs.fractions(&row("gemm", device, 500, 1)).0;
    assert_eq!([share(&roofs, "cpu"), share(&roofs, "opencl:0")], [Some(0.5); 2]);
    roofs.learn(&row("peak-fma", "opencl:0", 2000, 0));
    assert_eq!([share(&roofs, "cpu"), share(&roofs, "opencl:0")], [Some(0.25); 2]);
    // Other threads, other cores; and a GPU has none of them.
    roofs.learn(&Record { threads: Some(4), ..row("peak-fma", "opencl:0", 4000, 0) });
    assert_eq!(share(&roofs, "cpu"), Some(0.25));
    assert_eq!(share(&roofs, "opencl:1-gpu"), None);
}

#[test]
fn what_lies_above_is_named() {
    let roofs = roofs();
    assert_eq!(roofs.excess(&row("gemm", "cpu", 1049, 1)), None);
    let why = roofs.excess(&row("gemm", "cpu", 1100, 1)).unwrap();
    assert!(why.contains("1.10 times the measured compute roof"), "{why}");
    let why = roofs.excess(&row("gemm", "cpu", 1, 200)).unwrap();
    assert!(why.contains("2.00 times the measured memory roof of its working set"), "{why}");
    let cold = Record { cache: Cache::Cold, ..row("gemm", "cpu", 1, 40) };
    assert!(roofs.excess(&cold).unwrap().contains("its caches were not cold"));
}

/// A rate of a cache is none of memory.
#[test]
fn what_no_cache_holds_has_no_roof_where_none_of_memory_was_measured() {
    let large = stream("cpu", 100_000, 20.0);
    let mut roofs = roofs();
    assert!(roofs.fractions(&large).1.is_some());
    roofs.memory_unknown = true;
    assert_eq!(roofs.fractions(&large).1, None);
    assert!(roofs.fractions(&stream("cpu", 1000, 20.0)).1.is_some());
}
