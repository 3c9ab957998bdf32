use super::*;
use std::sync::{Barrier, Mutex};

#[test]
fn every_task_runs_once() {
    let pool = Pool::new(&machine::choose_cores(None).unwrap()).unwrap();
    for tasks in [0, 1, 2, 37] {
        for _ in 0..200 {
            let counts: Vec<AtomicUsize> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
            pool.each(tasks, |i| {
                counts[i].fetch_add(1, Ordering::Relaxed);
            });
            assert!(counts.iter().all(|c| c.load(Ordering::Relaxed) == 1));
        }
    }
    // Helpers that fell asleep wake up again.
    thread::sleep(Duration::from_millis(5));
    let count = AtomicUsize::new(0);
    pool.each(9, |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(count.into_inner(), 9);
}

#[test]
fn a_panic_in_a_task_reaches_the_caller_and_the_pool_lives_on() {
    let pool = Pool::new(&machine::choose_cores(None).unwrap()).unwrap();
    let run = AssertUnwindSafe(|| pool.each(8, |i| assert_ne!(i, 5)));
    assert!(panic::catch_unwind(run).is_err());
    let count = AtomicUsize::new(0);
    pool.each(8, |_| {
        count.fetch_add(1, Ordering::Relaxed);
    });
    assert_eq!(count.into_inner(), 8);
}

#[test]
fn a_single_task_runs_where_the_caller_is() {
    let pool = Pool::new(&machine::choose_cores(None).unwrap()).unwrap();
    let caller = thread::current().id();
    for _ in 0..100 {
        pool.each(1, |_| assert_eq!(thread::current().id(), caller));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn each_thread_stays_on_its_core() {
    let cores = machine::choose_cores(None).unwrap();
    let pool = Pool::new(&cores).unwrap();
    // Nobody leaves before all have come: every thread takes one task.
    let all_here = Barrier::new(cores.len());
    let masks = Mutex::new(Vec::new());
    pool.each(cores.len(), |_| {
        all_here.wait();
        masks.lock().unwrap().push(machine::allowed_cores());
    });
    let mut masks = masks.into_inner().unwrap();
    masks.sort();
    assert_eq!(masks, cores.iter().map(|core| vec![*core]).collect::<Vec<_>>());
    // The calling thread has its own mask again.
    assert_eq!(machine::allowed_cores(), cores);
    let rayon = pool.rayon.broadcast(|_| machine::allowed_cores());
    assert_eq!(rayon, cores.iter().map(|core| vec![*core]).collect::<Vec<_>>());
}
