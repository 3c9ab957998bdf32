//! What slows a CPU down unseen: governor, hypervisor, threads that share a core. Linux tells;
//! elsewhere these stay unknown.

use std::fs;
use std::path::Path;

/// The words of a file of the system; none where it has none.
pub(super) fn read(path: impl AsRef<Path>) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    Some(text.trim().to_string()).filter(|text| !text.is_empty())
}

/// The frequency governor of the first processor.
pub fn governor() -> Option<String> {
    read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
}

/// Whether two threads share a core.
pub fn has_smt() -> Option<bool> {
    read("/sys/devices/system/cpu/smt/active").map(|active| active == "1")
}

/// Whether this is a virtual machine, as its CPU tells.
pub fn is_virtual() -> bool {
    let flags = |line: &str| line.starts_with("flags") && line.contains(" hypervisor");
    read("/proc/cpuinfo").is_some_and(|text| text.lines().any(flags))
}

/// Who runs the virtual machine, where it can be seen.
pub fn hypervisor() -> Option<String> {
    if !is_virtual() {
        return None;
    }
    read("/sys/hypervisor/type").or_else(|| read("/sys/class/dmi/id/sys_vendor"))
}
