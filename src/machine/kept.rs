//! What is kept from run to run, in files of the user's cache folder.
//!
//! A file holds its full key beside the content, and a checksum: one that is cut, changed or of another key
//! is none.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Constants of FNV-1a, 64 bits.
const FNV_START: u64 = 0xcbf2_9ce4_8422_2325;
const FNV_PRIME: u64 = 0x0100_0000_01b3;

/// What is kept of one kind, each under a key that names all that it depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Name of its folder.
    pub kind: &'static str,
    /// Most files that it has; those that were read or written longest ago go first.
    pub most_files: usize,
    /// Most bytes of all its files together.
    pub most_bytes: u64,
}

impl Kept {
    /// What is kept under a key, if it is there and whole. What is read is not among the oldest.
    pub fn read(self, key: &str) -> Option<Vec<u8>> {
        let path = self.path(key)?;
        let content = read(&path, key)?;
        let _ = File::options()
            .append(true)
            .open(path)
            .and_then(|file| file.set_modified(SystemTime::now()));
        Some(content)
    }

    /// Keeps content under a key, in one step. That it can't be kept is no error: it is made anew.
    pub fn write(self, key: &str, content: &[u8]) {
        let Some(path) = self.path(key) else { return };
        write(&path, key, content);
        path.parent().into_iter().for_each(|folder| self.keep_bounds(folder));
    }

    /// Forgets what is kept under a key.
    pub fn forget(self, key: &str) {
        self.path(key).map(fs::remove_file);
    }

    /// Whether anything is to be kept at all.
    pub fn is_on(self) -> bool {
        self.folder().is_some()
    }

    /// The folder in which nothing can be kept, and why. None where it can, or where nothing is to be kept.
    pub fn fault(self) -> Option<(PathBuf, io::Error)> {
        let folder = self.folder()?;
        let why = writable(&folder).err()?;
        Some((folder, why))
    }

    fn path(self, key: &str) -> Option<PathBuf> {
        Some(self.folder()?.join(format!("{:016x}.bin", fnv1a(key.as_bytes()))))
    }

    /// None where the user switched it off or has no such place.
    fn folder(self) -> Option<PathBuf> {
        let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        if let Some(folder) = set("CROSSOVER_CACHE_DIR") {
            return (folder.as_os_str() != "off").then(|| folder.join(self.kind));
        }
        let base = if cfg!(target_os = "macos") {
            set("HOME")?.join("Library/Caches")
        } else if cfg!(windows) {
            set("LOCALAPPDATA")?
        } else {
            set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?
        };
        Some(base.join("crossover").join(self.kind))
    }

    /// Removes the oldest files until the folder is within its bounds.
    fn keep_bounds(self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .flatten()
            .filter(|entry| is_ours(&entry.path()))
            .filter_map(|entry| {
                let data = entry.metadata().ok()?;
                Some((data.modified().ok()?, data.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, len, _)| len).sum();
        let mut count = files.len();
        for (_, len, path) in files {
            if count <= self.most_files && bytes <= self.most_bytes {
                break;
            }
            let _ = fs::remove_file(path);
            count -= 1;
            bytes -= len;
        }
    }
}

/// FNV-1a, 64 bits: names sources and files.
pub fn fnv1a(bytes: &[u8]) -> u64 {
    let add = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(FNV_PRIME);
    bytes.iter().fold(FNV_START, add)
}

/// The content of a file, if the file is whole and of this key.
fn read(path: &Path, key: &str) -> Option<Vec<u8>> {
    let mut bytes = fs::read(path).ok()?;
    let rest = bytes.strip_prefix(key.as_bytes())?;
    let (sum, content) = rest.split_first_chunk::<8>()?;
    let is_whole = u64::from_le_bytes(*sum) == checksum(content);
    is_whole.then(|| bytes.split_off(key.len() + 8))
}

fn write(path: &Path, key: &str, content: &[u8]) {
    let Some(folder) = path.parent() else { return };
    if fs::create_dir_all(folder).is_err() {
        return;
    }
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let whole = [key.as_bytes(), &checksum(content).to_le_bytes(), content];
    let written = File::create(&beside)
        .and_then(|mut file| whole.iter().try_for_each(|part| file.write_all(part)));
    if written.and_then(|()| fs::rename(&beside, path)).is_err() {
        let _ = fs::remove_file(&beside);
    }
}

/// FNV-1a over words of 8 bytes, the last one filled up with zeros, from the length on; each word is folded so
/// that its high bits count as its low ones do.
fn checksum(content: &[u8]) -> u64 {
    let words = content.chunks(8).map(|chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        u64::from_le_bytes(word)
    });
    words.fold(FNV_START ^ content.len() as u64, |sum, word| {
        let sum = (sum ^ word).wrapping_mul(FNV_PRIME);
        sum ^ (sum >> 32)
    })
}

/// Whether a file can be made in a folder, which is made too.
fn writable(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let file = folder.join(format!("{:016x}.{}.new", 0, std::process::id()));
    fs::write(&file, "")?;
    fs::remove_file(file)
}

/// Whether a file is one that is kept, or was to become one.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().unwrap_or_default();
    stem.len() == 16
        && stem.bytes().all(|b| b.is_ascii_hexdigit())
        && (name.ends_with(".bin") || name.ends_with(".new"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_comes_back_only_whole_and_under_its_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/er/x.bin");
        write(&path, "key 1\n", b"a content");
        assert_eq!(read(&path, "key 1\n").as_deref(), Some(&b"a content"[..]));
        assert_eq!(read(&path, "key 2\n"), None);
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(read(&path, "key 1\n"), None, "cut at {cut}");
        }
        for at in 0..whole.len() {
            let mut changed = whole.clone();
            changed[at] ^= 1;
            fs::write(&path, changed).unwrap();
            assert_eq!(read(&path, "key 1\n"), None, "changed at {at}");
        }
        fs::write(&path, [&whole[..], &[0]].concat()).unwrap();
        assert_eq!(read(&path, "key 1\n"), None, "a zero more");
    }

    #[test]
    fn the_folder_stays_within_its_bounds() {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..10 {
            fs::write(folder.path().join(format!("{i:016x}.bin")), [0; 100]).unwrap();
        }
        // Somebody else's file is none of our business.
        fs::write(folder.path().join("letter.txt"), [0; 1000]).unwrap();
        let kept = Kept { kind: "tests", most_files: 4, most_bytes: 1 << 20 };
        kept.keep_bounds(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
        Kept { most_bytes: 250, ..kept }.keep_bounds(folder.path());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_no_error() {
        write(Path::new("/proc/no/such/place/x.bin"), "key\n", b"content");
        assert!(writable(Path::new("/proc/no/such/place")).is_err());
        let folder = tempfile::tempdir().unwrap();
        writable(&folder.path().join("new")).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
    }
}
