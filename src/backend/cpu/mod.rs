//! The CPU path: every implementation on all chosen cores, operands in main memory.

#[allow(dead_code)]
mod conv;
mod flush;
mod gemm;
mod native;
mod peak;
mod pool;
#[expect(dead_code)]
mod simd;
mod stream;

use super::{Details, Device, Runner, Task};
use crate::error::{Error, Result};
use crate::machine::{self, DeviceEntry};
use crate::record::DeviceKind;
use crate::tensor::{FENCE, fenced};
use crate::workload::{Dtype, Scope, Shape, Workload, peak_work};

use flush::Flush;
pub use pool::Pool;

/// What computes an output from inputs on the threads of a pool. The output may hold anything before.
#[derive(Clone, Copy)]
enum Kernel {
    /// In f32, as often as it is called.
    Plain(fn(&Pool, &Shape, &[Vec<f32>], &mut [f32])),
    /// Chains of multiply-adds, with these instructions.
    Peak(peak::Isa),
}

/// One way to compute a workload.
struct Implementation {
    workload: &'static str,
    name: &'static str,
    kernel: Kernel,
    /// Rows and columns of the output behind whose edges mistakes would hide.
    tile: (usize, usize),
}

/// Batches of `peak-fma` that each thread does in a run: about a millisecond on a fast core.
const PEAK_BATCHES: usize = 2;

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
    plain("stream-copy", "native", stream::copy),
    plain("stream-copy", "native-nt", stream::copy_nt),
    plain("stream-scale", "native", stream::scale),
    plain("stream-scale", "native-nt", stream::scale_nt),
    plain("stream-add", "native", stream::add),
    plain("stream-add", "native-nt", stream::add_nt),
    plain("stream-triad", "native", stream::triad),
    plain("stream-triad", "native-nt", stream::triad_nt),
    plain("stream-dot", "native", stream::dot),
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
        let inputs: usize = task.workload.inputs(task.shape).iter().sum();
        4 * (inputs + task.workload.output(task.shape)) as u64
    }

    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>> {
        let found = implementations(task.workload).find(|i| i.name == task.implementation);
        let implementation = found.ok_or_else(|| {
            Error::Unsupported(format!("the CPU has no implementation '{}'", task.implementation))
        })?;
        let precision = match task.dtype {
            Dtype::F32 => peak::Precision::F32,
            Dtype::F64 => peak::Precision::F64,
            Dtype::F16 => return Err(Error::Unsupported("the CPU path has no f16".into())),
        };
        Ok(Box::new(CpuRunner {
            pool: &self.pool,
            flush: &self.flush,
            implementation,
            shape: task.shape.clone(),
            precision,
            inputs: task.workload.inputs(task.shape).iter().map(|len| vec![0.0; *len]).collect(),
            output: fenced(task.workload.output(task.shape)),
        }))
    }
}

/// Batches of a run of `peak-fma`.
fn peak_batches(pool: &Pool) -> usize {
    PEAK_BATCHES * pool.threads()
}

/// A prepared task on the CPU. Nothing is moved, so both scopes are the same run.
struct CpuRunner<'a> {
    pool: &'a Pool,
    flush: &'a Flush,
    implementation: &'static Implementation,
    shape: Shape,
    precision: peak::Precision,
    inputs: Vec<Vec<f32>>,
    output: Vec<f32>,
}

impl Runner for CpuRunner<'_> {
    fn load(&mut self, inputs: &[Vec<f32>]) -> Result<()> {
        for (own, new) in self.inputs.iter_mut().zip(inputs) {
            own.copy_from_slice(new);
        }
        Ok(())
    }

    fn poison(&mut self, _: Scope) -> Result<()> {
        self.output = fenced(self.output.len() - 2 * FENCE);
        Ok(())
    }

    fn run(&mut self, _: Scope) -> Result<()> {
        let end = self.output.len() - FENCE;
        let output = &mut self.output[FENCE..end];
        match self.implementation.kernel {
            Kernel::Plain(kernel) => kernel(self.pool, &self.shape, &self.inputs, output),
            Kernel::Peak(isa) => {
                let (start, step) = (&self.inputs[0], &self.inputs[1]);
                let batches = peak_batches(self.pool);
                peak::run(isa, self.precision, self.pool, batches, start, step, output);
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.flush.run(self.pool);
        Ok(())
    }

    fn inputs(&mut self) -> Result<Vec<Vec<f32>>> {
        Ok(self.inputs.clone())
    }

    fn output(&mut self, _: Scope) -> Result<Vec<f32>> {
        Ok(self.output.clone())
    }

    fn details(&self) -> Details {
        let work = match self.implementation.kernel {
            Kernel::Plain(_) => None,
            Kernel::Peak(_) => Some(peak_work(peak_batches(self.pool) as u64)),
        };
        Details { tile: self.implementation.tile, work, ..Details::default() }
    }
}
