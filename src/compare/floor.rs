//! The smallest difference that a machine can show: what lies between two measurements of the same.

use super::Side;
use crate::record::{NoiseRow, Record};

/// What a run's noise.csv says of a row: the largest of its processes.
pub fn of_record(side: &Side, r: &Record) -> Option<f64> {
    let here = |n: &&NoiseRow| {
        (&n.shape, &n.implementation, &n.device, &n.workload, &n.dtype)
            == (&r.shape, &r.implementation, &r.device, &r.workload, &r.dtype)
            && (n.cache, n.scope) == (r.cache, r.scope)
    };
    let floors = side.runs.iter().filter_map(|run| run.noise.iter().find(here));
    floors.map(|n| n.floor).reduce(f64::max)
}
