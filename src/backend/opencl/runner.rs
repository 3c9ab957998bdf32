//! A prepared task on an OpenCL device: buffers, one kernel, both queues.

use ocl::core::{
    self, ArgVal, BufferRegion, CommandQueue, Event, Kernel, KernelWorkGroupInfo,
    KernelWorkGroupInfoResult, Mem, MemFlags, ProfilingInfo,
};

use super::{Argument, OpenClDevice, Recipe, program};
use crate::backend::{Details, Runner, Task};
use crate::error::{Error, Result};
use crate::tensor::{FENCE, POISON, fenced};
use crate::workload::Scope;

/// A kernel with its operands on a device.
pub struct KernelRunner<'a> {
    device: &'a OpenClDevice,
    recipe: Recipe,
    compiled: bool,
    kernel: Kernel,
    inputs: Vec<Buffer>,
    output: FencedBuffer,
    /// What an end-to-end run uploads.
    host_inputs: Vec<Vec<f32>>,
    /// Where an end-to-end run downloads to, with fences.
    host_output: Vec<f32>,
}

/// A device buffer of `len` floats.
struct Buffer {
    mem: Mem,
    len: usize,
}

/// An output between two fences: a part of a larger buffer, aligned as the device asks.
struct FencedBuffer {
    whole: Buffer,
    part: Mem,
    /// Where the part begins in the whole.
    start: usize,
    len: usize,
}

impl<'a> KernelRunner<'a> {
    /// Compiles, allocates and sets the arguments.
    pub fn new(device: &'a OpenClDevice, task: &Task<'_>, recipe: Recipe) -> Result<Self> {
        let refused = |what: &str| {
            let what = what.to_string();
            move |e: core::Error| device.refused(&what, &e)
        };
        let (program, compiled) = program::build(device, &recipe)?;
        let kernel =
            core::create_kernel(&program, recipe.kernel).map_err(refused("making a kernel"))?;
        check_group_size(device, &kernel, recipe.group_size)?;
        let lengths = task.workload.inputs(task.shape);
        let inputs: Vec<Buffer> =
            lengths.iter().map(|len| Buffer::new(device, *len)).collect::<Result<_>>()?;
        let output = FencedBuffer::new(device, task.workload.output(task.shape))?;
        for (index, argument) in recipe.arguments.iter().enumerate() {
            let value = match argument {
                Argument::Int(size) => ArgVal::scalar(size),
                Argument::Input(number) => ArgVal::mem(&inputs[*number].mem),
                Argument::Output => ArgVal::mem(&output.part),
            };
            core::set_kernel_arg(&kernel, index as u32, value)
                .map_err(refused("passing an argument"))?;
        }
        Ok(KernelRunner {
            host_inputs: lengths.iter().map(|len| vec![0.0; *len]).collect(),
            host_output: fenced(output.len),
            device,
            recipe,
            compiled,
            kernel,
            inputs,
            output,
        })
    }

    fn launch(&self, queue: &CommandQueue, event: Option<&mut Event>) -> Result<()> {
        let Recipe { launch, .. } = &self.recipe;
        // SAFETY: the arguments are set to buffers of the sizes that the kernel's other arguments
        // state, and they live as long as `self`. That the kernel stays inside them is what the
        // tests, the fences and Oclgrind watch over.
        let status = unsafe {
            core::enqueue_kernel(
                queue,
                &self.kernel,
                3,
                None,
                &launch.global,
                Some(launch.local),
                None::<&Event>,
                event,
            )
        };
        status.map_err(|e| self.device.refused("launching a kernel", &e))
    }

    fn finish(&self, queue: &CommandQueue) -> Result<()> {
        core::finish(queue).map_err(|e| self.device.refused("running a kernel", &e))
    }

    fn upload_compute_download(&mut self) -> Result<()> {
        let queue = &self.device.queue;
        // SAFETY: the writes read memory of `self`, which is borrowed until `finish` has returned.
        let written = self
            .inputs
            .iter()
            .zip(&self.host_inputs)
            .try_for_each(|(buffer, data)| unsafe { buffer.write(self.device, data, false) });
        let launched = written.and_then(|()| self.launch(queue, None));
        let end = self.host_output.len() - FENCE;
        let data = &mut self.host_output[FENCE..end];
        // SAFETY: the read is into memory of `self`, which is borrowed until `finish` returns.
        let status = unsafe {
            let none = None::<&Event>;
            core::enqueue_read_buffer(
                queue,
                &self.output.part,
                false,
                0,
                data,
                none,
                None::<&mut Event>,
            )
        };
        let read = status.map_err(|e| self.device.refused("reading a result", &e));
        // Whatever happened, nothing may be under way when the borrow ends.
        let finished = self.finish(queue);
        launched.and(read).and(finished)
    }
}

/// A kernel that takes many registers may allow smaller work-groups than the device does.
fn check_group_size(device: &OpenClDevice, kernel: &Kernel, items: usize) -> Result<()> {
    let answer =
        core::get_kernel_work_group_info(kernel, device.id, KernelWorkGroupInfo::WorkGroupSize);
    match answer {
        Ok(KernelWorkGroupInfoResult::WorkGroupSize(most)) if items > most => {
            Err(Error::Unsupported(format!(
                "needs work-groups of {items} items, this kernel on this device allows {most}"
            )))
        }
        // A driver that doesn't say leaves it to the launch.
        _ => Ok(()),
    }
}

