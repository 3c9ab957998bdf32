//! What a contender says on standard error: kept for reasons, and written to the run's folder.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Bytes that are kept until there is a file, and that a file may grow to.
const MOST_BEFORE: usize = 1 << 16;
const MOST_IN_FILE: usize = 1 << 24;

/// Standard error of one contender, over all its processes.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What came before there was a place for it.
    before: Vec<u8>,
    /// Where it goes; the file is made with the first word.
    path: Option<PathBuf>,
    file: Option<File>,
    written: usize,
    /// The last line that says something.
    last: String,
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        // A reader that panicked left whole values.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Goes on in a file, what is known already first.
    pub fn write_to(&self, path: PathBuf) {
        let mut state = self.state();
        state.path = Some(path);
        let before = std::mem::take(&mut state.before);
        if !before.is_empty() {
            state.write(&before);
        }
    }

    /// Listens to a process until it closes its standard error.
    pub fn listen(&self, from: impl Read + Send + 'static) -> io::Result<JoinHandle<()>> {
        let log = self.clone();
        thread::Builder::new().spawn(move || {
            let mut lines = BufReader::new(from);
            let mut line = Vec::new();
            loop {
                line.clear();
                // A line without an end must not grow for ever.
                match (&mut lines).take(1 << 14).read_until(b'\n', &mut line) {
                    Ok(1..) => log.state().add(&line),
                    Ok(0) | Err(_) => return,
                }
            }
        })
    }

    /// Its last words since `forget`, or nothing.
    pub fn last_words(&self) -> String {
        self.state().last.clone()
    }

    /// A new process begins: words of the one before say nothing about it.
    pub fn forget(&self) {
        self.state().last.clear();
    }
}

impl State {
    fn add(&mut self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        if !text.trim().is_empty() {
            self.last = text.trim().chars().take(200).collect();
        }
        match &self.path {
            Some(_) => self.write(line),
            None if self.before.len() + line.len() <= MOST_BEFORE => self.before.extend(line),
            None => {}
        }
    }

    /// A log that can't be written is no reason to stop measuring.
    fn write(&mut self, bytes: &[u8]) {
        self.written += bytes.len();
        if self.written > MOST_IN_FILE {
            return;
        }
        if let (None, Some(path)) = (&self.file, &self.path) {
            self.file = OpenOptions::new().create(true).append(true).open(path).ok();
        }
        if let Some(file) = &mut self.file {
            let _ = file.write_all(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn early_and_late_words_reach_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("contender-x.log");
        let log = Log::default();
        log.listen("first\n\n".as_bytes()).unwrap().join().unwrap();
        log.write_to(path.clone());
        log.listen("second\nno end".as_bytes()).unwrap().join().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "first\n\nsecond\nno end");
        assert_eq!(log.last_words(), "no end");
        log.forget();
        assert_eq!(log.last_words(), "");
    }

    #[test]
    fn a_flood_is_bounded() {
        let log = Log::default();
        let flood = io::repeat(b'x').take(10 * MOST_BEFORE as u64);
        log.listen(flood).unwrap().join().unwrap();
        assert!(log.state().before.len() <= MOST_BEFORE && log.last_words().len() == 200);
    }
}
