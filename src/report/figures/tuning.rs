//! What a search for kernel parameters found, and how it came there.

use crate::record::{TrialOutcome, TuningRow};
use crate::terms::DeviceId;
use crate::units;

use super::super::chart::Scale;
use super::super::chart::{self, Dots, Drawing, Lines, Series, Unit, Value};
use super::super::input::Input;
use super::{Found, fit, in_words};

const SECTION: &str = "tuning";

/// The trials of one kernel and class of shapes on one device, in order.
struct Search<'a> {
    device: &'a DeviceId,
    kernel: &'a str,
    shape_class: &'a str,
    rows: Vec<&'a TuningRow>,
}

/// Tuned against the defaults for each device, and the curves of each device and workload.
pub fn figures(input: &Input) -> Vec<Found> {
    let searches = searches(&input.tuning);
    let mut devices: Vec<&DeviceId> = searches.iter().map(|s| s.device).collect();
    devices.dedup();
    let mut found = Vec::new();
    for device in devices {
        let own: Vec<&Search<'_>> = searches.iter().filter(|s| s.device == device).collect();
        let mut add = |name: String, drawing: Option<Drawing>| {
            let section = SECTION.to_string();
            found.extend(drawing.map(|drawing| Found { section, name, drawing }));
        };
        add(format!("tuned-{}", fit(device.as_str())), tuned(device, &own));
        let mut families: Vec<&str> = own.iter().map(|s| s.family()).collect();
        families.dedup();
        for family in families {
            let of: Vec<&Search<'_>> =
                own.iter().copied().filter(|s| s.family() == family).collect();
            add(
                format!("tuning-{}-{}", fit(family), fit(device.as_str())),
                curves(device, family, &of),
            );
        }
    }
    found
}

fn searches(rows: &[TuningRow]) -> Vec<Search<'_>> {
    let mut searches: Vec<Search<'_>> = Vec::new();
    for row in rows {
        let key = (&row.device, row.kernel.as_str(), row.shape_class.as_str());
        match searches.iter_mut().find(|s| (s.device, s.kernel, s.shape_class) == key) {
            Some(search) => search.rows.push(row),
            None => {
                let (device, kernel, shape_class) = key;
                searches.push(Search { device, kernel, shape_class, rows: vec![row] });
            }
        }
    }
    searches
}

impl Search<'_> {
    /// `conv-fprop` of `conv-fprop packed`.
    fn family(&self) -> &str {
        self.kernel.split(' ').next().unwrap_or_default()
    }

    /// The defaults are tried first.
    fn default_s(&self) -> Option<f64> {
        let first = self.rows.first()?;
        let is_final =
            |r: &&&TuningRow| r.outcome == TrialOutcome::Final && r.parameters == first.parameters;
        self.rows.iter().find(is_final).map_or(first.wall_s, |r| r.wall_s)
    }

    /// The defaults' time over the best one's, both of the last race.
    fn gain(&self) -> Option<f64> {
        let finals = self.rows.iter().filter(|r| r.outcome == TrialOutcome::Final);
        let best = finals.filter_map(|r| r.wall_s).min_by(f64::total_cmp)?;
        Some(self.default_s()? / best)
    }

    /// Whenever there was a new best: when, and the defaults' time over its own.
    fn steps(&self) -> Vec<(f64, f64)> {
        let first = self.rows.first().and_then(|r| r.wall_s).unwrap_or(f64::NAN);
        let mut best = f64::INFINITY;
        let mut steps: Vec<(f64, f64)> = Vec::new();
        for row in self.rows.iter().filter(|r| r.outcome == TrialOutcome::Measured) {
            let Some(wall_s) = row.wall_s else { continue };
            if wall_s < best {
                best = wall_s;
                steps.push((row.at_s.max(1e-3), first / best));
            }
        }
        // The curve goes on to the end of the search.
        if let (Some(last), Some(end)) = (steps.last().copied(), self.rows.last()) {
            steps.push((end.at_s.max(last.0), last.1));
        }
        steps
    }
}

