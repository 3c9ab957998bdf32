//! From files to files: what a run's page and charts say.

mod comparison;
mod machine;
mod overview;
#[cfg(feature = "png")]
mod pictures;
mod published;
mod training;

use std::fs;
use std::path::Path;

use super::sample::{CPU, GPU, POCL, Run};
use super::{Options, render};
use crate::plan::Selection;
use crate::record::Outcome;
use crate::terms::DeviceKind;
use crate::terms::Scope;
use crate::workload;

/// The page of a run and all its charts, checked for what no drawing may hold.
fn rendered(run: &Run) -> (String, Vec<(String, String)>) {
    let folder = tempfile::tempdir().unwrap();
    run.write(folder.path());
    read_back(folder.path())
}

fn read_back(folder: &Path) -> (String, Vec<(String, String)>) {
    read_back_with(folder, &Options::default())
}

fn read_back_with(folder: &Path, options: &Options) -> (String, Vec<(String, String)>) {
    let written = render(folder, options).unwrap().written;
    let (page, charts) = written.split_last().unwrap();
    assert!(page.ends_with("report.html"));
    let read = |p: &Path| fs::read_to_string(p).unwrap();
    let name = |p: &Path| p.file_name().unwrap().to_string_lossy().into_owned();
    let charts: Vec<(String, String)> = charts.iter().map(|p| (name(p), read(p))).collect();
    charts.iter().for_each(|(name, svg)| is_sound(name, svg));
    (read(page), charts)
}

/// Panics where a chart holds what no drawing may.
#[track_caller]
fn is_sound(name: &str, svg: &str) {
    for wrong in ["NaN", "inf\"", "inf ", "inf,", "<script"] {
        assert!(!svg.contains(wrong), "{name} holds {wrong}");
    }
    assert!(svg.contains("role=\"img\" aria-label=\""), "{name}");
    #[cfg(feature = "png")]
    super::chart::Layout::of(svg).check(name);
}

/// The texts of a drawing.
fn texts(svg: &str) -> Vec<&str> {
    let ends = svg.split("</text>").map(|part| part.rsplit('>').next().unwrap_or_default().trim());
    ends.collect()
}

/// The text of the answers.
fn answers(run: &Run) -> String {
    let page = rendered(run).0;
    let section = page.split_once("<section aria-label=\"Answers\">").unwrap().1;
    section.split_once("</section>").unwrap().0.to_string()
}

fn against(other: super::sample::Device<'_>, speedups: &[f64]) -> Run {
    let mut run = Run::new();
    for (size, speedup) in [128, 256, 512, 1024].into_iter().zip(speedups) {
        run.pair(size, 1e-3, other, 1e-3 / speedup);
    }
    run
}

fn chart<'a>(charts: &'a [(String, String)], name: &str) -> &'a str {
    let found = charts.iter().find(|(n, _)| n == name);
    let names = || charts.iter().map(|(n, _)| n.as_str()).collect::<Vec<_>>();
    &found.unwrap_or_else(|| panic!("no {name} among {:?}", names())).1
}

#[track_caller]
fn says(text: &str, part: &str) {
    assert!(text.contains(part), "'{part}' is not in: {text}");
}

#[test]
fn every_file_is_written_and_linked() {
    let (page, charts) = rendered(&against(GPU, &[0.5, 0.9, 2.0, 10.0]));
    let names: Vec<&str> = charts.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["speedup-gemm-mnk.svg", "throughput-gemm-mnk-compute.svg"]);
    for name in names.iter().chain(&["results.csv", "summary.csv", "plan.csv", "machine.json"]) {
        says(&page, name);
    }
    assert_eq!(page.matches("<script").count(), 1);
    says(&page, "<td class=\"n\"><strong>10.0×</strong></td>");
}

