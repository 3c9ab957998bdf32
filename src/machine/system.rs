//! What the operating system tells of CPU and memory.

use sysinfo::System;

/// CPU and memory facts. Without them the numbers still stand; the fields stay empty or zero.
pub(super) fn facts() -> Option<System> {
    let mut system = System::new().ok()?;
    system.refresh_memory();
    system.refresh_cpu_all();
    Some(system)
}

/// Facts about the CPU as a device.
pub struct CpuFacts {
    /// Its name.
    pub name: String,
    /// Clock in MHz as the system tells it, where it does.
    pub clock_mhz: Option<u32>,
    /// Main memory in bytes; zero where unknown.
    pub memory_bytes: u64,
}

/// See [`CpuFacts`].
pub fn cpu_facts() -> CpuFacts {
    let facts = facts();
    let cpu = facts.as_ref().and_then(|s| s.cpus().first());
    CpuFacts {
        name: cpu_name(facts.as_ref()),
        clock_mhz: cpu.map(|c| c.frequency() as u32).filter(|f| *f > 0),
        memory_bytes: facts.as_ref().map_or(0, System::total_memory),
    }
}

/// What the CPU is called; by its architecture where the system has no name for it.
pub(super) fn cpu_name(facts: Option<&System>) -> String {
    let brand = facts.and_then(|s| s.cpus().first()).map(|c| c.brand().trim()).unwrap_or_default();
    named(brand)
}

fn named(brand: &str) -> String {
    if brand.is_empty() { format!("{} CPU", std::env::consts::ARCH) } else { brand.to_string() }
}

/// The host's name, made fit for a folder name.
pub fn host_name() -> String {
    let name = System::host_name().unwrap_or_default();
    let fit = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' };
    let name: String = name.chars().map(fit).take(40).collect();
    if name.trim_matches(['.', '-']).is_empty() { "machine".to_string() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cpu_without_a_name_has_its_architectures() {
        assert_eq!(named("Fast 9000"), "Fast 9000");
        assert_eq!(named(""), format!("{} CPU", std::env::consts::ARCH));
    }
}
