//! The loop that all convolutions share: rounds of tasks on the threads of a pool, each thread with
//! scratch of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Prepared;
use crate::backend::cpu::Pool;
use crate::backend::cpu::aligned::Aligned;
use crate::backend::cpu::share::Each;
use crate::backend::cpu::simd::{Isa, Routine, Vector};
use crate::workload::Algorithm;

/// A convolution cut into tasks. Rounds of them follow each other; the tasks of one round may run at
/// the same time, in any order and on any thread.
pub(super) trait Rounds: Sync {
    /// Floats of the two operands and of the output.
    fn lengths(&self) -> [usize; 3];
    /// What is held beside them.
    fn scratch(&self) -> Scratch;
    /// Tasks of a round, counted from 0, or None after the last round.
    fn tasks(&self, round: usize) -> Option<usize>;
    /// Does one task. Implementations are inlined where they have to do with vectors themselves.
    ///
    /// # Safety
    /// The CPU has the vector's instructions; operands and output have [`Rounds::lengths`], `local` and
    /// `tensors.shared` the lengths of [`Rounds::scratch`]; every task of the rounds before has ended; and no
    /// other call of this run has the same round and number.
    unsafe fn run<V: Vector>(&self, task: Task<'_>);
    /// The algorithm that the bound of its errors goes by.
    fn algorithm(&self) -> Algorithm {
        Algorithm::Direct
    }
}

/// What all tasks of a run see.
pub(super) struct Tensors<'a> {
    /// The first operand: x, or of both gradients dy.
    pub a: &'a [f32],
    /// The second operand: the filters, or of the filters' gradient x.
    pub b: &'a [f32],
    /// The output, of which each task writes its own part.
    pub out: Each<'a, f32>,
    /// Scratch that a round writes, each task its own part, and that later rounds read.
    pub shared: Each<'a, f32>,
}

/// A task of a round, and what it works with.
pub(super) struct Task<'a> {
    pub tensors: &'a Tensors<'a>,
    pub round: usize,
    /// Counted from 0 in its round.
    pub number: usize,
    /// The thread's own scratch, which holds what its last task left there.
    pub local: &'a mut [f32],
}

/// What a convolution holds beside its tensors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scratch {
    /// Threads that work at the same time.
    pub threads: usize,
    /// Floats that each of the threads has for itself.
    pub local: usize,
    /// Floats that all of them share.
    pub shared: usize,
    /// Bytes of tables.
    pub table_bytes: u64,
}

impl Scratch {
    /// All of it, in bytes.
    pub fn bytes(&self) -> u64 {
        let floats = self.threads * self.local + self.shared;
        (size_of::<f32>() * floats) as u64 + self.table_bytes
    }
}

/// Makes rounds ready that work with the vectors of `isa`, slower for want of scratch if `is_reduced`. Panics
/// unless the CPU has the instructions.
pub(super) fn prepare<R: Rounds + 'static>(isa: Isa, rounds: R, is_reduced: bool) -> Prepared {
    assert!(isa.is_available());
    let scratch = rounds.scratch();
    let local = || Mutex::new(Aligned::zeros(scratch.local));
    let mut engine = Engine {
        isa,
        shared: Aligned::zeros(scratch.shared),
        local: (0..scratch.threads).map(|_| local()).collect(),
        rounds,
    };
    Prepared {
        scratch_bytes: scratch.bytes(),
        is_reduced,
        algorithm: engine.rounds.algorithm(),
        run: Box::new(move |pool, a, b, out| engine.run(pool, a, b, out)),
    }
}

/// Runs the rounds of a convolution. Its scratch is kept from run to run.
struct Engine<R> {
    isa: Isa,
    rounds: R,
    shared: Aligned,
    /// One for each thread, locked while it works.
    local: Vec<Mutex<Aligned>>,
}

impl<R: Rounds> Engine<R> {
    /// See [`Prepared::run`].
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        assert_eq!([a.len(), b.len(), out.len()], self.rounds.lengths());
        let (out, shared) = (Each::new(out), Each::new(&mut self.shared));
        let tensors = Tensors { a, b, out, shared };
        let (isa, rounds, local) = (self.isa, &self.rounds, &self.local);
        for (round, tasks) in (0..).map_while(|round| Some((round, rounds.tasks(round)?))) {
            let next = AtomicUsize::new(0);
            pool.each(local.len().min(tasks), |thread| {
                let mut local = local[thread].lock().unwrap_or_else(PoisonError::into_inner);
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= tasks {
                        break;
                    }
                    let task = Task { tensors: &tensors, round, number, local: &mut local };
                    // SAFETY: checked in `prepare` that the CPU has the instructions; the lengths were
                    // just compared, and scratch was made as long as it has to be; `each` waits for the
                    // round to end; and each number is handed out once.
                    unsafe { isa.run(TaskOf(rounds, task)) };
                }
            });
        }
    }
}

/// A task of some rounds as a routine.
struct TaskOf<'a, R>(&'a R, Task<'a>);

impl<R: Rounds> Routine for TaskOf<'_, R> {
    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: the caller's.
        unsafe { self.0.run::<V>(self.1) }
    }
}
