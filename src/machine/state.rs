//! What slows a CPU down unseen: governor, hypervisor, quota, threads that share a core. Linux tells;
//! elsewhere these stay unknown.

use std::fs;
use std::path::{Path, PathBuf};

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

/// CPUs that the process's control groups allow, all levels of them; none without a limit.
pub fn quota_cpus() -> Option<f64> {
    let own = read("/proc/self/cgroup")?;
    let group = own.lines().find_map(|line| line.strip_prefix("0::"))?.to_string();
    let mut path = PathBuf::from(group.trim_start_matches('/'));
    let mut least: Option<f64> = None;
    loop {
        let file = Path::new("/sys/fs/cgroup").join(&path).join("cpu.max");
        let quota = read(file).and_then(|text| quota(&text));
        least = [least, quota].into_iter().flatten().reduce(f64::min);
        if !path.pop() {
            return least;
        }
    }
}

/// Reads `max 100000` or `150000 100000`.
fn quota(text: &str) -> Option<f64> {
    let (quota, period) = text.split_once(' ')?;
    let (quota, period): (f64, f64) = (quota.parse().ok()?, period.parse().ok()?);
    (period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_read() {
        assert_eq!(quota("max 100000"), None);
        assert_eq!(quota("150000 100000"), Some(1.5));
        assert_eq!(quota("nonsense"), None);
    }
}
