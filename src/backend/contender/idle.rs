//! Threads of a contender that spin for more work after a run, as those of OpenMP and BLAS libraries
//! do, would take the cores from the runner that comes next: they are waited for.

use std::time::Duration;

/// Longest wait. Intel's OpenMP spins for 200 ms, the others for a few.
const LONGEST_WAIT: Duration = Duration::from_millis(500);

/// Between two looks.
#[cfg(target_os = "linux")]
const PAUSE: Duration = Duration::from_micros(200);

/// Waits until no thread of a process runs, or until it has waited long enough.
#[cfg(target_os = "linux")]
pub fn wait_for(process: u32) {
    let start = std::time::Instant::now();
    while is_running(process) && start.elapsed() < LONGEST_WAIT {
        std::thread::sleep(PAUSE);
    }
}

/// Elsewhere this can not be known: the usual time of spinning is waited out.
#[cfg(not(target_os = "linux"))]
pub fn wait_for(_: u32) {
    std::thread::sleep(LONGEST_WAIT / 25);
}

/// Whether the scheduler has a thread of the process on a core or waiting for one.
#[cfg(target_os = "linux")]
fn is_running(process: u32) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task"));
    let mut states = tasks.into_iter().flatten().flatten().filter_map(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        // The state follows the name, which is in brackets and may hold anything.
        stat.rsplit_once(") ")?.1.chars().next()
    });
    states.any(|state| state == 'R')
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;
    use std::process::Command;
    use std::time::Instant;

    #[test]
    fn a_busy_process_is_told_from_an_idle_one() {
        let mut busy = Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap();
        let mut idle = Command::new("sleep").arg("60").spawn().unwrap();
        std::thread::sleep(Duration::from_millis(50));
        assert!(is_running(busy.id()));
        let start = Instant::now();
        wait_for(idle.id());
        assert!(start.elapsed() < LONGEST_WAIT);
        wait_for(busy.id());
        assert!(start.elapsed() >= LONGEST_WAIT);
        for child in [&mut busy, &mut idle] {
            child.kill().unwrap();
            child.wait().unwrap();
        }
        // One that is gone is idle.
        assert!(!is_running(busy.id()));
    }
}