#[test]
fn data_that_are_used_again_have_a_crossover_and_a_chart_beside_the_answers() {
    let resident = [2.0, 0.5, 0.4, 0.3];
    let mut run = against(GPU, &resident.map(|time| 1.0 / time));
    for (size, time) in [(128, 9e-3), (256, 6e-3), (512, 2.4e-3), (1024, 1.2e-3)] {
        let shape = format!("m={size},n={size},k={size},ta=0,tb=0");
        run.add("gemm", &shape, CPU, "gemm", Scope::EndToEnd, 1e-3);
        run.add("gemm", &shape, GPU, "packed", Scope::EndToEnd, time);
    }
    let text = answers(&run);
    says(
        &text,
        "overtakes the CPU from m = n = k = 256 on (33.6 MFLOP), with transfers never up to 1024, from 512 on \
         with 8 runs on the same data.</p>",
    );
    says(&text, ", worth its transfers from 1.3 (");
    let title = ">Speed-up by re-use: gemm over m = n = k";
    says(&text, title.trim_start_matches('>'));
    let (page, charts) = rendered(&run);
    assert_eq!(page.matches("charts/reuse-gemm-mnk.svg</a>").count(), 1, "not in its section too");
    says(chart(&charts, "reuse-gemm-mnk.svg"), "At m = n = k = 1024 as fast from 1.3 runs on.");
    // Where nothing depends on it, it is one chart among others.
    let mut run = against(GPU, &[2.0, 4.0]);
    for size in [128, 256] {
        let shape = format!("m={size},n={size},k={size},ta=0,tb=0");
        run.add("gemm", &shape, CPU, "gemm", Scope::EndToEnd, 1e-3);
        run.add("gemm", &shape, GPU, "packed", Scope::EndToEnd, 0.9e-3);
    }
    assert!(!answers(&run).contains("re-use"));
    let (page, charts) = rendered(&run);
    assert_eq!(page.matches("charts/reuse-gemm-mnk.svg</a>").count(), 1);
    says(chart(&charts, "reuse-gemm-mnk.svg"), "At m = n = k = 256 as fast at once.");
}

#[test]
fn one_crossing_has_a_size_and_a_speed() {
    let mut run = against(GPU, &[0.5, 0.9, 2.0, 10.0]);
    for (size, time) in [(128, 9e-3), (256, 5e-3), (512, 2e-3), (1024, 5e-4)] {
        let shape = format!("m={size},n={size},k={size},ta=0,tb=0");
        run.add("gemm", &shape, CPU, "gemm", Scope::EndToEnd, 1e-3);
        run.add("gemm", &shape, GPU, "packed", Scope::EndToEnd, time);
    }
    let text = answers(&run);
    says(&text, "The GPU NVIDIA H200 overtakes the CPU from m = n = k = 512 on (268 MFLOP), ");
    says(&text, "with transfers from 1024 on.</p>");
    let resident = "<span class=\"wins\">from 512<span class=\"sub\">268 MFLOP</span></span>";
    says(&text, &format!("{resident}<strong>10.0×</strong><svg"));
    let moved = "<span class=\"wins\">from 1024<span class=\"sub\">2.15 GFLOP</span></span>";
    says(&text, &format!("{moved}<strong>2.00×</strong><svg"));
    says(
        &text,
        "<th scope=\"row\">gemm<span class=\"sub\">m = n = k, <span class=\"range\">128–1024</span>",
    );
    says(&text, " with transfers, at 50.0 % of its own roof.");
    let table = text.split("<figure>").next().unwrap();
    assert_eq!(table.matches("10.0×").count(), 2, "the ratio, its line, and nothing else: {table}");
    let (_, charts) = rendered(&run);
    says(&charts[0].1, "from 512 on");
}

#[test]
fn always_never_and_unclear_are_said() {
    let always = answers(&against(GPU, &[2.0, 3.0, 4.0, 5.0]));
    says(&always, "is faster than the CPU at every size measured, from m = n = k = 128 to 1024");
    let never = answers(&against(GPU, &[0.1, 0.2, 0.3, 0.4]));
    says(&never, "The GPU NVIDIA H200 never overtakes the CPU up to m = n = k = 1024");
    let unclear = answers(&against(GPU, &[0.5, 2.0, 0.7, 5.0]));
    says(&unclear, "overtakes the CPU is unclear between m = n = k = 256 and 1024");
}

