//! What a page says of the machine: its roofs, streams, transfers, launches and clocks.

use super::*;
use crate::machine::CacheLevel;
use crate::manifest::TimerCheck;
use crate::record::Record;
use crate::roof::{ComputeRoof, MemoryRoof};
use crate::terms::{DeviceId, Dtype};

/// A GPU and a CPU with roofs and a product each.
fn limited() -> Run {
    let mut run = Run::new();
    run.knows(CPU, "");
    run.knows(GPU, "CUDA");
    run.pair(512, 2e-3, GPU, 1e-5);
    run.limits(CPU, 200, [400, 150, 40]);
    run.limits(GPU, 60_000, [90, 900, 3900]);
    run.knows_limits();
    run
}

fn clock(device: &str, share: Option<f64>, trusted: bool) -> TimerCheck {
    let (device, linearity) = (DeviceId::from(device), 1.0);
    TimerCheck { device, event_share: share, linearity, profiling_cost: None, trusted }
}

#[test]
fn every_device_has_a_roofline_with_its_levels() {
    let mut run = limited();
    let contender = ("contender:torch:gpu-0", DeviceKind::Gpu, GPU.2);
    run.add("gemm", "m=512,n=512,k=512,ta=0,tb=0", contender, "mm", Scope::Compute, 9e-6);
    let (_, charts) = rendered(&run);
    let cpu = chart(&charts, "roofline-cpu.svg");
    for part in ["f32 peak, 200 GFLOP/s", "L1 400 GB/s", "L2 150 GB/s", "memory 40.0 GB/s"] {
        says(cpu, part);
    }
    let gpu = chart(&charts, "roofline-opencl-0.svg");
    for part in ["f32 peak, 60.0 TFLOP/s", "memory 3.90 TB/s", "torch on the GPU NVIDIA H200, mm"] {
        says(gpu, part);
    }
    assert!(!charts.iter().any(|(name, _)| name.contains("contender")));
    // Roofs that nobody wrote down follow from the rows.
    run.manifest.roofs = Default::default();
    says(chart(&rendered(&run).1, "roofline-cpu.svg"), "L1 400 GB/s");
}

#[test]
fn many_points_leave_the_fastest_of_each_case() {
    let mut run = limited();
    for size in 1..=40 {
        let shape = run.point(size * 16);
        for (name, time) in [("gemm", 2e-3), ("native", 1e-3)] {
            run.add("gemm", &shape, CPU, name, Scope::Compute, time);
        }
    }
    let (_, charts) = rendered(&run);
    let cpu = chart(&charts, "roofline-cpu.svg");
    says(cpu, "the fastest of each case");
    assert!(!cpu.contains(">\nnative\n<"));
}

#[test]
fn the_machine_is_told_in_sentences_and_not_in_speedups() {
    let mut run = limited();
    for (name, time) in [("latency", 1e-5), ("batch", 2e-6)] {
        run.probe("launch", (0, 0), GPU, name, time).device_median_s = Some(3e-6);
        run.probe("launch", (0, 0), CPU, name, time);
    }
    let text = answers(&run);
    says(&text, "GPU NVIDIA H200: 60.0 TFLOP/s, 3.90 TB/s measured.</strong>");
    says(&text, "f32 multiply-adds (v4-fma) and stream-triad over 600 MB (plain).");
    says(&text, "CPU AMD EPYC 9B14: 200 GFLOP/s, 40.0 GB/s measured.</strong>");
    for name in ["stream-triad ·", "peak-fma", "launch"] {
        assert!(!text.contains(&format!("<h3>{name}")) && !text.contains(&format!("{name}:")));
    }
    let (page, charts) = rendered(&run);
    assert!(charts.iter().all(|(name, _)| !name.contains("speedup-stream")));
    assert!(page.contains("stream-triad: speed-up") && !page.contains("peak-fma: speed-up"));
    says(&page, "3.00 µs by the device clock");
    let launch = chart(&charts, "launch.svg");
    says(launch, "3.00 µs");
    says(launch, "2.00 µs");
    says(chart(&charts, "peak-fma.svg"), "60.0 TFLOP/s");
}

#[test]
fn levels_that_cant_be_told_apart_are_said_to_be_one() {
    let told = |rates: [u64; 3]| {
        let mut run = Run::new();
        run.knows(POCL, "PoCL");
        run.knows(CPU, "");
        run.pair(512, 2e-3, POCL, 1e-3);
        run.limits(POCL, 190, [20, 40, 39]);
        run.limits(CPU, 200, rates);
        run.knows_limits();
        run.knows_levels();
        (answers(&run), chart(&rendered(&run).1, "roofline-cpu.svg").to_string())
    };
    let apart = told([400, 150, 40]);
    assert!(!apart.0.contains("told apart"), "{}", apart.0);
    says(&apart.1, "L2 150 GB/s");
    let (text, roofline) = told([400, 41, 40]);
    let sentence = "L2 and memory can&#39;t be told apart here (41.0 and 40.0 GB/s): rows of both \
                    are held to one roof.";
    says(&text, sentence);
    assert_eq!(text.matches("told apart").count(), 1);
    says(&roofline, "L2 and memory 41.0 GB/s");
    assert!(!roofline.contains(">memory"));
    let (text, roofline) = told([1010, 990, 980]);
    says(
        &text,
        "L1, L2 and memory can&#39;t be told apart here (1.01 TB/s, 990 GB/s and 980 GB/s)",
    );
    says(&text, "rows of all are held");
    says(&roofline, "L1, L2 and memory 1.01 TB/s");
}

