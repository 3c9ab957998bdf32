//! The loop that all convolutions share: rounds of tasks on the threads of a pool, each thread with
//! scratch of its own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Prepared;
use crate::backend::cpu::Pool;
use crate::backend::cpu::aligned::Aligned;
use crate::backend::cpu::share::Each;
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
    /// Does one task. `local` is the thread's own scratch and holds what its last task left there.
    ///
    /// # Safety
    /// Operands and output have [`Rounds::lengths`], `local` and `tensors.shared` the lengths of
    /// [`Rounds::scratch`]; every task of the rounds before has ended; and no other call of this run has
    /// the same round and task.
    unsafe fn run(&self, tensors: &Tensors<'_>, round: usize, task: usize, local: &mut [f32]);
    /// Whether it works slower because its scratch was limited.
    fn is_reduced(&self) -> bool;
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

/// Runs the rounds of a convolution. Its scratch is kept from run to run.
pub(super) struct Engine<R> {
    rounds: R,
    shared: Aligned,
    /// One for each thread, locked while it works.
    local: Vec<Mutex<Aligned>>,
}

impl<R: Rounds> Engine<R> {
    pub fn new(rounds: R) -> Engine<R> {
        let Scratch { threads, local, shared, .. } = rounds.scratch();
        let local = (0..threads).map(|_| Mutex::new(Aligned::zeros(local))).collect();
        Engine { rounds, shared: Aligned::zeros(shared), local }
    }
}

impl<R: Rounds> Prepared for Engine<R> {
    fn run(&mut self, pool: &Pool, a: &[f32], b: &[f32], out: &mut [f32]) {
        assert_eq!([a.len(), b.len(), out.len()], self.rounds.lengths());
        let (out, shared) = (Each::new(out), Each::new(&mut self.shared));
        let tensors = Tensors { a, b, out, shared };
        let (rounds, local) = (&self.rounds, &self.local);
        for (round, tasks) in (0..).map_while(|round| Some((round, rounds.tasks(round)?))) {
            let next = AtomicUsize::new(0);
            pool.each(local.len().min(tasks), |thread| {
                let mut local = local[thread].lock().unwrap_or_else(PoisonError::into_inner);
                loop {
                    let task = next.fetch_add(1, Ordering::Relaxed);
                    if task >= tasks {
                        break;
                    }
                    // SAFETY: the lengths were just compared, and scratch was made as long as it has to
                    // be; `each` waits for the round to end; and each number is handed out once.
                    unsafe { rounds.run(&tensors, round, task, &mut local) };
                }
            });
        }
    }

    fn scratch_bytes(&self) -> u64 {
        self.rounds.scratch().bytes()
    }

    fn is_reduced(&self) -> bool {
        self.rounds.is_reduced()
    }

    fn algorithm(&self) -> Algorithm {
        self.rounds.algorithm()
    }
}