#[test]
fn a_cpu_driver_is_never_called_a_gpu() {
    let mut run = against(POCL, &[0.5, 0.6, 0.7, 0.83]);
    run.knows(POCL, "Portable Computing Language, PoCL 3.1");
    let (page, charts) = rendered(&run);
    says(&page, "How far does OpenCL take this CPU?");
    says(&page, "The same CPU driven through OpenCL (PoCL) never overtakes the CPU path up to");
    says(&page, "<span class=\"loses\">never</span><strong>0.830×</strong>");
    says(&page, "No GPU was measured");
    for (name, text) in charts.iter().chain([&("page".to_string(), page)]) {
        let said =
            ["names what a GPU needs", "No GPU was measured", "no forecast of a GPU", "no GPU"];
        let text = said.iter().fold(text.clone(), |text, what| text.replace(what, ""));
        assert!(!text.contains("GPU"), "{name}");
    }
}

#[test]
fn without_a_device_the_page_says_how_to_add_one() {
    let mut run = Run::new();
    run.knows(CPU, "");
    let shape = run.point(512);
    run.add("gemm", &shape, CPU, "gemm", Scope::Compute, 1e-3);
    run.manifest.interrupted = true;
    let (page, charts) = rendered(&run);
    assert_eq!(charts.len(), 1);
    for part in
        ["no OpenCL device was found", "./setup", "The CPU reaches 268 GFLOP/s at", "--resume"]
    {
        says(&page, part);
    }
}

/// What was left out by choice is no lack.
#[test]
fn a_run_of_the_cpu_alone_says_why() {
    let said = |selection: Selection, devices: &[super::sample::Device<'_>]| {
        let mut run = Run::new();
        devices.iter().for_each(|device| run.knows(*device, ""));
        let shape = run.point(512);
        run.add("gemm", &shape, CPU, "gemm", Scope::Compute, 1e-3);
        run.manifest.selection = selection;
        answers(&run)
    };
    let names = |name: &str| vec![name.to_string()];
    let chosen = Selection { devices: names("cpu"), ..Selection::default() };
    let text = said(chosen, &[CPU]);
    says(&text, "Only the CPU was measured, as --device cpu says");
    assert!(!text.contains("./setup"), "{text}");
    let chosen = Selection { implementations: names("gemm"), ..Selection::default() };
    let text = said(chosen, &[CPU, GPU]);
    says(&text, "no other device has --implementation gemm here");
    assert!(!text.contains("--device"), "{text}");
    says(&said(Selection::default(), &[CPU, GPU]), "the other devices have no times here");
}

/// Charts of a device that is gone would show what is no longer so; files of others stay.
#[test]
fn a_redraw_leaves_no_old_charts() {
    let folder = tempfile::tempdir().unwrap();
    let charts = folder.path().join("charts");
    against(GPU, &[0.5, 2.0]).write(folder.path());
    let png = cfg!(feature = "png");
    render(folder.path(), &Options { png, ..Options::default() }).unwrap();
    fs::write(charts.join("mine.svg"), "<svg/>").unwrap();
    let mut run = Run::new();
    run.knows(CPU, "");
    let shape = run.point(512);
    run.add("gemm", &shape, CPU, "gemm", Scope::Compute, 1e-3);
    run.write(folder.path());
    render(folder.path(), &Options::default()).unwrap();
    let mut left: Vec<String> = fs::read_dir(&charts)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    let throughput = |ending: &str| format!("throughput-gemm-mnk-compute.{ending}");
    let drawn = png.then(|| throughput("png")).into_iter().chain([throughput("svg")]);
    assert_eq!(left, ["mine.svg".to_string()].into_iter().chain(drawn).collect::<Vec<_>>());
}

