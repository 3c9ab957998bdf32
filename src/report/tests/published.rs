//! Published times beside those of a run.

use super::*;
use crate::report::published_by;
use crate::terms::Cache;

/// Products of DeepBench with n = k = 1760; a V100 takes 38, 41 and 56 microseconds for the first three.
fn products(axis: &str, list: &str) -> Run {
    let mut run = Run::new();
    for m in [16u64, 32, 64, 65] {
        let shape = format!("m={m},n=1760,k=1760,ta=0,tb=0");
        run.plan("gemm", &shape, axis, (!axis.is_empty()).then_some(m), list, "");
        run.add("gemm", &shape, CPU, "native", Scope::Compute, 1e-3);
    }
    run
}

fn charts(run: &Run, names: &[&str]) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    run.write(folder.path());
    let names: Vec<String> = names.iter().map(|name| name.to_string()).collect();
    let published = published_by(&names).unwrap();
    read_back_with(folder.path(), &Options { published, ..Options::default() }).1
}

const KEY: &str = "faint: published by DeepBench, not measured here";

#[test]
fn nobody_sees_what_nobody_asked_for() {
    for (name, svg) in charts(&products("m", ""), &[]) {
        assert!(!svg.contains("V100") && !svg.contains(KEY), "{name}");
    }
}

#[test]
fn a_sweep_has_the_rates_of_its_own_shapes() {
    let charts = charts(&products("m", ""), &["V100", "P100"]);
    let (name, svg) = &charts[0];
    assert_eq!(name, "throughput-gemm-m-compute.svg");
    says(svg, KEY);
    // 2 * 64 * 1760 * 1760 FLOP in 56 us; of m = 65 nothing is published.
    says(svg, "V100, CUDA 10.1, published: 2.61 TFLOP/s at m = 16, 7.08 TFLOP/s at m = 64");
    says(svg, "P100, CUDA 8, published: ");
}

#[test]
fn a_list_has_ratios_to_the_cpu_of_this_machine() {
    let mut run = products("", "deepbench");
    for m in [16, 32, 64, 65] {
        let shape = format!("m={m},n=1760,k=1760,ta=0,tb=0");
        run.add("gemm", &shape, GPU, "local", Scope::Compute, 5e-4);
    }
    let charts = charts(&run, &["V100"]);
    // 1 ms over 38 us and over 56 us.
    says(&charts[0].1, "V100, CUDA 10.1, published: 26.3× at 16×1760×1760, 17.9× at 64×1760×1760");
}

#[test]
fn other_shapes_have_nothing_published() {
    let charts = charts(&against(GPU, &[2.0, 3.0]), &["V100"]);
    assert!(charts.iter().all(|(_, svg)| !svg.contains("V100")));
}

/// What was published is no time of a cold cache.
#[test]
fn cold_rows_have_nothing_published() {
    let mut run = products("m", "");
    run.records.iter_mut().for_each(|r| r.cache = Cache::Cold);
    let charts = charts(&run, &["V100"]);
    assert!(!charts.is_empty() && charts.iter().all(|(_, svg)| !svg.contains("V100")));
}
