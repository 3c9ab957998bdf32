//! What comparison.html says of runs, and its charts.

use super::*;
use crate::compare::{By, Comparison, THRESHOLD};
use crate::report::render_comparison;
use crate::terms::Verdict;

const SIZES: [u64; 4] = [128, 256, 512, 1024];

/// A run whose GPU takes `factor` times as long as that of other runs.
fn run(factor: f64) -> Run {
    let mut run = Run::new();
    run.knows(CPU, "");
    run.knows(GPU, "driver 1");
    for size in SIZES {
        run.pair(size, 1e-3, GPU, 1e-4 * factor);
    }
    run
}

/// Named runs against the first of them, with the page and its charts.
struct Compared {
    comparison: Comparison,
    page: String,
    charts: Vec<(String, String)>,
}

fn compared(runs: &[(&str, Run)]) -> Compared {
    let base = tempfile::tempdir().unwrap();
    let write = |(name, run): &(&str, Run)| {
        let folder = base.path().join(name);
        fs::create_dir(&folder).unwrap();
        run.write(&folder);
        folder
    };
    let folders: Vec<_> = runs.iter().map(write).collect();
    let comparison = Comparison::read(&folders, By::Kind, THRESHOLD).unwrap();
    let out = tempfile::tempdir().unwrap();
    let written = render_comparison(out.path(), &comparison, false).unwrap();
    let (page, charts) = written.split_last().unwrap();
    assert!(page.ends_with("comparison.html"));
    let name = |p: &Path| p.file_name().unwrap().to_string_lossy().into_owned();
    let read = |p: &Path| fs::read_to_string(p).unwrap();
    let charts: Vec<_> = charts.iter().map(|p| (name(p), read(p))).collect();
    charts.iter().for_each(|(name, svg)| is_sound(name, svg));
    let page = read(page).split_once("<script>").unwrap().0.to_string();
    for wrong in ["NaN", ">inf", "inf×", "<strong></strong>"] {
        assert!(!page.contains(wrong), "the page holds {wrong}");
    }
    for (name, _) in &charts {
        says(&page, &format!("<a href=\"charts/{name}\">"));
    }
    Compared { comparison, page, charts }
}

/// The verdicts of all tables, in the order of the page.
fn verdicts(page: &str) -> Vec<&str> {
    let tables = page.split_once("<h2 id=\"tables\">").unwrap().1;
    let tables = tables.split_once("</section>").unwrap().0;
    let words = ["faster", "slower", "same", "ambiguous", "none"];
    let texts = tables.split("<td").filter_map(|cell| cell.split_once('>')).map(|(_, rest)| rest);
    let texts = texts.filter_map(|rest| rest.split_once("</td>")).map(|(text, _)| text);
    texts.filter(|text| words.iter().any(|w| text.split(", ").next() == Some(*w))).collect()
}

/// The verdicts of comparison.csv, with the regressions among them.
fn expected(c: &Comparison) -> Vec<String> {
    let word = |p: &crate::compare::Pair| match p.regression {
        true => format!("{}, regression", p.row.verdict.name()),
        false => p.row.verdict.name().to_string(),
    };
    c.pairs.iter().map(word).collect()
}

#[test]
fn two_machines_have_charts_answers_and_the_verdicts_of_the_csv() {
    let two = compared(&[("old", run(1.0)), ("new", run(0.5))]);
    let names: Vec<&str> = two.charts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ratio-gemm-mnk-compute.svg", "rate-gemm-mnk-compute.svg"]);
    assert_eq!(verdicts(&two.page), expected(&two.comparison));
    let faster = two.comparison.pairs.iter().filter(|p| p.row.verdict == Verdict::Faster);
    assert_eq!(faster.count(), SIZES.len());
    says(&two.page, "<h1>new against old</h1>");
    says(&two.page, "<strong>2.00× as fast</strong>");
    says(
        &two.page,
        "new is 2.00× as fast as old on the GPU through OpenCL, the geometric mean of 4 sizes",
    );
    says(&two.page, "<strong>no clear difference</strong>");
    says(&two.page, "<dt>Regressions</dt><dd>none<span>");
    says(&two.charts[0].1, "Against old: gemm over m = n = k");
    let rate = texts(&two.charts[1].1);
    for name in ["old", "new"] {
        assert_eq!(rate.iter().filter(|text| **text == name).count(), 2, "{name}: CPU and GPU");
    }
}

