//! Finds the OpenCL loader library when it is first needed.

use std::error::Error;
use std::ffi::{OsString, c_void};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use libloading::Library;

use crate::dispatch::{self, slot};

/// The environment variable that names another loader library.
const VARIABLE: &str = "CROSSOVER_OPENCL_LIBRARY";

/// Where the loader library is looked for, in this order.
#[cfg(windows)]
const NAMES: &[&str] = &["OpenCL.dll"];
#[cfg(not(windows))]
const NAMES: &[&str] = &["libOpenCL.so.1", "libOpenCL.so"];

/// The OpenCL loader library that this process uses.
#[derive(Debug)]
pub struct Loader {
    library: Library,
    path: PathBuf,
    /// See [`Loader::dispatches`]; known once it was asked for.
    dispatches: OnceLock<bool>,
}

/// Why this process has no OpenCL loader library; `Display` gives one clause for a user.
#[derive(Debug)]
pub struct NoLoader {
    reason: String,
}

impl fmt::Display for NoLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.reason)
    }
}

impl Error for NoLoader {}

impl Loader {
    /// The library's file as the system names it, or the name by which it was found.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it stands before several drivers and finds their functions through tables: loaders have a
    /// function that tells of themselves. A driver that is opened in a loader's place need not have such.
    /// To ask may load all drivers, so that it is left until one of their objects is there.
    pub(crate) fn dispatches(&self) -> bool {
        type Ask = unsafe extern "system" fn(*const std::ffi::c_char) -> *const c_void;
        *self.dispatches.get_or_init(|| {
            // SAFETY: this is the C function's signature, in which any answer to the name may be null.
            unsafe {
                let ask = self.library.get::<Ask>("clGetExtensionFunctionAddress");
                ask.is_ok_and(|ask| !ask(c"clGetICDLoaderInfoOCLICD".as_ptr()).is_null())
            }
        })
    }

    /// Opens the first of `names` that can be opened and has OpenCL's first function.
    fn open(names: &[OsString]) -> Result<Self, String> {
        let mut failures = Vec::new();
        for name in names {
            // SAFETY: opening a library runs its initialisers. These names stand for the OpenCL
            // loader, which a program linked in the usual way would run at start-up just the same.
            let library = match unsafe { Library::new(name) } {
                Ok(library) => library,
                Err(error) => {
                    failures.push(explain(&error));
                    continue;
                }
            };
            // SAFETY: the symbol is only compared with null and passed on as an address; it is
            // neither called nor read through.
            match unsafe { library.get::<*const ()>("clGetPlatformIDs") } {
                Ok(symbol) if !symbol.is_null() => {
                    let path = file_of(*symbol).unwrap_or_else(|| PathBuf::from(name));
                    return Ok(Self { library, path, dispatches: OnceLock::new() });
                }
                _ => failures.push(format!(
                    "{} is not an OpenCL loader: it has no clGetPlatformIDs",
                    Path::new(name).display()
                )),
            }
        }
        Err(failures.join("; "))
    }
}

/// The OpenCL loader library of this process, or why there is none.
///
/// The first call, here or through any OpenCL function, looks for the library; the answer then
/// stays the same until the process ends.
///
/// # Errors
///
/// Fails if no loader library can be opened.
pub fn loader() -> Result<&'static Loader, &'static NoLoader> {
    static LOADER: OnceLock<Result<Loader, NoLoader>> = OnceLock::new();
    LOADER
        .get_or_init(|| match std::env::var_os(VARIABLE).filter(|name| !name.is_empty()) {
            // Whoever names a library wants that one: there is no falling back to another.
            Some(name) => Loader::open(&[name]).map_err(|reason| NoLoader {
                reason: format!("the OpenCL library named in {VARIABLE} cannot be used ({reason})"),
            }),
            None => Loader::open(&NAMES.iter().map(OsString::from).collect::<Vec<_>>()).map_err(
                |reason| NoLoader {
                    reason: format!("no OpenCL loader library can be used ({reason})"),
                },
            ),
        })
        .as_ref()
}

/// The system's own message, which names the file; libloading's only names the function it called.
pub(crate) fn explain(error: &libloading::Error) -> String {
    error.source().map_or_else(|| error.to_string(), ToString::to_string)
}

/// The file that the code at `address` was loaded from.
#[cfg(target_os = "linux")]
fn file_of(address: *const ()) -> Option<PathBuf> {
    use cl_sys::libc;
    use std::ffi::{CStr, OsStr};
    use std::mem::MaybeUninit;
    use std::os::unix::ffi::OsStrExt;

    let mut info = MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: any address may be asked about, and `info` has room for the answer.
    if unsafe { libc::dladdr(address.cast(), info.as_mut_ptr()) } == 0 {
        return None;
    }
    // SAFETY: all fields of `Dl_info` are pointers, which were null before the call.
    let name = unsafe { info.assume_init() }.dli_fname;
    if name.is_null() {
        return None;
    }
    // SAFETY: `dladdr` succeeded, so this is the null-terminated name of a loaded file. It lives as
    // long as the file stays loaded; it is copied below.
    let name = unsafe { CStr::from_ptr(name) };
    Some(PathBuf::from(OsStr::from_bytes(name.to_bytes())))
}

#[cfg(not(target_os = "linux"))]
fn file_of(_address: *const ()) -> Option<PathBuf> {
    None
}

/// One function of the loader library, looked up when it is first called.
pub(crate) struct Entry<F> {
    name: &'static str,
    /// Its place in the tables of drivers.
    slot: usize,
    address: OnceLock<Option<F>>,
}

impl<F: Copy> Entry<F> {
    pub(crate) const fn new(name: &'static str) -> Self {
        Self { name, slot: slot(name), address: OnceLock::new() }
    }

    /// Whether the driver of an object has the function.
    ///
    /// # Safety
    ///
    /// The handle is null or of a live object, as OpenCL asks of every caller.
    pub(crate) unsafe fn is_in_driver(&self, handle: *const c_void) -> bool {
        // SAFETY: as the caller promises.
        unsafe { dispatch::has(handle, self.slot) }
    }

    /// The function, or `None` if there is no loader library or it lacks the function.
    ///
    /// # Safety
    ///
    /// `F` must be the type of a pointer to the C function of this name.
    pub(crate) unsafe fn get(&self) -> Option<F> {
        *self.address.get_or_init(|| {
            let library = &loader().ok()?.library;
            // SAFETY: the caller vouches for `F`. For a pointer to a function `Option<F>` has the
            // size of `F` and is `None` for a null address. `loader` never drops the library, so
            // the address stays valid.
            unsafe { library.get::<Option<F>>(self.name).ok().and_then(|symbol| *symbol) }
        })
    }
}
