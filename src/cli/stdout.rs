//! Standard output: lines to whoever reads them, and whether all of them arrived.

use std::fmt::Arguments;
use std::io::{self, ErrorKind, Write};
use std::sync::Mutex;

/// Why the first text was lost.
static LOST: Mutex<Option<io::Error>> = Mutex::new(None);

/// Prints a line.
pub fn line(text: Arguments<'_>) {
    note(writeln!(io::stdout(), "{text}"));
}

/// Prints text as it is.
pub fn print(text: &[u8]) {
    note(io::stdout().write_all(text));
}

/// Sends what is left on its way. Why something was lost, if it was.
pub fn finish() -> Option<io::Error> {
    note(io::stdout().flush());
    LOST.lock().ok()?.take()
}

/// Remembers a failure. A reader that went away (`| head`) has what it wanted: nothing is lost, and nothing
/// stops.
pub fn note(written: io::Result<()>) {
    if let Err(why) = written
        && why.kind() != ErrorKind::BrokenPipe
        && let Ok(mut lost) = LOST.lock()
    {
        lost.get_or_insert(why);
    }
}
