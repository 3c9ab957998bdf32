//! The CPU path: every implementation on all chosen cores, operands in main memory.

mod aligned;
mod conv;
mod flush;
mod gemm;
mod native;
mod peak;
mod pool;
mod runner;
mod simd;
mod stream;
mod train;

use super::{Device, Runner, Task};
use crate::error::{Error, Result};
use crate::machine::{self, DeviceEntry};
use crate::terms::DeviceKind;
use crate::terms::{Dtype, Shape};
use crate::workload::Workload;

use flush::Flush;
pub use pool::Pool;

/// What computes an output from inputs on the threads of a pool. The output may hold anything before.
#[derive(Clone, Copy)]
enum Kernel {
    /// In f32, as often as it is called.
    Plain(fn(&Pool, &Shape, &[Vec<f32>], &mut [f32])),
    /// Chains of multiply-adds, with these instructions.
    Peak(peak::Isa),
    /// A convolution, made ready for its sizes.
    Conv(conv::Prepare),
    /// A training step, which is a runner of its own.
    Train,
}

/// One way to compute a workload.
struct Implementation {
    workload: &'static str,
    name: &'static str,
    kernel: Kernel,
    /// Rows and columns of the output behind whose edges mistakes would hide.
    tile: (usize, usize),
}

/// Memory that a convolution may take beside its tensors.
const SCRATCH_BYTES: u64 = 64 << 20;

/// Every implementation, in the order of reports.
const IMPLEMENTATIONS: &[Implementation] = &[
    Implementation {
        workload: "gemm",
        name: "matrixmultiply",
        kernel: Kernel::Plain(gemm::matrixmultiply),
        tile: (16, 16),
    },
    Implementation {
        workload: "gemm",
        name: "gemm",
        kernel: Kernel::Plain(gemm::gemm),
        tile: (16, 16),
    },
    Implementation {
        workload: "gemm",
        name: "native",
        kernel: Kernel::Plain(native::gemm),
        tile: (16, 32),
    },
    conv("conv-fprop", "native", conv::fprop),
    conv("conv-fprop", "winograd-f2", conv::winograd::fprop::<2>),
    conv("conv-fprop", "winograd-f4", conv::winograd::fprop::<4>),
    conv("conv-dgrad", "native", conv::dgrad),
    conv("conv-dgrad", "winograd-f2", conv::winograd::dgrad::<2>),
    conv("conv-dgrad", "winograd-f4", conv::winograd::dgrad::<4>),
    conv("conv-wgrad", "native", conv::wgrad),
    plain("stream-copy", "native", stream::copy),
    plain("stream-copy", "native-nt", stream::copy_nt),
    plain("stream-scale", "native", stream::scale),
    plain("stream-scale", "native-nt", stream::scale_nt),
    plain("stream-add", "native", stream::add),
    plain("stream-add", "native-nt", stream::add_nt),
    plain("stream-triad", "native", stream::triad),
    plain("stream-triad", "native-nt", stream::triad_nt),
    plain("stream-dot", "native", stream::dot),
    train("train-mlp"),
    train("train-cnn"),
    train("train-lstm"),
    train("train-transformer"),
    peak(peak::Isa::Avx512),
    peak(peak::Isa::Avx2),
    peak(peak::Isa::Neon),
    peak(peak::Isa::Scalar),
];

const fn plain(
    workload: &'static str,
    name: &'static str,
    kernel: fn(&Pool, &Shape, &[Vec<f32>], &mut [f32]),
) -> Implementation {
    Implementation { workload, name, kernel: Kernel::Plain(kernel), tile: (1, 64) }
}

/// Output channels and pixels of a register tile, or filters and taps.
const fn conv(
    workload: &'static str,
    name: &'static str,
    prepare: conv::Prepare,
) -> Implementation {
    Implementation { workload, name, kernel: Kernel::Conv(prepare), tile: (8, 48) }
}

const fn train(workload: &'static str) -> Implementation {
    Implementation { workload, name: "native", kernel: Kernel::Train, tile: (1, 1) }
}

const fn peak(isa: peak::Isa) -> Implementation {
    Implementation {
        workload: "peak-fma",
        name: isa.name(),
        kernel: Kernel::Peak(isa),
        tile: (1, 64),
    }
}

impl Implementation {
    /// Whether this CPU has what it takes. Stores that can't go past the caches would be the plain
    /// ones under another name.
    fn is_available(&self) -> bool {
        match self.kernel {
            Kernel::Conv(_) | Kernel::Train => true,
            Kernel::Plain(_) => !self.name.ends_with("-nt") || stream::has_nt(),
            Kernel::Peak(isa) => isa.is_available(),
        }
    }
}

/// The CPU as a device.
pub struct Cpu {
    entry: DeviceEntry,
    pool: Pool,
    flush: Flush,
}

impl Cpu {
    /// Starts one pinned thread on each of `cores`.
    pub fn new(cores: &[usize]) -> Cpu {
        let facts = machine::cpu_facts();
        let entry = DeviceEntry {
            threads: Some(cores.len() as u32),
            clock_mhz: facts.clock_mhz,
            memory_bytes: facts.memory_bytes,
            max_allocation_bytes: facts.memory_bytes,
            ..DeviceEntry::new("cpu", DeviceKind::Cpu, &facts.name, "cpu")
        };
        Cpu { entry, pool: Pool::new(cores), flush: Flush::default() }
    }
}

fn implementations(workload: &dyn Workload) -> impl Iterator<Item = &'static Implementation> {
    let name = workload.name();
    IMPLEMENTATIONS.iter().filter(move |i| i.workload == name).filter(|i| i.is_available())
}

impl Device for Cpu {
    fn entry(&self) -> &DeviceEntry {
        &self.entry
    }

    fn implementations(&self, workload: &dyn Workload) -> Vec<&str> {
        implementations(workload).map(|i| i.name).collect()
    }

    fn defaults(&self, workload: &dyn Workload) -> Vec<String> {
        implementations(workload).map(|i| i.name.to_string()).collect()
    }

    fn footprint_bytes(&self, task: &Task<'_>) -> u64 {
        if let Some(network) = task.workload.network() {
            return train::TrainRunner::footprint_bytes(&(network.graph)(task.shape));
        }
        let inputs: usize = task.workload.inputs(task.shape).iter().sum();
        let tensors = 4 * (inputs + task.workload.output(task.shape)) as u64;
        let is_conv = |i: &Implementation| matches!(i.kernel, Kernel::Conv(_));
        let takes_scratch = implementations(task.workload).any(is_conv);
        tensors + if takes_scratch { SCRATCH_BYTES } else { 0 }
    }

    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>> {
        let found = implementations(task.workload).find(|i| i.name == task.implementation);
        let implementation = found.ok_or_else(|| {
            Error::Unsupported(format!("the CPU has no implementation '{}'", task.implementation))
        })?;
        if let Some(network) = task.workload.network() {
            let graph = (network.graph)(task.shape);
            let (work, limit) = (task.workload.work(task.shape), runner::scratch_limit());
            let runner = train::TrainRunner::new(&self.pool, graph, work, limit)?;
            return Ok(Box::new(runner));
        }
        let precision = match task.dtype {
            Dtype::F32 => peak::Precision::F32,
            Dtype::F64 => peak::Precision::F64,
            Dtype::F16 => return Err(Error::Unsupported("the CPU path has no f16".into())),
        };
        Ok(Box::new(runner::CpuRunner::new(self, implementation, precision, task)?))
    }
}
