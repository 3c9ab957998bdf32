//! A training on a device: its tensors, and the launches of a step.

use ocl::core::{self, CommandQueue, Event, ProfilingInfo};

use super::super::device::OpenClDevice;
use super::super::{flush, kernel};
use super::launches::{Prepared, prepare};
use super::memory::Memory;
use crate::backend::gpu::train::{self, Plan, Schedule, changing};
use crate::backend::gpu::tuned::Tuning;
use crate::backend::{Details, Part, Parts, Runner, Task, Training};
use crate::error::{Error, Result};
use crate::network::{self, Graph, Operation, Ops, Optimizer};
use crate::tensor::{Element, FENCE, Operands, Tensor, Values, broken_fence};
use crate::terms::{Format, Scope};

/// A training step in one of the implementations of `gpu::train`.
pub fn train<'a>(device: &'a OpenClDevice, task: &Task<'_>) -> Result<Box<dyn Runner + 'a>> {
    let (graph, plan) = train::plan(&device.target, task)?;
    Ok(Box::new(TrainRunner::new(device, graph, plan)?))
}

/// See the module.
struct TrainRunner<'a> {
    device: &'a OpenClDevice,
    graph: Graph,
    memory: Memory,
    schedule: Schedule<Prepared>,
    /// Whether a program was compiled from source.
    compiled: bool,
    /// Where the parameters of all kernels come from.
    tuning: Tuning,
    scratch_bytes: u64,
    /// Steps since the initial parameters.
    steps: u64,
    /// The parameters that the kernels of a run go by, where it is not a whole step.
    part: Option<String>,
    /// Parameters, mini-batch and labels as they were loaded.
    operands: Operands,
    /// What an end-to-end run uploads.
    host_batch: Vec<f32>,
    host_labels: Vec<f32>,
    /// Where an end-to-end run downloads to.
    host_loss: Vec<f32>,
    /// The result of the last step that was asked for, in one piece.
    output: Vec<f32>,
}

/// Enqueues operations on a queue, with an event for each launch where the device's clock is wanted.
struct Enqueue<'q> {
    device: &'q OpenClDevice,
    memory: &'q Memory,
    schedule: &'q Schedule<Prepared>,
    optimizer: Optimizer,
    queue: &'q CommandQueue,
    /// Only the kernels that go by these parameters.
    part: Option<&'q str>,
    events: Option<Vec<Event>>,
}

impl Enqueue<'_> {
    fn all(&mut self, launches: &[Prepared]) -> Result<()> {
        let is_wanted = |launch: &&Prepared| self.part.is_none_or(|part| launch.goes_by == part);
        for launch in launches.iter().filter(is_wanted) {
            let mut event = self.events.as_ref().map(|_| Event::null());
            launch.kernel.enqueue(self.device, self.queue, event.as_mut())?;
            if let Some((events, event)) = self.events.as_mut().zip(event) {
                events.push(event);
            }
        }
        Ok(())
    }

    /// Seconds from the start of the first launch to the end of the last, once they have ended.
    fn seconds(&self) -> Option<f64> {
        kernel::seconds(self.events.as_ref()?, ProfilingInfo::Start, ProfilingInfo::End)
    }
}

impl Ops for Enqueue<'_> {
    fn forward(&mut self, layer: usize) -> Result<()> {
        self.all(&self.schedule.forward[layer])
    }

    fn loss(&mut self) -> Result<()> {
        self.all(&self.schedule.loss)
    }

    fn backward(&mut self, layer: usize) -> Result<()> {
        self.all(&self.schedule.backward[layer])
    }

    fn update(&mut self, step: u64) -> Result<()> {
        for (place, value) in changing(self.optimizer, step) {
            for launch in &self.schedule.update {
                launch.kernel.set(self.device, place, self.memory.argument(&value)?)?;
            }
        }
        self.all(&self.schedule.update)
    }
}

impl<'a> TrainRunner<'a> {
    /// Compiles, allocates and prepares every launch.
    fn new(device: &'a OpenClDevice, graph: Graph, plan: Plan) -> Result<Self> {
        let memory = Memory::new(device, &plan.sizes, &plan.tables)?;
        let mut compiled = false;
        let schedule = plan.schedule.try_map(|call| {
            let (prepared, is_new) = prepare(device, call, &memory)?;
            compiled |= is_new;
            Ok(prepared)
        })?;
        Ok(TrainRunner {
            device,
            scratch_bytes: plan.sizes.scratch_bytes(),
            compiled,
            tuning: plan.tuning,
            steps: 0,
            part: None,
            operands: Operands::from(Vec::new()),
            host_batch: vec![0.0; graph.values[graph.input()].len()],
            host_labels: vec![0.0; graph.batch()],
            host_loss: vec![f32::POISON],
            output: Vec::new(),
            graph,
            memory,
            schedule,
        })
    }

