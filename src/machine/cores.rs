//! Which cores the CPU path uses, and how threads are held to them.

use std::sync::OnceLock;

use crate::error::{Error, Result};

/// The logical processors to compute on: one of each physical core, inside the affinity mask this
/// process was started with and no more than the cgroup quota allows. `threads` asks for a number.
pub fn choose_cores(threads: Option<u32>) -> Result<Vec<usize>> {
    let allowed = affinity_at_start();
    let mut chosen: Vec<usize> = Vec::new();
    let mut shared: Vec<usize> = Vec::new();
    for &core in &allowed {
        let siblings = siblings(core);
        let taken = siblings.iter().any(|s| chosen.contains(s));
        if taken { shared.push(core) } else { chosen.push(core) }
    }
    // Half a CPU still is one thread.
    let quota = super::groups::quota_cpus().map_or(usize::MAX, |cpus| (cpus as usize).max(1));
    let Some(wanted) = threads.map(|t| t as usize) else {
        chosen.truncate(quota);
        return Ok(chosen);
    };
    // Asked for more than there are cores: the second thread of each core, then an error.
    chosen.extend(shared);
    if wanted == 0 || wanted > chosen.len() {
        return Err(Error::usage(format!(
            "--threads {wanted}: this process may use 1 to {} processors",
            chosen.len()
        )));
    }
    chosen.truncate(wanted);
    Ok(chosen)
}

/// The affinity mask when it was first asked for: before this program narrowed it.
pub fn affinity_at_start() -> Vec<usize> {
    static MASK: OnceLock<Vec<usize>> = OnceLock::new();
    MASK.get_or_init(allowed_cores).clone()
}

/// Logical processors of the same physical core, as Linux tells.
fn siblings(core: usize) -> Vec<usize> {
    let path = format!("/sys/devices/system/cpu/cpu{core}/topology/thread_siblings_list");
    super::state::read(path).map_or_else(|| vec![core], |text| core_list(&text))
}

/// Reads `0-3,8`.
pub(super) fn core_list(text: &str) -> Vec<usize> {
    let range = |part: &str| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        Some(first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?)
    };
    text.split(',').filter_map(range).flatten().collect()
}

/// The affinity mask now; all cores where the system has none.
pub(crate) fn allowed_cores() -> Vec<usize> {
    #[cfg(target_os = "linux")]
    // SAFETY: an all-zero cpu_set_t is a valid empty set, the call writes at most its size into
    // it, and CPU_ISSET is only asked for numbers below the set's capacity.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &mut set) == 0 {
            return (0..libc::CPU_SETSIZE as usize).filter(|c| libc::CPU_ISSET(*c, &set)).collect();
        }
    }
    (0..super::workers::cores()).collect()
}

/// Lets the calling thread, and the threads it starts from now on, run on `cores` only. Where the
/// system has no such call or refuses, nothing changes: a hint, not a promise.
pub fn restrict_thread(cores: &[usize]) {
    #[cfg(target_os = "linux")]
    // SAFETY: as in `allowed_cores`; CPU_SET is only given numbers below the set's capacity.
    unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        for core in cores.iter().filter(|core| **core < libc::CPU_SETSIZE as usize) {
            libc::CPU_SET(*core, &mut set);
        }
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &set);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = cores;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_lists() {
        assert_eq!(core_list("0-2,7"), [0, 1, 2, 7]);
        assert_eq!(core_list("5"), [5]);
        assert!(core_list("").is_empty());
    }

    #[test]
    fn cores_are_chosen_within_the_mask() {
        let allowed = allowed_cores();
        let cores = choose_cores(None).unwrap();
        assert!(!cores.is_empty() && cores.iter().all(|c| allowed.contains(c)));
        assert_eq!(choose_cores(Some(1)).unwrap().len(), 1);
        for wrong in [0, 100_000] {
            let error = choose_cores(Some(wrong)).unwrap_err().to_string();
            assert!(error.contains("--threads"), "{error}");
        }
    }
}
