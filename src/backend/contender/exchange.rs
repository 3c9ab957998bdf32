//! The private folder through which tensors travel. It goes away with the process that made it;
//! those of processes that died are removed at the next start.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::tensor::Tensor;
use crate::terms::Format;
use crate::units;

/// How the folders' names begin.
const PREFIX: &str = "crossover-tensors-";

/// Held locked by the living owner of a folder.
const LOCK: &str = ".crossover-lock";

/// A folder without its lock may be one that is just being made.
const YOUNG: Duration = Duration::from_secs(60);

/// Room that is left to others, in bytes.
const SPARE_BYTES: u64 = 64 << 20;

/// Folders of this process, to be removed when it must end at once.
static MADE: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

fn made() -> MutexGuard<'static, Vec<PathBuf>> {
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Removes every folder of this process. For an end without clean-up.
pub fn remove_all() {
    for folder in made().drain(..) {
        // What can't be removed now is removed at the next start.
        let _ = fs::remove_dir_all(folder);
    }
}

/// A folder that only this user can read.
pub struct Exchange {
    folder: TempDir,
    _lock: File,
}

impl Exchange {
    /// Makes a folder in the system's place for temporary files, after removing those of the dead.
    pub fn new() -> Result<Exchange> {
        Exchange::new_in(&std::env::temp_dir())
    }

    fn new_in(base: &Path) -> Result<Exchange> {
        remove_dead(base);
        let refused = |e: io::Error| {
            let advice = "contenders need a folder for tensors; set TMPDIR to one";
            Error::usage(format!("{}; {advice}", Error::file(base, &e)))
        };
        if base.to_str().is_none() {
            let problem = "the name is not UTF-8, as messages to contenders must be; set TMPDIR";
            return Err(Error::content(base, problem));
        }
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir_in(base).map_err(refused)?;
        let lock = File::create(folder.path().join(LOCK)).map_err(refused)?;
        // Fails only where the file system has no locks: then nobody removes this folder either.
        let _ = lock.try_lock();
        made().push(folder.path().to_path_buf());
        Ok(Exchange { folder, _lock: lock })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Whether `bytes` more fit, leaving some to others; else what to do.
    pub fn check_room(&self, bytes: u64) -> Result<()> {
        let Some(free) = free_bytes(self.path()) else { return Ok(()) };
        if bytes.saturating_add(SPARE_BYTES) <= free {
            return Ok(());
        }
        let base = self.path().parent().unwrap_or(self.path());
        Err(Error::Skipped(format!(
            "its tensors take {} in {}, where {} are free; set TMPDIR to a larger place",
            units::bytes(bytes as f64),
            base.display(),
            units::bytes(free as f64)
        )))
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        made().retain(|folder| folder != self.folder.path());
    }
}

/// Removes folders whose owner lives no more.
fn remove_dead(base: &Path) {
    let is_ours = |path: &PathBuf| {
        path.file_name().and_then(OsStr::to_str).is_some_and(|name| name.starts_with(PREFIX))
    };
    let entries = fs::read_dir(base).into_iter().flatten().flatten();
    for folder in entries.map(|entry| entry.path()).filter(is_ours) {
        // Whatever can't be read or removed is left to its owner.
        let dead = match File::open(folder.join(LOCK)) {
            Ok(lock) => lock.try_lock().is_ok(),
            Err(_) => false,
        };
        let abandoned = || {
            let metadata = fs::symlink_metadata(&folder)?;
            let age = metadata.modified()?.elapsed().unwrap_or_default();
            let empty = metadata.is_dir() && fs::read_dir(&folder)?.next().is_none();
            Ok::<bool, io::Error>(empty && age > YOUNG)
        };
        if dead || abandoned().unwrap_or(false) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

/// Free bytes for this user on the file system of `path`, where the system tells.
#[cfg(unix)]
fn free_bytes(path: &Path) -> Option<u64> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes()).ok()?;
    // SAFETY: an all-zero statvfs is a valid value, the path ends in zero and both outlive the call.
    unsafe {
        let mut facts: libc::statvfs = std::mem::zeroed();
        let told = libc::statvfs(path.as_ptr(), &mut facts) == 0;
        // The fields' types differ between systems.
        #[allow(clippy::unnecessary_cast, clippy::useless_conversion)]
        told.then(|| (facts.f_bavail as u64).saturating_mul(facts.f_frsize as u64))
    }
}

#[cfg(not(unix))]
fn free_bytes(_: &Path) -> Option<u64> {
    None
}

// Files are little-endian, as is every machine that the program is built for.
const _: () = assert!(cfg!(target_endian = "little"));

/// Writes a tensor: little-endian, no header.
pub fn write(path: &Path, values: &Tensor) -> Result<()> {
    fs::write(path, values.bytes()).map_err(|e| {
        if matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
            let folder = path.ancestors().nth(2).unwrap_or(path).display();
            let advice = "set TMPDIR to a larger place";
            return Error::Skipped(format!("{folder} is too full for its tensors; {advice}"));
        }
        Error::device(format!("tensor for a contender: {}", Error::file(path, &e)))
    })
}

/// Reads a tensor of `len` elements, or says how it differs from one.
pub fn read(path: &Path, format: Format, len: usize) -> Result<Tensor> {
    let told = |e: io::Error| Error::device(format!("wrote no result: {}", Error::file(path, &e)));
    let mut file = File::open(path).map_err(told)?;
    let (found, expected) = (file.metadata().map_err(told)?.len(), format.bytes() * len as u64);
    if found != expected {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return Err(Error::device(format!("{name} has {found} bytes, not {expected}")));
    }
    let mut values = Tensor::zeros(format, len);
    file.read_exact(values.bytes_mut()).map_err(told)?;
    Ok(values)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_come_back_to_the_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.f32");
        let values: Vec<f32> = (0..100_000).map(|i| f32::from_bits(i * 40_503)).collect();
        let values = Tensor::from(values);
        write(&path, &values).unwrap();
        assert_eq!(read(&path, Format::F32, values.len()).unwrap().bytes(), values.bytes());
        let error = read(&path, Format::F32, 7).unwrap_err().to_string();
        assert!(error.contains("x.f32 has 400000 bytes, not 28"), "{error}");
        let error = read(&folder.path().join("none"), Format::F32, 7).unwrap_err().to_string();
        assert!(error.contains("wrote no result"), "{error}");
    }

    #[test]
    fn folders_of_the_dead_go_and_those_of_the_living_stay() {
        let base = tempfile::tempdir().unwrap();
        let living = Exchange::new_in(base.path()).unwrap();
        let dead = base.path().join(format!("{PREFIX}dead"));
        let foreign = base.path().join("crossover-results");
        for folder in [&dead, &foreign] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(LOCK), "").unwrap();
            fs::write(folder.join("a.f32"), "1234").unwrap();
        }
        let young = base.path().join(format!("{PREFIX}young"));
        fs::create_dir(&young).unwrap();
        let second = Exchange::new_in(base.path()).unwrap();
        assert!(living.path().exists() && second.path().exists());
        assert!(foreign.exists() && young.exists());
        assert!(!dead.exists());
        let path = living.path().to_path_buf();
        drop(living);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_is_private_and_has_its_limits() {
        let base = tempfile::tempdir().unwrap();
        let exchange = Exchange::new_in(base.path()).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = fs::metadata(exchange.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        exchange.check_room(1).unwrap();
        let error = exchange.check_room(u64::MAX).unwrap_err().to_string();
        assert!(error.contains("set TMPDIR to a larger place"), "{error}");
    }
}
