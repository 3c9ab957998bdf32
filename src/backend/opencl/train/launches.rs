//! Programs, each built once, and launches with all their arguments.

use std::collections::HashMap;

use ocl::core::{self, ArgVal, CommandQueue, Event, Kernel, Program};

use super::super::device::OpenClDevice;
use super::super::program;
use super::super::runner::check_group_size;
use super::memory::Memory;
use crate::backend::gpu::recipe::{Launch, Step};
use crate::backend::gpu::train::{Call, Value};
use crate::error::Result;

/// A kernel with its arguments and how it is launched. The memory behind the arguments is the caller's
/// to keep.
pub struct Prepared {
    kernel: Kernel,
    launch: Launch,
    /// What the parameters that it goes by were chosen for; empty where nobody asks.
    goes_by: String,
}

impl Prepared {
    /// Whether it goes by the parameters that were chosen for this.
    pub fn goes_by(&self, what: &str) -> bool {
        self.goes_by == what
    }

    /// Enqueues it.
    pub fn enqueue(
        &self,
        device: &OpenClDevice,
        queue: &CommandQueue,
        event: Option<&mut Event>,
    ) -> Result<()> {
        let Launch { global, local } = &self.launch;
        // SAFETY: the arguments are buffers of the sizes that the kernel's other arguments state; the
        // runner keeps them beside its launches. That kernels stay inside them is what the tests, the
        // fences and Oclgrind watch over.
        let status = unsafe {
            let (none, local) = (None::<&Event>, Some(*local));
            core::enqueue_kernel(queue, &self.kernel, 3, None, global, local, none, event)
        };
        status.map_err(|e| device.refused("launching a kernel", &e))
    }

    /// Replaces an argument for the launches from now on.
    pub fn set(
        &self,
        device: &OpenClDevice,
        memory: &Memory,
        index: usize,
        value: Value,
    ) -> Result<()> {
        let value = match &value {
            Value::Int(size) => ArgVal::scalar(size),
            Value::Float(number) => ArgVal::scalar(number),
            Value::Slot(tensor) => ArgVal::mem(memory.mem(*tensor)?),
        };
        core::set_kernel_arg(&self.kernel, index as u32, value)
            .map_err(|e| device.refused("passing an argument", &e))
    }
}

/// What prepares launches: programs, each built once.
pub struct Programs<'a> {
    device: &'a OpenClDevice,
    built: HashMap<(&'static str, String), Program>,
    /// Whether any was compiled from source.
    pub compiled: bool,
}

impl<'a> Programs<'a> {
    /// None built yet.
    pub fn new(device: &'a OpenClDevice) -> Self {
        Programs { device, built: HashMap::new(), compiled: false }
    }

    /// A launch with its arguments in memory.
    pub fn prepare(&mut self, call: Call, memory: &Memory) -> Result<Prepared> {
        let Call { step, goes_by } = call;
        self.device.target.check_step(&step)?;
        let kernel = core::create_kernel(self.program(&step)?, step.kernel)
            .map_err(|e| self.device.refused("making a kernel", &e))?;
        check_group_size(self.device, &kernel, step.launch.group_size())?;
        let prepared = Prepared { kernel, launch: step.launch, goes_by };
        for (index, value) in step.arguments.iter().enumerate() {
            prepared.set(self.device, memory, index, *value)?;
        }
        Ok(prepared)
    }

    /// A step's program, built when it is first asked for.
    fn program(&mut self, step: &Step<Value>) -> Result<&Program> {
        let key = (step.program, step.options.clone());
        if !self.built.contains_key(&key) {
            let (program, is_new) = program::build(self.device, step)?;
            self.compiled |= is_new;
            self.built.insert(key.clone(), program);
        }
        Ok(&self.built[&key])
    }
}
