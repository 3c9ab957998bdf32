//! Panics of what is measured are caught: what panics has failed, with its own words as the reason, and the run
//! goes on.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe, PanicHookInfo};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use crate::error::{Error, Result};

thread_local! {
    /// Whether somebody catches what panics on this thread: then it is not printed.
    static IS_CAUGHT: Cell<bool> = const { Cell::new(false) };
}

/// What the first of them said since the last was caught.
static SAID: Mutex<Option<String>> = Mutex::new(None);

fn said() -> MutexGuard<'static, Option<String>> {
    SAID.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does some work. A panic in it is an error, in one line.
pub fn caught<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    listen();
    let outer = IS_CAUGHT.replace(true);
    // What the work has changed half is of no more use: the caller drops it or never calls it again.
    let ended = panic::catch_unwind(AssertUnwindSafe(work));
    IS_CAUGHT.set(outer);
    ended.unwrap_or_else(|_| {
        let words = said().take().unwrap_or_else(|| "without a word".to_string());
        Err(Error::device(format!("it panicked: {words}")))
    })
}

/// Says that what panics on this thread panics again on one that waits for it.
pub fn passed_on() {
    IS_CAUGHT.set(true);
}

/// Keeps the words of panics that are caught, from the first call on; others are printed as ever.
fn listen() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            if IS_CAUGHT.get() {
                // The first is the cause of the others.
                said().get_or_insert_with(|| words(panic));
            } else {
                print(panic);
            }
        }));
    });
}

/// `index out of bounds (cache.rs:203)`.
fn words(panic: &PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or("without a word");
    let place = panic.location().and_then(|place| {
        let file = Path::new(place.file()).file_name()?;
        Some(format!(" ({}:{})", file.to_string_lossy(), place.line()))
    });
    format!("{message}{}", place.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One test for all: the words are those of the whole process.
    #[test]
    fn a_panic_is_an_error_in_its_own_words() {
        assert_eq!(caught(|| Ok(7)).unwrap(), 7);
        let error = caught(|| Err::<(), _>(Error::usage("x"))).unwrap_err();
        assert!(matches!(error, Error::Usage(_)));
        let index = std::hint::black_box(3);
        let error = caught(|| Ok([1, 2, 3][index])).unwrap_err().to_string();
        let words = "it panicked: index out of bounds: the len is 3 but the index is 3 (panics.rs:";
        assert!(error.starts_with(words), "{error}");
        // Of a thread that the work waits for.
        let helper = || {
            passed_on();
            panic!("first\nof two")
        };
        let work = || {
            let payload = std::thread::spawn(helper).join().unwrap_err();
            panic::resume_unwind(payload)
        };
        let error = caught::<()>(work).unwrap_err().to_string();
        assert!(error.starts_with("it panicked: first of two (panics.rs:"), "{error}");
    }
}
