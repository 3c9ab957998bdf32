//! The launches of a step, with all their arguments.

use super::super::device::OpenClDevice;
use super::super::kernel::Kernel;
use super::super::program;
use super::memory::Memory;
use crate::backend::gpu::train::Call;
use crate::error::Result;

/// A kernel with its arguments. The memory behind them is the caller's to keep.
pub struct Prepared {
    /// The kernel.
    pub kernel: Kernel,
    /// What the parameters that it goes by were chosen for; empty where nobody asks.
    pub goes_by: String,
}

/// A launch with its arguments in memory. Tells whether its program was compiled.
pub fn prepare(device: &OpenClDevice, call: Call, memory: &Memory) -> Result<(Prepared, bool)> {
    let Call { step, goes_by } = call;
    device.target.check_step(&step)?;
    let (program, compiled) = program::build(device, &step)?;
    let kernel = Kernel::new(device, &program, &step)?;
    for (index, value) in step.arguments.iter().enumerate() {
        kernel.set(device, index, memory.argument(value)?)?;
    }
    Ok((Prepared { kernel, goes_by }, compiled))
}