    /// Fences round all tensors, the initial parameters, state zero, no number in what a step computes.
    fn lay_down(&mut self) -> Result<()> {
        let (device, memory) = (self.device, &self.memory);
        let layout = &memory.layout;
        let initial = memory.initial.to_vec(device)?;
        memory.parameters.whole.write_now(device, &initial)?;
        memory.gradients.whole.write_now(device, &layout.filled(f32::POISON))?;
        for arena in &memory.state {
            arena.whole.write_now(device, &layout.filled(0.0))?;
        }
        memory.loss.write_fenced(device, &Tensor::fenced(Format::F32, 1))?;
        memory.fill(device, f32::POISON)?;
        self.steps = 0;
        Ok(())
    }

    fn enqueue<'q>(&'q self, queue: &'q CommandQueue, timed: bool) -> Enqueue<'q> {
        let (device, memory, schedule) = (self.device, &self.memory, &self.schedule);
        let optimizer = self.graph.optimizer;
        let (part, events) = (self.part.as_deref(), timed.then(Vec::new));
        Enqueue { device, memory, schedule, optimizer, queue, part, events }
    }

    fn finish(&self, queue: &CommandQueue) -> Result<()> {
        core::finish(queue).map_err(self.device.refused("running a step"))
    }

    /// Enqueues the next step and waits for it. Returns its seconds by the device's clock, where they
    /// are wanted and the device tells them.
    fn step(&mut self, queue: &CommandQueue, timed: bool) -> Result<Option<f64>> {
        let mut ops = self.enqueue(queue, timed);
        let enqueued = network::step(&mut ops, &self.graph, self.steps + 1);
        let finished = self.finish(queue);
        let seconds = enqueued.and(finished).map(|()| ops.seconds());
        self.steps += 1;
        seconds
    }

    fn upload_step_download(&mut self) -> Result<()> {
        let device = self.device;
        let batch = &self.memory.values[self.graph.input()];
        // SAFETY: the writes read memory of `self`, which is borrowed until `finish` has returned.
        let written = unsafe {
            let written = batch.write(device, &self.host_batch, false);
            written.and_then(|()| self.memory.labels.write(device, &self.host_labels, false))
        };
        let mut ops = self.enqueue(&device.queue, false);
        let enqueued = written.and_then(|()| network::step(&mut ops, &self.graph, self.steps + 1));
        // SAFETY: the read is into memory of `self`, which is borrowed until `finish` returns.
        let read = unsafe { self.memory.loss.part.read(device, &mut self.host_loss, false) };
        // Whatever happened, nothing may be under way when the borrow ends.
        let finished = self.finish(&device.queue);
        self.steps += 1;
        enqueued.and(read).and(finished)
    }

    fn upload(&self) -> Result<()> {
        self.memory.values[self.graph.input()].write_now(self.device, &self.host_batch)?;
        self.memory.labels.write_now(self.device, &self.host_labels)
    }
}

