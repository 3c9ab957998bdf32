//! `crossover doctor`: what works, what is missing, and how to mend it.

use super::{End, start};
use crate::backend::Request;
use crate::backend::registry::{BACKENDS, backend_of};
use crate::config;
use crate::error::Result;

/// Checks what the backends stand on, and their devices.
pub fn doctor() -> Result<End> {
    let contenders = config::contenders(&[])?;
    let (_, found) = start(&Request { contenders: &contenders, ..Request::default() })?;
    for ground in BACKENDS.iter().filter_map(|backend| backend.ground()) {
        match ground {
            Ok(what) => out!("ok       {what}"),
            Err(what) => out!("missing  {what}"),
        }
    }
    for entry in found.all.iter().map(|device| device.entry()) {
        let proof = backend_of(entry).map(|backend| backend.proof(entry));
        out!("ok       {}", proof.unwrap_or_else(|| entry.id.to_string()));
    }
    let faults: Vec<String> = BACKENDS.iter().flat_map(|backend| backend.faults()).collect();
    for problem in found.problems.iter().chain(&faults) {
        out!("problem  {problem}");
    }
    for advice in BACKENDS.iter().flat_map(|backend| backend.advice(&found)) {
        out!("note     {advice}");
    }
    let broken =
        found.problems.iter().any(|p| p.contains("can't be") || p.contains("doesn't list"));
    Ok(if broken || !faults.is_empty() { End::Badly } else { End::Well })
}