fn tuned(device: &DeviceId, searches: &[&Search<'_>]) -> Option<Drawing> {
    let gained: Vec<(&&Search<'_>, f64)> =
        searches.iter().filter_map(|s| Some((s, s.gain()?))).collect();
    let rows: Vec<String> =
        gained.iter().map(|(s, _)| format!("{}, {}", s.kernel, s.shape_class)).collect();
    let place = |(i, (_, gain)): (usize, &(&&Search<'_>, f64))| {
        (i as f64, Value::new(*gain, *gain, *gain, false))
    };
    let series = vec![Series {
        name: device.to_string(),
        detail: String::new(),
        note: String::new(),
        tone: chart::kind(0),
        marker: 0,
        dashed: false,
        points: gained.iter().enumerate().map(place).collect(),
    }];
    let name = |_: usize, x: f64| rows.get(x as usize).cloned().unwrap_or_default();
    let description = in_words(&series, Unit::Ratio, name);
    (!gained.is_empty()).then(|| {
        Dots {
            title: format!("Tuned against the defaults: {device}"),
            subtitle: "Times as fast as the default parameters, both in the last race".to_string(),
            description,
            unit: Unit::Ratio,
            rows,
            series,
            labelled: true,
        }
        .draw()
    })
}

fn curves(device: &DeviceId, family: &str, searches: &[&Search<'_>]) -> Option<Drawing> {
    let line = |(i, search): (usize, &&Search<'_>)| {
        let steps = search.steps();
        let last = steps.last()?.1;
        let tried = search.rows.iter().filter(|r| r.outcome != TrialOutcome::Final).count();
        Some(Series {
            name: search.shape_class.to_string(),
            detail: search.kernel.to_string(),
            note: format!("{} after {tried} points", units::ratio(last)),
            tone: chart::kind(i),
            marker: i,
            dashed: false,
            points: steps.into_iter().map(|(x, y)| (x, Value::new(y, y, y, false))).collect(),
        })
    };
    let series: Vec<Series> = searches.iter().enumerate().filter_map(line).collect();
    (!series.is_empty()).then(|| {
        Lines {
            title: format!("Search for {family}: {device}"),
            subtitle: "Best so far, times as fast as the defaults, over the time of the search"
                .to_string(),
            description: in_words(&series, Unit::Ratio, |_, x| units::seconds(x)),
            x_title: "time since the search began".to_string(),
            x_scale: |values, width| Scale::sizes(values, width, units::seconds),
            unit: Unit::Ratio,
            log_from: 10.0,
            joined: true,
            series,
            marks: Vec::new(),
        }
        .draw()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(parameters: &str, outcome: TrialOutcome, wall_s: Option<f64>, at_s: f64) -> TuningRow {
        TuningRow {
            device: DeviceId::from("opencl:0"),
            kernel: "gemm local".into(),
            shape_class: "large".into(),
            parameters: parameters.into(),
            outcome,
            reason: String::new(),
            wall_s,
            flop_per_s: None,
            at_s,
        }
    }

    #[test]
    fn a_search_is_told_by_its_rows() {
        let rows = [
            row("A=1", TrialOutcome::Measured, Some(4.0), 1.0),
            row("A=2", TrialOutcome::Wrong, None, 2.0),
            row("A=3", TrialOutcome::Measured, Some(5.0), 3.0),
            row("A=4", TrialOutcome::Measured, Some(2.0), 4.0),
            row("A=5", TrialOutcome::Slow, Some(1.0), 5.0),
            row("A=4", TrialOutcome::Final, Some(2.5), 6.0),
            row("A=1", TrialOutcome::Final, Some(3.0), 6.0),
        ];
        let searches = searches(&rows);
        assert_eq!(searches.len(), 1);
        assert_eq!(searches[0].gain(), Some(1.2));
        assert_eq!(searches[0].steps(), [(1.0, 1.0), (4.0, 2.0), (6.0, 2.0)]);
    }
}
