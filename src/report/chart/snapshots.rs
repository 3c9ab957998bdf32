//! Every kind of chart with hard data, held to the drawings in `snapshots/`. The tests of `layout.rs` hold
//! them to what no drawing may be, whatever was kept.
//!
//! `CROSSOVER_BLESS=1 cargo test --lib snapshots` writes the drawings anew.

use std::path::PathBuf;
use std::{env, fs};

use super::*;

/// A name of 80 characters, after its number.
const LONG: &str = " NVIDIA H200 SXM5 141 GB HBM3e in slot 3 of a server with eight, driver 550.90";

/// A name keeps its beginning, however short it is cut.
fn name(i: usize, long: bool) -> String {
    if long { format!("{i:02}{LONG}") } else { format!("{i:02} GPU") }
}

/// Series number `i`: `value` tells of each point.
fn series(i: usize, long: bool, xs: &[f64], value: impl Fn(usize) -> Option<f64>) -> Series {
    let detail =
        if long { "packed-blocked, with transfers, 128 threads" } else { "packed, compute" };
    let interval = |v: f64| Value::new(v, v * 0.93, v * 1.06, false);
    let points = xs.iter().enumerate().map(|(p, x)| (*x, value(p).and_then(interval)));
    Series {
        detail: detail.into(),
        note: if i == 1 { "from 512 on".into() } else { String::new() },
        marker: i,
        dashed: i % 2 == 1,
        ..Series::new(name(i, long), device(i), points.collect())
    }
}

/// `count` sizes, four an octave.
fn sizes(count: usize) -> Vec<f64> {
    (0..count).map(|i| (64.0 * 2f64.powf(i as f64 / 4.0)).round()).collect()
}

fn mark(low: f64, high: f64, label: &str) -> Mark {
    Mark { low, high, tone: Some(device(0)), dashed: false, label: label.into() }
}

fn lines(unit: Unit, series: Vec<Series>, marks: Vec<Mark>) -> Drawing {
    Lines {
        title: "Lines of made-up numbers over m = n = k".into(),
        subtitle: "How to read it; bands and bars: 95 % interval of the median".into(),
        description: "Made-up numbers.".into(),
        x_title: "m = n = k".into(),
        x_scale: XScale::Sizes(|v| v.to_string()),
        unit,
        log_from: LOG_FROM,
        joined: true,
        series,
        marks,
    }
    .draw()
    .unwrap()
}

fn dots(unit: Unit, rows: Vec<String>, series: Vec<Series>, labelled: bool) -> Drawing {
    let title = "Dots of made-up numbers".into();
    let (subtitle, description) = ("How to read it".into(), "Made-up numbers.".into());
    Dots { title, subtitle, description, unit, rows, series, labelled }.draw().unwrap()
}

fn stacks(kinds: usize, bars: usize, long: bool) -> Drawing {
    let bar = |i: usize| {
        let parts: Vec<f64> = (0..kinds).map(|k| ((i * 5 + k * 7) % 11 + 1) as f64).collect();
        let sum: f64 = parts.iter().sum();
        let shares = parts.iter().map(|p| p / sum).collect();
        Bar { label: name(i, long), total: units::seconds(sum * 1e-4), shares }
    };
    let key = |i: usize| (if long { name(i, long) } else { format!("{i:02} product") }, kind(i));
    Stacks {
        title: "Bars of made-up numbers".into(),
        subtitle: "How to read it".into(),
        description: "Made-up numbers.".into(),
        keys: (0..kinds).map(key).collect(),
        bars: (0..bars).map(bar).collect(),
    }
    .draw()
    .unwrap()
}

fn roofline(series: Vec<Series>, long: bool) -> Drawing {
    let roof = |label: &str, rate: f64| {
        let label = if long { format!("{label}{LONG}") } else { format!("{label} {rate:e}") };
        Roof { label, detail: "avx512".into(), rate }
    };
    Roofline {
        title: "Roofline of made-up numbers".into(),
        subtitle: "How to read it".into(),
        description: "Made-up numbers.".into(),
        tone: device(0),
        ceilings: vec![roof("f32 peak", 6e13), roof("f64 peak", 3e13)],
        slopes: vec![roof("L1", 2e13), roof("L2", 9e12), roof("memory", 4e12)],
        series,
    }
    .draw()
}

/// A device that does a thousand times the CPU's work, behind a slow link: small sizes are never worth it, and of
/// the others the larger ones sooner. Some points are missing.
fn heat(count: usize) -> Drawing {
    let uses: Vec<f64> = (0..=10).map(|power| 2f64.powi(power)).collect();
    let column = |i: usize| {
        let size = 16.0 * 2f64.powf((33 + i - count) as f64 / 4.0);
        let (cpu, resident, moved) =
            (size.powi(3), 1e7 + size.powi(3) / 40.0, 2500.0 * size.powi(2));
        let even = if cpu > resident { (moved / (cpu - resident)).max(1.0) } else { f64::INFINITY };
        let measured = |ratio| Some(Cell { ratio, measured: true });
        let cells =
            uses.iter().map(|n| Cell { ratio: cpu / (resident + moved / n), measured: *n == 1.0 });
        let cells = cells.map(Some).chain([measured(cpu / resident)]).collect();
        Column {
            label: format!("{size:.0}"),
            cells: if i == MISSING { vec![None; 12] } else { cells },
            even: (i != MISSING).then_some([even, even * 0.8, even * 1.3]),
        }
    };
    Heat {
        title: "Speed-up by re-use: made-up numbers over m = n = k".into(),
        subtitle: "A GPU, packed, against the CPU: above the line the device is faster".into(),
        description: "Made-up numbers.".into(),
        x_title: "m = n = k".into(),
        y_title: "Runs on the same data between upload and download".into(),
        uses: uses.clone(),
        last: "resident".into(),
        columns: (0..count).map(column).collect(),
    }
    .draw()
    .unwrap()
}

