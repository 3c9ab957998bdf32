//! Where points, roofs and flags lie.

use super::*;

fn roof(label: &str, rate: f64) -> Roof {
    Roof { label: label.into(), detail: String::new(), rate }
}

fn chart(ceilings: Vec<Roof>, slopes: Vec<Roof>, points: &[(f64, f64)]) -> Roofline {
    let points = points.iter().map(|(x, y)| (*x, Value::exact(*y))).collect();
    let series = Series::new("gemm", theme::kind(0), points);
    let (title, subtitle, description) = Default::default();
    let tone = theme::device(0);
    Roofline { title, subtitle, description, tone, ceilings, slopes, series: vec![series] }
}

fn frame(chart: &Roofline) -> Frame {
    Frame { top: 100.0, bottom: 500.0, ..chart.frame(&chart.labelled()) }
}

#[test]
fn points_lie_where_their_share_of_the_roof_says() {
    let (peak, memory) = (roof("peak", 100e9), roof("memory", 10e9));
    let chart = chart(vec![peak], vec![memory], &[(1.0, 5e9), (100.0, 50e9)]);
    let frame = frame(&chart);
    let slopes = chart.slopes(&frame);
    // 10 GB/s and 100 GFLOP/s meet at 10 FLOP a byte.
    let (x, y) = slopes[0].ridge;
    assert!((x - 10.0).abs() < 1e-9 && (y - 100e9).abs() < 1.0, "{x} {y}");
    let (x, y) = slopes[0].foot;
    assert!((y / x - 10e9).abs() < 1.0 && x < 1.0, "{x} {y}");
    // On log axes half of a roof is as far below it everywhere.
    let below = |x: f64, rate: f64, roof: f64| frame.at(x, rate).1 - frame.at(x, roof).1;
    let (slope, flat) = (below(1.0, 5e9, 10e9), below(100.0, 50e9, 100e9));
    assert!(slope > 5.0 && (slope - flat).abs() < 1e-6, "{slope} {flat}");
    assert!(frame.y_at(100e9) > frame.top + 5.0, "the roof has no room above it");
}

/// The pole of a flag, up to its row, meets no text of another.
#[test]
fn flags_keep_out_of_each_others_way() {
    for step in [1.01, 1.3, 2.0, 30.0] {
        let slope = |i| roof("L3 123 GB/s or more", 10e9 * f64::powi(step, i));
        let chart = chart(vec![roof("peak", 1e12)], (0..5).map(slope).collect(), &[(9.0, 1e9)]);
        let frame = frame(&chart);
        let slopes = chart.slopes(&frame);
        let rows = flags(&frame, &slopes);
        let pole = |i: usize| frame.x_at(slopes[i].ridge.0);
        let end = |i: usize| pole(i) + FLAG + text::width(&slopes[i].label, LABEL.size);
        for (a, b) in (0..5).flat_map(|a| (0..5).map(move |b| (a, b))).filter(|(a, b)| a != b) {
            let crosses = pole(b) > pole(a) && pole(b) < end(a) && rows[b] >= rows[a];
            assert!(!crosses, "{step}: {a} {b} {rows:?}");
        }
    }
}

#[test]
fn half_a_roofline_and_odd_numbers_are_drawn() {
    for (ceilings, slopes) in [
        (vec![roof("a", 1e11)], vec![]),
        (vec![], vec![roof("b", 1e10)]),
        (vec![roof("a", 1e308)], vec![roof("b", 5e-324)]),
        (vec![roof("a", 1e-300)], vec![roof("b", 1e308), roof("c", 1e308)]),
    ] {
        for points in [&[(1.0, 1e9)][..], &[(1e-300, 1e300), (f64::INFINITY, 1.0)], &[]] {
            let svg = chart(ceilings.clone(), slopes.clone(), points).draw().file();
            assert!(!svg.contains("NaN") && !svg.contains("inf"), "{points:?}");
        }
    }
}
