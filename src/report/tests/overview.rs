//! What a reader sees first, on the page and on a terminal.

use super::*;
use crate::manifest::Sampling;
use crate::report::overview::Screen;

/// The lines of a run on a terminal, and its page.
fn told(run: &Run) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    run.write(folder.path());
    let report = render(folder.path(), &Options::default()).unwrap();
    let lines = report.overview.lines_on(Screen { is_unicode: true, columns: None });
    (lines, fs::read_to_string(folder.path().join("report.html")).unwrap())
}

/// A GPU, and the CPU through OpenCL, over the same sizes.
fn two_devices() -> Run {
    let mut run = against(POCL, &[0.5, 0.6, 0.7, 0.8]);
    run.knows(POCL, "Portable Computing Language, PoCL 3.1");
    for (size, speedup) in [(128, 0.25), (256, 0.5), (512, 2.0), (1024, 4.0)] {
        let shape = format!("m={size},n={size},k={size},ta=0,tb=0");
        run.add("gemm", &shape, GPU, "local", Scope::Compute, 1e-3 / speedup);
    }
    run
}

#[test]
fn the_best_device_has_the_table_and_others_a_sentence() {
    let (lines, page) = told(&two_devices());
    let gpu = "The GPU NVIDIA H200 overtakes the CPU from m = n = k = 512 on (268 MFLOP).";
    let pocl = "The same CPU driven through OpenCL (PoCL) never overtakes the CPU path up to m = n = k = 1024.";
    assert_eq!(lines[1], gpu);
    assert_eq!(lines[3], "GPU NVIDIA H200                      resident");
    assert_eq!(lines[4], "gemm             m = n = k 128–1024  from 512 (268 MFLOP)  4.00×  ▁▃▇█");
    assert_eq!(lines[6], pocl);
    says(&page, &format!("<p class=\"first\">{gpu}</p>"));
    says(&page, &format!("<details class=\"further\"><summary>{pocl}</summary>"));
    // With a GPU among them, figures are good for what they say.
    assert!(!page.contains("No GPU was measured"));
}

#[test]
fn several_sweeps_are_counted() {
    let mut run = against(GPU, &[0.5, 0.9, 2.0, 10.0]);
    for (rows, time) in [(64, 2e-3), (8192, 5e-4)] {
        let shape = format!("rows={rows},columns=1024");
        run.plan("softmax", &shape, "rows", Some(rows), "", "");
        run.add("softmax", &shape, CPU, "native", Scope::Compute, 1e-3);
        run.add("softmax", &shape, GPU, "local", Scope::Compute, 1e-3);
        run.add("softmax", &shape, CPU, "native", Scope::EndToEnd, 1e-3);
        run.add("softmax", &shape, GPU, "local", Scope::EndToEnd, 10.0 * time);
    }
    let (lines, _) = told(&run);
    // The geometric mean of 10 and 1; with transfers there are times of one of them alone.
    says(&lines[1], "overtakes the CPU in 1 of the 2 lines below, in none with transfers");
    says(&lines[1], "At the largest sizes it is 3.16× as fast, 0.200× with transfers");
    assert_eq!(lines.iter().filter(|line| line.starts_with("softmax")).count(), 1);
}

#[test]
fn a_sweep_that_was_cut_says_how_far_it_came() {
    let mut run = against(GPU, &[0.5, 0.9, 0.8, 0.9]);
    run.records.pop();
    let (lines, _) = told(&run);
    says(&lines[4], "unclear at 1024 (measured up to 512)  0.800×");
}

#[test]
fn a_run_without_a_gpu_says_so_first_and_once() {
    let (lines, page) = told(&against(POCL, &[0.5, 0.6]));
    assert!(lines[1].starts_with("No GPU was measured: "), "{}", lines[1]);
    assert_eq!(page.matches("No GPU was measured").count(), 1);
    let mut alone = Run::new();
    alone.knows(CPU, "");
    let shape = alone.point(512);
    alone.add("gemm", &shape, CPU, "gemm", Scope::Compute, 1e-3);
    let (lines, _) = told(&alone);
    says(&lines[1], "Only the CPU was measured, for no OpenCL device was found.");
    says(&lines[2], "The CPU reaches 268 GFLOP/s at m = n = k = 512");
}

#[test]
fn what_is_open_has_a_line_on_what_settles_it() {
    let mut run = against(GPU, &[0.5, 1.015, 2.0, 10.0]);
    let (lines, page) = told(&run);
    let advice = lines.iter().find(|line| line.contains("undecided: ")).unwrap();
    assert!(advice.starts_with("1 comparison is undecided: 'crossover run --resume "), "{advice}");
    assert!(advice.ends_with(" --until-decided' settles it in about a minute."), "{advice}");
    says(&page, "--until-decided&#39; settles it in about a minute.</p>");
    run.manifest.sampling = Sampling::Criterion;
    let (lines, _) = told(&run);
    assert!(!lines.iter().any(|line| line.contains("--resume")), "{lines:?}");
    says(&lines.join(" "), "'crossover run' samples all devices by turns");
    // Runs of minutes that lie on a border are not worth the wait.
    let mut slow = Run::new();
    slow.pair(512, 101.5, GPU, 100.0);
    says(&told(&slow).0.join(" "), "1 comparison is a tie, as far as this machine can tell.");
    let decided = told(&against(GPU, &[0.5, 2.0])).0;
    assert!(!decided.iter().any(|line| line.contains("decided: ")), "{decided:?}");
}

#[test]
fn the_page_tells_what_choosing_costs() {
    let mut run = against(GPU, &[0.5, 0.9, 2.0, 10.0]);
    for (size, speedup) in [(128, 0.5), (256, 0.8), (512, 2.0), (1024, 4.0)] {
        let shape = format!("m={size},n={size},k={size},ta=0,tb=0");
        run.add("gemm", &shape, CPU, "gemm", Scope::EndToEnd, 1e-3);
        run.add("gemm", &shape, GPU, "packed", Scope::EndToEnd, 1e-3 / speedup);
    }
    let (_, page) = told(&run);
    says(&page, "gemm: regret of choosing");
    says(&page, "gemm: regret of fixed thresholds");
    says(&page, "<th scope=\"row\">llama.cpp, issue 27425</th>");
    // A run of the CPU alone has no choice.
    let mut alone = Run::new();
    let shape = alone.point(64);
    alone.add("gemm", &shape, CPU, "native", Scope::Compute, 1e-3);
    assert!(!told(&alone).1.contains("regret"));
}
