//! What the API says on macOS, where OpenCL is a framework and nothing is forwarded.

use std::error::Error;
use std::fmt;
use std::path::{Path, PathBuf};

/// The OpenCL framework.
#[derive(Debug)]
pub struct Loader(());

/// Never the case on macOS.
#[derive(Debug)]
pub struct NoLoader(());

impl fmt::Display for NoLoader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no OpenCL framework")
    }
}

impl Error for NoLoader {}

impl Loader {
    /// The framework's folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        Path::new("/System/Library/Frameworks/OpenCL.framework")
    }
}

/// There are no such files on macOS.
#[must_use]
pub fn broken_vendor_files() -> Vec<(PathBuf, String)> {
    Vec::new()
}

/// The OpenCL framework, which a program on macOS cannot start without.
///
/// # Errors
///
/// Never fails on macOS.
pub fn loader() -> Result<&'static Loader, &'static NoLoader> {
    static FRAMEWORK: Loader = Loader(());
    Ok(&FRAMEWORK)
}
