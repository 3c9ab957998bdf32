//! A prepared task on an OpenCL device: buffers, kernels, both queues.

use ocl::core::{self, ArgVal, CommandQueue, Event, ProfilingInfo, Program};

use super::buffer::{Buffer, FencedBuffer, Table};
use super::device::OpenClDevice;
use super::kernel::{self, Kernel};
use super::{flush, program};
use crate::backend::gpu::recipe::{Argument, Recipe, Step};
use crate::backend::{Details, Runner, Task};
use crate::error::Result;
use crate::tensor::{FENCE, Operands, Tensor, Values, with_values, with_values_mut};
use crate::terms::Scope;

/// Kernels with their operands on a device.
pub struct KernelRunner<'a> {
    device: &'a OpenClDevice,
    recipe: Recipe,
    compiled: bool,
    /// One for each step.
    kernels: Vec<Kernel>,
    inputs: Vec<Buffer>,
    output: FencedBuffer,
    /// Kept because the kernels refer to it.
    scratch: Vec<Buffer>,
    tables: Vec<Table>,
    /// What an end-to-end run uploads; none before the first are loaded.
    operands: Operands,
    /// Where an end-to-end run downloads to, and where results are looked at, with fences.
    host_output: Tensor,
}

impl<'a> KernelRunner<'a> {
    /// Compiles, allocates and sets the arguments.
    pub fn new(device: &'a OpenClDevice, task: &Task<'_>, recipe: Recipe) -> Result<Self> {
        let mut compiled = false;
        let mut programs = Vec::new();
        for step in &recipe.steps {
            let (program, is_new) = program::build(device, step)?;
            compiled |= is_new;
            programs.push(program);
        }
        let format = task.format();
        let lengths = task.workload.inputs(task.shape);
        let inputs: Vec<Buffer> =
            lengths.iter().map(|len| Buffer::of(device, format, *len)).collect::<Result<_>>()?;
        let output = FencedBuffer::of(device, format, task.workload.output(task.shape))?;
        let scratch: Vec<Buffer> =
            recipe.scratch.iter().map(|len| Buffer::new(device, *len)).collect::<Result<_>>()?;
        let tables: Vec<Table> =
            recipe.tables.iter().map(|data| Table::new(device, data)).collect::<Result<_>>()?;
        let mut runner = KernelRunner {
            operands: Operands::from(Vec::new()),
            host_output: Tensor::fenced(format, output.part.len),
            device,
            recipe,
            compiled,
            kernels: Vec::new(),
            inputs,
            output,
            scratch,
            tables,
        };
        runner.take_kernels(&programs)?;
        Ok(runner)
    }

    /// Compiles anew with further options, past the cache of binaries.
    pub fn recompile(&mut self, options: &str) -> Result<()> {
        let compile = |step| program::compile(self.device, step, options);
        let programs: Vec<Program> =
            self.recipe.steps.iter().map(compile).collect::<Result<_>>()?;
        self.take_kernels(&programs)
    }

    /// Makes the kernels of the steps, one from each program.
    fn take_kernels(&mut self, programs: &[Program]) -> Result<()> {
        let kernels = self.recipe.steps.iter().zip(programs).map(|(s, p)| self.kernel(s, p));
        self.kernels = kernels.collect::<Result<_>>()?;
        Ok(())
    }

    /// A step's kernel with its arguments.
    fn kernel(&self, step: &Step, program: &Program) -> Result<Kernel> {
        let kernel = Kernel::new(self.device, program, step)?;
        for (index, argument) in step.arguments.iter().enumerate() {
            let value = match argument {
                Argument::Int(size) => ArgVal::scalar(size),
                Argument::Float(number) => ArgVal::scalar(number),
                Argument::Input(number) => ArgVal::mem(&self.inputs[*number].mem),
                Argument::Output => ArgVal::mem(&self.output.part.mem),
                Argument::Scratch(number) => ArgVal::mem(&self.scratch[*number].mem),
                Argument::Table(number) => ArgVal::mem(&self.tables[*number].mem),
            };
            kernel.set(self.device, index, value)?;
        }
        Ok(kernel)
    }

