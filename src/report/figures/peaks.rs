//! What has no sizes: the peak of arithmetic and the cost of a launch, each a short list.

use crate::record::Record;
use crate::terms::{Cache, Role};
use crate::workload;

use super::super::chart::{self, Drawing, Point, Series, Unit, Value};
use super::super::input::Input;
use super::super::names::{self, Device};
use super::{Figures, dots, rate};

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
pub fn add(figures: &mut Figures, input: &Input, devices: &[Device]) {
    figures.add("peak-fma", "peak-fma", peak(input, devices));
    figures.add("launch", "launch", launch(input, devices));
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
    let mut how = "Independent chains in registers, by the wall clock".to_string();
    if left_out > 0 {
        how = format!("{how}; {left_out} slower ones are in the table");
    }
    dots("Peak of multiply-adds".to_string(), how, Unit::Flops, labels, series, true)
}

/// `f32, v16-fma, 2 threads`.
fn label(r: &Record) -> String {
    format!("{}, {}{}", r.dtype.name(), r.implementation, names::threads(r.threads))
}

/// What each device takes for a launch.
fn launch(input: &Input, devices: &[Device]) -> Option<Drawing> {
    let is_there = |(name, _): &&(&str, &str)| {
        let mut all = devices.iter().flat_map(|d| rows(input, Role::Launch, d));
        all.any(|r| r.implementation == *name && cost(r).is_some())
    };
    let kinds: Vec<&(&str, &str)> = LAUNCHES.iter().filter(is_there).collect();
    let line = |device: &Device| {
        let point = |(i, (name, _)): (usize, &&(&str, &str))| {
            let mut own = rows(input, Role::Launch, device).filter(|r| r.implementation == *name);
            (i as f64, own.find_map(cost))
        };
        of(device, kinds.iter().enumerate().map(point).collect())
    };
    let series = devices.iter().filter_map(line).collect();
    let labels = kinds.iter().map(|(name, words)| format!("{name}: {words}")).collect();
    let title = "What a launch costs".to_string();
    let how = "Seconds for a kernel of one work-item; latency by the device's clock".to_string();
    dots(title, how, Unit::Seconds, labels, series, true)
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

fn of(device: &Device, points: Vec<Point>) -> Option<Series> {
    let series = Series::new(device.label.clone(), chart::device(device.colour), points);
    Some(series).filter(Series::has_values)
}
