//! The embedded table against the preset of its name and its authors' own figures.

use super::*;
use crate::plan::{self, Selection};

/// Every line is a shape that the preset of that name measures, under the same name.
#[test]
fn all_lines_are_shapes_of_deepbench() {
    let workloads = ["gemm", "conv-fprop", "conv-dgrad", "conv-wgrad"].map(String::from);
    let preset = "deepbench".to_string();
    let selection = Selection { preset, workloads: workloads.into(), ..Selection::default() };
    let cases = plan::cases(&selection).unwrap();
    for line in LINES.iter() {
        let is_it = |case: &&plan::Case| {
            (case.workload.name(), case.shape.to_string()) == (&line.workload, line.shape.clone())
        };
        assert!(cases.iter().any(|case| is_it(&case)), "{} {}", line.workload, line.shape);
        assert_eq!(line.seconds.len(), SOFTWARE.len());
    }
    assert_eq!(LINES.iter().filter(|l| l.workload == "gemm").count(), 160);
    assert_eq!(LINES.iter().filter(|l| l.workload == "conv-fprop").count(), 90);
}

/// The table's columns are the processors: a V100 multiplies at the 14.78 TFLOP/s that its authors give.
#[test]
fn columns_belong_to_their_processors() {
    let head = DEEPBENCH.lines().next().unwrap();
    let names = SOFTWARE.map(|(name, _)| name).join(",");
    assert_eq!(head, format!("workload,shape,{names}"));
    let best = |name: &str| {
        let published = Published::named(name).unwrap();
        let rate = |line: &Line| {
            let size = |axis: &str| -> f64 {
                let (_, rest) = line.shape.split_once(&format!("{axis}=")).unwrap();
                rest.split(',').next().unwrap().parse().unwrap()
            };
            Some(2.0 * size("m") * size("n") * size("k") / line.seconds[published.column]?)
        };
        let products = LINES.iter().filter(|l| l.workload == "gemm");
        products.filter_map(rate).fold(0.0, f64::max) / 1e12
    };
    assert!((best("v100") - 14.78).abs() < 0.01 && (best("1080ti") - 12.12).abs() < 0.01);
    assert!((best("KNL 7250") - 4.56).abs() < 0.01 && (best("vega-fe") - 10.91).abs() < 0.01);
    let error = Published::named("V10").unwrap_err().to_string();
    let names = |names: &[&str]| by_name(&names.iter().map(|n| n.to_string()).collect::<Vec<_>>());
    assert_eq!(names(&["V100", "v 100", "T4"]).unwrap().len(), 2);
    assert!(names(&["V100", "T4", "P100", "M40", "MI25", "1080 Ti", "Titan Xp"]).is_err());
    assert!(error.contains("'V10'") && error.contains("did you mean 'V100'"), "{error}");
}