impl Runner for KernelRunner<'_> {
    fn load(&mut self, inputs: &[Vec<f32>]) -> Result<()> {
        for ((buffer, host), new) in self.inputs.iter().zip(&mut self.host_inputs).zip(inputs) {
            host.copy_from_slice(new);
            buffer.write_now(self.device, new)?;
        }
        Ok(())
    }

    fn poison(&mut self, scope: Scope) -> Result<()> {
        self.host_output = fenced(self.output.len);
        if scope == Scope::EndToEnd {
            for buffer in &self.inputs {
                buffer.write_now(self.device, &vec![POISON; buffer.len])?;
            }
        }
        self.output.poison(self.device)
    }

    fn run(&mut self, scope: Scope) -> Result<()> {
        match scope {
            Scope::Compute => {
                self.launch(&self.device.queue, None)?;
                self.finish(&self.device.queue)
            }
            Scope::EndToEnd => self.upload_compute_download(),
        }
    }

    fn run_on_device_clock(&mut self) -> Result<Option<f64>> {
        let Some(queue) = &self.device.profiling_queue else { return Ok(None) };
        let mut event = Event::null();
        self.launch(queue, Some(&mut event))?;
        self.finish(queue)?;
        let nanoseconds = |moment| -> Option<u64> {
            core::get_event_profiling_info(&event, moment).ok()?.time().ok()
        };
        let (start, end) = (nanoseconds(ProfilingInfo::Start), nanoseconds(ProfilingInfo::End));
        // A clock that runs backwards is no clock: the caller refuses what is not positive.
        Ok(start.zip(end).map(|(start, end)| (end as f64 - start as f64) * 1e-9))
    }

    fn inputs(&mut self) -> Result<Vec<Vec<f32>>> {
        self.inputs.iter().map(|buffer| buffer.read(self.device)).collect()
    }

    fn output(&mut self, scope: Scope) -> Result<Vec<f32>> {
        match scope {
            Scope::Compute => self.output.read(self.device),
            Scope::EndToEnd => Ok(self.host_output.clone()),
        }
    }

    fn details(&self) -> Details {
        Details {
            tuned: self.recipe.tuned,
            scratch_bytes: 0,
            compiled: self.compiled,
            tile: self.recipe.tile,
            threads: None,
        }
    }
}

impl Buffer {
    fn new(device: &OpenClDevice, len: usize) -> Result<Buffer> {
        let flags = MemFlags::READ_WRITE;
        // SAFETY: no host pointer is passed, so none can outlive its memory.
        let mem = unsafe { core::create_buffer(&device.context, flags, len, None::<&[f32]>) };
        let mem = mem.map_err(|e| device.refused("allocating a buffer", &e))?;
        Ok(Buffer { mem, len })
    }

    /// Enqueues a write of the whole buffer. Without `blocking` the caller keeps `data` alive and
    /// unchanged until the queue has finished.
    ///
    /// # Safety
    ///
    /// See above.
    unsafe fn write(&self, device: &OpenClDevice, data: &[f32], blocking: bool) -> Result<()> {
        debug_assert_eq!(data.len(), self.len);
        // SAFETY: as long as the buffer, and alive until the write is done, as the caller promises.
        let status = unsafe {
            let none = None::<&Event>;
            core::enqueue_write_buffer(
                &device.queue,
                &self.mem,
                blocking,
                0,
                data,
                none,
                None::<&mut Event>,
            )
        };
        status.map_err(|e| device.refused("writing an operand", &e))
    }

    fn write_now(&self, device: &OpenClDevice, data: &[f32]) -> Result<()> {
        // SAFETY: the write blocks, so it ends before the borrow of `data`.
        unsafe { self.write(device, data, true) }
    }

    fn read(&self, device: &OpenClDevice) -> Result<Vec<f32>> {
        let mut data = vec![0.0; self.len];
        // SAFETY: as long as the buffer, and the read blocks until it is done.
        let status = unsafe {
            let none = None::<&Event>;
            core::enqueue_read_buffer(
                &device.queue,
                &self.mem,
                true,
                0,
                &mut data,
                none,
                None::<&mut Event>,
            )
        };
        status.map_err(|e| device.refused("reading a buffer", &e))?;
        Ok(data)
    }
}

impl FencedBuffer {
    fn new(device: &OpenClDevice, len: usize) -> Result<FencedBuffer> {
        let start = FENCE.next_multiple_of(device.base_alignment);
        let whole = Buffer::new(device, start + len + FENCE)?;
        let region = BufferRegion::<f32>::new(start, len);
        let part = core::create_sub_buffer(&whole.mem, MemFlags::READ_WRITE, &region)
            .map_err(|e| device.refused("dividing a buffer", &e))?;
        Ok(FencedBuffer { whole, part, start, len })
    }

    fn poison(&self, device: &OpenClDevice) -> Result<()> {
        let data = fenced(self.len);
        let mut whole = vec![data[0]; self.whole.len];
        whole[self.start - FENCE..].copy_from_slice(&data);
        self.whole.write_now(device, &whole)
    }

    /// The output with the fences next to it.
    fn read(&self, device: &OpenClDevice) -> Result<Vec<f32>> {
        let whole = self.whole.read(device)?;
        Ok(whole[self.start - FENCE..].to_vec())
    }
}
