//! Rate and time of transfers over their size: a chart of each a device.

use crate::record::Record;
use crate::terms::{Cache, Role};
use crate::{units, workload};

use super::super::chart::{self, Drawing, Lines, Series, Unit};
use super::super::input::Input;
use super::super::names::Device;
use super::streams::{LOG_FROM, byte_scale};
use super::{Found, fit, in_words, rate};

const SECTION: &str = "transfers";

/// Both directions, in words.
const DIRECTIONS: [(&str, &str); 2] =
    [("transfer-h2d", "to the device"), ("transfer-d2h", "from the device")];

/// What every implementation's name begins with: the rest says which memory of the host it is.
const VERBS: [&str; 2] = ["write", "read"];

/// Rate and time for each device.
pub fn figures(input: &Input, devices: &[Device]) -> Vec<Found> {
    let mut found = Vec::new();
    for device in devices {
        for (unit, kind) in [(Unit::Bytes, "rate"), (Unit::Seconds, "time")] {
            let drawing = draw(input, device, unit);
            let (section, name) =
                (SECTION.to_string(), format!("transfers-{kind}-{}", fit(device.id.as_str())));
            found.extend(drawing.map(|drawing| Found { section, name, drawing }));
        }
    }
    found
}

fn draw(input: &Input, device: &Device, unit: Unit) -> Option<Drawing> {
    let series = lines(input, device, unit);
    let (title, what, log_from) = match unit {
        Unit::Seconds => ("Time of a transfer over its size", "Wall time of one transfer", 1.0),
        _ => ("Rate of a transfer over its size", "Bytes/s by the wall clock", LOG_FROM),
    };
    let zero_copy = input.manifest.iter().flat_map(|m| &m.zero_copy).any(|id| *id == device.id);
    let shared = if zero_copy { "; to map moves nothing here, to copy does" } else { "" };
    (!series.is_empty()).then(|| {
        Lines {
            title: format!("{title}: {}", device.label),
            subtitle: format!("{what}; dashed: from the device; bands: 95 % interval{shared}"),
            description: in_words(&series, unit, |_, x| units::bytes(x)),
            x_title: "bytes moved".to_string(),
            x_scale: byte_scale,
            unit,
            log_from,
            joined: true,
            series,
            marks: Vec::new(),
        }
        .draw()
    })
}

/// A line for each direction and implementation; a kind of host memory has one colour.
fn lines(input: &Input, device: &Device, unit: Unit) -> Vec<Series> {
    let is_here = |r: &&Record| {
        r.device == device.id && r.cache == Cache::Hot && workload::role(&r.workload) == Role::Link
    };
    let rows: Vec<&Record> = input.records.iter().filter(is_here).collect();
    let mut keys: Vec<(&str, &str)> = Vec::new();
    let mut kinds: Vec<&str> = Vec::new();
    for row in &rows {
        let key = (row.workload.as_str(), row.implementation.as_str());
        if !keys.contains(&key) {
            keys.push(key);
        }
        if !kinds.contains(&memory(&row.implementation)) {
            kinds.push(memory(&row.implementation));
        }
    }
    let line = |(workload, implementation): &(&str, &str)| {
        let own = rows
            .iter()
            .filter(|r| (&*r.workload, &*r.implementation) == (*workload, *implementation));
        let mut points: Vec<_> = own.map(|r| (r.bytes_moved as f64, rate(r, unit))).collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (bytes, last) = points.iter().rev().find_map(|(x, v)| Some((*x, (*v)?)))?;
        let kind = kinds.iter().position(|k| *k == memory(implementation)).unwrap_or(0);
        let direction = DIRECTIONS.iter().find(|(name, _)| name == workload);
        Some(Series {
            name: direction.map_or(*workload, |(_, words)| words).to_string(),
            detail: implementation.to_string(),
            note: format!("{} at {}", unit.show(last.value), units::bytes(bytes)),
            tone: chart::kind(kind),
            marker: kind,
            dashed: direction == Some(&DIRECTIONS[1]),
            points,
        })
    };
    keys.iter().filter_map(line).collect()
}

/// `pinned` of `write-pinned`; empty for ordinary memory.
fn memory(implementation: &str) -> &str {
    let rest = VERBS.iter().find_map(|verb| implementation.strip_prefix(verb));
    rest.unwrap_or(implementation).trim_start_matches('-')
}
