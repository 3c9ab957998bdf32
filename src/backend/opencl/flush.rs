//! Empties a device's caches, so that a cold sample finds nothing in them. Twin of `kernels/flush.cl`.

use ocl::core::{self, ArgVal, Mem};

use super::buffer::Buffer;
use super::device::OpenClDevice;
use super::kernel::Kernel;
use super::{info, program};
use crate::backend::flush;
use crate::backend::gpu::recipe::{Launch, Step};
use crate::error::Result;
use crate::machine;
use crate::terms::DeviceKind;

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
    // Drivers tell of one level of caches, or of none.
    let entry = &device.target.entry;
    let bytes = flush::buffer_bytes(info::cache_bytes(device.id), |wanted, least| {
        let wanted = wanted.min(entry.max_allocation_bytes);
        // A CPU's buffers lie in the host's memory; another device that has no room says so.
        let takes_ours = entry.kind == DeviceKind::Cpu;
        if takes_ours { machine::fitting(wanted, least.min(wanted)) } else { Ok(wanted) }
    })?;
    let vectors = (bytes / 16).max(1) as usize;
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
