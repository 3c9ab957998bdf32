//! Programs that were started: each leads a process group of its own, which ends with it.

use std::process::{self, ChildStderr, ChildStdin, ChildStdout, ExitStatus};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Process groups that live, to be ended when this process must end at once.
static LIVING: Mutex<Vec<u32>> = Mutex::new(Vec::new());

fn living() -> MutexGuard<'static, Vec<u32>> {
    LIVING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills every program that this process started. For an end without clean-up.
pub fn kill_all() {
    living().drain(..).for_each(kill_group);
}

/// A program that leads its group. When it is dropped, all of the group are killed.
pub struct Child(process::Child);

impl Child {
    /// Of a program that was started as the leader of a group.
    pub fn of(child: process::Child) -> Child {
        living().push(child.id());
        Child(child)
    }

    /// Number of the process, and of the group.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Its standard input, once.
    pub fn take_stdin(&mut self) -> Option<ChildStdin> {
        self.0.stdin.take()
    }

    /// Its standard output, once.
    pub fn take_stdout(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }

    /// Its standard error, once.
    pub fn take_stderr(&mut self) -> Option<ChildStderr> {
        self.0.stderr.take()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> std::io::Result<ExitStatus> {
        self.0.wait()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().ok().flatten()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let id = self.0.id();
        // The group, not just the program: it may have started others.
        kill_group(id);
        let _ = self.0.kill();
        let _ = self.0.wait();
        living().retain(|other| *other != id);
    }
}

/// Kills all processes of a group.
#[cfg(unix)]
pub fn kill_group(id: u32) {
    if let Ok(id) = i32::try_from(id) {
        // SAFETY: a call without memory. The group is one that a child of ours leads, or is gone.
        unsafe { libc::kill(-id, libc::SIGKILL) };
    }
}

/// Kills all processes of a group.
#[cfg(not(unix))]
pub fn kill_group(_: u32) {}
