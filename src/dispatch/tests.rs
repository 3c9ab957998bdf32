//! Tables of runs that never were.

use std::num::NonZeroU32;

use super::*;
use crate::record::SummaryRow;
use crate::stats::Pairing;
use crate::terms::{Baseline, Cache, Crossover, Dtype, Scope, Shape, Verdict};
use crate::workload;

const CPU: Times = Times {
    s_per_run: 1e-6,
    s_per_byte: 1e-10,
    s_per_flop: 1e-11,
    s_per_transfer: 0.0,
    s_per_moved_byte: 0.0,
};
const DEVICE: Times = Times {
    s_per_run: 3e-5,
    s_per_byte: 1e-11,
    s_per_flop: 1e-12,
    s_per_transfer: 2e-5,
    s_per_moved_byte: 2e-10,
};

pub fn reused(uses: u32) -> Scope {
    Scope::Reused(NonZeroU32::new(uses).unwrap())
}

fn shape(m: u64, n: u64, k: u64) -> Shape {
    let text = format!("m={m},n={n},k={k}");
    workload::find("gemm").unwrap().shape(&text).unwrap()
}

fn row(axis: &str, shape: &Shape, scope: Scope) -> SummaryRow {
    let gemm = workload::find("gemm").unwrap();
    let work = Work::of(gemm, shape, Dtype::F32, decide::share(uses(scope)));
    let (cpu_s, device_s) = (CPU.seconds(&work), DEVICE.seconds(&work));
    let speedup = cpu_s / device_s;
    SummaryRow {
        workload: "gemm".into(),
        axis: axis.into(),
        shape: shape.to_string(),
        dtype: Dtype::F32,
        cache: Cache::Hot,
        scope,
        baseline: Baseline::Best,
        cpu_device: DeviceId::cpu(),
        cpu_implementation: "native".into(),
        device: DeviceId::numbered("opencl", 0),
        implementation: "packed".into(),
        cpu_median_s: cpu_s,
        device_median_s: device_s,
        speedup,
        speedup_low: speedup * 0.999,
        speedup_high: speedup * 1.001,
        pairing: Pairing::Paired,
        verdict: Verdict::of(speedup * 0.999, speedup * 1.001, 0.0),
        crossover: None,
        derived: false,
        break_even: None,
        break_even_low: None,
        break_even_high: None,
    }
}

/// A cube and a family of flat products, in all scopes.
pub fn rows() -> Vec<SummaryRow> {
    let mut rows = Vec::new();
    for scope in [Scope::Compute, Scope::EndToEnd, reused(8)] {
        for (axis, of) in [
            ("mnk", (|size| shape(size, size, size)) as fn(u64) -> Shape),
            ("m=n,k=32", |size| shape(size, size, 32)),
        ] {
            let sizes = (4..=11).map(|power| 1 << power);
            let mut line: Vec<_> = sizes.clone().map(|size| row(axis, &of(size), scope)).collect();
            let verdicts: Vec<_> = sizes.zip(line.iter().map(|r| Some(r.verdict))).collect();
            let crossover = Crossover::of(&verdicts);
            line.iter_mut().for_each(|r| r.crossover = crossover);
            rows.extend(line);
        }
    }
    rows
}

#[test]
fn a_fit_finds_the_times_that_runs_are_made_of() {
    let entry = &entries(&rows())[0];
    for (found, made) in [(entry.fit.cpu, CPU), (entry.fit.device, DEVICE)] {
        for (found, made) in found.all().iter().zip(made.all()) {
            assert!((found - made).abs() <= 1e-4 * made + 1e-16, "{found} is not {made}");
        }
    }
    assert!(entry.fit.device_error.unwrap().worst < 1e-3);
}

/// What only a negative time would explain costs nothing.
#[test]
fn no_time_of_a_fit_is_negative() {
    let work = |flop, bytes| Work { flop, bytes, share: 0.0 };
    let runs = [(work(1.0, 100.0), 2.0), (work(2.0, 10.0), 4.5), (work(4.0, 1.0), 9.0)];
    let times = Times::fit(&runs);
    assert!(times.all().iter().all(|s| *s >= 0.0), "{times:?}");
    assert!((times.s_per_flop - 2.2).abs() < 0.2, "{times:?}");
}

#[test]
fn a_threshold_lies_within_its_bracket() {
    let entry = &entries(&rows())[0];
    assert_eq!(entry.families.len(), 2);
    let mut crossings = 0;
    for threshold in entry.families.iter().flat_map(|f| &f.thresholds) {
        let Crossover::From(first) = threshold.crossover else { continue };
        crossings += 1;
        let [from] = threshold.switch_sizes[..] else { panic!("{threshold:?}") };
        let [low, high] = threshold.stay_sizes.unwrap();
        assert!((first / 2) as f64 <= from && from <= first as f64, "{threshold:?}");
        assert!(low <= high && first / 2 < low && high < first, "{threshold:?}");
        assert_eq!(threshold.choice(first, Some(Side::Cpu)), Some(Side::Device));
        assert_eq!(threshold.choice(first / 2, Some(Side::Device)), Some(Side::Cpu));
        assert_eq!(threshold.choice(low, Some(Side::Cpu)), Some(Side::Cpu));
        assert_eq!(threshold.choice(low, Some(Side::Device)), Some(Side::Device));
    }
    assert!(crossings >= 3, "{crossings}");
}

