//! Lets a program that uses the `ocl` crate build, link and start without libOpenCL.
//!
//! `ocl` (through `cl-sys`) links the OpenCL loader library. Without it a program does not link,
//! and one that was linked elsewhere ends before `main`. This crate defines the functions that
//! `ocl` calls. Each looks up the real one when it is first called, in `libOpenCL.so.1` or
//! `libOpenCL.so` (on Windows `OpenCL.dll`), or in the library that the environment variable
//! `CROSSOVER_OPENCL_LIBRARY` names, and calls it. The build script gives the linker an empty
//! library of the name it asks for. `ocl` itself is the published one, unchanged.
//!
//! A program has to name the crate once, or it is not linked:
//!
//! ```
//! use opencl_shim as _;
//!
//! let platforms = ocl::core::get_platform_ids()?;
//! if let Err(why) = opencl_shim::loader() {
//!     println!("no OpenCL here: {why}");
//!     assert!(platforms.is_empty());
//! }
//! # Ok::<(), ocl::core::Error>(())
//! ```
//!
//! # What differs from the real library
//!
//! * Without a library, or if it lacks a function, the function fails with `CL_INVALID_OPERATION`
//!   or returns null. `clGetPlatformIDs` succeeds with no platforms, and does so too when the
//!   loader finds no driver (`CL_PLATFORM_NOT_FOUND_KHR`), for which `ocl-core` would wait ten
//!   seconds and then fail.
//! * A function that the driver of an object lacks, which has a null entry in its table, fails in the
//!   same way: a loader that does not look would jump to address 0.
//! * A status code that `ocl-core` does not know would make it panic. It becomes
//!   `CL_OUT_OF_RESOURCES`, and [`take_unknown_status`] tells which code it was.
//! * A release that fails, as can happen after a kernel has failed on a GPU, is reported as a
//!   success and its code kept for [`take_unknown_status`]: `ocl-core` releases in `drop` and would
//!   panic there.
//!
//! Everything else is passed on as it is: a few loads and one indirect call per OpenCL call.
//!
//! # What the shim cannot help
//!
//! It sees the status codes of calls, and nothing else. These panic in `ocl-core` 0.11.5 and `ocl`
//! 0.19.7 whatever the shim does:
//!
//! * Cloning a `Context`, `CommandQueue`, `Mem`, `Program`, `Kernel`, `Event` or `Sampler` whose
//!   retain fails.
//! * `Context::platform` (`get_context_platform`) of a context made without properties.
//! * `Event::register_event_relay` (`_complete_user_event`): a callback that gets the negative
//!   status of a failed command panics inside an `extern "C"` function, which ends the process.
//! * A handle or mapped address that is null although the call succeeded (`from_raw_create_ptr`).
//! * In `ocl`, these unwrap: `Platform::list`, `Platform::default` (with no platform, so
//!   `Context::builder` without one and `ProQue` too), `Context::devices`, `Queue::context`,
//!   `Queue::device` and the `Display` of `Kernel`.
//!
//! `get_device_ids` with a limit of `n` devices takes on the number of all devices as the length of
//! its list of `n`: it reads past the end if there are more (no limit means 64).
//!
//! A command that failed does not panic: `clWaitForEvents` returns a code that `ocl-core` knows,
//! `get_event_info` fails with a text that names the negative status, and `event_status` with one
//! that does not.
//!
//! # Platforms
//!
//! Built and tested on Linux on x86-64. The parts for Windows and macOS are written and were never
//! built. For `*-windows-msvc` it is open whether the linker takes the empty `OpenCL.lib`, and it
//! should warn (LNK4217) that a function declared as imported is defined here. On macOS OpenCL is a
//! framework that is always there: the crate defines no OpenCL function, the build script does
//! nothing, and [`take_unknown_status`] is always empty, so unknown codes do panic.
//!
//! The crate is for programs. A dynamic library that contains it exports the functions, which may
//! then take the place of the real ones inside other libraries.

#[cfg(not(target_os = "macos"))]
#[macro_use]
mod table;

#[cfg(not(target_os = "macos"))]
mod dispatch;
#[cfg(not(target_os = "macos"))]
mod functions;
#[cfg(not(target_os = "macos"))]
mod loader;
#[cfg(target_os = "macos")]
#[path = "macos.rs"]
mod loader;
mod status;
#[cfg(all(test, not(target_os = "macos")))]
mod tests;
#[cfg(not(target_os = "macos"))]
mod vendors;

#[cfg(target_os = "macos")]
pub use loader::broken_vendor_files;
pub use loader::{Loader, NoLoader, loader};
pub use status::{UnknownStatus, take_unknown_status};
#[cfg(not(target_os = "macos"))]
pub use vendors::broken_vendor_files;