#[test]
fn what_failed_has_its_reason() {
    let mut run = against(GPU, &[2.0, 2.0]);
    for record in run.records.iter_mut().filter(|r| r.device.as_str() == GPU.0) {
        record.outcome = Outcome::Failed;
        record.reason = "element 17 is wrong".into();
        record.wall_median_s = None;
    }
    let (page, _) = rendered(&run);
    says(&page, "The GPU NVIDIA H200 has no verified result here (element 17 is wrong).");
    says(&page, "2 of 4 rows");
    says(&page, "<td class=\"failed\">failed</td>");
}

#[test]
fn a_list_adds_up() {
    let mut run = Run::new();
    for (i, time) in [4e-3, 1e-3, 5e-4].into_iter().enumerate() {
        let shape = format!("m={},n=8,k=8,ta=0,tb=0", 64 << i);
        run.plan("gemm", &shape, "", None, "deepbench", &format!("layer {i}"));
        run.add("gemm", &shape, CPU, "gemm", Scope::Compute, 2e-3);
        run.add("gemm", &shape, GPU, "packed", Scope::Compute, time);
    }
    run.plan[2].repeat = 10;
    let text = answers(&run);
    // (2 + 2 + 20) ms over (4 + 1 + 5) ms.
    says(&text, "is 2.40× as fast as the CPU in total time");
    says(&text, "Faster on 2 and slower on 1 of the 3 lines compared");
    let (page, charts) = rendered(&run);
    let mut one = Run::new();
    let shape = "m=8,n=8,k=8,ta=0,tb=0";
    one.plan("gemm", shape, "", None, "deepbench", "layer");
    one.add("gemm", shape, CPU, "gemm", Scope::Compute, 1e-3);
    one.add("gemm", shape, GPU, "packed", Scope::Compute, 1e-3);
    says(&answers(&one), "Neither faster nor slower on the one line compared");
    assert_eq!(charts[0].0, "list-gemm-deepbench.svg");
    says(&charts[0].1, "layer 2");
    says(&page, "layer 1");
}

#[test]
fn charts_of_any_size_are_drawn() {
    for points in [1u64, 2, 40] {
        for series in [1, 12] {
            let mut run = Run::new();
            for i in 1..=points {
                let shape = run.point(i * 8);
                run.add("gemm", &shape, CPU, "gemm", Scope::Compute, 1e-3);
                for s in 0..series {
                    let id = format!("opencl:{s}");
                    let device = (id.as_str(), DeviceKind::Gpu, "a device");
                    // Over six decades.
                    let time = 1e-3 * 10f64.powf(3.0 - 6.0 * i as f64 / points as f64);
                    let record = run.add("gemm", &shape, device, "packed", Scope::Compute, time);
                    if i == 3 {
                        record.outcome = Outcome::Skipped;
                        record.wall_median_s = None;
                    }
                }
            }
            assert_eq!(rendered(&run).1.len(), 2, "{points} points, {series} series");
        }
    }
}

#[test]
fn a_list_of_many_lines_is_a_cloud() {
    let mut run = Run::new();
    for i in 0..160 {
        let shape = format!("m={},n=8,k=8,ta=0,tb=0", i + 1);
        run.plan("gemm", &shape, "", None, "deepbench", "");
        run.add("gemm", &shape, CPU, "gemm", Scope::Compute, 1e-3);
        run.add("gemm", &shape, GPU, "packed", Scope::Compute, 5e-4);
    }
    says(&rendered(&run).1[0].1, "geometric mean 2.00×");
}

