//! Empties the CPU's caches, so that a cold sample finds nothing in them.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Pool;
use crate::backend::flush::buffer_bytes;
use crate::error::Result;
use crate::machine;

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
    pub fn run(&self, pool: &Pool) -> Result<()> {
        let mut lines = self.lines.borrow_mut();
        if lines.is_empty() {
            let bytes = buffer_bytes(machine::last_cache_bytes(), machine::fitting)?;
            lines.resize_with(bytes as usize / size_of::<Line>(), Line::default);
        }
        let lines: &[Line] = &lines;
        let part = lines.len().div_ceil(pool.threads());
        pool.each(pool.threads(), |thread| {
            for line in lines.iter().skip(thread * part).take(part) {
                // A plain read and write: nobody else touches this line.
                line.0.store(line.0.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
            }
        });
        Ok(())
    }
}