#[test]
fn a_regression_is_named_first_and_in_its_row() {
    let two = compared(&[("old", run(1.0)), ("new", run(1.25))]);
    assert_eq!(verdicts(&two.page), expected(&two.comparison));
    assert_eq!(verdicts(&two.page).iter().filter(|v| **v == "slower, regression").count(), 4);
    says(&two.page, "<div class=\"alert\"><dt>Regressions</dt><dd>4 of 8<span>");
    let listed = two.page.split_once("<h2>Slower by more than 5 %</h2>").unwrap().1;
    let listed = listed.split_once("</div>").unwrap().0;
    assert_eq!(listed.matches("<li>").count(), 4);
    says(listed, "gemm 1024³ on the GPU through OpenCL, compute: 0.800× as fast (");
    says(&two.page, "<td class=\"failed\">slower, regression</td>");
}

/// A CPU with a peak in GFLOP/s and a product.
fn cpu(peak: u64, time: f64) -> Run {
    let mut run = Run::new();
    run.knows(CPU, "");
    let shape = run.point(512);
    run.add("gemm", &shape, CPU, "gemm", Scope::Compute, time);
    run.limits(CPU, peak, [400, 150, 40]);
    run.knows_limits();
    run
}

/// A machine of half the speed, and times twice as long: half of that may be the machine's.
#[test]
fn lists_show_what_the_verdict_is_made_on_and_what_was_measured() {
    let two = compared(&[("old", cpu(400, 1e-3)), ("new", cpu(200, 2e-3))]);
    let row = &two.comparison.pairs.iter().find(|p| p.row.workload == "gemm").unwrap().row;
    assert!((row.ratio - 0.5).abs() < 1e-12 && (row.rest - 0.5f64.sqrt()).abs() < 1e-12, "{row:?}");
    assert!(row.rest_low < row.rest && row.rest < row.rest_high, "{row:?}");
    let table = two.page.split_once("<h3>gemm</h3>\n<div class=\"scroll\"").unwrap().1;
    let table = table.split_once("</table>").unwrap().0;
    says(table, "<strong>0.707×</strong></td><td class=\"n\">0.4");
    says(table, "<td>ambiguous</td>");
    says(table, "<td class=\"n\">0.500–1.00×</td><td class=\"w\">0.500× (0.4");
    says(&two.page, "new is 0.707× as fast as old (0.500× as measured) on the CPU");
    says(&two.charts[0].1, "without what the machine itself did");
    // Where the machine stayed as it was, there is one number.
    let same = compared(&[("old", cpu(400, 1e-3)), ("new", cpu(400, 2e-3))]);
    assert!(!same.page.contains("as measured)") && !same.charts[0].1.contains("itself did"));
}

#[test]
fn what_is_not_clear_has_advice() {
    let noisy = |noise: f64| {
        let mut run = run(1.02);
        run.records[0].noise = Some(noise);
        run
    };
    let two = compared(&[("old", run(1.0)), ("new", noisy(0.3))]);
    says(&two.page, "1 of 8 comparisons are too noisy for a verdict. What helps is");
    says(&two.page, "7 of 8 comparisons are ambiguous for want of processes");
    assert!(!compared(&[("old", run(1.0)), ("new", noisy(0.01))]).page.contains("too noisy for"));
}

