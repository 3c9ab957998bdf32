//! Roofs of an earlier run on this machine, for a run whose budget leaves no time for its own.

use serde::{Deserialize, Serialize};

use super::{Progress, RoofCheck, Setup};
use crate::machine::{self, Kept};
use crate::roof::Roofs;
use crate::terms::Dtype;

/// A file a machine with its devices, drivers and threads; few have several of these.
const KEPT: Kept = Kept { kind: "roofs", most_files: 64, most_bytes: 4 << 20 };

/// What is kept.
#[derive(Serialize, Deserialize)]
struct Earlier {
    roofs: Roofs,
    memory_set: Option<u64>,
}

/// Keeps the roofs of this run for later ones, or takes those of an earlier one where the budget of this run left
/// no time for all of them.
pub(super) fn keep_or_take(check: &mut RoofCheck, setup: &Setup<'_>, progress: &mut dyn Progress) {
    let key = key(setup);
    if !check.known.memory_unknown {
        let roofs = Roofs { measured: Some(machine::utc_now().extended()), ..check.known.clone() };
        let earlier = Earlier { roofs, memory_set: check.memory_set };
        KEPT.write(&key, &serde_json::to_vec(&earlier).expect("plain data is JSON"));
        return;
    }
    let content = KEPT.read(&key).filter(|_| setup.selection.budget.is_some());
    let earlier = content.and_then(|bytes| serde_json::from_slice::<Earlier>(&bytes).ok());
    if let Some(Earlier { roofs, memory_set }) = earlier {
        let when = roofs.measured.clone().unwrap_or_default();
        progress
            .say(&format!("roofs are those that an earlier run on this machine measured, {when}"));
        (check.known, check.memory_set) = (roofs, memory_set);
    }
}

/// All that the roofs depend on.
fn key(setup: &Setup<'_>) -> String {
    let machine::CpuFacts { name, memory_bytes, .. } = machine::cpu_facts();
    let mut lines = vec![
        format!("roofs 2 of {} {}", env!("CARGO_PKG_VERSION"), cfg!(debug_assertions)),
        format!("{name}, {memory_bytes} bytes, {:?}", machine::caches(&[])),
        format!("f64 {}", setup.selection.dtypes.contains(&Dtype::F64)),
    ];
    let own = setup.devices.iter().map(|d| d.entry()).filter(|e| !e.id.is_contender());
    lines.extend(own.map(|e| {
        format!("{} {}, {}, {:?} threads, {:?} MHz", e.id, e.name, e.driver, e.threads, e.clock_mhz)
    }));
    lines.join("\n") + "\n"
}
