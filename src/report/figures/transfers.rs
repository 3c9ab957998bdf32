//! Rate and time of transfers over their size: a chart of each a device.

use crate::record::{self, Record};
use crate::terms::{Cache, Role};
use crate::{units, workload};

use super::super::chart::{self, Drawing, Lines, Series, Unit};
use super::super::input::Input;
use super::super::names::{self, Device};
use super::streams::{LOG_FROM, over_bytes};
use super::{Figures, rate};

/// Both directions, in words.
const DIRECTIONS: [(&str, &str); 2] =
    [("transfer-h2d", "to the device"), ("transfer-d2h", "from the device")];

/// What every implementation's name begins with: the rest says which memory of the host it is.
const VERBS: [&str; 2] = ["write", "read"];

/// Rate and time for each device.
pub fn add(figures: &mut Figures, input: &Input, devices: &[Device]) {
    for device in devices {
        for (unit, kind) in [(Unit::Bytes, "rate"), (Unit::Seconds, "time")] {
            let name = format!("transfers-{kind}-{}", names::fit(device.id.as_str()));
            figures.add("transfers", &name, draw(input, device, unit));
        }
    }
}

fn draw(input: &Input, device: &Device, unit: Unit) -> Option<Drawing> {
    let (title, what, log_from) = match unit {
        Unit::Seconds => ("Time of a transfer over its size", "Wall time of one transfer", 1.0),
        _ => ("Rate of a transfer over its size", "Bytes/s by the wall clock", LOG_FROM),
    };
    let zero_copy = input.manifest.iter().flat_map(|m| &m.zero_copy).any(|id| *id == device.id);
    let shared = if zero_copy { "; to map moves nothing here, to copy does" } else { "" };
    let chart = Lines {
        title: format!("{title}: {}", device.label),
        subtitle: format!("{what}; dashed: from the device; bands: 95 % interval{shared}"),
        x_title: "bytes moved".to_string(),
        log_from,
        ..over_bytes(unit, series(input, device, unit))
    };
    chart.draw()
}

/// A line for each direction and implementation; a kind of host memory has one colour.
fn series(input: &Input, device: &Device, unit: Unit) -> Vec<Series> {
    let is_here = |r: &&Record| {
        r.device == device.id && r.cache == Cache::Hot && workload::role(&r.workload) == Role::Link
    };
    let rows: Vec<&Record> = input.records.iter().filter(is_here).collect();
    let kinds = record::distinct(rows.iter().map(|r| memory(&r.implementation)));
    let line = |((workload, implementation), own): ((&str, &str), Vec<&Record>)| {
        let mut points: Vec<_> =
            own.iter().map(|r| (r.bytes_moved as f64, rate(r, unit))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (bytes, last) = points.iter().rev().find_map(|(x, v)| Some((*x, (*v)?)))?;
        let kind = kinds.iter().position(|k| *k == memory(implementation)).unwrap_or(0);
        let direction = DIRECTIONS.iter().find(|(name, _)| *name == workload);
        let name = direction.map_or(workload, |(_, words)| words);
        Some(Series {
            detail: implementation.to_string(),
            note: format!("{} at {}", unit.show(last.value), units::bytes(bytes)),
            marker: kind,
            dashed: direction == Some(&DIRECTIONS[1]),
            ..Series::new(name, chart::kind(kind), points)
        })
    };
    let keyed = rows.iter().map(|r| ((r.workload.as_str(), r.implementation.as_str()), *r));
    record::grouped(keyed).into_iter().filter_map(line).collect()
}

/// `pinned` of `write-pinned`; empty for ordinary memory.
fn memory(implementation: &str) -> &str {
    let rest = VERBS.iter().find_map(|verb| implementation.strip_prefix(verb));
    rest.unwrap_or(implementation).trim_start_matches('-')
}
