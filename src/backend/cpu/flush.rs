//! Empties the CPU's caches, so that a cold sample finds nothing in them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Pool;
use crate::machine;

/// The buffer is this many times the last cache, and at least so large where the caches are not known.
const TIMES_CACHE: u64 = 4;
const LEAST_BYTES: u64 = 256 << 20;

/// A buffer that is larger than all caches, made when it is first needed.
#[derive(Default)]
pub struct Flush {
    lines: RefCell<Vec<Line>>,
}

/// A cache line.
#[repr(align(64))]
#[derive(Default)]
struct Line(AtomicU64);

impl Flush {
    /// Walks through the buffer, every thread through its part: private caches are emptied too.
    pub fn run(&self, pool: &Pool) {
        let mut lines = self.lines.borrow_mut();
        if lines.is_empty() {
            let cache = machine::last_cache_bytes();
            let bytes = (TIMES_CACHE * cache).max(LEAST_BYTES) as usize;
            lines.resize_with(bytes / size_of::<Line>(), Line::default);
        }
        let lines: &[Line] = &lines;
        let part = lines.len().div_ceil(pool.threads());
        pool.each(pool.threads(), |thread| {
            for line in lines.iter().skip(thread * part).take(part) {
                // A plain read and write: nobody else touches this line.
                line.0.store(line.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
        });
    }
}
