//! Programs: those that this process holds, and the cache of binaries in the user's cache folder.
//!
//! A cache file holds the full key (device, driver, options, source) beside the binary, and a
//! checksum: a file that is cut, changed or of another key is dropped and built anew.

use std::ffi::CString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ocl::core::{self, Program, ProgramInfo, ProgramInfoResult};

use super::device::OpenClDevice;
use crate::backend::gpu::fnv1a;
use crate::backend::gpu::recipe::Step;
use crate::error::Result;
use crate::machine;

/// First line of a cache file.
const MAGIC: &str = "crossover program 1\n";

/// Bounds of the cache.
const MAX_FILES: usize = 256;
const MAX_BYTES: u64 = 64 << 20;

/// Options of every build.
const OPTIONS: &str = "-cl-std=CL1.2 -cl-mad-enable";

/// A step's program, from this process or the cache where they have it. Tells whether it was compiled.
pub fn build<A>(device: &OpenClDevice, step: &Step<A>) -> Result<(Program, bool)> {
    let options = options(step, "");
    let name = (step.program, options.clone());
    if let Some(program) = device.programs.borrow().get(&name) {
        return Ok((program.clone(), false));
    }
    let source = device.target.kernels.text(step.program)?;
    let key = format!(
        "{MAGIC}{}\n{}\n{options}\n{:016x} {}\n",
        device.target.entry.name,
        device.target.entry.driver,
        fnv1a(source.as_bytes()),
        source.len()
    );
    let (program, is_new) = read_or_compile(device, step, &options, &key)?;
    device.programs.borrow_mut().insert(name, program.clone());
    Ok((program, is_new))
}

fn read_or_compile<A>(
    device: &OpenClDevice,
    step: &Step<A>,
    options: &str,
    key: &str,
) -> Result<(Program, bool)> {
    let path = folder().map(|folder| folder.join(format!("{:016x}.bin", fnv1a(key.as_bytes()))));
    if let Some(binary) = path.as_deref().and_then(|path| read(path, key)) {
        if let Some(program) = from_binary(device, &binary, options) {
            return Ok((program, false));
        }
        // The driver no longer takes it.
        path.as_deref().map(fs::remove_file);
    }
    let program = from_source(device, step, options)?;
    // Some drivers compile once more to tell the binary.
    if let Some((path, binary)) = path.and_then(|path| Some((path, binary_of(&program)?))) {
        write(&path, key, &binary);
    }
    Ok((program, true))
}

/// Builds a step's program from source with further options, past the cache.
pub fn compile<A>(device: &OpenClDevice, step: &Step<A>, more: &str) -> Result<Program> {
    from_source(device, step, &options(step, more))
}

fn options<A>(step: &Step<A>, more: &str) -> String {
    // For trying things out, and for devices that need another setting.
    let own = machine::variable("CROSSOVER_KERNEL_OPTIONS").unwrap_or_default();
    format!("{OPTIONS} {} {own} {more}", step.options).trim_end().to_string()
}

fn from_source<A>(device: &OpenClDevice, step: &Step<A>, options: &str) -> Result<Program> {
    let what = format!("building {}", step.program);
    let refused = device.refused(&what);
    let source =
        CString::new(device.target.kernels.text(step.program)?).expect("kernel files hold no NUL");
    let options = CString::new(options).expect("options hold no NUL");
    let program = core::create_program_with_source(&device.context, &[source]).map_err(refused)?;
    core::build_program(&program, Some(&[device.id]), &options, None, None).map_err(refused)?;
    Ok(program)
}

fn from_binary(device: &OpenClDevice, binary: &[u8], options: &str) -> Option<Program> {
    let program =
        core::create_program_with_binary(&device.context, &[device.id], &[binary]).ok()?;
    let options = CString::new(options).ok()?;
    core::build_program(&program, Some(&[device.id]), &options, None, None).ok()?;
    Some(program)
}

fn binary_of(program: &Program) -> Option<Vec<u8>> {
    match core::get_program_info(program, ProgramInfo::Binaries).ok()? {
        ProgramInfoResult::Binaries(binaries) => {
            binaries.into_iter().next().filter(|b| !b.is_empty())
        }
        _ => None,
    }
}

