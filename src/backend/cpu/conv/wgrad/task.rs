//! Work shared out to threads.

use crate::backend::cpu::Pool;

/// Does all tasks; a single one at once, where the caller is.
pub(super) fn each(pool: &Pool, tasks: usize, work: impl Fn(usize) + Sync) {
    if tasks == 1 { work(0) } else { pool.each(tasks, work) }
}

/// Memory that tasks share, each its own part of it.
#[derive(Clone, Copy)]
pub(super) struct Shared(pub *mut f32);

// SAFETY: the tasks that share it write disjoint parts, and the borrow it was made from outlives
// them: `Pool::each` waits for all of them.
unsafe impl Sync for Shared {}