/// At every size between those measured the choice by thresholds is that by the times, but for those next to it.
#[test]
fn choices_are_right_where_they_matter() {
    let entry = &entries(&rows())[0];
    let gemm = workload::find("gemm").unwrap();
    for (m, n, k) in
        [(20, 20, 20), (700, 700, 700), (40, 3000, 7), (1500, 1500, 32), (1, 1, 1), (900, 10, 2000)]
    {
        for uses in [1, 3, 8, 100, RESIDENT] {
            let shape = shape(m, n, k);
            let work = Work::of(gemm, &shape, Dtype::F32, decide::share(uses));
            let speedup = CPU.seconds(&work) / DEVICE.seconds(&work);
            let preferred = entry.prefer_device(&shape, uses, None);
            assert!(
                preferred == (speedup > 1.0) || (0.9..1.1).contains(&speedup),
                "{shape} {uses}: {speedup}"
            );
        }
    }
}

/// A device whose speed-ups pass 1 three times.
#[test]
fn an_unclear_crossover_is_decided_size_by_size() {
    let mut rows: Vec<SummaryRow> = rows().into_iter().filter(|r| r.axis == "mnk").collect();
    rows.retain(|r| r.scope == Scope::Compute);
    for (row, speedup) in rows.iter_mut().zip([0.1, 0.2, 0.5, 1.1, 0.95, 2.0, 4.0, 4.0]) {
        row.device_median_s = row.cpu_median_s / speedup;
        row.verdict = Verdict::of(speedup, speedup, 0.0);
        row.crossover = Some(Crossover::Unclear(128, 512));
    }
    let threshold = &entries(&rows)[0].families[0].thresholds[0];
    assert_eq!(threshold.stay_sizes, Some([128, 512]));
    assert_eq!(threshold.switch_sizes.len(), 3, "{threshold:?}");
    for (size, side) in
        [(16, Side::Cpu), (128, Side::Device), (256, Side::Cpu), (2048, Side::Device)]
    {
        assert_eq!(threshold.choice(size, None), Some(side), "{size}");
    }
    // Two sizes tell of what is beyond an end.
    assert_eq!(threshold.choice(4096, None), Some(Side::Device));
    rows.pop();
    rows.last_mut().unwrap().device_median_s *= 100.0;
    let threshold = &entries(&rows)[0].families[0].thresholds[0];
    assert_eq!(threshold.choice(2048, None), None);
}

#[test]
fn what_fixed_thresholds_cost_is_told_of_products_alone() {
    let rows = rows();
    let entry = &entries(&rows)[0];
    let cost =
        |source: &str| entry.fixed_thresholds.iter().find(|r| r.source == source).unwrap().regret;
    let regret = entry.regret.iter().find(|r| r.scope == Scope::EndToEnd).unwrap();
    assert_eq!(cost("always the CPU"), regret.cpu);
    assert_eq!(cost("always the device"), regret.device);
    assert!(entry.fixed_thresholds.iter().all(|r| r.regret >= 0.0 && r.shapes == regret.shapes));
    assert!(regret.table <= 0.02 && regret.table >= 0.0 && regret.cpu > 0.02, "{regret:?}");
    let resident: Vec<_> = rows.into_iter().filter(|r| r.scope == Scope::Compute).collect();
    assert!(entries(&resident)[0].fixed_thresholds.is_empty());
}

#[test]
fn a_row_of_what_is_unknown_says_nothing() {
    let mut rows = rows();
    rows.iter_mut().for_each(|r| r.workload = "no-such-thing".into());
    assert!(entries(&rows).is_empty());
    assert!(entries(&[]).is_empty());
}

/// The number of a family with a size, a shape, uses, and what was used last.
type Question = (Option<(usize, u64)>, Shape, u32, Option<Side>);

/// What a compiled program and the library must agree on.
fn questions() -> Vec<Question> {
    let mut all = Vec::new();
    for uses in [1, 2, 8, 30, RESIDENT] {
        for last in [None, Some(Side::Cpu), Some(Side::Device)] {
            for size in [8, 16, 100, 130, 200, 257, 400, 600, 1000, 2048, 5000] {
                all.push((Some((0, size)), shape(size, size, size), uses, last));
                all.push((Some((1, size)), shape(size, size, 32), uses, last));
                all.push((None, shape(size, 3 * size, 7), uses, last));
            }
        }
    }
    all
}

fn table() -> Table {
    let manifest = Manifest::new(
        "r",
        &crate::plan::Selection::default(),
        crate::manifest::Sampling::Interleaved,
        &[0],
    );
    let mut table = Table::of(&rows(), &manifest);
    table.origin.devices = vec![Fingerprint {
        id: DeviceId::numbered("opencl", 0),
        name: "a \"GPU\" \\ of */ trigraphs ??/ and\nlines\\".into(),
        driver: "größer 1.0".into(),
        compute_units: None,
    }];
    table
}

