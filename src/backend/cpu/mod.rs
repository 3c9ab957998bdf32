//! The CPU path: every implementation on all chosen cores, operands in main memory.

mod aligned;
pub mod backend;
mod batch;
mod conv;
mod flush;
mod gemm;
mod gemv;
mod layernorm;
mod native;
mod peak;
mod pool;
mod rows;
mod runner;
mod share;
mod simd;
mod softmax;
mod stream;
mod train;

use half::bf16;

use super::{Device, Runner, Task};
use crate::error::{Error, Result};
use crate::machine::{self, DeviceEntry};
use crate::tensor::Element;
use crate::terms::{Conv, DeviceId, DeviceKind, Dtype};
use crate::workload::Workload;

use flush::Flush;
pub use pool::Pool;
use runner::{Call, Computation, CpuRunner, Function, Peak};
use simd::Isa;
use stream::{Copied, Scaled, Sum, Triad};

/// Id of the only device.
const PREFIX: &str = "cpu";

/// What computes a workload on the threads of a pool.
#[derive(Clone, Copy)]
enum Kernel {
    /// A function of plain slices of such numbers.
    F32(Function<f32>),
    F64(Function<f64>),
    Bf16(Function<bf16>),
    /// Chains of multiply-adds, with these instructions.
    Peak(Isa),
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
    /// Whether it can be called on this computer at all, asked before its first call.
    check: fn() -> Result<()>,
}

/// Memory that a convolution may take beside its tensors.
const SCRATCH_BYTES: u64 = 64 << 20;

/// Every implementation, in the order of reports.
const IMPLEMENTATIONS: &[Implementation] = &[
    product("matrixmultiply", Kernel::F32(gemm::matrixmultiply_f32), (16, 16)),
    product("matrixmultiply", Kernel::F64(gemm::matrixmultiply_f64), (16, 16)),
    Implementation {
        check: gemm::check_crate,
        ..product("gemm", Kernel::F32(gemm::gemm), (16, 16))
    },
    Implementation {
        check: gemm::check_crate,
        ..product("gemm", Kernel::F64(gemm::gemm), (16, 16))
    },
    product("native", Kernel::F32(native::gemm), (16, 32)),
    product("native", Kernel::Bf16(native::gemm_bf16), (16, 32)),
    of("gemv", "native", Kernel::F32(gemv::native)),
    of("gemv", "native", Kernel::F64(gemv::native)),
    of("conv-fprop", "native", Kernel::Conv(conv::fprop)),
    of("conv-fprop", "winograd-f2", Kernel::Conv(conv::winograd::fprop::<2>)),
    of("conv-fprop", "winograd-f4", Kernel::Conv(conv::winograd::fprop::<4>)),
    of("conv-dgrad", "native", Kernel::Conv(conv::dgrad)),
    of("conv-dgrad", "winograd-f2", Kernel::Conv(conv::winograd::dgrad::<2>)),
    of("conv-dgrad", "winograd-f4", Kernel::Conv(conv::winograd::dgrad::<4>)),
    of("conv-wgrad", "native", Kernel::Conv(conv::wgrad)),
    of("softmax", "native", Kernel::F32(softmax::native)),
    of("layernorm", "native", Kernel::F32(layernorm::native)),
    of("stream-copy", "native", Kernel::F32(stream::map::<Copied, false>)),
    of("stream-copy", "native-nt", Kernel::F32(stream::map::<Copied, true>)),
    of("stream-scale", "native", Kernel::F32(stream::map::<Scaled, false>)),
    of("stream-scale", "native-nt", Kernel::F32(stream::map::<Scaled, true>)),
    of("stream-add", "native", Kernel::F32(stream::map::<Sum, false>)),
    of("stream-add", "native-nt", Kernel::F32(stream::map::<Sum, true>)),
    of("stream-triad", "native", Kernel::F32(stream::map::<Triad, false>)),
    of("stream-triad", "native-nt", Kernel::F32(stream::map::<Triad, true>)),
    of("stream-dot", "native", Kernel::F32(stream::dot)),
    of("train-mlp", "native", Kernel::Train),
    of("train-cnn", "native", Kernel::Train),
    of("train-lstm", "native", Kernel::Train),
    of("train-transformer", "native", Kernel::Train),
    #[cfg(target_arch = "x86_64")]
    of("peak-fma", "avx512", Kernel::Peak(Isa::Avx512)),
    #[cfg(target_arch = "x86_64")]
    of("peak-fma", "avx2", Kernel::Peak(Isa::Avx2)),
    #[cfg(target_arch = "aarch64")]
    of("peak-fma", "neon", Kernel::Peak(Isa::Neon)),
    of("peak-fma", "scalar", Kernel::Peak(Isa::Portable)),
];

const fn product(name: &'static str, kernel: Kernel, tile: (usize, usize)) -> Implementation {
    Implementation { workload: "gemm", name, kernel, tile, check: || Ok(()) }
}

