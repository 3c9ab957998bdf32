//! Data that are used several times before they go back: what that would change follows from a run with operands
//! resident and one with transfers.

use std::num::NonZeroU32;

use super::{Known, Opponent, Sides, noise};
use crate::record::{self, Record, SummaryRow};
use crate::stats::{self, Pairing};
use crate::terms::{Baseline, BreakEven, Cache, Keyed, RowKey, Scope, reused_s};

/// How often data are used in the rows that are derived, beside once and for ever.
const USES: [NonZeroU32; 2] = [NonZeroU32::new(8).unwrap(), NonZeroU32::new(64).unwrap()];

/// Runs on the same data after which the device is as fast as the CPU: what transfers add, over what a run saves.
/// Infinite where a run saves nothing.
fn break_even([cpu_s, resident_s, end_to_end_s]: [f64; 3]) -> f64 {
    let saved_s = cpu_s - resident_s;
    if saved_s > 0.0 { (end_to_end_s - resident_s).max(0.0) / saved_s } else { f64::INFINITY }
}

/// The scopes of data that are used several times: those that were measured anywhere, and those that are derived
/// where both that they follow from were measured.
pub fn settings(measured: &[(Cache, Scope, Baseline)]) -> Vec<(Cache, Scope, Baseline)> {
    let has = |cache, scope| measured.iter().any(|m| (m.0, m.1) == (cache, scope));
    let moved = measured.iter().filter(|m| m.1 == Scope::EndToEnd && has(m.0, Scope::Compute));
    let derived = moved
        .flat_map(|(cache, _, baseline)| USES.map(|uses| (*cache, Scope::Reused(uses), *baseline)));
    let mut all: Vec<_> = measured.iter().filter(|m| is_reused(m.1)).copied().collect();
    all.extend(derived);
    all.sort_by_key(|(cache, scope, _)| (cache.name(), *scope));
    record::distinct(all)
}

fn is_reused(scope: Scope) -> bool {
    matches!(scope, Scope::Reused(_))
}

/// The three rows of a point that tell what transfers cost.
struct Moved<'a> {
    /// With transfers.
    sides: Sides<'a>,
    resident: &'a Record,
    seconds: [Vec<f64>; 3],
    pairing: Pairing,
}

impl Moved<'_> {
    /// Rows in the order of their seconds: the CPU's, the device's with operands resident and with transfers.
    fn rows(&self) -> [&Record; 3] {
        [self.sides.cpu, self.resident, self.sides.device]
    }

    fn seconds(&self) -> [&[f64]; 3] {
        self.seconds.each_ref().map(Vec::as_slice)
    }
}

impl<'a> Known<'a> {
    /// None where the device is one that nothing is moved to.
    fn moved(&self, opponent: &Opponent<'_>, shape: &str) -> Option<Moved<'a>> {
        let sides = self.sides(opponent, shape, Scope::EndToEnd)?;
        let key = RowKey { scope: Scope::Compute, ..sides.device.key() };
        let resident = self.records.iter().find(|r| r.key() == key && r.competes())?;
        let is_cpu = resident.device.is_cpu_side(resident.device_kind);
        let (seconds, pairing) = self.times([sides.cpu, resident, sides.device])?;
        (!is_cpu).then_some(Moved { sides, resident, seconds, pairing })
    }

    /// What was measured at a point; with transfers also from how many runs on they are worth it.
    pub(super) fn measured_with_break_even(
        &self,
        opponent: &Opponent<'_>,
        shape: &str,
    ) -> Option<SummaryRow> {
        let row = self.measured(opponent, shape)?;
        if opponent.scope != Scope::EndToEnd {
            return Some(row);
        }
        let moved = self.moved(opponent, shape);
        let runs = moved.and_then(|m| stats::of_medians(m.seconds(), m.pairing, break_even));
        Some(SummaryRow {
            break_even: runs.map(|r| BreakEven::of(r.value)),
            break_even_low: runs.map(|r| BreakEven::of(r.low)),
            break_even_high: runs.map(|r| BreakEven::of(r.high)),
            ..row
        })
    }

    /// The ratio at a point where data are used several times, measured or derived.
    pub(super) fn reused(&self, opponent: &Opponent<'_>, shape: &str) -> Option<SummaryRow> {
        self.measured(opponent, shape).or_else(|| self.derived(opponent, shape))
    }

    fn derived(&self, opponent: &Opponent<'_>, shape: &str) -> Option<SummaryRow> {
        let Scope::Reused(uses) = opponent.scope else { return None };
        let uses = f64::from(uses.get());
        let moved = self.moved(opponent, shape)?;
        let ratio = |[cpu_s, resident_s, end_to_end_s]: [f64; 3]| {
            cpu_s / reused_s(resident_s, end_to_end_s, uses)
        };
        let found = stats::of_medians(moved.seconds(), moved.pairing, ratio)?;
        let rows = moved.rows();
        let [cpu_s, resident_s, end_to_end_s] = rows.map(|row| row.wall_median_s);
        let medians = [cpu_s?, reused_s(resident_s?, end_to_end_s?, uses)];
        let row = opponent.row(shape, &moved.sides, medians, found, moved.pairing, noise(rows));
        Some(SummaryRow { derived: true, ..row })
    }
}
