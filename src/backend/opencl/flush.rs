//! Empties a device's caches, so that a cold sample finds nothing in them. Twin of `kernels/flush.cl`.

use ocl::core::{self, ArgVal, Mem};

use super::buffer::Buffer;
use super::device::OpenClDevice;
use super::kernel::Kernel;
use super::{info, program};
use crate::backend::gpu::recipe::{Launch, Step};
use crate::error::Result;

/// The buffer is this many times the cache that the device tells of, and at least so large: drivers
/// tell of one level, or of none.
const TIMES_CACHE: u64 = 4;
const LEAST_BYTES: u64 = 256 << 20;

/// Work-items; enough for every compute unit of any device.
const ITEMS: usize = 1 << 16;
const GROUP: usize = 64;

/// Empties the caches: walks through a buffer. Blocking.
pub fn flush(device: &OpenClDevice) -> Result<()> {
    if device.flush.get().is_none() {
        let _ = device.flush.set(prepare(device)?);
    }
    let Some((kernel, _)) = device.flush.get() else { return Ok(()) };
    kernel.enqueue(device, &device.queue, None)?;
    core::finish(&device.queue).map_err(device.refused("flushing the caches"))
}

/// The kernel, with the buffer that it refers to.
fn prepare(device: &OpenClDevice) -> Result<(Kernel, Mem)> {
    let wanted = (TIMES_CACHE * info::cache_bytes(device.id)).max(LEAST_BYTES);
    let vectors = (wanted.min(device.target.entry.max_allocation_bytes) / 16).max(1) as usize;
    let step: Step = Step {
        program: "flush",
        kernel: "flush",
        options: String::new(),
        arguments: Vec::new(),
        launch: Launch { global: [ITEMS, 1, 1], local: [GROUP, 1, 1] },
        local_bytes: 0,
    };
    let (program, _) = program::build(device, &step)?;
    let kernel = Kernel::new(device, &program, &step)?;
    let buffer = Buffer::new(device, 4 * vectors)?;
    kernel.set(device, 0, ArgVal::scalar(&(vectors as u32)))?;
    kernel.set(device, 1, ArgVal::mem(&buffer.mem))?;
    Ok((kernel, buffer.mem))
}
