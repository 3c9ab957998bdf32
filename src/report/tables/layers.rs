//! A network layer by layer, with its repeats and its total.

use crate::record::{self, Record};
use crate::terms::Scope;
use crate::units;

use super::super::names;
use super::super::views::{Entrant, Group, Member, SCOPES};
use super::Tables;

/// The layers of a list, a column for each implementation of each device.
pub struct LayerTable<'a> {
    /// `resnet50`, and what is unusual about scope, cache and type.
    pub title: String,
    pub columns: Vec<Entrant<'a>>,
    pub lines: Vec<LayerLine>,
    /// What they add up to, each times its repeat.
    pub total: LayerLine,
}

/// A layer with a cell for each column, or the total.
pub struct LayerLine {
    pub layer: String,
    pub size: String,
    pub repeat: String,
    /// FLOP of one.
    pub flop: String,
    pub cells: Vec<Cell>,
}

/// One time.
pub struct Cell {
    /// Seconds of one layer, or of all.
    pub time: String,
    /// FLOP/s, or how many layers the total has.
    pub rate: String,
    /// Whether no other is faster on this line.
    pub best: bool,
}

/// Time and work of one entrant at one layer.
type Timed = Option<(f64, f64)>;

impl<'a> Tables<'a> {
    /// The tables of every list with more than one named layer.
    pub(super) fn layers(&self, workload: &str) -> Vec<LayerTable<'a>> {
        let named =
            |g: &&Group<'_>| g.workload == workload && !g.list.is_empty() && g.members.len() > 1;
        let groups = self.groups.iter().filter(named);
        groups.flat_map(|g| SCOPES.iter().filter_map(|s| self.layer_table(g, *s))).collect()
    }

    fn layer_table(&self, group: &Group<'_>, scope: Scope) -> Option<LayerTable<'a>> {
        let entrants = group.entrants(self.input, self.devices);
        let record = |member: &Member<'_>, entrant: &Entrant<'_>| {
            group.record(self.input, member, scope, entrant).filter(|r| r.counts())
        };
        // Nothing is moved on a CPU: with transfers it is the same run again.
        let is_moved =
            |entrant: &&Entrant<'_>| scope == Scope::Compute || !entrant.device.is_plain_cpu();
        let has_record = |l: &Entrant<'_>| group.members.iter().any(|m| record(m, l).is_some());
        if !entrants.iter().filter(is_moved).any(has_record) {
            return None;
        }
        let timed = |member: &Member<'_>, entrant: &Entrant<'_>| -> Timed {
            let r: &Record = record(member, entrant)?;
            Some((r.wall_median_s?, r.flop_count as f64))
        };
        let line = |m: &Member<'_>| {
            let times: Vec<Timed> = entrants.iter().map(|entrant| timed(m, entrant)).collect();
            let flop = times.iter().flatten().map(|(_, flop)| *flop).next();
            LayerLine {
                layer: m.layer.to_string(),
                size: names::shape(group.workload, m.shape),
                repeat: if m.repeat > 1 { format!("{} ×", m.repeat) } else { String::new() },
                flop: flop.map(units::flop).unwrap_or_default(),
                cells: cells(&times, &entrants),
            }
        };
        let lines: Vec<LayerLine> = group.members.iter().map(line).collect();
        Some(LayerTable {
            title: format!("{}{}, {}", group.list, group.setting(None), names::scope(scope)),
            total: total(group, &entrants, timed),
            columns: entrants,
            lines,
        })
    }
}

/// Total FLOP over total time, each layer times its repeat. Only columns with every layer compete.
fn total(
    group: &Group<'_>,
    entrants: &[Entrant<'_>],
    timed: impl Fn(&Member<'_>, &Entrant<'_>) -> Timed,
) -> LayerLine {
    let layers = group.members.len();
    let sums: Vec<(usize, f64, f64)> = entrants
        .iter()
        .map(|entrant| {
            let found = group.members.iter().filter_map(|m| {
                let (seconds, flop) = timed(m, entrant)?;
                Some((m.repeat as f64 * seconds, m.repeat as f64 * flop))
            });
            found.fold((0, 0.0, 0.0), |sum, (s, f)| (sum.0 + 1, sum.1 + s, sum.2 + f))
        })
        .collect();
    let whole = |(count, seconds, flop): &(usize, f64, f64)| {
        (*count == layers).then_some((*seconds, *flop))
    };
    let mut cells = cells(&sums.iter().map(whole).collect::<Vec<_>>(), entrants);
    for (cell, (count, seconds, _)) in cells.iter_mut().zip(&sums) {
        if (1..layers).contains(count) {
            cell.time = units::seconds(*seconds);
            cell.rate = format!("{count} of {layers} layers");
        }
    }
    let flop = sums.iter().find_map(whole).map(|(_, flop)| units::flop(flop));
    let repeats = group.members.iter().map(|m| m.repeat).sum::<u64>();
    LayerLine {
        layer: "all layers".to_string(),
        size: String::new(),
        repeat: format!("{repeats} in all"),
        flop: flop.unwrap_or_default(),
        cells,
    }
}

/// A cell for each entrant, the best of those marked that compete.
fn cells(times: &[Timed], entrants: &[Entrant<'_>]) -> Vec<Cell> {
    let competes = |entrant: &Entrant<'_>| record::competes(entrant.implementation);
    let all = || times.iter().zip(entrants);
    let competing = all().filter(|(_, entrant)| competes(entrant)).filter_map(|(timed, _)| *timed);
    let best = competing.map(|(s, _)| s).fold(f64::INFINITY, f64::min);
    let cell = |(timed, entrant): (&Timed, &Entrant<'_>)| match timed {
        None => Cell { time: String::new(), rate: String::new(), best: false },
        Some((seconds, flop)) => Cell {
            time: units::seconds(*seconds),
            rate: units::flop_per_s(flop / seconds),
            best: *seconds == best && competes(entrant),
        },
    };
    all().map(cell).collect()
}