/// Compiles a program, runs it, and gives what it prints, a letter for each question.
fn printed(compiler: &str, arguments: &[&str], source: &str, name: &str) -> Option<String> {
    use std::process::Command;
    let folder = tempfile::tempdir().unwrap();
    let (path, program) = (folder.path().join(name), folder.path().join("program"));
    std::fs::write(&path, source).unwrap();
    let compiled =
        Command::new(compiler).args(arguments).arg("-o").arg(&program).arg(&path).output();
    let output = match compiled {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        other => other.unwrap(),
    };
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.is_empty(), "{text}\n{source}");
    let output = Command::new(program).output().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap().trim().to_string())
}

fn expected(table: &Table) -> String {
    let entry = &table.entries[0];
    let choice = |(_, shape, uses, last): &Question| {
        if entry.prefer_device(shape, *uses, *last) { 'd' } else { 'c' }
    };
    questions().iter().map(choice).collect()
}

fn work(shape: &Shape) -> Work {
    Work::of(workload::find("gemm").unwrap(), shape, Dtype::F32, 0.0)
}

#[test]
fn generated_rust_decides_as_the_library_does() {
    let table = table();
    let mut main = String::new();
    for (family, shape, uses, last) in questions() {
        let Work { flop, bytes, .. } = work(&shape);
        let last = last.map(|side| format!("dispatch::Side::{side:?}"));
        let last = last.map_or("None".to_string(), |side| format!("Some({side})"));
        let entry = "dispatch::GEMM_F32_OPENCL_0";
        main += &format!(
            "    told(dispatch::prefer_device({entry}, {family:?}, {flop:e}, {bytes:e}, {uses}, {last}));\n"
        );
    }
    let told = "fn told(side: dispatch::Side) {\n    let is_device = side == dispatch::Side::Device;\n    \
                print!(\"{}\", if is_device { 'd' } else { 'c' });\n}\n";
    let source = format!(
        "mod dispatch {{\n{}\n}}\n{told}fn main() {{\n{main}}}\n",
        table.text(Format::Rust).unwrap()
    );
    let rust = printed("rustc", &["--edition", "2021", "-D", "warnings"], &source, "main.rs");
    let expected = expected(&table);
    assert!(expected.contains('c') && expected.contains('d'));
    assert_eq!(rust.expect("rustc built this test"), expected);
}

#[test]
fn generated_c_decides_as_the_library_does() {
    let table = table();
    let mut main = String::new();
    for (family, shape, uses, last) in questions() {
        let Work { flop, bytes, .. } = work(&shape);
        let last = match last {
            None => "CROSSOVER_NONE",
            Some(Side::Cpu) => "CROSSOVER_CPU",
            Some(Side::Device) => "CROSSOVER_DEVICE",
        };
        let (family, size) = match family {
            Some((0, size)) => ("CROSSOVER_GEMM_F32_OPENCL_0_MNK", size),
            Some((_, size)) => ("CROSSOVER_GEMM_F32_OPENCL_0_M_N_K_32", size),
            None => ("CROSSOVER_NO_FAMILY", 0),
        };
        main += &format!(
            "    putchar(\"cd\"[crossover_prefer_device(CROSSOVER_GEMM_F32_OPENCL_0, {family}, {size}u, {flop:e}, \
             {bytes:e}, {uses}u, {last})]);\n"
        );
    }
    let text = table.text(Format::C).unwrap();
    let source =
        format!("#include <stdio.h>\n{text}\nint main(void) {{\n{main}    return 0;\n}}\n");
    let flags = ["-std=c99", "-Wall", "-Wextra", "-pedantic", "-Werror"];
    match printed("cc", &flags, &source, "main.c") {
        Some(c) => assert_eq!(c, expected(&table)),
        None => eprintln!("SKIPPED: there is no cc, so that generated C was not compiled"),
    }
}

#[test]
fn data_hold_what_the_table_holds() {
    let table = table();
    let json: serde_json::Value = serde_json::from_str(&table.text(Format::Json).unwrap()).unwrap();
    let toml: toml::Table = table.text(Format::Toml).unwrap().parse().unwrap();
    let entry = &table.entries[0];
    let threshold = &entry.families[0].thresholds[0];
    let of_json = &json["entries"][0]["families"][0]["thresholds"][0];
    let of_toml = &toml["entries"][0]["families"][0]["thresholds"][0];
    assert_eq!(of_json["switch_sizes"][0].as_f64(), threshold.switch_sizes.first().copied());
    assert_eq!(of_toml["switch_sizes"][0].as_float(), threshold.switch_sizes.first().copied());
    assert_eq!(of_toml["crossover"].as_str(), Some(threshold.crossover.to_string().as_str()));
    assert_eq!(
        json["entries"][0]["fit"]["device"]["s_per_run"].as_f64(),
        Some(entry.fit.device.s_per_run)
    );
    assert_eq!(json["origin"]["devices"][0]["driver"], "größer 1.0");
    let header = json["about"].as_array().unwrap();
    assert!(header.iter().any(|line| line.as_str().unwrap().contains("regret")));
}
