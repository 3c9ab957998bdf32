//! Empties a device's caches, so that a cold sample finds nothing in them. Twin of `kernels/flush.cl`.

use ocl::core::{self, ArgVal, Event, Kernel, Mem};

use super::buffer::Buffer;
use super::device::OpenClDevice;
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
    device.flush.get().map_or(Ok(()), |(kernel, _)| walk(device, kernel))
}

/// The kernel, with the buffer that it refers to.
fn prepare(device: &OpenClDevice) -> Result<(Kernel, Mem)> {
    let refused = |e: core::Error| device.refused("preparing to flush the caches", &e);
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
    let kernel = core::create_kernel(&program, step.kernel).map_err(refused)?;
    let buffer = Buffer::new(device, 4 * vectors)?;
    core::set_kernel_arg(&kernel, 0, ArgVal::scalar(&(vectors as u32))).map_err(refused)?;
    core::set_kernel_arg(&kernel, 1, ArgVal::mem(&buffer.mem)).map_err(refused)?;
    Ok((kernel, buffer.mem))
}

fn walk(device: &OpenClDevice, kernel: &Kernel) -> Result<()> {
    let refused = |e: core::Error| device.refused("flushing the caches", &e);
    let (global, local) = ([ITEMS, 1, 1], [GROUP, 1, 1]);
    let (none, no_event) = (None::<&Event>, None::<&mut Event>);
    // SAFETY: the kernel's arguments are a buffer and its length in vectors of four floats, and the
    // device keeps both as long as the kernel.
    let status = unsafe {
        let queue = &device.queue;
        core::enqueue_kernel(queue, kernel, 3, None, &global, Some(local), none, no_event)
    };
    status.map_err(refused)?;
    core::finish(&device.queue).map_err(refused)
}
