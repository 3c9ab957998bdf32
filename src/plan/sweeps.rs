//! Families with their sizes, as a user gives them.

use super::check_shape;
use crate::error::{Error, Result};
use crate::terms::Family;
use crate::workload::{Entry, Workload};

/// Refuses what is no family of any of these workloads.
pub fn check(workloads: &[&'static dyn Workload], texts: &[String]) -> Result<()> {
    for text in texts {
        let read = |w: &&'static dyn Workload| Family::parse(w.name(), w.axes(), text);
        let mut errors = Vec::new();
        let is_known = workloads.iter().map(read).any(|family| match family {
            Ok(_) => true,
            Err(error) => {
                errors.push(error);
                false
            }
        });
        if is_known {
            continue;
        }
        // The first one's: where several workloads are chosen, the one that most sweeps are of.
        let why = errors.into_iter().next();
        return Err(
            why.unwrap_or_else(|| Error::usage(format!("sweep '{text}': nothing has axes")))
        );
    }
    Ok(())
}

/// The points of those that are families of a workload, sweep by sweep: sizes that double, and the largest.
pub fn entries(workload: &'static dyn Workload, texts: &[String]) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for text in texts {
        let family = Family::parse(workload.name(), workload.axes(), text);
        let Ok((family, sizes)) = family else { continue };
        let points = Entry::along(&family, sizes, &workload.family_name(&family));
        for point in points.map_err(|why| Error::usage(format!("sweep '{text}': {why}")))? {
            check_shape(workload, &point.shape)?;
            entries.push(point);
        }
    }
    Ok(entries)
}
