//! A made-up device: the smallest example of a backend. It computes with closures, on a clock that only
//! its runs move, and can be made to spoil things.

use std::cell::Cell;
use std::rc::Rc;

use crossover::backend::{Details, Device, Runner, Task};
use crossover::error::Result;
use crossover::machine::DeviceEntry;
use crossover::measure::Clock;
use crossover::tensor::{self, Element, FENCE, Operands, Tensor, Values};
use crossover::terms::{DeviceKind, Dtype, Scope};
use crossover::workload::Workload;

/// A clock that stands still until something lets time pass.
#[derive(Clone, Default)]
pub struct MadeUpClock(Rc<Cell<f64>>);

impl MadeUpClock {
    /// Lets so many seconds pass.
    pub fn pass(&self, seconds: f64) {
        self.0.set(self.0.get() + seconds);
    }
}

impl Clock for MadeUpClock {
    fn now(&self) -> f64 {
        self.0.get()
    }
}

type Names = dyn Fn(&str) -> Vec<&'static str>;
type Prepare = dyn Fn(&Task<'_>) -> Box<dyn Runner>;

/// A device that has the implementations of `names`, by workload, and prepares them as told.
pub struct MadeUp {
    entry: DeviceEntry,
    names: Box<Names>,
    prepare: Box<Prepare>,
}

impl MadeUp {
    /// A device with this id.
    pub fn device(
        id: &str,
        kind: DeviceKind,
        names: impl Fn(&str) -> Vec<&'static str> + 'static,
        prepare: impl Fn(&Task<'_>) -> Box<dyn Runner> + 'static,
    ) -> Box<dyn Device> {
        let entry = DeviceEntry {
            memory_bytes: 1 << 30,
            max_allocation_bytes: 1 << 30,
            ..DeviceEntry::new(id.into(), kind, &format!("made-up {id}"), "test")
        };
        Box::new(MadeUp { entry, names: Box::new(names), prepare: Box::new(prepare) })
    }
}

impl Device for MadeUp {
    fn entry(&self) -> &DeviceEntry {
        &self.entry
    }

    fn implementations(&self, workload: &dyn Workload, _: Dtype) -> Vec<&str> {
        (self.names)(workload.name())
    }

    fn footprint_bytes(&self, _: &Task<'_>) -> u64 {
        1
    }

    fn prepare(&self, task: &Task<'_>) -> Result<Box<dyn Runner + '_>> {
        Ok((self.prepare)(task))
    }
}

/// What a made-up runner computes on.
pub struct Memory {
    /// What an end-to-end run uploads.
    host: Operands,
    /// The operands on the device.
    pub inputs: Vec<Tensor>,
    /// The result between fences.
    pub output: Tensor,
    /// Elements of a result.
    length: usize,
}

impl Memory {
    /// Puts a result between the fences.
    pub fn write<T: Element>(&mut self, result: &[T]) {
        let start = FENCE * self.output.format().bytes() as usize;
        let bytes = tensor::bytes(result);
        self.output.bytes_mut()[start..start + bytes.len()].copy_from_slice(bytes);
    }

    /// Operand `i` of f32.
    pub fn input(&self, i: usize) -> &[f32] {
        self.inputs[i].f32s()
    }

    /// Whether a result is asked for: the output was poisoned and nothing was written since.
    pub fn is_poisoned(&self) -> bool {
        self.output.len() > FENCE && self.output.get(FENCE).is_nan()
    }
}

type Run = dyn FnMut(&mut Memory, Scope) -> Result<()>;

/// A runner by a closure.
pub struct MadeUpRunner {
    memory: Memory,
    run: Box<Run>,
    /// What it says of itself.
    pub details: Details,
    /// Whether a run in a scope that moves operands uploads them.
    pub uploads: fn(Scope) -> bool,
    /// A run on the device's own clock, where it has one: its seconds.
    pub device_clock: Option<Box<dyn FnMut() -> f64>>,
}

impl MadeUpRunner {
    /// A runner of a task that computes by `run`, once its operands are there.
    pub fn new(
        task: &Task<'_>,
        run: impl FnMut(&mut Memory, Scope) -> Result<()> + 'static,
    ) -> MadeUpRunner {
        let length = task.workload.output(task.shape);
        MadeUpRunner {
            memory: Memory {
                host: Operands::from(Vec::new()),
                inputs: Vec::new(),
                output: Tensor::zeros(task.format(), 0),
                length,
            },
            run: Box::new(run),
            details: Details::default(),
            uploads: Scope::moves,
            device_clock: None,
        }
    }
}

impl Runner for MadeUpRunner {
    fn load(&mut self, operands: &Operands) -> Result<()> {
        self.memory.host = operands.clone();
        self.memory.inputs = operands.to_vec();
        Ok(())
    }

    fn poison(&mut self, scope: Scope) -> Result<()> {
        if scope.moves() {
            let poison = |input: &mut Tensor| *input = Tensor::poison(input.format(), input.len());
            self.memory.inputs.iter_mut().for_each(poison);
        }
        self.memory.output = Tensor::fenced(self.memory.output.format(), self.memory.length);
        Ok(())
    }

    fn run(&mut self, scope: Scope) -> Result<()> {
        if scope.moves() && (self.uploads)(scope) {
            self.memory.inputs = self.memory.host.to_vec();
        }
        (self.run)(&mut self.memory, scope)
    }

    fn run_on_device_clock(&mut self) -> Result<Option<f64>> {
        Ok(self.device_clock.as_mut().map(|clock| clock()))
    }

    fn overwritten(&mut self) -> Result<Option<usize>> {
        let mut pairs = self.memory.inputs.iter().zip(self.memory.host.iter());
        Ok(pairs.position(|(found, loaded)| !found.view().is_same(loaded.view())))
    }

    fn output(&mut self, _: Scope) -> Result<Values<'_>> {
        Ok(self.memory.output.view())
    }

    fn details(&self) -> Details {
        self.details.clone()
    }
}
