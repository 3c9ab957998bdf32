//! The files that tell a loader which drivers there are.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use libloading::Library;

use crate::loader::explain;

/// Environment variables that name another folder, or one such file.
const VARIABLES: [&str; 2] = ["OCL_ICD_VENDORS", "OPENCL_VENDOR_PATH"];

/// The folder unless a variable names another.
const FOLDER: &str = "/etc/OpenCL/vendors";

/// Each file that names a library which can't be opened, with the reason. To be asked where the loader is
/// known to open all that can be without harm: opening a library runs its initialisers.
#[must_use]
pub fn broken_vendor_files() -> Vec<(PathBuf, String)> {
    let set = |name: &&str| env::var_os(name).filter(|value| !value.is_empty());
    let place = VARIABLES.iter().find_map(set).unwrap_or_else(|| OsString::from(FOLDER));
    broken(Path::new(&place))
}

/// The same of a folder, or of one file.
fn broken(place: &Path) -> Vec<(PathBuf, String)> {
    let mut files: Vec<PathBuf> = match fs::read_dir(place) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(_) => vec![place.to_path_buf()],
    };
    files.retain(|file| file.extension().is_some_and(|extension| extension == "icd"));
    files.sort();
    let problem = |file: PathBuf| {
        let text = fs::read_to_string(&file).ok()?;
        let library = text.lines().next().unwrap_or_default().trim();
        if library.is_empty() {
            return Some((file, "it names no library".to_string()));
        }
        // SAFETY: opening a library runs its initialisers. The loader of this process has opened it before
        // if it can be opened, as the caller knows.
        let opened = unsafe { Library::new(library) };
        opened.err().map(|error| (file, explain(&error)))
    };
    files.into_iter().filter_map(problem).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_names_what_is_not_there_is_told_with_it() {
        let folder = env::temp_dir().join(format!("vendors-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let files = [
            ("gone.icd", "libno-such-driver.so\n"),
            ("libc.icd", "libc.so.6\n"),
            ("x.icd", ""),
            ("a.txt", "libno.so"),
        ];
        for (name, text) in files {
            fs::write(folder.join(name), text).expect("a file");
        }
        let found = broken(&folder);
        let one = broken(&folder.join("gone.icd"));
        fs::remove_dir_all(&folder).expect("the folder goes");
        let names: Vec<_> =
            found.iter().map(|(file, _)| file.file_name().expect("a name")).collect();
        assert_eq!(names, ["gone.icd", "x.icd"]);
        assert!(found[0].1.contains("libno-such-driver.so"), "{}", found[0].1);
        assert_eq!(one, found[..1]);
        assert!(broken(Path::new("/no/such/folder")).is_empty());
    }
}
