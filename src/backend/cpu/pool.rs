//! Threads of our own, one pinned to each chosen core.

use std::cell::{Cell, UnsafeCell};
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::machine;
use crate::panics;

/// How long a helper without work spins before it sleeps: to wake it costs a tenth of a gemm's run time at 256
/// cubed. Short enough to be over before the next runner's sample.
const SPIN: Duration = Duration::from_micros(40);

/// Pinned threads: unpinned, two can share one core for many runs at half the speed, with no sign of
/// it. The calling thread is the first of them while it works, on the first core.
pub struct Pool {
    cores: Vec<usize>,
    shared: Arc<Shared>,
    helpers: Vec<JoinHandle<()>>,
    /// Whether the calling thread is on the first core for longer than one call.
    held: Cell<bool>,
    /// For crates that bring their own use of rayon.
    rayon: rayon::ThreadPool,
}

/// One call of [`Pool::each`].
#[derive(Clone, Copy)]
struct Job {
    work: *const (dyn Fn(usize) + Sync),
    tasks: usize,
}

/// What caller and helpers share.
struct Shared {
    /// Written by the caller before `round` changes, read by helpers after they saw the change.
    job: UnsafeCell<Option<Job>>,
    /// Number of the current call.
    round: AtomicUsize,
    /// Next task to be taken.
    next: AtomicUsize,
    /// Helpers that have left the current call.
    left: AtomicUsize,
    /// Whether a task panicked.
    failed: AtomicBool,
    /// Whether the helpers are to end.
    stop: AtomicBool,
    /// By helper: whether it is asleep, or about to be.
    asleep: Vec<AtomicBool>,
}

// SAFETY: `job` is the one field that is not Sync by itself. The caller writes it only while every
// helper has left the call before (`left`), and helpers read it only between seeing a new `round` and
// adding to `left`; both are release-acquire pairs. The closure behind the pointer is Sync.
unsafe impl Sync for Shared {}
// SAFETY: as above; the pointer is only followed while its call is under way.
unsafe impl Send for Shared {}

impl Pool {
    /// Starts one thread on each of `cores`, the numbers that the system gives them; the calling thread is that
    /// of the first. The system may refuse to start them.
    pub fn new(cores: &[usize]) -> Result<Pool> {
        let pinned = cores.to_vec();
        let rayon = rayon::ThreadPoolBuilder::new()
            .num_threads(cores.len().max(1))
            .thread_name(|i| format!("crossover-rayon-{i}"))
            .start_handler(move |i| {
                panics::passed_on();
                machine::restrict_thread(&pinned[i..=i]);
            })
            .build()
            .map_err(|e| too_many(cores.len(), &e))?;
        let helpers = cores.len().saturating_sub(1);
        let shared = Arc::new(Shared {
            job: UnsafeCell::new(None),
            round: AtomicUsize::new(0),
            next: AtomicUsize::new(0),
            left: AtomicUsize::new(helpers),
            failed: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            asleep: (0..helpers).map(|_| AtomicBool::new(false)).collect(),
        });
        // Where one is not started, the pool ends those that were.
        let mut pool = Pool {
            cores: cores.to_vec(),
            shared,
            helpers: Vec::new(),
            held: Cell::new(false),
            rayon,
        };
        for index in 0..helpers {
            let (shared, core) = (Arc::clone(&pool.shared), cores[index + 1]);
            let helper = thread::Builder::new().name(format!("crossover-{}", index + 1));
            let started = helper.spawn(move || {
                panics::passed_on();
                machine::restrict_thread(&[core]);
                shared.help(index);
            });
            pool.helpers.push(started.map_err(|e| too_many(cores.len(), &e))?);
        }
        Ok(pool)
    }

    /// How many threads there are, the calling one among them.
    pub fn threads(&self) -> usize {
        self.helpers.len() + 1
    }