const fn of(workload: &'static str, name: &'static str, kernel: Kernel) -> Implementation {
    let tile = match kernel {
        // Output channels and pixels of a register tile, or filters and taps.
        Kernel::Conv(_) => (8, 48),
        Kernel::Train => (1, 1),
        _ => (1, 64),
    };
    Implementation { workload, name, kernel, tile, check: || Ok(()) }
}

impl Implementation {
    /// Whether it computes in this dtype.
    fn serves(&self, dtype: Dtype) -> bool {
        match self.kernel {
            Kernel::F32(_) | Kernel::Conv(_) | Kernel::Train => dtype == Dtype::F32,
            Kernel::F64(_) => dtype == Dtype::F64,
            Kernel::Bf16(_) => dtype == Dtype::Bf16,
            // Without f16 it says so.
            Kernel::Peak(_) => true,
        }
    }

    /// Whether this CPU has what it takes. Stores that can't go past the caches would be the plain
    /// ones under another name.
    fn is_available(&self) -> bool {
        match self.kernel {
            Kernel::Peak(isa) => isa.is_available(),
            _ => !self.name.ends_with("-nt") || stream::has_nt(),
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
    pub fn new(cores: &[usize]) -> Result<Cpu> {
        let facts = machine::cpu_facts();
        let entry = DeviceEntry {
            threads: Some(cores.len() as u32),
            clock_mhz: facts.clock_mhz,
            memory_bytes: facts.memory_bytes,
            max_allocation_bytes: facts.memory_bytes,
            ..DeviceEntry::new(DeviceId::cpu(), DeviceKind::Cpu, &facts.name, PREFIX)
        };
        Ok(Cpu { entry, pool: Pool::new(cores)?, flush: Flush::default() })
    }

    fn runner<T: Element, C: Computation<T> + 'static>(
        &self,
        computation: C,
        tile: (usize, usize),
        task: &Task<'_>,
    ) -> Box<dyn Runner + '_> {
        Box::new(CpuRunner::new(self, computation, tile, task))
    }
}

fn implementations(
    workload: &dyn Workload,
    dtype: Dtype,
) -> impl Iterator<Item = &'static Implementation> {
    let name = workload.name();
    let serves = move |i: &&Implementation| i.workload == name && i.serves(dtype);
    IMPLEMENTATIONS.iter().filter(serves).filter(|i| i.is_available())
}

impl Device for Cpu {
    fn entry(&self) -> &DeviceEntry {
        &self.entry
    }

    fn implementations(&self, workload: &dyn Workload, dtype: Dtype) -> Vec<&str> {
        implementations(workload, dtype).map(|i| i.name).collect()
    }

    fn footprint_bytes(&self, task: &Task<'_>) -> u64 {
        if let Some(network) = task.workload.network() {
            return train::TrainRunner::footprint_bytes(&(network.graph)(task.shape));
        }
        let is_conv = |i: &Implementation| matches!(i.kernel, Kernel::Conv(_));
        let convolves = implementations(task.workload, task.dtype).any(is_conv);
        // Operands are those of the problem; convolutions have copies that begin on cache lines.
        let copies: usize = task.workload.inputs(task.shape).iter().sum();
        let elements = task.workload.output(task.shape) + if convolves { copies } else { 0 };
        let scratch = if convolves { SCRATCH_BYTES } else { 0 };
        task.format().bytes() * elements as u64 + scratch
    }

    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>> {
        let mut serving = implementations(task.workload, task.dtype);
        let implementation = serving.find(|i| i.name == task.implementation).ok_or_else(|| {
            let (name, dtype) = (task.implementation, task.dtype.name());
            Error::Unsupported(format!("the CPU has no implementation '{name}' in {dtype}"))
        })?;
        (implementation.check)()?;
        if let Some(network) = task.workload.network() {
            let graph = (network.graph)(task.shape);
            let (work, limit) = (task.workload.work(task.shape), runner::scratch_limit());
            let runner = train::TrainRunner::new(&self.pool, graph, work, limit)?;
            return Ok(Box::new(runner));
        }
        let (tile, shape) = (implementation.tile, task.shape.clone());
        Ok(match implementation.kernel {
            Kernel::F32(function) => self.runner(Call { function, shape }, tile, task),
            Kernel::F64(function) => self.runner(Call { function, shape }, tile, task),
            Kernel::Bf16(function) => self.runner(Call { function, shape }, tile, task),
            Kernel::Peak(isa) if peak::serves(task.dtype) => {
                self.runner(Peak(isa, task.dtype), tile, task)
            }
            Kernel::Peak(_) => {
                let lacking = format!("the CPU path has no {}", task.dtype.name());
                return Err(Error::Unsupported(lacking));
            }
            Kernel::Conv(prepare) => {
                let (isa, threads) = (Isa::best(), self.pool.threads());
                let means = conv::Means { isa, threads, scratch_limit: runner::scratch_limit() };
                self.runner(prepare(means, &Conv::of(task.shape))?, tile, task)
            }
            Kernel::Train => unreachable!("a training step is a workload with a network"),
        })
    }
}
