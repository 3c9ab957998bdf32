//! Gives the linker an empty import library, so that `cl-sys`'s `-lOpenCL` is satisfied.
//!
//! `cl-sys` asks for a library of the name `OpenCL` whether or not anything in it is needed. The
//! functions themselves come from this crate, so an archive without members is enough.

use std::path::PathBuf;
use std::{env, fs};

/// An `ar` archive without members.
const EMPTY_ARCHIVE: &[u8] = b"!<arch>\n";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // For the tests, which ask cargo about this target's packages only.
    let target = env::var("TARGET").expect("cargo sets TARGET");
    println!("cargo::rustc-env=OPENCL_SHIM_TARGET={target}");

    let target_os = env::var("CARGO_CFG_TARGET_OS").expect("cargo sets CARGO_CFG_TARGET_OS");
    if target_os == "macos" {
        return;
    }
    let msvc = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|name| name == "msvc");
    let file_name = if msvc { "OpenCL.lib" } else { "libOpenCL.a" };
    let folder = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    fs::write(folder.join(file_name), EMPTY_ARCHIVE).expect("OUT_DIR can be written");
    println!("cargo::rustc-link-search=native={}", folder.display());
}