/// The cache's folder; none where the user switched it off or has no such place.
fn folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|v| !v.is_empty()).map(PathBuf::from);
    if let Some(folder) = set("CROSSOVER_CACHE_DIR") {
        return (folder.as_os_str() != "off").then(|| folder.join("programs"));
    }
    let base = if cfg!(target_os = "macos") {
        set("HOME")?.join("Library/Caches")
    } else if cfg!(windows) {
        set("LOCALAPPDATA")?
    } else {
        set("XDG_CACHE_HOME").or_else(|| Some(set("HOME")?.join(".cache")))?
    };
    Some(base.join("crossover").join("programs"))
}

/// Why nothing can be kept in the cache, and what to do. None where it can be, or where it is off.
pub fn cache_fault() -> Option<String> {
    let folder = folder()?;
    let why = writable(&folder).err()?;
    Some(format!(
        "{} can't be written to ({why}), so that every run compiles its kernels anew; make it writable, \
         or name another folder in CROSSOVER_CACHE_DIR",
        folder.display()
    ))
}

/// Whether a file can be made in a folder, which is made too.
fn writable(folder: &Path) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let file = folder.join(format!("{:016x}.{}.new", 0, std::process::id()));
    fs::write(&file, MAGIC)?;
    fs::remove_file(file)
}

/// The binary in a cache file, if the file is whole and of this key.
fn read(path: &Path, key: &str) -> Option<Vec<u8>> {
    let bytes = fs::read(path).ok()?;
    let rest = bytes.strip_prefix(key.as_bytes())?;
    let (checksum, binary) = rest.split_first_chunk::<8>()?;
    (u64::from_le_bytes(*checksum) == fnv1a(binary)).then(|| binary.to_vec())
}

/// Writes a cache file in one step and keeps the bounds. A cache that can't be written is no error.
fn write(path: &Path, key: &str, binary: &[u8]) {
    let Some(folder) = path.parent() else { return };
    if fs::create_dir_all(folder).is_err() {
        return;
    }
    let checksum = fnv1a(binary).to_le_bytes();
    let content = [key.as_bytes(), &checksum[..], binary].concat();
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    if fs::write(&beside, content).and_then(|()| fs::rename(&beside, path)).is_err() {
        let _ = fs::remove_file(&beside);
    }
    keep_bounds(folder, MAX_FILES, MAX_BYTES);
}

/// Removes the oldest files until the folder is within its bounds.
fn keep_bounds(folder: &Path, max_files: usize, max_bytes: u64) {
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
        if count <= max_files && bytes <= max_bytes {
            break;
        }
        let _ = fs::remove_file(path);
        count -= 1;
        bytes -= len;
    }
}

/// Whether a file is one of the cache, or was to become one.
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
        write(&path, "key 1\n", b"binary");
        assert_eq!(read(&path, "key 1\n").as_deref(), Some(&b"binary"[..]));
        assert_eq!(read(&path, "key 2\n"), None);
        let whole = fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            assert_eq!(read(&path, "key 1\n"), None, "cut at {cut}");
        }
        let mut changed = whole;
        *changed.last_mut().unwrap() ^= 1;
        fs::write(&path, changed).unwrap();
        assert_eq!(read(&path, "key 1\n"), None);
    }

    #[test]
    fn the_cache_stays_within_its_bounds() {
        let folder = tempfile::tempdir().unwrap();
        for i in 0..10 {
            fs::write(folder.path().join(format!("{i:016x}.bin")), [0; 100]).unwrap();
        }
        // Somebody else's file is none of our business.
        fs::write(folder.path().join("letter.txt"), [0; 1000]).unwrap();
        keep_bounds(folder.path(), 4, 1 << 20);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
        keep_bounds(folder.path(), 4, 250);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }

    #[test]
    fn an_unwritable_cache_is_no_error() {
        write(Path::new("/proc/no/such/place/x.bin"), "key\n", b"binary");
        assert!(writable(Path::new("/proc/no/such/place")).is_err());
        let folder = tempfile::tempdir().unwrap();
        writable(&folder.path().join("new")).unwrap();
        assert_eq!(fs::read_dir(folder.path().join("new")).unwrap().count(), 0);
    }
}