#[test]
fn what_is_unlike_is_told() {
    let mut other = run(1.0);
    other.manifest.devices[1].driver = "driver 2".into();
    other.records[0].threads = Some(4);
    other.manifest.interrupted = true;
    let two = compared(&[("old", run(1.0)), ("new", other)]);
    says(&two.page, "in so many of 8 comparisons: threads (1), driver (4).");
    says(&two.page, "new was cut before its end.");
    assert_eq!(two.page.matches("<td class=\"w\">driver</td>").count(), 4);
    assert_eq!(two.page.matches("<td class=\"w\">threads</td>").count(), 1);
    says(
        &two.page,
        "<strong>cpu: AMD EPYC 9B14 (cpu, 2 threads); opencl:0: NVIDIA H200 (gpu, driver 2)</strong>",
    );
}

#[test]
fn five_machines_with_names_of_eighty_characters_fit() {
    let names: Vec<String> = (0..5)
        .map(|i| {
            format!(
                "{:a<80}",
                format!("{i} 20261123T055000Z server of the north with eight of them ")
            )
        })
        .collect();
    assert!(names.iter().all(|name| name.len() == 80));
    let factors = [1.0, 0.5, 0.8, 1.0, 1.3];
    let runs: Vec<(&str, Run)> = names.iter().map(String::as_str).zip(factors.map(run)).collect();
    let five = compared(&runs);
    assert_eq!(verdicts(&five.page), expected(&five.comparison));
    assert_eq!(five.comparison.pairs.len(), 4 * 2 * SIZES.len());
    says(&five.page, &format!("<h1>4 runs against {}</h1>", names[0]));
    says(&five.page, &format!("<h2>{} · gemm · GPU through OpenCL</h2>", names[1]));
    let counted = |chart: usize, i: usize| {
        let texts = texts(&five.charts[chart].1);
        texts.iter().filter(|text| text.starts_with(&format!("{i} 2026"))).count()
    };
    // Each but the first against the first on CPU and GPU; all of them at their rates.
    assert_eq!([0, 1, 2, 3, 4].map(|i| counted(0, i)), [0, 2, 2, 2, 2]);
    assert_eq!([0, 1, 2, 3, 4].map(|i| counted(1, i)), [2; 5]);
}

#[test]
fn a_list_and_a_single_point_are_compared_too() {
    let listed = |factor: f64| {
        let mut run = Run::new();
        let layers = 50;
        for i in 0..layers {
            let shape = format!("m={},n=8,k=8,ta=0,tb=0", i + 1);
            run.plan("gemm", &shape, "", None, "deepbench", &format!("layer {i}"));
            run.add("gemm", &shape, CPU, "gemm", Scope::Compute, 1e-6 * factor * (i + 1) as f64);
        }
        let shape = "m=8,n=8,k=8,ta=1,tb=0";
        run.plan("gemm", shape, "", None, "few", "a layer");
        run.add("gemm", shape, CPU, "gemm", Scope::Compute, 1e-3 * factor);
        run
    };
    let two = compared(&[("old", listed(1.0)), ("new", listed(0.9))]);
    let names: Vec<&str> = two.charts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["ratio-list-gemm-deepbench-compute.svg", "ratio-list-gemm-few-compute.svg"]);
    says(&two.charts[0].1, "time of one run of old");
    says(&two.charts[1].1, "a layer");
    assert_eq!(verdicts(&two.page).len(), 51);
}

#[cfg(feature = "png")]
#[test]
fn charts_of_a_comparison_become_pictures() {
    let base = tempfile::tempdir().unwrap();
    let folders = ["old", "new"].map(|name| base.path().join(name));
    for folder in &folders {
        fs::create_dir(folder).unwrap();
        run(1.0).write(folder);
    }
    let comparison = Comparison::read(&folders, By::Kind, THRESHOLD).unwrap();
    let out = tempfile::tempdir().unwrap();
    let written = render_comparison(out.path(), &comparison, true).unwrap();
    assert_eq!(written.iter().filter(|p| p.extension().is_some_and(|e| e == "png")).count(), 2);
    let page = fs::read_to_string(out.path().join("comparison.html")).unwrap();
    says(&page, "<a href=\"charts/ratio-gemm-mnk-compute.png\">PNG</a>");
}
