//! From rows to files, so that what is on disk is always whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::{Row, columns};
use crate::error::{Error, Result};

/// Appends rows to a CSV file, a whole batch at a time: what is on disk is always whole lines.
pub struct Writer {
    path: PathBuf,
    file: File,
}

impl Writer {
    /// Opens `path`, new or to be continued. A new file gets its header.
    pub fn open<T: Row>(path: &Path) -> Result<Writer> {
        let open = || OpenOptions::new().create(true).append(true).open(path);
        let file = open().map_err(|e| Error::file(path, &e))?;
        let length = file.metadata().map_err(|e| Error::file(path, &e))?.len();
        let mut writer = Writer { path: path.to_path_buf(), file };
        if length == 0 {
            writer.write(&to_csv::<T>(&[], true).map_err(|e| Error::file(path, &e))?)?;
        }
        Ok(writer)
    }

    /// Writes rows and waits until the system has them. On a failure (a full disk, say) the file
    /// is cut back to its last whole line.
    pub fn append<T: Row>(&mut self, rows: &[T]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let text = to_csv(rows, false).map_err(|e| Error::file(&self.path, &e))?;
        self.write(&text)
    }

    fn write(&mut self, text: &[u8]) -> Result<()> {
        let before = self.file.metadata().map_err(|e| Error::file(&self.path, &e))?.len();
        let written = self.file.write_all(text).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Best effort: the error that counts is the first one.
            let _ = self.file.set_len(before);
            return Err(Error::file(&self.path, &error));
        }
        Ok(())
    }
}

/// Replaces a CSV file in one step, so that a reader sees the old or the new one.
pub fn replace<T: Row>(path: &Path, rows: &[T]) -> Result<()> {
    let text = to_csv(rows, true).map_err(|e| Error::file(path, &e))?;
    replace_bytes(path, &text)
}

/// Replaces a file in one step.
pub fn replace_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    let beside = path.with_extension("new");
    let write = || -> io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(bytes)?;
        file.sync_data()?;
        fs::rename(&beside, path)
    };
    write().map_err(|e| {
        let _ = fs::remove_file(&beside);
        Error::file(path, &e)
    })
}

fn to_csv<T: Row>(rows: &[T], header: bool) -> io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    if header {
        writer.write_record(columns::<T>()).map_err(io::Error::other)?;
    }
    for row in rows {
        writer.serialize(row).map_err(io::Error::other)?;
    }
    writer.into_inner().map_err(|e| e.into_error())
}

/// Refuses a file whose lines end in CR alone, as some editors leave them: none would count as whole.
pub fn check_line_ends(path: &Path) -> Result<()> {
    let bytes = fs::read(path).map_err(|e| Error::file(path, &e))?;
    let rest = bytes.rsplit(|b| *b == b'\n').next().unwrap_or_default();
    // One at the very end is half of a line end that was cut.
    if rest.strip_suffix(b"\r").unwrap_or(rest).contains(&b'\r') {
        let problem = "its lines end in CR alone; give them the line ends that they had, LF";
        return Err(Error::content(path, problem.to_string()));
    }
    Ok(())
}

/// Drops what follows the last line end, where a run was cut inside a line.
pub fn drop_partial_line(path: &Path) -> Result<()> {
    let bytes = fs::read(path).map_err(|e| Error::file(path, &e))?;
    let whole = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    if whole == bytes.len() {
        return Ok(());
    }
    let cut = || OpenOptions::new().write(true).open(path)?.set_len(whole as u64);
    cut().map_err(|e| Error::file(path, &e))
}