impl Runner for TrainRunner<'_> {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        self.operands = operands.clone();
        let (parameters, batch) = operands.split_at(self.graph.parameters.len());
        let tensors = parameters.iter().map(Tensor::f32s);
        let whole = self.memory.layout.fenced(tensors);
        self.memory.initial.write_now(self.device, &whole)?;
        self.lay_down()?;
        self.feed(batch[0].f32s(), batch[1].f32s())
    }

    fn poison(&mut self, scope: Scope) -> Result<()> {
        self.lay_down()?;
        self.host_loss = vec![f32::POISON];
        if scope.moves() {
            for operand in [&self.memory.values[self.graph.input()], &self.memory.labels] {
                operand.poison(self.device)?;
            }
        }
        Ok(())
    }

    fn run(&mut self, scope: Scope) -> Result<()> {
        match scope {
            Scope::Compute => self.step(&self.device.queue, false).map(|_| ()),
            Scope::EndToEnd => self.upload_step_download(),
            Scope::Reused(_) => {
                Err(Error::Unsupported("a step has another mini-batch each time".into()))
            }
        }
    }

    fn flush(&mut self) -> Result<()> {
        flush::flush(self.device)
    }

    fn run_on_device_clock(&mut self) -> Result<Option<f64>> {
        let Some(queue) = &self.device.profiling_queue else { return Ok(None) };
        self.step(queue, true)
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        let (device, memory) = (self.device, &self.memory);
        let (parameters, batch) = self.operands.split_at(self.graph.parameters.len());
        let whole = memory.initial.to_vec(device)?;
        let mut kept = memory.layout.tensors(&whole).map(Element::view).zip(parameters);
        if let Some(number) = kept.position(|(kept, loaded)| !kept.is_same(loaded.view())) {
            return Ok(Some(number));
        }
        let buffers = [&memory.values[self.graph.input()], &memory.labels];
        for (number, (buffer, loaded)) in (parameters.len()..).zip(buffers.iter().zip(batch)) {
            if !buffer.holds(device, loaded.view())? {
                return Ok(Some(number));
            }
        }
        Ok(None)
    }

    /// Loss, gradients, parameters. A fence on the device that was written shows in the output's own.
    fn output(&mut self, scope: Scope) -> Result<Values<'_>> {
        let (device, memory) = (self.device, &self.memory);
        let mut fenced_loss = Tensor::fenced(Format::F32, 1);
        memory.loss.read_fenced(device, &mut fenced_loss)?;
        let loss = fenced_loss.f32s();
        let mut foreign = broken_fence(loss).map(|place| loss[(place + FENCE as isize) as usize]);
        let parameters = self.graph.parameter_count() as usize;
        self.output.clear();
        self.output.reserve_exact(1 + 2 * parameters + 2 * FENCE);
        self.output.resize(FENCE, f32::SENTINEL);
        self.output.push(if scope.moves() { self.host_loss[0] } else { loss[FENCE] });
        for arena in [&memory.gradients, &memory.parameters] {
            let whole = arena.whole.to_vec(device)?;
            self.output.extend(memory.layout.tensors(&whole).flatten());
            foreign = foreign.or(memory.layout.foreign(&whole));
        }
        for arena in &memory.state {
            foreign = foreign.or(memory.layout.foreign(&arena.whole.to_vec(device)?));
        }
        foreign = foreign.or(memory.layout.foreign(&memory.initial.to_vec(device)?));
        if let Some(value) = foreign {
            self.output[FENCE - 1] = value;
        }
        self.output.resize(self.output.len() + FENCE, f32::SENTINEL);
        Ok(f32::view(&self.output))
    }

    fn details(&self) -> Details {
        let launches = format!("launches={}", self.schedule.launches());
        let change = self.tuning.change.map(|change| change.note().to_string());
        Details {
            tuned: self.tuning.name(),
            notes: change.into_iter().chain([launches]).collect(),
            scratch_bytes: self.scratch_bytes,
            compiled: self.compiled,
            ..Details::default()
        }
    }

    /// None while it computes parts of a step alone: they lead nowhere, so nothing is to be restored.
    fn training(&mut self) -> Option<&mut dyn Training> {
        if self.part.is_some() { None } else { Some(self) }
    }

    fn parts(&mut self) -> Option<&mut dyn Parts> {
        Some(self)
    }
}

impl Training for TrainRunner<'_> {
    fn restore(&mut self) -> Result<()> {
        for launch in &self.schedule.restore {
            launch.kernel.enqueue(self.device, &self.device.queue, None)?;
        }
        self.steps = 0;
        // It is looked at before: as large as all gradients and parameters.
        self.output = Vec::new();
        self.finish(&self.device.queue)
    }

    fn feed(&mut self, batch: &[f32], labels: &[f32]) -> Result<()> {
        self.host_batch.copy_from_slice(batch);
        self.host_labels.copy_from_slice(labels);
        self.upload()
    }
}

impl Parts for TrainRunner<'_> {
    fn run_in_parts(&mut self, after: &mut dyn FnMut(&Part)) -> Result<()> {
        let profiling = self.device.profiling_queue.as_ref();
        let queue = profiling.unwrap_or(&self.device.queue);
        for operation in Operation::all(&self.graph) {
            let mut ops = self.enqueue(queue, profiling.is_some());
            let enqueued = operation.run(&mut ops, self.steps + 1);
            self.finish(queue)?;
            enqueued?;
            after(&Part {
                operation: operation.name(&self.graph),
                // What is no time is none of a part.
                device_s: ops.seconds().filter(|s| *s > 0.0),
                flop_count: operation.flop(&self.graph),
            });
        }
        self.steps += 1;
        Ok(())
    }

    fn narrow(&mut self, parameters: Option<&str>) -> Result<()> {
        self.part = parameters.map(str::to_string);
        Ok(())
    }
}