    /// Enqueues all steps; queues are in order.
    pub fn launch(&self, queue: &CommandQueue) -> Result<()> {
        self.kernels.iter().try_for_each(|kernel| kernel.enqueue(self.device, queue, None))
    }

    /// Waits until the queue is empty.
    pub fn finish(&self, queue: &CommandQueue) -> Result<()> {
        core::finish(queue).map_err(self.device.refused("running a kernel"))
    }

    /// Computes once by the device's clock: seconds from a moment of the first kernel to one of the
    /// last. None where the driver has no such clock.
    pub fn between(&self, first: ProfilingInfo, last: ProfilingInfo) -> Result<Option<f64>> {
        let Some(queue) = &self.device.profiling_queue else { return Ok(None) };
        // An empty event can't be cloned.
        let mut events: Vec<Event> = self.kernels.iter().map(|_| Event::null()).collect();
        for (kernel, event) in self.kernels.iter().zip(&mut events) {
            kernel.enqueue(self.device, queue, Some(event))?;
        }
        self.finish(queue)?;
        Ok(kernel::seconds(&events, first, last))
    }

    /// Uploads, computes so many times, downloads.
    fn upload_compute_download(&mut self, runs: u32) -> Result<()> {
        let queue = &self.device.queue;
        let written =
            self.inputs.iter().zip(self.operands.iter()).try_for_each(|(buffer, data)| {
                with_values!(data, data => {
                    // SAFETY: the writes read memory of `self`, which is borrowed until `finish` has
                    // returned.
                    unsafe { buffer.write(self.device, data, false) }
                })
            });
        let launched = written.and_then(|()| (0..runs).try_for_each(|_| self.launch(queue)));
        let end = self.host_output.len() - FENCE;
        let (device, part) = (self.device, &self.output.part);
        let read = with_values_mut!(&mut self.host_output, output => {
            // SAFETY: the read is into memory of `self`, which is borrowed until `finish` returns.
            unsafe { part.read(device, &mut output[FENCE..end], false) }
        });
        // Whatever happened, nothing may be under way when the borrow ends.
        let finished = self.finish(queue);
        launched.and(read).and(finished)
    }
}

impl Runner for KernelRunner<'_> {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        self.operands = operands.clone();
        self.inputs.iter().zip(operands.iter()).try_for_each(
            |(buffer, new)| with_values!(new, new => buffer.write_now(self.device, new)),
        )
    }

    fn poison(&mut self, scope: Scope) -> Result<()> {
        if scope.moves() {
            self.inputs.iter().try_for_each(|buffer| buffer.poison(self.device))?;
        }
        self.host_output.fence();
        self.output.write_fenced(self.device, &self.host_output)
    }

    fn run(&mut self, scope: Scope) -> Result<()> {
        match scope {
            Scope::Compute => {
                self.launch(&self.device.queue)?;
                self.finish(&self.device.queue)
            }
            Scope::EndToEnd | Scope::Reused(_) => self.upload_compute_download(scope.runs()),
        }
    }

    fn flush(&mut self) -> Result<()> {
        flush::flush(self.device)
    }

    fn run_on_device_clock(&mut self) -> Result<Option<f64>> {
        self.between(ProfilingInfo::Start, ProfilingInfo::End)
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        for (number, (buffer, loaded)) in self.inputs.iter().zip(self.operands.iter()).enumerate() {
            if !buffer.holds(self.device, loaded.view())? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    fn output(&mut self, scope: Scope) -> Result<Values<'_>> {
        if !scope.moves() {
            self.output.read_fenced(self.device, &mut self.host_output)?;
        }
        Ok(self.host_output.view())
    }

    fn details(&self) -> Details {
        let scratch = self.scratch.iter().map(|buffer| buffer.len);
        let tables = self.tables.iter().map(|table| table.len);
        let change = self.recipe.tuned.and_then(|tuning| tuning.change);
        Details {
            tuned: self.recipe.tuned.map_or("", |tuning| tuning.name()),
            notes: change.map(|change| change.note().to_string()).into_iter().collect(),
            scratch_bytes: scratch.chain(tables).map(|len| 4 * len as u64).sum(),
            compiled: self.compiled,
            tile: self.recipe.tile,
            work: self.recipe.work,
            ..Details::default()
        }
    }
}
