//! Speed-ups over size and re-use: how often data must be used on a device before they go back.

use std::num::NonZeroU32;

use super::View;
use crate::record::{self, SummaryRow};
use crate::report::chart::{Cell, Column, Drawing, Heat};
use crate::report::headline;
use crate::report::names;
use crate::report::views::{Entrant, Member};
use crate::terms::{BreakEven, DeviceId, Scope, reused_s};

/// Most uses of a row: twice as many from row to row.
const MOST_USES: u32 = 1024;

/// A chart of one device.
pub struct Reuse {
    pub drawing: Drawing,
    /// Whether there is a size at which it depends on re-use which is faster.
    pub changes_answer: bool,
}

impl View<'_> {
    /// One chart for each device that operands are moved to, of the implementation that speaks for it.
    pub fn reuse(&self) -> Vec<Reuse> {
        if !self.group.is_sweep() {
            return Vec::new();
        }
        let devices = record::distinct(self.entrants.iter().map(|e| &e.device.id));
        let speaker = |id: &DeviceId| {
            let own: Vec<_> = self.entrants.iter().filter(|e| e.device.id == *id).collect();
            headline::speaker(self.input, self.group, &own)
        };
        devices.into_iter().filter_map(speaker).filter_map(|e| self.heat(e)).collect()
    }

    fn heat(&self, entrant: &Entrant<'_>) -> Option<Reuse> {
        let uses: Vec<f64> = (0..=MOST_USES.ilog2()).map(|power| 2f64.powi(power as i32)).collect();
        let column = |member: &Member<'_>| Column {
            label: names::axis_value(self.group.axis, member.value),
            cells: self.cells(entrant, member, &uses),
            even: self.moved(entrant, member).and_then(even),
        };
        let columns: Vec<Column> = self.group.members.iter().map(column).collect();
        if columns.iter().all(|column| column.even.is_none()) {
            return None;
        }
        let device = &entrant.device.label;
        let is_between = |[runs, ..]: [f64; 3]| runs.is_finite() && runs > 1.0;
        let changes_answer = columns.iter().filter_map(|column| column.even).any(is_between);
        let heat = Heat {
            title: format!("Speed-up by re-use: {}", self.topic()),
            subtitle: format!(
                "{device}, {}, against the CPU: above the line the device is faster; band: 95 % interval",
                entrant.implementation
            ),
            description: self.in_words(entrant),
            x_title: self.group.axis_name(),
            y_title: "Runs on the same data between upload and download".into(),
            uses,
            last: "resident".into(),
            columns,
        };
        heat.draw().map(|drawing| Reuse { drawing, changes_answer })
    }

    fn moved(&self, entrant: &Entrant<'_>, member: &Member<'_>) -> Option<&SummaryRow> {
        self.group.summary(self.input, member, Scope::EndToEnd, entrant)
    }

    /// The ratios of a size from one use up, and the one of resident data.
    fn cells(&self, entrant: &Entrant<'_>, member: &Member<'_>, uses: &[f64]) -> Vec<Option<Cell>> {
        let measured = |scope| {
            let row = self.group.summary(self.input, member, scope, entrant)?;
            row.speedup.is_finite().then_some(row)
        };
        let [resident, moved] = [Scope::Compute, Scope::EndToEnd].map(measured);
        let first = |row: &SummaryRow| Cell { ratio: row.speedup, measured: true };
        let of = |uses: &f64| {
            let scope = Scope::Reused(NonZeroU32::new(*uses as u32)?);
            if let Some(row) = measured(scope).filter(|row| !row.derived) {
                return Some(first(row));
            }
            let (resident, moved) = (resident?, moved?);
            let device_s = reused_s(resident.device_median_s, moved.device_median_s, *uses);
            Some(Cell { ratio: moved.cpu_median_s / device_s, measured: false })
        };
        let derived = uses.iter().skip(1).map(of);
        [moved.map(first)].into_iter().chain(derived).chain([resident.map(first)]).collect()
    }

    /// From how many runs on at the largest size.
    fn in_words(&self, entrant: &Entrant<'_>) -> String {
        let mut members = self.group.members.iter().rev();
        let last = members.find_map(|m| Some((m, self.moved(entrant, m)?.break_even?)));
        let Some((member, runs)) = last else { return String::new() };
        let size = names::size(self.group.workload, self.group.axis, member.value);
        match runs {
            BreakEven::After(1.0) => format!("At {size} as fast at once."),
            BreakEven::After(_) => {
                format!("At {size} as fast from {} runs on.", names::break_even(runs))
            }
            BreakEven::Never => format!("At {size} never as fast."),
        }
    }
}

/// Where the line lies, with its interval.
fn even(row: &SummaryRow) -> Option<[f64; 3]> {
    let runs = |even: Option<BreakEven>| {
        even.map(|even| match even {
            BreakEven::After(runs) => runs,
            BreakEven::Never => f64::INFINITY,
        })
    };
    Some([runs(row.break_even)?, runs(row.break_even_low)?, runs(row.break_even_high)?])
}
