//! What a search for kernel parameters found, and how it came there.

use crate::record::{self, TrialOutcome, TuningRow};
use crate::terms::DeviceId;
use crate::units;

use super::super::chart::{self, Drawing, Lines, Series, Unit, Value, XScale};
use super::super::input::Input;
use super::super::names::fit;
use super::{Figures, dots, in_words};

/// The trials of one kernel and class of shapes on one device, in order.
struct Search<'a> {
    device: &'a DeviceId,
    kernel: &'a str,
    shape_class: &'a str,
    rows: Vec<&'a TuningRow>,
}

/// Tuned against the defaults for each device, and the curves of each device and workload.
pub fn add(figures: &mut Figures, input: &Input) {
    let searches = searches(&input.tuning);
    for (device, own) in record::grouped(searches.iter().map(|s| (s.device, s))) {
        let id = fit(device.as_str());
        figures.add("tuning", &format!("tuned-{id}"), tuned(device, &own));
        for (family, of) in record::grouped(own.iter().map(|s| (s.family(), *s))) {
            let name = format!("tuning-{}-{id}", fit(family));
            figures.add("tuning", &name, curves(device, family, &of));
        }
    }
}

fn searches(rows: &[TuningRow]) -> Vec<Search<'_>> {
    let keyed = rows.iter().map(|row| ((&row.device, &*row.kernel, &*row.shape_class), row));
    let searches = record::grouped(keyed).into_iter();
    let search =
        |((device, kernel, shape_class), rows)| Search { device, kernel, shape_class, rows };
    searches.map(search).collect()
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
    let name = |s: &Search<'_>| format!("{}, {}", s.kernel, s.shape_class);
    let gained = searches.iter().filter_map(|s| Some((name(s), s.gain()?)));
    let (rows, gains): (Vec<String>, Vec<f64>) = gained.unzip();
    let place = |(i, gain): (usize, f64)| (i as f64, Value::exact(gain));
    let points: Vec<_> = gains.into_iter().enumerate().map(place).collect();
    let series = vec![Series::new(device.to_string(), chart::kind(0), points)];
    if rows.is_empty() {
        return None;
    }
    let title = format!("Tuned against the defaults: {device}");
    let how = "Times as fast as the default parameters, both in the last race".to_string();
    dots(title, how, Unit::Ratio, rows, series, true)
}

fn curves(device: &DeviceId, family: &str, searches: &[&Search<'_>]) -> Option<Drawing> {
    let line = |(i, search): (usize, &&Search<'_>)| {
        let steps = search.steps();
        let last = steps.last()?.1;
        let tried = search.rows.iter().filter(|r| r.outcome != TrialOutcome::Final).count();
        let points = steps.into_iter().map(|(x, y)| (x, Value::exact(y))).collect();
        Some(Series {
            detail: search.kernel.to_string(),
            note: format!("{} after {tried} points", units::ratio(last)),
            marker: i,
            ..Series::new(search.shape_class, chart::kind(i), points)
        })
    };
    let series: Vec<Series> = searches.iter().enumerate().filter_map(line).collect();
    let chart = Lines {
        title: format!("Search for {family}: {device}"),
        subtitle: "Best so far, times as fast as the defaults, over the time of the search"
            .to_string(),
        description: in_words(&series, Unit::Ratio, |_, x| units::seconds(x)),
        x_title: "time since the search began".to_string(),
        x_scale: XScale::Sizes(units::seconds),
        unit: Unit::Ratio,
        log_from: 10.0,
        joined: true,
        series,
        marks: Vec::new(),
    };
    chart.draw()
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
