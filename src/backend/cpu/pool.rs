//! Threads of our own, one pinned to each chosen core.

use crate::machine;

/// A pool of pinned threads. Unpinned, two threads can share one core for many runs at half the
/// speed, with no sign of it.
pub struct Pool {
    threads: usize,
    inner: rayon::ThreadPool,
}

impl Pool {
    /// One thread on each of `cores`.
    pub fn new(cores: &[usize]) -> Pool {
        let pinned = cores.to_vec();
        let inner = rayon::ThreadPoolBuilder::new()
            .num_threads(cores.len().max(1))
            .thread_name(|i| format!("crossover-{i}"))
            .start_handler(move |i| machine::restrict_thread(&pinned[i..=i]))
            .build()
            .expect("the system starts as many threads as it has cores");
        Pool { threads: cores.len().max(1), inner }
    }

    /// How many threads.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Runs `work` on the pool, with the pool's threads as its helpers.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.inner.install(work)
    }

    /// Runs `work(0)`, `work(1)` .. `work(tasks - 1)`, each once, and waits.
    pub fn each(&self, tasks: usize, work: impl Fn(usize) + Sync) {
        self.inner.scope(|scope| {
            for task in 1..tasks {
                let work = &work;
                scope.spawn(move |_| work(task));
            }
            work(0);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn every_task_runs_once() {
        let pool = Pool::new(&machine::choose_cores(None).unwrap());
        let counts: Vec<AtomicUsize> = (0..37).map(|_| AtomicUsize::new(0)).collect();
        pool.each(37, |i| {
            counts[i].fetch_add(1, Ordering::Relaxed);
        });
        assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn each_thread_stays_on_its_core() {
        let cores = machine::choose_cores(None).unwrap();
        let pool = Pool::new(&cores);
        let masks = pool.inner.broadcast(|_| machine::allowed_cores());
        for (mask, core) in masks.iter().zip(&cores) {
            assert_eq!(mask, &[*core]);
        }
        // The thread that made the pool keeps its own mask.
        assert!(machine::allowed_cores().len() >= cores.len());
    }
}
