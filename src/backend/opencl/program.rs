//! Programs: those that this process holds, and the cache of binaries in the user's cache folder.
//!
//! A binary is kept under its full key: device, driver, options, source.

use std::ffi::CString;

use ocl::core::{self, Program, ProgramInfo, ProgramInfoResult};

use super::device::OpenClDevice;
use crate::backend::gpu::recipe::Step;
use crate::error::Result;
use crate::machine::{self, Kept, fnv1a};

/// First line of a key.
const MAGIC: &str = "crossover program 2\n";

/// Binaries that are kept from run to run.
const CACHE: Kept = Kept { kind: "programs", most_files: 256, most_bytes: 64 << 20 };

/// Programs that are held for the next runner; with more, all are forgotten. PoCL keeps about 2 MB for each.
const MOST_HELD: usize = 16;

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
    let mut held = device.programs.borrow_mut();
    if held.len() >= MOST_HELD {
        held.clear();
    }
    held.insert(name, program.clone());
    Ok((program, is_new))
}

fn read_or_compile<A>(
    device: &OpenClDevice,
    step: &Step<A>,
    options: &str,
    key: &str,
) -> Result<(Program, bool)> {
    if let Some(binary) = CACHE.read(key) {
        if let Some(program) = from_binary(device, &binary, options) {
            return Ok((program, false));
        }
        // The driver no longer takes it.
        CACHE.forget(key);
    }
    let program = from_source(device, step, options)?;
    // Some drivers compile once more to tell the binary.
    if CACHE.is_on()
        && let Some(binary) = binary_of(&program)
    {
        CACHE.write(key, &binary);
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

/// Why nothing can be kept in the cache, and what to do. None where it can be, or where it is off.
pub fn cache_fault() -> Option<String> {
    let (folder, why) = CACHE.fault()?;
    Some(format!(
        "{} can't be written to ({why}), so that every run compiles its kernels anew; make it writable, \
         or name another folder in CROSSOVER_CACHE_DIR",
        folder.display()
    ))
}
