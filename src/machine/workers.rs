//! Threads for work whose time nobody takes: references and checks.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// Does `work` on each part, on as many threads as there are cores, the calling one among them. Threads that
/// the system does not start are missed by nobody: the others do their share. Results in the order of the
/// parts.
pub fn share_out<T: Send, R: Send>(
    parts: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let queue = Mutex::new(parts.enumerate());
    let done = Mutex::new(Vec::new());
    let take_parts = || {
        loop {
            let next = lock(&queue).next();
            let Some((index, part)) = next else { return };
            let result = work(part);
            lock(&done).push((index, result));
        }
    };
    thread::scope(|scope| {
        let others = cores() - 1;
        let start = || thread::Builder::new().spawn_scoped(scope, take_parts).is_ok();
        // The first that is not started is the last that is tried.
        let _ = (0..others).all(|_| start());
        take_parts();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, result)| result).collect()
}

/// Cores that the process may use, at least one.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, |cores| cores.get())
}

/// What panicked while it held the lock has left whole values.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_done_once_and_in_its_place() {
        for count in [0, 1, 2, 1000] {
            let squares = share_out(0..count, |i: usize| i * i);
            assert_eq!(squares, (0..count).map(|i| i * i).collect::<Vec<_>>());
        }
        let mut numbers = [1, 2, 3, 4, 5];
        share_out(numbers.chunks_mut(2), |part| part.iter_mut().for_each(|n| *n *= 10));
        assert_eq!(numbers, [10, 20, 30, 40, 50]);
    }
}
