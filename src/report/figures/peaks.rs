//! What has no sizes: the peak of arithmetic and the cost of a launch, each a short list.

use crate::record::Record;
use crate::terms::{Cache, Role};
use crate::workload;

use super::super::chart::{self, Dots, Drawing, Series, Unit, Value};
use super::super::input::Input;
use super::super::names::Device;
use super::{Found, in_words, rate};

/// Most implementations of a device that get a row each: the fastest.
const MOST_ROWS: usize = 24;

/// What `launch` measures, in words.
const LAUNCHES: [(&str, &str); 5] = [
    ("latency", "from queued to started"),
    ("round-trip", "enqueue and wait"),
    ("batch", "one of many in a row"),
    ("build-cold", "compile, never seen before"),
    ("build-cached", "compile once more"),
];

/// Peaks and launch costs.
pub fn figures(input: &Input, devices: &[Device]) -> Vec<Found> {
    let found = |name: &str, drawing: Drawing| Found {
        section: name.to_string(),
        name: name.to_string(),
        drawing,
    };
    let peak = peak(input, devices).map(|drawing| found("peak-fma", drawing));
    let launch = launch(input, devices).map(|drawing| found("launch", drawing));
    peak.into_iter().chain(launch).collect()
}

/// The rows on a device of workloads that tell about this.
fn rows<'a>(input: &'a Input, role: Role, device: &'a Device) -> impl Iterator<Item = &'a Record> {
    let here = move |r: &&Record| r.device == device.id && r.cache == Cache::Hot;
    input.records.iter().filter(here).filter(move |r| workload::role(&r.workload) == role)
}

/// Every implementation and type of each device, the fastest first.
fn peak(input: &Input, devices: &[Device]) -> Option<Drawing> {
    let (mut labels, mut series, mut left_out) = (Vec::new(), Vec::new(), 0);
    for device in devices {
        let value = |r: &'_ Record| Some((rate(r, Unit::Flops)?, label(r)));
        let mut values: Vec<(Value, String)> =
            rows(input, Role::Peak, device).filter_map(value).collect();
        values.sort_by(|a, b| b.0.value.total_cmp(&a.0.value));
        left_out += values.len().saturating_sub(MOST_ROWS);
        values.truncate(MOST_ROWS);
        let first = labels.len();
        let place = |(i, (value, _)): (usize, &(Value, String))| ((first + i) as f64, Some(*value));
        series.extend(of(device, values.iter().enumerate().map(place).collect()));
        labels.extend(values.into_iter().map(|(_, label)| label));
    }
    let shown = if left_out > 0 {
        format!("; {left_out} slower ones are in the table")
    } else {
        String::new()
    };
    let title = "Peak of multiply-adds".to_string();
    let subtitle = format!("Independent chains in registers, by the wall clock{shown}");
    draw(title, subtitle, Unit::Flops, labels, series)
}

/// `f32, v16-fma, 2 threads`.
fn label(r: &Record) -> String {
    let threads = match r.threads {
        Some(1) => ", 1 thread".to_string(),
        Some(n) => format!(", {n} threads"),
        None => String::new(),
    };
    format!("{}, {}{threads}", r.dtype.name(), r.implementation)
}

/// What each device takes for a launch.
fn launch(input: &Input, devices: &[Device]) -> Option<Drawing> {
    let is_there = |(name, _): &&(&str, &str)| {
        let mut all = devices.iter().flat_map(|d| rows(input, Role::Launch, d));
        all.any(|r| r.implementation == *name && cost(r).is_some())
    };
    let kinds: Vec<&(&str, &str)> = LAUNCHES.iter().filter(is_there).collect();
    let point = |device: &Device, (i, (name, _)): (usize, &&(&str, &str))| {
        let mut own = rows(input, Role::Launch, device).filter(|r| r.implementation == *name);
        (i as f64, own.find_map(cost))
    };
    let line = |device: &Device| {
        of(device, kinds.iter().enumerate().map(|kind| point(device, kind)).collect())
    };
    let series = devices.iter().filter_map(line).collect();
    let labels = kinds.iter().map(|(name, words)| format!("{name}: {words}")).collect();
    let title = "What a launch costs".to_string();
    let subtitle =
        "Seconds for a kernel of one work-item; latency by the device's clock".to_string();
    draw(title, subtitle, Unit::Seconds, labels, series)
}

/// The time of a row; a latency is what the device's clock says.
fn cost(r: &Record) -> Option<Value> {
    let by_wall = rate(r, Unit::Seconds)?;
    if r.implementation != "latency" {
        return Some(by_wall);
    }
    let latency = r.device_median_s?;
    Value::new(latency, latency, latency, by_wall.suspect)
}

fn of(device: &Device, points: Vec<(f64, Option<Value>)>) -> Option<Series> {
    points.iter().any(|(_, v)| v.is_some()).then(|| Series {
        name: device.label.clone(),
        detail: String::new(),
        note: String::new(),
        tone: chart::device(device.colour),
        marker: 0,
        dashed: false,
        points,
    })
}

fn draw(
    title: String,
    subtitle: String,
    unit: Unit,
    rows: Vec<String>,
    series: Vec<Series>,
) -> Option<Drawing> {
    let place = |_: usize, x: f64| rows.get(x as usize).cloned().unwrap_or_default();
    let description = in_words(&series, unit, place);
    let labelled = true;
    (!series.is_empty())
        .then(|| Dots { title, subtitle, description, unit, rows, series, labelled }.draw())
}
