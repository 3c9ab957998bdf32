//! `crossover devices`: every device and its facts.

use super::args::DevicesArgs;
use super::{End, start};
use crate::backend::Request;
use crate::config;
use crate::error::Result;
use crate::machine::DeviceEntry;
use crate::units;

/// Lists the devices.
pub fn devices(args: &DevicesArgs) -> Result<End> {
    let contenders = config::contenders(&args.contender)?;
    let (_, found) = start(&Request { contenders: &contenders, ..Request::default() })?;
    let entries: Vec<&DeviceEntry> = found.all.iter().map(|d| d.entry()).collect();
    if args.json {
        let value = serde_json::json!({ "devices": entries, "problems": found.problems });
        out!("{}", serde_json::to_string_pretty(&value).expect("plain data is JSON"));
        return Ok(End::Well);
    }
    let width = entries.iter().map(|e| e.id.as_str().len()).max().unwrap_or(0);
    for entry in entries {
        out!("{:<width$}  {:<12} {}", entry.id, entry.kind.name(), entry.name);
        for (what, fact) in facts(entry) {
            out!("{:<width$}  {what:<12} {fact}", "");
        }
    }
    for problem in &found.problems {
        out!("{problem}");
    }
    Ok(End::Well)
}

fn facts(entry: &DeviceEntry) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    let mut add = |what, fact: Option<String>| facts.extend(fact.map(|fact| (what, fact)));
    add("driver", Some(entry.driver.clone()).filter(|d| !d.is_empty()));
    add("threads", entry.threads.map(|n| n.to_string()));
    let units = entry.compute_units.filter(|_| entry.threads.is_none());
    add("units", units.map(|n| n.to_string()));
    add("clock", entry.clock_mhz.map(|mhz| format!("{mhz} MHz")));
    add("memory", Some(units::bytes(entry.memory_bytes as f64)));
    add("local", entry.local_memory_bytes.map(|b| units::bytes(b as f64)));
    let defaults = format!("defaults of class '{}'", entry.class);
    add("kernels", Some(defaults).filter(|_| !entry.class.is_empty()));
    facts
}
