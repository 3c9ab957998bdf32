//! Ctrl-C: the first one ends the run after the current step, the second one at once.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::backend::registry;

static STOP: AtomicBool = AtomicBool::new(false);

/// Starts to listen. The flag turns true when the user wants to stop.
pub fn listen() -> &'static AtomicBool {
    let handler = || {
        if STOP.swap(true, Ordering::Relaxed) {
            registry::abandon();
            std::process::exit(130);
        }
        eprintln!("\nstopping; what is measured is kept (Ctrl-C again stops at once)");
    };
    // Fails only where a handler is installed already; Ctrl-C then ends the process, and the files
    // hold whole lines either way.
    let _ = ctrlc::set_handler(handler);
    &STOP
}
