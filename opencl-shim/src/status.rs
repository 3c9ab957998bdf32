//! Status codes: those that `ocl-core` knows, and the log of the others.

use std::fmt;
use std::sync::{Mutex, PoisonError};

/// A status code that `ocl-core` has no name for, as the loader or the driver returned it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownStatus {
    /// The function that returned the code.
    pub function: &'static str,
    /// The code before it was replaced.
    pub code: i32,
}

impl fmt::Display for UnknownStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} returned the status code {}", self.function, self.code)
    }
}

/// How many codes are kept. The first ones are the cause of what follows, so later ones are left
/// out.
#[cfg(not(target_os = "macos"))]
pub(crate) const LOG_LIMIT: usize = 64;

static LOG: Mutex<Vec<UnknownStatus>> = Mutex::new(Vec::new());

/// Empties the log of unknown status codes and returns what was in it, oldest first.
///
/// `ocl` reports such a code as `CL_OUT_OF_RESOURCES`; this tells which code it was. The log is one
/// for the whole process and keeps the first 64 codes since it was last emptied.
pub fn take_unknown_status() -> Vec<UnknownStatus> {
    std::mem::take(&mut *LOG.lock().unwrap_or_else(PoisonError::into_inner))
}

/// What is put in the place of an unknown code: `CL_OUT_OF_RESOURCES`.
///
/// It is the one known code that every command may return and that blames no argument of the call.
/// Callers that look at the code would draw a wrong conclusion from any other: `ocl-core` takes
/// `CL_INVALID_VALUE` for "this query is not supported", for one.
#[cfg(not(target_os = "macos"))]
pub(crate) const UNKNOWN: i32 = -5;

/// Whether `ocl-core`'s `Status` has a variant for `code`. Its `ApiError::new` panics otherwise.
#[cfg(not(target_os = "macos"))]
pub(crate) const fn is_known(code: i32) -> bool {
    matches!(code, -19..=0 | -70..=-30 | -1001..=-1000 | -9999)
}

/// Returns `code` if `ocl-core` knows it, and otherwise logs it and returns [`UNKNOWN`].
#[cfg(not(target_os = "macos"))]
pub(crate) fn known(function: &'static str, code: i32) -> i32 {
    if is_known(code) {
        return code;
    }
    keep(UnknownStatus { function, code });
    UNKNOWN
}

/// Logs what a release that failed returned, and calls it a success.
///
/// `ocl-core` releases its handles when they are dropped and unwraps the answer, so after a fault on
/// the device every drop would panic. There is nothing a caller could do about it either way.
#[cfg(not(target_os = "macos"))]
pub(crate) fn released(function: &'static str, code: i32) -> i32 {
    if code != 0 {
        keep(UnknownStatus { function, code });
    }
    0
}

#[cfg(not(target_os = "macos"))]
fn keep(status: UnknownStatus) {
    let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    if log.len() < LOG_LIMIT {
        log.push(status);
    }
}