/// The drawings by name, each with the series that it must name.
pub(super) fn drawings() -> Vec<(&'static str, usize, Drawing)> {
    let rows = |count: usize, long| (0..count).map(|i| name(i, long)).collect::<Vec<_>>();
    let numbers = |count: usize| (0..count).map(|i| i as f64).collect::<Vec<_>>();
    // Over six decades.
    let wide = |i: usize, p: usize| Some(10f64.powf((i * 5 + p * 7) as f64 % 25.0 / 4.0 - 3.0));
    let near = |i: usize, p: usize| Some(0.8 + 0.1 * i as f64 + 0.3 * p as f64);
    let some = |count, long, xs: &[f64], value: &dyn Fn(usize, usize) -> Option<f64>| {
        (0..count).map(|i| series(i, long, xs, |p| value(i, p))).collect::<Vec<_>>()
    };
    let fast = |i: usize, p: usize| Some(1e13 + 2e12 * (i + p) as f64);
    let points = |i: usize, p: usize| Some(10f64.powf(7.5 + (i * 3 + p * 5) as f64 % 25.0 / 4.0));
    let many = sizes(40);
    let crossing = |at: f64| mark(at, at, "from 512 on");
    vec![
        ("lines-1-point", 2, {
            lines(Unit::Ratio, some(2, false, &[512.0], &near), vec![crossing(512.0)])
        }),
        ("lines-2-points", 2, {
            let stretch = mark(512.0, 1024.0, "unclear from 512 to 1024");
            let series = some(2, true, &[512.0, 1024.0], &fast);
            lines(Unit::Flops, series, vec![stretch, crossing(512.0), crossing(512.0)])
        }),
        ("lines-40-points", 2, {
            let slope = |i, p| {
                let missing = i == 0 && p == MISSING;
                (!missing).then(|| 1e-6 * 10f64.powf(p as f64 / 6.5 + 0.3 * i as f64))
            };
            lines(Unit::Seconds, some(2, false, &many, &slope), vec![crossing(many[12])])
        }),
        ("lines-12-series", 12, {
            let ratio = |i: usize, p: usize| Some(10f64.powf((i + 4 * p) as f64 / 4.5 - 3.0));
            let marks = (0..4).map(|i| crossing(sizes(5)[i])).collect();
            lines(Unit::Ratio, some(12, true, &sizes(5), &ratio), marks)
        }),
        ("dots-1-row", 1, {
            dots(Unit::Seconds, rows(1, false), some(1, false, &[0.0], &near), true)
        }),
        ("dots-12-series", 12, {
            dots(Unit::Ratio, rows(2, true), some(12, true, &numbers(2), &wide), false)
        }),
        ("dots-40-rows", 2, {
            let series = some(2, false, &numbers(40), &|i, p| wide(i, p).filter(|_| p != MISSING));
            dots(Unit::Compared, rows(40, true), series, false)
        }),
        ("dots-labelled", 3, {
            let some = some(3, true, &numbers(3), &|i, p| wide(i, p).filter(|_| i != p));
            dots(Unit::Bytes, rows(3, true), some, true)
        }),
        ("heat-1-column", 0, heat(1)),
        ("heat-33-columns", 0, heat(33)),
        ("stacks-1-bar", 2, stacks(2, 1, false)),
        ("stacks-12-kinds", 12, stacks(12, 3, true)),
        ("roofline-1-point", 1, roofline(some(1, false, &[300.0], &fast), false)),
        ("roofline-12-series", 12, {
            roofline(some(12, true, &[0.02, 0.5, 7.0, 90.0], &points), true)
        }),
    ]
}

/// The point that some series lack.
pub(super) const MISSING: usize = 7;

fn path(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/report/chart/snapshots");
    folder.join(format!("{name}.svg"))
}

#[test]
fn drawings_are_as_they_were() {
    let bless = env::var_os("CROSSOVER_BLESS").is_some();
    let mut changed = Vec::new();
    for (name, _, drawing) in drawings() {
        let (path, svg) = (path(name), drawing.file());
        if bless {
            fs::write(&path, &svg).unwrap();
        } else if fs::read_to_string(&path).unwrap_or_default() != svg {
            changed.push(name);
        }
    }
    assert!(
        changed.is_empty(),
        "{changed:?} are not as in src/report/chart/snapshots/. If they should not be: \
         CROSSOVER_BLESS=1 cargo test --lib snapshots, then look at each that git says has changed"
    );
}
