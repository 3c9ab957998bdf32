//! A device with its own context and queues.

use std::cell::{OnceCell, RefCell};
use std::collections::HashMap;

use ocl::core::{self, CommandQueue, CommandQueueProperties, Context, ContextProperties};
use ocl::core::{DeviceId, Mem, PlatformId, Program};

use super::info;
use super::kernel::Kernel;
use super::sources::KERNELS;
use crate::backend::gpu::Target;
use crate::error::{Error, Result};
use crate::machine::DeviceEntry;
use crate::terms::Dtype;

/// See the module.
pub struct OpenClDevice {
    /// What recipes know of it.
    pub target: Target,
    /// The driver's handle.
    pub id: DeviceId,
    /// In which everything of this device lives.
    pub context: Context,
    /// In order, without times.
    pub queue: CommandQueue,
    /// In order, with times of the device's own; none where the driver has no such queue.
    pub profiling_queue: Option<CommandQueue>,
    /// Programs that this process has built, by name and options, so that runners share them.
    pub programs: RefCell<HashMap<(&'static str, String), Program>>,
    /// A kernel that empties the caches, with the buffer that it walks through. Made when it is first
    /// needed.
    pub flush: OnceCell<(Kernel, Mem)>,
}

impl OpenClDevice {
    /// Opens a device. A device whose driver has no profiling queue is served without one.
    pub fn open(platform: PlatformId, id: DeviceId, entry: DeviceEntry) -> Result<OpenClDevice> {
        let refused = |e: core::Error| Error::device(format!("{}: {e}", entry.name));
        let properties = ContextProperties::new().platform(platform);
        let context =
            core::create_context(Some(&properties), &[id], None, None).map_err(refused)?;
        let queue = |profiling: bool| {
            let flag = CommandQueueProperties::PROFILING_ENABLE;
            core::create_command_queue(&context, id, profiling.then_some(flag))
        };
        let (queue, profiling_queue) = (queue(false).map_err(refused)?, queue(true).ok());
        let base_alignment = info::base_alignment_bytes(id).div_ceil(4);
        Ok(OpenClDevice {
            queue,
            profiling_queue,
            target: Target::new(entry, &KERNELS, info::max_group_size(id), base_alignment),
            programs: RefCell::default(),
            flush: OnceCell::new(),
            context,
            id,
        })
    }

    /// Whether the device computes in a type.
    pub fn check_dtype(&self, dtype: Dtype) -> Result<()> {
        let extension = match dtype {
            // bfloat16 lies in memory as whole numbers.
            Dtype::F32 | Dtype::Bf16 => return Ok(()),
            Dtype::F64 => "cl_khr_fp64",
            Dtype::F16 => "cl_khr_fp16",
        };
        if self.target.entry.extensions.iter().any(|e| e == extension) {
            return Ok(());
        }
        Err(Error::Unsupported(format!("the device has no {extension}")))
    }

    /// What makes an error of a driver's refusal to do `what`, with the device's name and the true status
    /// code where it was an odd one.
    pub fn refused(&self, what: &str) -> impl Fn(core::Error) -> Error + Copy {
        move |error| {
            let odd = opencl_shim::take_unknown_status();
            let odd: Vec<String> = odd.iter().map(|status| format!("; {status}")).collect();
            Error::device(format!("{}: {what}: {error}{}", self.target.entry.name, odd.concat()))
        }
    }
}
