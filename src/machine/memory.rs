//! How much memory a run may take: everything that grows with a cache or a shape asks here first.

use sysinfo::System;

use super::groups;
use crate::error::{Error, Result};
use crate::units;

/// Percent of the free memory that may be taken.
const SHARE: u64 = 70;

/// Memory that this process may still take, in bytes: what the system has, what control groups allow, and
/// what the limits of the process do. None where nothing of that is known.
pub fn free_memory_bytes() -> Option<u64> {
    let of_system = System::new().ok().map(|mut system| {
        system.refresh_memory();
        system.available_memory()
    });
    [of_system, groups::free_memory_bytes(), below_own_limits()].into_iter().flatten().min()
}

/// Whether there is room for so many bytes more; else why what needs them is left out.
pub fn check_room(bytes: u64) -> Result<()> {
    fitting(bytes, bytes).map(|_| ())
}

/// As many of `wanted` bytes as there is room for. Where that is less than `least`, why what needs them is left
/// out.
pub fn fitting(wanted: u64, least: u64) -> Result<u64> {
    let Some(free) = free_memory_bytes() else { return Ok(wanted) };
    within(wanted, least, free / 100 * SHARE)
}

/// Has all threads of this process, those of drivers too, allocate from one heap: [`give_back`] can't give back
/// what ends the heap of another thread. To be called before there are other threads.
pub fn share_heap() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: takes two numbers; an allocator that does not know them says so.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Gives back to the system what was freed. An allocator keeps much of it, so that what one case took would be
/// taken beside what the next one takes.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: may be called at any time, from any thread; memory that is in use stays where it is.
    unsafe {
        libc::malloc_trim(0);
    }
}

fn within(wanted: u64, least: u64, room: u64) -> Result<u64> {
    if least <= room {
        return Ok(wanted.min(room));
    }
    Err(Error::Skipped(format!(
        "needs {} of memory, {SHARE} % of the free is {}",
        units::bytes(least as f64),
        units::bytes(room as f64)
    )))
}

/// Bytes up to the limits that this process was started with (`ulimit -v`, `ulimit -d`); none without any.
#[cfg(target_os = "linux")]
fn below_own_limits() -> Option<u64> {
    let facts = super::state::read("/proc/self/status")?;
    let kilobytes = |name: &str| {
        let value = facts.lines().find_map(|line| line.strip_prefix(name))?;
        value.trim_start_matches(':').trim().strip_suffix(" kB")?.parse::<u64>().ok()
    };
    let left = |resource, name| -> Option<u64> {
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        // SAFETY: `limit` has room for the answer and outlives the call.
        let is_told = unsafe { libc::getrlimit(resource, &mut limit) } == 0;
        if !is_told || limit.rlim_cur == libc::RLIM_INFINITY {
            return None;
        }
        Some(limit.rlim_cur.saturating_sub(1024 * kilobytes(name)?))
    };
    [left(libc::RLIMIT_AS, "VmSize"), left(libc::RLIMIT_DATA, "VmData")].into_iter().flatten().min()
}

#[cfg(not(target_os = "linux"))]
fn below_own_limits() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_cut_or_left_out() {
        assert_eq!(within(100, 50, 200).unwrap(), 100);
        assert_eq!(within(100, 50, 70).unwrap(), 70);
        assert_eq!(within(100, 50, 50).unwrap(), 50);
        let error = within(4_000_000_000, 2_000_000_000, 1_000_000_000).unwrap_err();
        assert!(matches!(error, Error::Skipped(_)), "{error:?}");
        assert_eq!(error.to_string(), "needs 2.00 GB of memory, 70 % of the free is 1.00 GB");
        check_room(1).unwrap();
        assert!(check_room(u64::MAX).is_err());
    }
}
