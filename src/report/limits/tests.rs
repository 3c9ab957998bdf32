//! Peaks and levels of machines that never were.

use super::super::sample::{CPU, GPU, POCL, Run};
use super::*;

fn input(run: &Run) -> Input {
    let folder = tempfile::tempdir().unwrap();
    run.write(folder.path());
    Input::read(folder.path()).unwrap()
}

fn shown(levels: &[Level<'_>]) -> Vec<(String, f64)> {
    levels.iter().map(|l| (l.name.clone(), (l.roof.bytes_per_s / 1e9).round())).collect()
}

fn named<const N: usize>(levels: [(&str, f64); N]) -> Vec<(String, f64)> {
    levels.into_iter().map(|(name, rate)| (name.to_string(), rate)).collect()
}

#[test]
fn each_cache_has_its_own_rate() {
    let mut run = Run::new();
    run.knows(CPU, "");
    run.limits(CPU, 200, [400, 150, 40]);
    run.knows_limits();
    let found = input(&run);
    let expected = named([("L1", 400.0), ("L2", 150.0), ("memory", 40.0)]);
    assert_eq!(shown(&levels(&found, &DeviceId::cpu())), expected);
    assert_eq!(memory(&found, &DeviceId::cpu()).unwrap().name, "memory");
    assert_eq!(peak(&found, &DeviceId::cpu()).unwrap().flop_per_s, 200e9);
    // Two threads reach two of each.
    let caches = caches(found.manifest.as_ref(), &DeviceId::cpu());
    assert_eq!(caches[1], Cache { name: "L2".into(), bytes: 2 << 20 });
    let unknown = DeviceId::from("opencl:7");
    assert!(levels(&found, &unknown).is_empty() && peak(&found, &unknown).is_none());
}

#[test]
fn a_small_working_set_that_is_slow_has_no_level() {
    let mut run = Run::new();
    run.knows(GPU, "");
    run.manifest.devices[0].cache_bytes = Some(1 << 20);
    run.limits(GPU, 60_000, [90, 900, 3900]);
    run.knows_limits();
    assert_eq!(shown(&levels(&input(&run), &GPU.0.into())), named([("memory", 3900.0)]));
    // Nobody told of the cache that this rate shows.
    run.probe("stream-triad", (1, 8_000_000), GPU, "v4", 8e6 / 6e12);
    run.knows_limits();
    let expected = named([("up to 8 MB", 6000.0), ("memory", 3900.0)]);
    assert_eq!(shown(&levels(&input(&run), &GPU.0.into())), expected);
}

#[test]
fn a_cpu_behind_opencl_has_the_cpus_memory() {
    let mut run = Run::new();
    run.knows(CPU, "");
    run.knows(POCL, "PoCL");
    run.limits(CPU, 200, [400, 150, 40]);
    run.limits(POCL, 190, [20, 160, 30]);
    run.knows_limits();
    let found = input(&run);
    let expected = named([("L1", 400.0), ("L2", 160.0), ("memory", 40.0)]);
    assert_eq!(shown(&levels(&found, &POCL.0.into())), expected);
    assert_eq!(memory(&found, &POCL.0.into()).unwrap().roof.device.as_str(), POCL.0);
}

#[test]
fn contenders_are_at_home_on_our_devices() {
    let mut run = Run::new();
    run.knows(CPU, "");
    run.knows(GPU, "");
    let found = input(&run);
    let home = |device: &str, kind, name: &str| {
        let (device, device_name) = (device.into(), name.into());
        let record = Record { device, device_kind: kind, device_name, ..Record::example() };
        home(&record, &found).to_string()
    };
    let (cpu, gpu) = (DeviceKind::Cpu, DeviceKind::Gpu);
    assert_eq!(home("cpu", cpu, "x"), "cpu");
    assert_eq!(home("contender:torch:cpu", cpu, "x"), "cpu");
    assert_eq!(home("contender:clblast:opencl-0", gpu, "x"), "opencl:0");
    assert_eq!(home("contender:torch:gpu-0", gpu, GPU.2), "opencl:0");
    assert_eq!(home("contender:torch:gpu-0", gpu, "x"), "contender:torch:gpu-0");
    assert_eq!(home("contender:x:opencl-9", cpu, "x"), "contender:x:opencl-9");
}