#[test]
fn hostile_names_and_numbers_are_harmless() {
    let evil = "<script>alert('x')</script>\"&\u{0}\u{1}é漢字🦀 of eighty characters and many more";
    let mut run = Run::new();
    let device = ("opencl:0", DeviceKind::Gpu, evil);
    for (i, value) in [f64::NAN, f64::INFINITY, -1.0, 0.0, 1e308, 5e-324].into_iter().enumerate() {
        let shape = run.point(1 << i);
        run.add("gemm", &shape, CPU, evil, Scope::Compute, 1e-3);
        let record = run.add("gemm", &shape, device, evil, Scope::Compute, 1e-3);
        (record.wall_median_s, record.wall_low_s, record.noise) =
            (Some(value), Some(-value), Some(value));
        record.reason = evil.into();
    }
    run.plan("../../../etc/passwd", "x", "<axis>", Some(u64::MAX), "", evil);
    run.add("../../../etc/passwd", "x", CPU, evil, Scope::Compute, 1e-3);
    run.plan("other", "", "", None, "../up", evil);
    run.add("other", "", device, "", Scope::EndToEnd, 1e-300);
    run.manifest.warnings.push(evil.into());
    run.manifest.command.push(evil.into());
    let (page, charts) = rendered(&run);
    assert_eq!(page.matches("<script").count(), 1, "ours alone");
    for (name, svg) in &charts {
        assert!(!name.contains(['/', '<', '"']) && !name.contains(".."), "{name}");
        assert!(svg.chars().all(|c| c == '\n' || !c.is_control()), "{name}");
    }
}

#[test]
fn only_the_results_must_be_there() {
    let folder = tempfile::tempdir().unwrap();
    let error = render(folder.path(), &Options::default()).err().unwrap().to_string();
    says(&error, "results.csv: not found");
    against(GPU, &[0.5, 2.0]).write(folder.path());
    for name in ["plan.csv", "summary.csv", "machine.json"] {
        fs::remove_file(folder.path().join(name)).unwrap();
    }
    let (page, charts) = read_back(folder.path());
    says(&page, "plan.csv is missing");
    assert_eq!(charts[0].0, "list-gemm-shapes.svg");
    fs::write(folder.path().join("results.csv"), "name,value\na,1\n").unwrap();
    says(
        &render(folder.path(), &Options::default()).err().unwrap().to_string(),
        "not a file of this program",
    );
    fs::write(folder.path().join("results.csv"), "").unwrap();
    says(&read_back(folder.path()).0, "Nothing was measured yet.");
}

/// Two layers of ResNet-50, one of them three times.
#[test]
fn a_network_has_a_table_with_its_total() {
    let mut run = Run::new();
    let layers = [
        ("conv1", "n=8,c=3,h=224,w=224,k=64,r=7,s=7,stride=2,pad=3", 1, 8e-3),
        ("res2x_branch2b", "n=8,c=64,h=56,w=56,k=64,r=3,s=3,pad=1", 3, 4e-3),
    ];
    let workload = workload::find("conv-fprop").unwrap();
    for (layer, shape, repeat, time) in layers {
        let shape = workload.shape(shape).unwrap().to_string();
        run.plan("conv-fprop", &shape, "", None, "resnet50", layer);
        run.plan.last_mut().unwrap().repeat = repeat;
        run.add("conv-fprop", &shape, CPU, "native", Scope::Compute, time);
        run.add("conv-fprop", &shape, CPU, "native", Scope::EndToEnd, time);
        run.add("conv-fprop", &shape, CPU, "native-blocked", Scope::Compute, time / 2.0);
        if layer == "conv1" {
            run.add("conv-fprop", &shape, GPU, "local", Scope::Compute, time / 20.0);
        }
    }
    let page = rendered(&run).0;
    let table = page.split_once("<h3>conv-fprop: resnet50, compute</h3>").unwrap().1;
    let table = table.split_once("</table>").unwrap().0;
    says(table, "res2x_branch2b<span class=\"sub\">8×64×56² → 64, 3²</span>");
    says(table, "<td class=\"n\">3 ×</td>");
    // 8 ms + 3 times 4 ms, and what they compute: 1.89 and 3 times 1.85 GFLOP.
    says(table, "<strong>20.0 ms</strong><span class=\"sub\">372 GFLOP/s</span>");
    says(table, "<td class=\"n\">4 in all</td>");
    // Old rows of blocked tensors are shown and don't compete.
    says(table, "native-blocked");
    says(table, "<td class=\"n\">10.0 ms<span class=\"sub\">744 GFLOP/s</span>");
    // The GPU has one layer of two, so it takes no part in the total.
    says(table, "1 of 2 layers");
    // With transfers there would be nothing to see but the CPU again.
    assert!(!page.contains("resnet50, with transfers"));
}
