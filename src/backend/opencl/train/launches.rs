//! Programs, each built once, and launches with all their arguments.

use std::collections::HashMap;

use ocl::core::{self, ArgVal, CommandQueue, Event, Kernel, Mem, Program};

use super::super::runner::check_group_size;
use super::super::{OpenClDevice, program};
use crate::backend::gpu::recipe::{Launch, Step};
use crate::error::{Error, Result};

/// A kernel file with what stands in front of it.
#[derive(Clone, Copy)]
pub struct Source {
    /// For messages and the cache.
    pub file: &'static str,
    /// All of its text.
    pub text: &'static str,
}

/// One kernel argument.
#[derive(Clone, Copy)]
pub enum Value<'m> {
    /// A size or a flag.
    Int(i32),
    /// A number.
    Float(f32),
    /// Memory.
    Mem(&'m Mem),
}

impl From<usize> for Value<'_> {
    fn from(size: usize) -> Self {
        Value::Int(size as i32)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Int(i32::from(flag))
    }
}

impl From<f64> for Value<'_> {
    fn from(number: f64) -> Self {
        Value::Float(number as f32)
    }
}

impl<'m> From<&'m Mem> for Value<'m> {
    fn from(mem: &'m Mem) -> Self {
        Value::Mem(mem)
    }
}

/// A kernel with its arguments and how it is launched. The memory behind the arguments is the caller's
/// to keep.
pub struct Prepared {
    kernel: Kernel,
    launch: Launch,
    /// What the parameters that it goes by were chosen for; empty where nobody asks.
    goes_by: String,
}

impl Prepared {
    /// The same, going by the parameters that were chosen for this.
    pub fn going_by(self, what: &str) -> Prepared {
        Prepared { goes_by: what.to_string(), ..self }
    }

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
    pub fn set(&self, device: &OpenClDevice, index: usize, value: Value<'_>) -> Result<()> {
        let value = match &value {
            Value::Int(size) => ArgVal::scalar(size),
            Value::Float(number) => ArgVal::scalar(number),
            Value::Mem(mem) => ArgVal::mem(mem),
        };
        core::set_kernel_arg(&self.kernel, index as u32, value)
            .map_err(|e| device.refused("passing an argument", &e))
    }
}

/// What prepares launches.
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

    /// A launch of kernel `name` of a source under options.
    pub fn prepare(
        &mut self,
        source: Source,
        (name, options): (&'static str, &str),
        values: &[Value<'_>],
        launch: Launch,
        local_bytes: u64,
    ) -> Result<Prepared> {
        let step = Step {
            file: source.file,
            source: source.text,
            kernel: name,
            options: options.to_string(),
            arguments: Vec::new(),
            group_size: launch.local.iter().product(),
            launch,
            local_bytes,
        };
        self.check_limits(&step)?;
        let kernel = core::create_kernel(self.program(&step)?, name)
            .map_err(|e| self.device.refused("making a kernel", &e))?;
        check_group_size(self.device, &kernel, step.group_size)?;
        let prepared = Prepared { kernel, launch: step.launch, goes_by: String::new() };
        for (index, value) in values.iter().enumerate() {
            prepared.set(self.device, index, *value)?;
        }
        Ok(prepared)
    }

    /// A step's program, built when it is first asked for.
    fn program(&mut self, step: &Step) -> Result<&Program> {
        let key = (step.file, step.options.clone());
        if !self.built.contains_key(&key) {
            let (program, is_new) = program::build(self.device, step)?;
            self.compiled |= is_new;
            self.built.insert(key.clone(), program);
        }
        Ok(&self.built[&key])
    }

    fn check_limits(&self, step: &Step) -> Result<()> {
        let (items, most) = (step.group_size, self.device.max_group_size);
        if items > most {
            return Err(Error::Unsupported(format!(
                "needs work-groups of {items} items, the device allows {most}"
            )));
        }
        let (bytes, most) = (step.local_bytes, self.device.entry.local_memory_bytes.unwrap_or(0));
        if bytes > most {
            return Err(Error::Unsupported(format!(
                "needs {bytes} bytes of local memory, the device has {most}"
            )));
        }
        Ok(())
    }
}