    /// Runs `work` on a pool of rayon's with as many threads, pinned to the same cores.
    pub fn install<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.rayon.install(work)
    }

    /// Runs `work`, which calls [`Pool::each`] many times: the calling thread stays on its core all the while,
    /// which saves two system calls for each of them.
    pub fn hold<R>(&self, work: impl FnOnce() -> R) -> R {
        if self.helpers.is_empty() || self.held.replace(true) {
            return work();
        }
        machine::restrict_thread(&self.cores[..1]);
        let ended = panic::catch_unwind(AssertUnwindSafe(work));
        self.held.set(false);
        machine::restrict_thread(&self.cores);
        ended.unwrap_or_else(|payload| panic::resume_unwind(payload))
    }

    /// Runs `work(0)`, `work(1)` .. `work(tasks - 1)`, each once, on all threads, and waits for them; whichever
    /// thread is free takes the next. A single one runs where the caller is. Not to be called from inside a task. Panics where a task did.
    pub fn each(&self, tasks: usize, work: impl Fn(usize) + Sync) {
        if self.helpers.is_empty() || tasks == 1 {
            return (0..tasks).for_each(work);
        }
        let shared = &self.shared;
        let work: &(dyn Fn(usize) + Sync) = &work;
        if !self.held.get() {
            machine::restrict_thread(&self.cores[..1]);
        }
        // SAFETY: every helper has left the call before, see below, so nobody reads the job. Its
        // pointer outlives its lifetime in type only: this call does not end before all helpers left.
        unsafe {
            let work: *const (dyn Fn(usize) + Sync) = work;
            let work: *const (dyn Fn(usize) + Sync + 'static) = std::mem::transmute(work);
            *shared.job.get() = Some(Job { work, tasks });
        }
        shared.next.store(0, Ordering::Relaxed);
        shared.left.store(0, Ordering::Relaxed);
        shared.round.fetch_add(1, Ordering::SeqCst);
        for (helper, asleep) in self.helpers.iter().zip(&shared.asleep) {
            if asleep.load(Ordering::SeqCst) {
                helper.thread().unpark();
            }
        }
        let ended = panic::catch_unwind(AssertUnwindSafe(|| shared.take_tasks(work, tasks)));
        let mut spins = 0u32;
        while shared.left.load(Ordering::Acquire) < self.helpers.len() {
            spins += 1;
            // A helper that lost its core to another program may need this one.
            if spins.is_multiple_of(1 << 14) { thread::yield_now() } else { std::hint::spin_loop() }
        }
        if !self.held.get() {
            machine::restrict_thread(&self.cores);
        }
        let has_failed = shared.failed.swap(false, Ordering::Relaxed);
        if let Err(payload) = ended {
            panic::resume_unwind(payload);
        }
        assert!(!has_failed, "a task panicked");
    }
}

/// Why there is no pool.
fn too_many(threads: usize, why: &dyn std::fmt::Display) -> Error {
    Error::usage(format!(
        "the CPU path: the system starts no {threads} threads and as many helpers ({why}); raise the \
         limit (ulimit -u, pids.max of the control group) or ask for fewer with --threads"
    ))
}

impl Shared {
    fn take_tasks(&self, work: &(dyn Fn(usize) + Sync), tasks: usize) {
        loop {
            let task = self.next.fetch_add(1, Ordering::Relaxed);
            if task >= tasks {
                return;
            }
            work(task);
        }
    }

    /// What a helper does until it is told to stop.
    fn help(&self, index: usize) {
        let mut seen = 0;
        loop {
            self.wait(index, seen);
            if self.stop.load(Ordering::Acquire) {
                return;
            }
            seen = self.round.load(Ordering::Acquire);
            // SAFETY: the caller wrote the job before it changed `round`, and writes it again only
            // after this helper has added to `left`.
            if let Some(job) = unsafe { *self.job.get() } {
                // SAFETY: the closure lives until all helpers have left.
                let work = unsafe { &*job.work };
                let run = AssertUnwindSafe(|| self.take_tasks(work, job.tasks));
                if panic::catch_unwind(run).is_err() {
                    self.failed.store(true, Ordering::Relaxed);
                }
            }
            self.left.fetch_add(1, Ordering::Release);
        }
    }

    /// Waits for a round other than `seen`: spinning first, then asleep.
    fn wait(&self, index: usize, seen: usize) {
        let start = Instant::now();
        loop {
            for _ in 0..64 {
                if self.round.load(Ordering::Acquire) != seen {
                    return;
                }
                std::hint::spin_loop();
            }
            if start.elapsed() > SPIN {
                break;
            }
        }
        // Either the caller sees the flag and wakes this thread, or this thread sees the round: both
        // are sequentially consistent.
        self.asleep[index].store(true, Ordering::SeqCst);
        while self.round.load(Ordering::SeqCst) == seen {
            thread::park();
        }
        self.asleep[index].store(false, Ordering::SeqCst);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        self.shared.round.fetch_add(1, Ordering::SeqCst);
        for helper in self.helpers.drain(..) {
            helper.thread().unpark();
            // A helper that panicked has nothing left to say.
            let _ = helper.join();
        }
    }
}

#[cfg(test)]
mod tests;
