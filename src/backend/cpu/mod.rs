//! The CPU path: every implementation on all chosen cores, operands in main memory.

mod gemm;
mod native;
mod pool;

use super::{Details, Device, Runner, Task};
use crate::error::{Error, Result};
use crate::machine::{self, DeviceEntry};
use crate::record::DeviceKind;
use crate::tensor::{FENCE, fenced};
use crate::workload::{Scope, Shape, Workload};

pub use pool::Pool;

/// Computes an output from inputs on the threads of a pool. The output may hold anything before.
type Kernel = fn(&Pool, &Shape, &[Vec<f32>], &mut [f32]);

/// One way to compute a workload.
struct Implementation {
    workload: &'static str,
    name: &'static str,
    kernel: Kernel,
    /// Rows and columns of the output behind whose edges mistakes would hide.
    tile: (usize, usize),
}

/// Every implementation, in the order of reports.
const IMPLEMENTATIONS: &[Implementation] = &[
    Implementation {
        workload: "gemm",
        name: "matrixmultiply",
        kernel: gemm::matrixmultiply,
        tile: (16, 16),
    },
    Implementation { workload: "gemm", name: "gemm", kernel: gemm::gemm, tile: (16, 16) },
    Implementation { workload: "gemm", name: "native", kernel: native::gemm, tile: (16, 32) },
];

/// The CPU as a device.
pub struct Cpu {
    entry: DeviceEntry,
    pool: Pool,
}

impl Cpu {
    /// Starts one pinned thread on each of `cores`.
    pub fn new(cores: &[usize]) -> Cpu {
        let facts = machine::cpu_facts();
        let entry = DeviceEntry {
            id: "cpu".to_string(),
            kind: DeviceKind::Cpu,
            name: facts.name,
            backend: "cpu".to_string(),
            driver: String::new(),
            class: String::new(),
            threads: Some(cores.len() as u32),
            compute_units: None,
            clock_mhz: facts.clock_mhz,
            memory_bytes: facts.memory_bytes,
            max_allocation_bytes: facts.memory_bytes,
            local_memory_bytes: None,
            extensions: Vec::new(),
        };
        Cpu { entry, pool: Pool::new(cores) }
    }
}

fn implementations(workload: &dyn Workload) -> impl Iterator<Item = &'static Implementation> {
    let name = workload.name();
    IMPLEMENTATIONS.iter().filter(move |i| i.workload == name)
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
        Ok(Box::new(CpuRunner {
            pool: &self.pool,
            implementation,
            shape: task.shape.clone(),
            inputs: task.workload.inputs(task.shape).iter().map(|len| vec![0.0; *len]).collect(),
            output: fenced(task.workload.output(task.shape)),
        }))
    }
}

/// A prepared task on the CPU. Nothing is moved, so both scopes are the same run.
struct CpuRunner<'a> {
    pool: &'a Pool,
    implementation: &'static Implementation,
    shape: Shape,
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
        (self.implementation.kernel)(self.pool, &self.shape, &self.inputs, output);
        Ok(())
    }

    fn inputs(&mut self) -> Result<Vec<Vec<f32>>> {
        Ok(self.inputs.clone())
    }

    fn output(&mut self, _: Scope) -> Result<Vec<f32>> {
        Ok(self.output.clone())
    }

    fn details(&self) -> Details {
        Details {
            tuned: "",
            scratch_bytes: 0,
            compiled: false,
            tile: self.implementation.tile,
            threads: None,
        }
    }
}
