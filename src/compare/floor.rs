//! The smallest difference that a machine can show: what lies between two measurements of the same.

use super::Side;
use crate::record::Record;
use crate::terms::Keyed;

/// What a run's noise.csv says of a row: the largest of its processes.
pub fn of_record(side: &Side, r: &Record) -> Option<f64> {
    let key = r.key();
    let floors = side.runs.iter().filter_map(|run| run.noise.iter().find(|n| n.key() == key));
    floors.map(|n| n.floor).reduce(f64::max)
}