#[test]
fn streams_stand_over_the_working_set_between_the_caches() {
    let mut run = limited();
    // The better of two implementations makes the line; a suspect point stays off it.
    run.probe("stream-triad", (1, 1_500_000), CPU, "streaming", 1e-6 * 1.5 * 5.0);
    let suspect = run.probe("stream-copy", (0, 4_000_000), CPU, "plain", 1e-6);
    suspect.outcome = Outcome::Suspect;
    let (page, charts) = rendered(&run);
    let cpu = chart(&charts, "streams-cpu.svg");
    for part in ["L1 98.3 kB", "L2 2.10 MB", "best of plain and streaming", "40.0 GB/s at 600 MB"] {
        says(cpu, part);
    }
    says(cpu, "400 GB/s at 60.0 kB, 40.0 GB/s at 600 MB");
    says(cpu, "copy");
    says(chart(&charts, "streams-triad.svg"), "GPU NVIDIA H200");
    says(&page, "charts/streams-opencl-0.svg");
}

#[test]
fn transfers_have_a_rate_and_a_time() {
    let mut run = limited();
    for bytes in [4_000u64, 4_000_000, 400_000_000] {
        for (workload, name) in [("transfer-h2d", "write-pinned"), ("transfer-d2h", "read")] {
            run.probe(workload, (0, bytes), GPU, name, 1e-5 + bytes as f64 / 20e9);
        }
    }
    run.manifest.zero_copy = vec!["opencl:0".into()];
    let (page, charts) = rendered(&run);
    let rate = chart(&charts, "transfers-rate-opencl-0.svg");
    for part in ["to the device", "from the device", "write-pinned", "20.0 GB/s at 400 MB"] {
        says(rate, part);
    }
    let time = chart(&charts, "transfers-time-opencl-0.svg");
    says(time, "20.0 ms at 400 MB");
    says(time, "to map moves nothing here");
    says(&page, "<span class=\"sub\">the host's own</span>");
}

#[test]
fn drift_and_doubtful_clocks_are_said() {
    let mut run = limited();
    run.manifest.timers = vec![clock("cpu", None, true), clock("opencl:0", Some(0.98), true)];
    let calm = rendered(&run).0;
    for part in ["<dt>Drift</dt><dd>none", "1 of 1 trusted", "98.0 % of the wall time"] {
        says(&calm, part);
    }
    assert!(!calm.contains("Keep in mind"));
    run.records[0].notes = "noisy;drift".into();
    run.manifest.timers[1] = clock("opencl:0", Some(0.02), false);
    let page = rendered(&run).0;
    for part in [
        "1 of 10 rows",
        "their notes say drift",
        "0 of 1 trusted",
        "the clock of opencl:0 contradicts ours",
        "own clock not trusted",
    ] {
        says(&page, part);
    }
}

#[test]
fn the_state_of_the_machine_is_told() {
    let mut run = limited();
    let m = &mut run.manifest.machine;
    (m.smt, m.hypervisor, m.governor) = (Some(true), Some("KVM".into()), Some("powersave".into()));
    (m.quota_cpus, m.affinity, m.logical_cores) = (Some(1.5), vec![2, 3], 8);
    let page = rendered(&run).0;
    for part in [
        "two threads a core; allowed: 2, 3",
        "<dd>KVM",
        "<dd>powersave",
        "<dd>1.50 CPUs",
        "L1 49.2 kB, L2 1.05 MB",
    ] {
        says(&page, part);
    }
}

#[test]
fn odd_amounts_are_harmless() {
    let mut run = limited();
    run.knows_limits();
    let times = [f64::NAN, f64::INFINITY, 0.0, -1.0, 1e308, 5e-324];
    for (i, time) in times.into_iter().enumerate() {
        for work in [(0, 0), (0, 1), (u64::MAX, u64::MAX), (1, u64::MAX >> i)] {
            for name in ["stream-dot", "stream-odd", "transfer-h2d", "peak-fma", "launch", "conv"] {
                odd(run.probe(name, work, GPU, "latency", 1.0), time);
                odd(run.probe(name, work, CPU, "write", 1.0), time);
            }
        }
    }
    let (device, device_name) = (DeviceId::cpu(), String::new());
    for (bytes, rate) in [(0, 0.0), (u64::MAX, 1e308), (u64::MAX / 2, -1.0), (1, 5e-324)] {
        run.manifest.roofs.memory.push(MemoryRoof {
            device: device.clone(),
            device_name: device_name.clone(),
            threads: None,
            working_set_bytes: bytes,
            bytes_per_s: rate,
            workload: "stream-odd".into(),
            implementation: String::new(),
        });
        run.manifest.roofs.compute.push(ComputeRoof {
            device: device.clone(),
            device_name: device_name.clone(),
            dtype: Dtype::F64,
            threads: None,
            flop_per_s: rate,
            implementation: String::new(),
        });
    }
    let cache = |bytes| CacheLevel { level: u32::MAX, bytes, shared_by: 0 };
    run.manifest.machine.caches = [0, 1, u64::MAX].map(cache).to_vec();
    run.manifest.devices.iter_mut().for_each(|d| d.threads = Some(u32::MAX));
    run.manifest.devices[1].cache_bytes = Some(u64::MAX);
    run.manifest.timers = vec![clock("", Some(1e308), true)];
    assert!(rendered(&run).1.len() > 5);
}

fn odd(record: &mut Record, time: f64) {
    (record.wall_median_s, record.wall_low_s, record.wall_high_s) =
        (Some(time), Some(-time), Some(time));
    (record.flop_per_s, record.bytes_per_s, record.compute_roof_fraction) =
        (Some(time), Some(1.0 / time), Some(time));
    record.device_median_s = Some(time);
}
